"""dev/rooms.py finds circles, imports upwards and crossings, in the import graph of files."""

from pathlib import Path

from dev import rooms

FILES = {
    "schemas/names.py": "def f():\n    from schemas import others\n",
    "schemas/others.py": "from . import names\n",
    "stores/log.py": "import json\nimport schemas.names\n",
    "ingest/__init__.py": "",
    "ingest/app.py": "def f():\n    import tracker.cli\n",
    "tracker/cli.py": "import stores.log\n",
    "api/app.py": "from api.runs import routes\n",
    "api/core/db.py": "from api.runs.queries import get\n",
    "api/runs/queries.py": "get = 1\n",
    "api/runs/routes.py": "from api.core import db\nfrom .queries import get\n",
    "api/tasks/routes.py": "from api.runs.queries import get\nfrom api.runs import routes\n",
}


def test_what_is_found(tmp_path: Path) -> None:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    graph = rooms.imports(rooms.modules(tmp_path))
    assert rooms.circles(graph) == [["schemas.names", "schemas.others"]]
    assert rooms.upward(graph) == [("ingest.app", "tracker.cli")]
    assert rooms.crossings(graph) == [
        ("api.core.db", "api.runs.queries"),
        ("api.tasks.routes", "api.runs.routes"),
    ]
    assert not rooms.report(tmp_path)


def test_a_house_in_order(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "names.py").write_text("import os\n")
    assert rooms.report(tmp_path)

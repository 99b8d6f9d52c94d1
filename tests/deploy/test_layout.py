"""How the tests are laid out: what test files share is in `tests/support` or in a module that is no test."""

import ast
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
MOST_FILES = 16


def test_no_file_imports_a_test_file() -> None:
    found = [
        f"{file.relative_to(TESTS)}: {node.module}"
        for file in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2].startswith("test_")
    ]
    assert found == [], "put what they share into tests/support"


def test_no_folder_is_a_heap() -> None:
    files = Counter(
        file.parent.relative_to(TESTS) for file in TESTS.rglob("*.py") if file.name != "__init__.py"
    )
    assert {folder: n for folder, n in files.items() if n > MOST_FILES} == {}

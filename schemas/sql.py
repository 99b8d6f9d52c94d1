"""SQL files as Jinja templates: what several statements share is a macro of `schemas/macros/`, expanded before they are sent.

`{{ … }}` and `{% … %}` are Jinja's, `{name:Type}` is a parameter that ClickHouse fills in; no value ever goes through Jinja.
A macro, and not a view of ClickHouse, which plans a call of a view with parameters about twice as slowly as its text in its place
(46 against 18 ms for a run's status, on 26.9); and planning is most of what a small answer takes.
"""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


def _text(path: str) -> str:
    """Of `PACKAGE/FOLDER/FILE.sql`. Raises FileNotFoundError."""
    package, _, file = path.partition("/")
    return (files(package) / file).read_text("utf-8")


#: Turns texts that name macros into statements.
TEMPLATES = Environment(
    loader=FunctionLoader(_text), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@cache
def sql(path: str, **variables: bool) -> str:
    """The statement in the file `PATH.sql`, such as `api/runs/runs`, with these variables of its template; of its comments only
    where it comes from.

    Comments and indentation are a third of a statement, and the client reads all of it several times to see what it is.
    """
    lines = map(str.strip, TEMPLATES.get_template(f"{path}.sql").render(variables).splitlines())
    return "\n".join([f"-- {path}.sql", *(line for line in lines if line and not line.startswith("--"))])

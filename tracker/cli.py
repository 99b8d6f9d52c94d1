"""Follows workflow runs. Each command reads TRACKER_… settings; `tracker config` lists them."""

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from tracker.errors import EXPECTED, describe
from tracker.printing import printable

#: Each command is the `app` of its own module, which is imported only when the command runs, or all are listed.
COMMANDS = {
    **{
        name: f"tracker.processes.{name}" for name in ("up", "ingest", "project", "api", "archive", "collect")
    },
    **{name: f"tracker.commands.{name}" for name in ("migrate", "replay", "verify", "demo", "config")},
    **{name: f"tracker.commands.runs.{name}" for name in ("run", "wait", "runs", "show", "logs", "watch")},
    **{name: f"tracker.commands.{name}" for name in ("mcp", "auth")},
    "dead-letters": "tracker.commands.dead_letters",
    "delivery-check": "tracker.commands.delivery_check",
    "outputs": "tracker.commands.outputs",
    "token": "tracker.commands.token",
    "alerts": "tracker.commands.alerts",
    "prices": "tracker.commands.prices",
    "reprice": "tracker.commands.prices",
}
#: Of a module with two.
APPS = {"reprice": "reprice_app"}
#: Earlier names, which still work in this version.
ALIASES = {"books": "tracker.commands.delivery_check"}


class CommandLine(TyperGroup):
    """The commands; what is wrong outside of us ends them with a line and exit code 1."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        module = COMMANDS.get(cmd_name) or ALIASES.get(cmd_name)
        if module is None:
            return None
        command = typer.main.get_command(getattr(import_module(module), APPS.get(cmd_name, "app")))
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED as e:
            print(f"tracker: {printable(describe(e))}", file=sys.stderr)
            raise typer.Exit(1) from e


app = typer.Typer(
    cls=CommandLine, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)


@app.callback()
def _every_command() -> None:
    os.umask(0o077)  # what is written is for this user alone

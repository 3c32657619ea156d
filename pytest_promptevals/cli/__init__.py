"""The ``promptevals`` command. One file per subcommand, loaded when it is used."""

from __future__ import annotations

import importlib
import shutil
from typing import Any, Final

import click

from pytest_promptevals.cli.output import use_safe_stdout
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.words import visible_text

_COMMANDS: Final = (
    "cache",
    "check",
    "compare",
    "dataset",
    "export",
    "import",
    "init",
    "judges",
    "merge",
    "noise",
    "regate",
    "rejudge",
    "report",
    "rubrics",
    "runs",
    "schema",
    "show",
    "trends",
)
"""The subcommands; each stands in a module of its name."""
_MODULES: Final = {"import": "importing"}
"""Where that is no name that a module can have."""


_ERROR: Final = "Error: "
"""What click puts before a message."""


class _LazyGroup(click.Group):
    """Loads a subcommand when it is asked for: some import what takes long."""

    def invoke(self, ctx: click.Context) -> Any:
        use_safe_stdout()
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = visible_text(_broken_into_lines(error))  # type: ignore[misc]  # Final, but nothing else says what to print
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name[:1].isalnum() and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{name}"), name)
        return command


def _broken_into_lines(error: click.ClickException) -> str:
    """Return the message of an error with line ends for the terminal, for what click prints before it."""
    shown = _ERROR + error.format_message()
    if not error.message or "\n" in shown:  # click has no words of its own for an argument that is missing
        return error.message
    lead, _, rest = shown.rpartition(error.message)
    if rest:
        return error.message
    broken = "\n".join(fill_lines(shown, shutil.get_terminal_size().columns))
    return broken[len(lead) :] if broken.startswith(lead) else error.message


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-promptevals", prog_name="promptevals")
def main() -> None:
    """Work with eval files and runs of pytest-promptevals. Evals themselves run with pytest."""

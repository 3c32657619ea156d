"""The ``promptevals`` command. One file per subcommand, loaded when it is used."""

from __future__ import annotations

import importlib
from typing import Final

import click

_COMMANDS: Final = (
    "cache",
    "check",
    "compare",
    "dataset",
    "export",
    "judges",
    "noise",
    "regate",
    "rejudge",
    "rubrics",
    "runs",
    "schema",
    "show",
    "trends",
)
"""The subcommands; each stands in a module of its name."""


class _LazyGroup(click.Group):
    """Loads a subcommand when it is asked for: some import what takes long."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-promptevals", prog_name="promptevals")
def main() -> None:
    """Work with eval files and runs of pytest-promptevals. Evals themselves run with pytest."""

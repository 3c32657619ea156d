"""The ``promptevals`` command. One file per subcommand."""

from __future__ import annotations

import click

from pytest_promptevals.cli.schema import schema


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-promptevals", prog_name="promptevals")
def main() -> None:
    """Work with eval files and runs of pytest-promptevals. Evals themselves run with pytest."""


main.add_command(schema)

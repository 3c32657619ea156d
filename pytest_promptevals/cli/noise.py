"""``promptevals noise``: how much eval files' scores change where nothing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo, echo_json
from pytest_promptevals.cli.whole_numbers import WholeNumber
from pytest_promptevals.comparison.noise_floor import measure_noise
from pytest_promptevals.errors import UsageError, percent_hint
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.reports.noise import noise_data, noise_lines


class _Share(click.FloatRange):
    """A share of 1; who writes a percentage is told what to write."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter as error:
            hint = percent_hint(value)
            self.fail(f"{error.message.removesuffix('.')}{hint}." if hint else error.message, param, ctx)


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--last", type=WholeNumber(min=2), metavar="N", default=100, show_default=True, help="Runs of a file to look at."
)
@click.option("--max-drop", type=_Share(0, 1), help="The drop to tell; default: the setting evals_max_drop.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print it.")
@history_option
def noise(files: Sequence[str], last: int, max_drop: float | None, form: str, history: str | None) -> None:
    """Show how much the scores of eval FILEs change by chance, and which drops can be told from that.

    It is measured on pairs of runs that asked just the same, each of them anew and not from the cache. Without a FILE,
    all files of the history are shown.
    """
    from pytest_promptevals.history.noise_queries import (  # noqa: PLC0415 - SQLAlchemy, 0.25 s
        find_recorded,
        list_files,
        read_fresh_scores,
    )
    from pytest_promptevals.history.run_queries import find_file  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, project), store.reading() as connection:
        allowed = project.resolve({"max_drop": max_drop}).max_drop
        named = [_find_file(partial(find_file, connection), file, project.rootdir) for file in dict.fromkeys(files)]
        wanted = named or list_files(connection)
        floors = {file: measure_noise(read_fresh_scores(connection, file, last)) for file in wanted}
        recorded = find_recorded(connection, [file for file, floor in floors.items() if floor is None])
    if form == "json":
        echo_json(noise_data(floors, allowed, recorded))
    elif not floors:
        echo("the history has no eval file yet; run pytest first")
    else:
        echo("\n".join(noise_lines(floors, allowed, recorded, shutil.get_terminal_size().columns)))


def _find_file(find: Callable[[str], str], file: str, rootdir: Path) -> str:
    """Return what the history calls a file that is named from the current folder, or else from the rootdir."""
    path, separator, function = file.partition("::")
    try:
        return find(shown_path(Path.cwd() / path, rootdir) + separator + function)
    except UsageError:
        return find(file)

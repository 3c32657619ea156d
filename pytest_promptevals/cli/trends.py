"""``promptevals trends``: how metrics of eval files went over the runs of the history."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

import click

from pytest_promptevals.cli.file_names import choose_file
from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import FORMAT_HELP, choose_format, open_output, output_option
from pytest_promptevals.cli.run_filters import run_filter_options
from pytest_promptevals.cli.whole_numbers import WholeNumber
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.records.effects import JUDGE_PREFIX
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.runs import RunKind, RunStatus
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports import trends as report
from pytest_promptevals.reports.words import portable_json

_ENDINGS: Final = {"txt": "table", "json": "json", "csv": "csv"}
_UNFIT: Final = (
    "the runs that are meant did not finish, are none of pytest, or have no scores; --status and --kind choose others"
)


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="Only that metric, with its value in each run: score, pass_rate, judges.NAME, cost, latency_p50, latency_p95 "
    "or output_length. May be given several times.",
)
@click.option("--last", type=WholeNumber(min=1), metavar="N", default=50, show_default=True, help="Newest N runs.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help=f"How to print it. {FORMAT_HELP}")
@run_filter_options
@output_option
@history_option
def trends(
    *,
    files: Sequence[str],
    metrics: Sequence[str],
    last: int,
    form: str | None,
    output: Path | None,
    history: str | None,
    wanted: RunFilter,
) -> None:
    """Show each metric of each eval file over the newest runs, as a line from its lowest to its highest value.

    FILE is an eval file; the end of its path will do. Without --status and --kind, runs of pytest that finished count.
    """
    form = choose_format(form, output, _ENDINGS, "table")
    points = _read(files, wanted, last, history)
    chosen = _choose(metrics, report.metrics_of(points))
    with open_output(output, form) as stream:
        _write(stream, points, chosen, form, with_values=bool(metrics))


def _read(files: Sequence[str], wanted: RunFilter, last: int, history: str | None) -> Sequence[TrendPoint]:
    from pytest_promptevals.history.filter_hints import why_none  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.history.trend_queries import known_files, read_trends  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, _), store.reading() as connection:
        named = [*files, *([] if wanted.file is None else [wanted.file])]
        known = known_files(connection) if named else ()
        found = [choose_file(file, known) for file in named]
        meant = dataclasses.replace(
            wanted, file=None, status=wanted.status or RunStatus.FINISHED, kind=wanted.kind or RunKind.RUN
        )
        points = read_trends(connection, meant, found, last)
        if not report.metrics_of(points):
            raise click.ClickException(f"there is no trend to show: {why_none(connection, wanted) or _UNFIT}")
    return points


def _choose(wanted: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the metrics that are wanted, all of them if none is named; a judge may be named without its prefix."""
    chosen = [metric if metric in known else f"{JUDGE_PREFIX}{metric}" for metric in wanted]
    for metric, text in zip(chosen, wanted, strict=True):
        if metric not in known:
            raise click.UsageError(f"no run has a metric {text!r}.{did_you_mean(text, known)}")
    return chosen or known


def _write(
    stream: TextIO, points: Sequence[TrendPoint], metrics: Sequence[str], form: str, *, with_values: bool
) -> None:
    if form == "csv":
        report.write_trend_csv(stream, points, metrics)
    elif form == "json":
        stream.write(portable_json(report.trend_data(points, metrics), indent=2) + "\n")
    else:
        width, encoding = shutil.get_terminal_size().columns, stream.encoding
        stream.write(f"{report.trend_table(points, metrics, width, encoding)}\n")
        if with_values:
            stream.write(f"\n{report.trend_listing(points, metrics)}\n")

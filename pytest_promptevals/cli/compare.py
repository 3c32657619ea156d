"""``promptevals compare``: two runs of the history beside each other."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import gc
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from pytest_promptevals.cli.file_names import choose_file
from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import FORMAT_HELP, choose_format, echo, open_output, output_option
from pytest_promptevals.cli.whole_numbers import WholeNumber
from pytest_promptevals.errors import BaselineError
from pytest_promptevals.records.comparisons import Change, Comparison, Verdict
from pytest_promptevals.records.run_comparisons import Outputs, RunComparison
from pytest_promptevals.reports.words import portable_json

if TYPE_CHECKING:
    from pytest_promptevals.history.run_pairs import RunPair
    from pytest_promptevals.reports.comparison_view import ComparisonView

_SETTINGS: Final = ("max_drop", "confidence", "max_cost_increase", "on_inconclusive", "max_error_rate")
"""Settings that say what a gate allows where the run does not."""
_DATA: Final = ("json", "csv")
_ENDINGS: Final = {
    "txt": "table",
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "json": "json",
    "csv": "csv",
}
_FEW: Final = 10
_MORE: Final = 1000
"""Cases of each list that are shown in text, and on a page, unless the user says how many."""


@click.command()
@click.argument("before", metavar="A")
@click.argument("now", metavar="[B]", default="latest")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json", "csv", "html"]),
    help=f"How to print it. {FORMAT_HELP}",
)
@click.option("--file", "files", multiple=True, metavar="FILE", help="Only that eval file; may be given several times.")
@click.option("--limit", type=WholeNumber(min=0), metavar="N", help="At most so many cases of each kind.")
@click.option("--all", "everything", is_flag=True, help="All cases, the unchanged ones too.")
@click.option(
    "--fail-on",
    type=click.Choice(["never", "regressed", "inconclusive"]),
    default="never",
    help="Exit status 1 where a verdict would make pytest fail, or where it is also inconclusive.",
)
@click.option(
    "--outputs",
    type=WholeNumber(min=1),
    metavar="N",
    help="With what both answered to the N cases of each eval file that got worse the most.",
)
@output_option
@history_option
def compare(
    *,
    before: str,
    now: str,
    form: str | None,
    files: Sequence[str],
    limit: int | None,
    fail_on: str,
    outputs: int | None,
    output: Path | None,
    history: str | None,
    everything: bool,
) -> None:
    """Compare the run B, the latest one unless it is named, with A: metric by metric, and case by case, worst first.

    A and B are a run's id or the beginning of it, a name that a run was saved under, a branch, a commit, "latest" or
    "merge-base"; A may be "file", the committed baselines.
    """
    form = choose_format(form, output, _ENDINGS, "table")
    with _without_collecting():
        comparison = _compare(before, now, files, history, outputs or 0)
        with open_output(output, form) as stream:
            _write(stream, comparison, form, _limit(form, limit, everything=everything), with_same=everything)
        if output is not None:
            echo(f"comparison written to {output}")
        if _fails(comparison, fail_on):
            raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep Python from looking for garbage among rows by the hundred thousand: that takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Nor need it look there at the end of the process. Only then: who calls this from Python goes on.
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)
        if was_enabled:
            gc.enable()


def _compare(before: str, now: str, files: Sequence[str], history: str | None, outputs: int) -> RunComparison:
    from pytest_promptevals.history.run_pairs import RunPair  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.reports.two_runs import compare_runs  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, project), store.reading() as connection:
        settings = project.resolve(dict.fromkeys(_SETTINGS))
        try:
            pair = RunPair(connection, project.rootdir, before, now)
            lost = pair.lost_files()
            chosen = [_choose_file(file, pair.files, lost) for file in files] or pair.files
            comparison = compare_runs(pair, settings, chosen)
            answered = {file.file: _read_outputs(pair, file, outputs) for file in comparison.files} if outputs else {}
        except BaselineError as error:
            raise click.ClickException(str(error)) from None
    return dataclasses.replace(comparison, only_before=() if files else lost, outputs=answered)


def _read_outputs(pair: RunPair, comparison: Comparison, count: int) -> Mapping[str, Outputs]:
    """Return the outputs of the cases that got worse the most."""
    worst = comparison.deltas_with(Change.WORSE)[:count]
    return pair.read_outputs(comparison.file, {delta.name: delta.old_name for delta in worst})


def _choose_file(text: str, files: Sequence[str], lost: Sequence[str]) -> str:
    """Return the eval file of B that a text means. Raises ``click.UsageError`` for one that B has no results of."""
    chosen = choose_file(text, [*files, *lost])
    if chosen in lost:
        raise click.UsageError(f"B has no results of {chosen}, only A has: name a run as B that ran it")
    return chosen


def _limit(form: str, limit: int | None, *, everything: bool) -> int | None:
    if limit is not None or everything or form in _DATA:
        return limit
    return _FEW if form == "table" else _MORE


def _write(stream: TextIO, comparison: RunComparison, form: str, limit: int | None, *, with_same: bool) -> None:
    if form in _DATA:
        from pytest_promptevals.reports import comparison_data  # noqa: PLC0415 - for these formats alone

        if form == "csv":
            comparison_data.write_comparison_csv(stream, comparison, limit, with_same=with_same)
            return
        data = comparison_data.comparison_data(comparison, limit, with_same=with_same)
        stream.write(portable_json(data, indent=2) + "\n")
        return
    from pytest_promptevals.reports.comparison_view import view_comparison  # noqa: PLC0415 - for the others

    stream.write(_render(view_comparison(comparison, limit, with_same=with_same), form).rstrip("\n") + "\n")


def _render(view: ComparisonView, form: str) -> str:
    if form == "markdown":
        from pytest_promptevals.reports.comparison_markdown import comparison_markdown  # noqa: PLC0415 - for it alone

        return comparison_markdown(view)
    if form == "html":
        from pytest_promptevals.reports.comparison_html import comparison_html  # noqa: PLC0415 - for it alone

        return comparison_html(view)
    from pytest_promptevals.reports.comparison_table import comparison_table  # noqa: PLC0415 - for it alone

    return comparison_table(view, shutil.get_terminal_size().columns)


def _fails(comparison: RunComparison, fail_on: str) -> bool:
    if not comparison.files:
        return fail_on != "never"  # what was never looked at is not all right
    verdicts = {gate.verdict for file in comparison.files for gate in file.gates}
    if fail_on == "inconclusive" and Verdict.INCONCLUSIVE in verdicts:
        return True
    return fail_on != "never" and any(verdict.fails for verdict in verdicts)

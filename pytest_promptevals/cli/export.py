"""``promptevals export``: results of the history as a file for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import choose_format, echo, open_binary_output, open_output, output_option
from pytest_promptevals.cli.run_filters import run_filter_options
from pytest_promptevals.records.exports import COLUMNS, TEXT_COLUMNS, ResultRow
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.reports.words import count_text

_FORMATS: Final = ("csv", "json", "jsonl", "parquet")


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="What to write; default: what the name of the file ends in, or else csv.",
)
@click.option("--texts", is_flag=True, help="With prompts, outputs and expected answers.")
@run_filter_options
@output_option
@history_option
def export(*, form: str | None, texts: bool, output: Path | None, history: str | None, wanted: RunFilter) -> None:
    """Write the results of the history, a row for each case of each run.

    The options choose runs; --file, --model and --tag also choose among the results of those. Eval files are exported
    by 'promptevals dataset export'.
    """
    form = choose_format(form, output, {name: name for name in _FORMATS}, "csv")
    columns = COLUMNS | TEXT_COLUMNS if texts else COLUMNS
    from pytest_promptevals.history.filter_hints import why_none  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.history.result_stream import stream_results  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, _), store.reading() as connection:
        counted = _Counted(stream_results(connection, wanted, with_texts=texts))
        _write(output, form, columns, counted)
        if not counted.count:
            reason = why_none(connection, wanted)
            echo(f"there are no such results{f': {reason}' if reason else ''}", err=True)
    if output is not None:
        echo(f"{count_text(counted.count, 'result')} written to {output}")


class _Counted:
    """Counts the rows that go through it."""

    def __init__(self, rows: Iterable[ResultRow]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[ResultRow]:
        for row in self._rows:
            self.count += 1
            yield row


def _write(output: Path | None, form: str, columns: dict[str, str], rows: Iterable[ResultRow]) -> None:
    if form == "parquet":
        from pytest_promptevals.reports.parquet import load_pyarrow, write_parquet  # noqa: PLC0415 - for it alone

        load_pyarrow()  # before a file is begun
        with open_binary_output(output) as binary:
            write_parquet(binary, columns, rows)
        return
    from pytest_promptevals.reports import result_files  # noqa: PLC0415 - for the others alone

    with open_output(output, form) as stream:
        if form == "csv":
            result_files.write_result_csv(stream, columns, rows)
        elif form == "json":
            result_files.write_result_json(stream, rows)
        else:
            result_files.write_result_lines(stream, rows)

"""``promptevals show RUN``: all that is worth knowing of one run, or of one of its cases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo, echo_json
from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.words import count_text, score_text, visible_text

if TYPE_CHECKING:
    from pytest_promptevals.history.run_cases import LowCase
    from pytest_promptevals.history.store import HistoryStore

_FEW: Final = 10
"""Cases that are listed where not all are asked for."""
_ALL_TEXT: Final = 2


@click.command()
@click.argument("run")
@click.option("--case", metavar="NAME", help="Show that case: what was asked, what came back, what the judges said.")
@click.option("--prompt", metavar="NAME", help="Show the template of that prompt as it was.")
@click.option("--all", "everything", is_flag=True, help="List all cases that did not pass; of a case, show all text.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@history_option
def show(run: str, case: str | None, prompt: str | None, form: str, history: str | None, *, everything: bool) -> None:
    """Show a run of the history, or a case of it.

    That is when, where and with what it was made, its verdicts, and the cases that did not pass.

    RUN is its id, the beginning of its id, the name that it was saved under, or "latest".
    """
    from pytest_promptevals.history.run_cases import read_results  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.history.run_queries import find_run  # noqa: PLC0415 - likewise

    if case is not None and prompt is not None:
        raise click.UsageError("--case and --prompt show different things; give one of them")
    with history_of_project(history) as (store, _):
        with store.reading() as connection:
            run_id = find_run(connection, run)
            results = () if case is None else read_results(connection, run_id, case)
        if prompt is not None:
            _print_prompt(store, run_id, prompt)
        elif form == "json":
            shown = [to_plain(result) for result in results] if case is not None else _run_data(store, run_id)
            echo_json(shown)
        elif case is not None:
            for result in results:
                echo("\n".join(_case_lines(result, shutil.get_terminal_size().columns, everything=everything)))
        else:
            _print_run(store, run_id, everything=everything)


def _run_data(store: HistoryStore, run_id: str) -> object:
    return {
        "run": to_plain(store.run(run_id)),
        "comparisons": [to_plain(comparison) for comparison in store.comparisons(run_id)],
    }


def _print_prompt(store: HistoryStore, run_id: str, name: str) -> None:
    """Print a template, and that of each other eval file of the run that has another one of that name."""
    from pytest_promptevals.history.dataset_queries import read_texts  # noqa: PLC0415 - loads SQLAlchemy
    from pytest_promptevals.reports.prompt_texts import prompt_text  # noqa: PLC0415 - for text alone

    run = store.run(run_id)
    found = {file.prompts[name]: file.file for file in reversed(run.files) if name in file.prompts}
    if not found:
        known = sorted({prompt for file in run.files for prompt in file.prompts})
        raise UsageError(f"run {run_id} has no prompt {name!r}.{did_you_mean(name, known)}")
    with store.reading() as connection:
        texts = read_texts(connection, set(found))
    for key in reversed(found):
        text = prompt_text(json.dumps(texts[key])) if key in texts else "its text is not kept in the history"
        echo(visible_text(f"{found[key]}: prompt {name} ({key})\n\n{text}"))


def _print_run(store: HistoryStore, run_id: str, *, everything: bool) -> None:
    from pytest_promptevals.history.run_cases import count_low_cases, read_low_cases  # noqa: PLC0415 - SQLAlchemy
    from pytest_promptevals.reports.run_details import run_lines  # noqa: PLC0415 - for text alone

    width = shutil.get_terminal_size().columns
    for line in run_lines(store.run(run_id), store.comparisons(run_id), width):
        echo(line)
    with store.reading() as connection:
        count = count_low_cases(connection, run_id)
        low = read_low_cases(connection, run_id, None if everything else _FEW)
    if not low:
        return
    echo(f"\n{count_text(count, 'case')} did not pass")
    for case in low:
        echo("\n".join(_low_lines(case, width)))
    if len(low) < count:
        echo(f"  and {count - len(low)} more; --all shows them")


def _low_lines(case: LowCase, width: int) -> Iterator[str]:
    score = "error" if case.score is None else score_text(case.score)
    head = visible_text(f"  {score:<5}  {case.file}::{case.name}")
    said = visible_text(" ".join(case.said.split()))
    yield head
    if said:
        room = max(20, width - 9)
        yield f"         {said if len(said) <= room else said[: room - 1] + '…'}"


def _case_lines(result: CaseResult, width: int, *, everything: bool) -> Iterator[str]:
    from pytest_promptevals.reports.review import Detail, error_lines, failure_lines  # noqa: PLC0415 - for text alone

    yield visible_text(f"{result.file}::{result.name} ({result.location})")
    if result.error is not None:
        for line in error_lines(result):
            yield from fill_lines(line, width, indent=" " * 4) or [""]
        return
    review = failure_lines(result, None, Detail(_ALL_TEXT if everything else 0, "--all"), width)
    # The headline of a review says what failed.
    yield from (
        review if not result.passed else [f"passed, score {score_text(result.score)}", *review[review.index("") :]]
    )

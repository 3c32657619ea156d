"""``promptevals runs``: the runs of the history, listed, looked at and removed."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo, echo_json
from pytest_promptevals.cli.project import Project
from pytest_promptevals.cli.run_filters import before, read_age, run_filter_options
from pytest_promptevals.cli.show import show
from pytest_promptevals.cli.whole_numbers import WholeNumber
from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.run_filters import RunFilter, RunSummary
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.words import count_text

if TYPE_CHECKING:
    from pytest_promptevals.history.pruning import Removal
    from pytest_promptevals.history.store import HistoryStore

_CHOICES: Final = " [y/N]: "
"""What click puts behind a question."""
_MEGABYTE: Final = 1_000_000
_SHOWN: Final = 10
"""Runs that are named before they go."""


@click.group(invoke_without_command=True)
@run_filter_options
@click.option(
    "--limit", type=WholeNumber(min=1), metavar="N", default=20, show_default=True, help="The newest so many."
)
@click.option("--all", "everything", is_flag=True, help="All of them, whatever the limit.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print them.")
@history_option
@click.pass_context
def runs(
    context: click.Context, wanted: RunFilter, limit: int, form: str, history: str | None, *, everything: bool
) -> None:
    """List the runs of the history, newest first.

    Or look at one, or remove some. A run is meant by its id, the beginning of its id, the name that it was saved
    under, or "latest".
    """
    if context.invoked_subcommand is not None:
        if wanted != RunFilter():
            raise click.UsageError(f"options that choose runs stand alone: {context.invoked_subcommand} takes none")
        return
    from pytest_promptevals.history.filter_hints import why_none  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.history.run_queries import list_runs  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, _), store.reading() as connection:
        # One more tells whether there are more.
        found = list_runs(connection, wanted, None if everything else limit + 1)
        reason = "" if found else why_none(connection, wanted)
    shown = found if everything else found[:limit]
    if form == "json":
        echo_json([_to_json(summary) for summary in shown])
    elif shown:
        _print_table(shown, has_more=len(found) > len(shown))
    if reason:
        echo(_filled(reason), err=form == "json")


runs.add_command(show)


@runs.command()
@click.argument("wanted", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@history_option
def rm(wanted: Sequence[str], history: str | None, *, yes: bool) -> None:
    """Remove runs from the history, with all their results."""
    from pytest_promptevals.history.pruning import plan_removal, remove_runs  # noqa: PLC0415 - loads SQLAlchemy
    from pytest_promptevals.history.run_queries import find_run  # noqa: PLC0415 - likewise

    with history_of_project(history) as (store, _):
        with store.reading() as connection:
            ids = list(dict.fromkeys(find_run(connection, text) for text in wanted))
            removal = plan_removal(connection, ids)
        for warning in _warnings(store, ids):
            echo(_filled(warning))
        if not yes:
            _confirm(f"Remove {_removal_text(removal)}?")
        remove_runs(store, ids)
        echo(_filled(f"removed {_removal_text(removal)}"))


@runs.command()
@click.option("--keep", type=WholeNumber(min=0), metavar="N", help="Keep the newest N runs.")
@click.option("--older-than", metavar="AGE", callback=read_age, help="Remove runs that are older: 30d, 12h, 2w.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@history_option
def prune(keep: int | None, older_than: dt.timedelta | None, history: str | None, *, dry_run: bool, yes: bool) -> None:
    """Remove old runs from the history.

    Runs that were saved under a name stay, and those that a baseline needs.
    """
    if keep is None and older_than is None:
        raise click.UsageError(
            "say which runs go: --keep 100 removes all but the newest 100, --older-than 30d those that began more "
            "than 30 days ago"
        )
    from pytest_promptevals.history.pruning import plan_pruning, remove_runs  # noqa: PLC0415 - loads SQLAlchemy

    limit = _limit(older_than)
    with history_of_project(history) as (store, project):
        in_use = _find_baseline_runs(store, project)
        with store.reading() as connection:
            removal = plan_pruning(connection, keep=keep, before=limit, in_use=in_use)
        for line in _kept_lines(removal):
            echo(_filled(line))
        if not removal.runs:
            echo("nothing to remove")
            return
        if dry_run:
            echo(_filled(f"would remove {_removal_text(removal)}"))
            return
        if not yes:
            _confirm(f"Remove {_removal_text(removal)}?")
        remove_runs(store, removal.runs)
        echo(_filled(f"removed {_removal_text(removal)}"))


def _filled(text: str, room: int = 0) -> str:
    return "\n".join(fill_lines(text, shutil.get_terminal_size().columns - room))


def _confirm(question: str) -> None:
    click.confirm(_filled(question, len(_CHOICES)), abort=True)


def _limit(older_than: dt.timedelta | None) -> str | None:
    try:
        return None if older_than is None else before(older_than)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--older-than'") from None


def _print_table(summaries: Sequence[RunSummary], *, has_more: bool) -> None:
    from pytest_promptevals.reports.run_list import run_table  # noqa: PLC0415 - for a table alone

    echo(run_table(summaries, dt.datetime.now(dt.UTC), shutil.get_terminal_size().columns))
    if has_more:
        echo("older ones are left out; --limit N or --all shows more")


def _to_json(summary: RunSummary) -> Json:
    run = summary.run
    return {
        "id": run.id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": run.status.value,
        "kind": run.kind.value,
        "parent": run.parent,
        "name": run.name,
        "git": None if run.git is None else cast("dict[str, Any]", to_plain(run.git)),
        "shard": run.shard,
        "files": summary.files,
        "cases": summary.cases,
        "errors": summary.errors,
        "mean_score": summary.mean_score,
        "passed": summary.passed,
        "pass_rate": summary.pass_rate,
        "cost": run.cost,
        "spent": run.spent,
        "verdicts": list(summary.verdicts),
    }


def _warnings(store: HistoryStore, ids: Sequence[str]) -> Iterator[str]:
    for run_id in ids:
        run = store.run(run_id)
        if run.name is not None:
            yield f"run {run_id} is saved as {run.name!r}: a baseline of that name will be gone"
        if run.status is RunStatus.RUNNING:
            yield f"run {run_id} is recorded as running: what its process still brings will be lost"


def _find_baseline_runs(store: HistoryStore, project: Project) -> set[str]:
    """Return the runs that the setting ``evals_baseline`` means, if it means any."""
    from pytest_promptevals.history.references import find_reference  # noqa: PLC0415 - loads SQLAlchemy

    setting = project.resolve({"baseline": None}).baseline
    if setting == "file":
        return set()
    try:
        with store.reading() as connection:
            found = find_reference(connection, setting, project.rootdir).runs
    except UsageError as error:
        raise click.ClickException(
            f"the setting evals_baseline names no run, so what to keep is not known: {error}"
        ) from None
    return {run.id for run in found[:1]}


def _removal_text(removal: Removal) -> str:
    names = ", ".join(removal.runs[:_SHOWN]) if len(removal.runs) <= _SHOWN else ""
    which = f" ({names})" if names else f" ({removal.runs[-1]} to {removal.runs[0]})"
    size = f"about {removal.size / _MEGABYTE:.1f} of {removal.total / _MEGABYTE:.1f} MB"
    return f"{count_text(len(removal.runs), 'run')}{which} with {count_text(removal.results, 'result')}, {size}"


def _kept_lines(removal: Removal) -> Iterator[str]:
    for run_id, reason in list(removal.kept.items())[:_SHOWN]:
        yield f"run {run_id} stays: {reason}"
    more = len(removal.kept) - _SHOWN
    if more > 0:
        yield f"and {more} more {'stays' if more == 1 else 'stay'}"

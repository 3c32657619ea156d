"""``promptevals dataset``: the versions of an eval file's cases that were run, and what differs between two."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_promptevals.cli.exporting import exporting
from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo, echo_json
from pytest_promptevals.comparison.dataset_changes import DatasetChanges, compare_fields, compare_members
from pytest_promptevals.datasets.loader import load_cases, load_dataset
from pytest_promptevals.errors import DatasetError, UsageError
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.contents import Content, DatasetVersion, case_content, dataset_version
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.reports.dataset_changes import FEW, change_lines, change_text
from pytest_promptevals.reports.tables import text_table

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore

_NOW: Final = "now"
_HEADERS: Final = ("version", "first run", "runs", "cases", "added", "removed", "edited", "renamed")
_RIGHT: Final = frozenset(_HEADERS[2:])


@click.group()
def dataset() -> None:
    """Show the versions of a dataset, and what changed; write it as a file of another tool.

    A version is the hash of all cases and their ids, whatever their order.
    """


dataset.add_command(exporting)


@dataset.command()
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print them.")
@history_option
def versions(file: str, form: str, history: str | None) -> None:
    """List the versions of FILE that were run, newest first; each is compared with the one before.

    FILE is an eval file, or test_file.py::function.
    """
    from pytest_promptevals.history.dataset_queries import count_runs, read_versions  # noqa: PLC0415 - SQLAlchemy

    with history_of_project(history) as (store, project):
        known = _find_file(store, file, project.rootdir)
        with store.reading() as connection:
            found, runs = read_versions(connection, known), count_runs(connection, known)
    changes = list(_compare_each(found))
    if form == "json":
        rows = [
            {"version": one.version, "first_run": one.created_at, "runs": runs.get(one.version, 0)}
            | {"cases": len(one.members), "changes": None if change is None else dataclasses.asdict(change)}
            for one, change in zip(found, changes, strict=True)
        ]
        echo_json(rows[::-1])
        return
    if not found:
        echo(f"the history has not kept the cases of {known}")
        return
    table = [_row(one, change, runs) for one, change in zip(found, changes, strict=True)]
    echo(text_table(_HEADERS, table[::-1], _RIGHT))


@dataset.command()
@click.argument("file")
@click.argument("a")
@click.argument("b", default=_NOW)
@click.option("--all", "everything", is_flag=True, help="Show all cases that changed, not only the first of them.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@history_option
def diff(file: str, a: str, b: str, form: str, history: str | None, *, everything: bool) -> None:
    """Show what differs between the versions A and B of FILE.

    FILE is an eval file, or test_file.py::function. A and B are versions, or the beginnings of versions, or runs; "now"
    is FILE as it is, and what A is compared with where there is no B.
    """
    with history_of_project(history) as (store, project):
        known = _find_file(store, file, project.rootdir)
        before, after = (_read_side(store, known, text, project.rootdir) for text in (a, b))
        changes = compare_members(before.members, after.members)
        old, new = (side.contents(store, changes.edited) for side in (before, after))
    if form == "json":
        echo_json(_to_json(before, after, changes, old, new))
        return
    echo(f"{known}: {before.label} → {after.label}\n{change_text(changes)}")
    width = shutil.get_terminal_size().columns
    for line in change_lines(changes, old, new, width=width, most=None if everything else FEW):
        echo(line)


@dataclasses.dataclass(frozen=True, slots=True)
class _Side:
    """One of two versions."""

    label: str
    version: str
    members: Mapping[str, str]
    known: Mapping[str, Content] | None = None
    """Contents by hash; ``None`` where the history has them."""

    def contents(self, store: HistoryStore, names: Sequence[str]) -> dict[str, Json]:
        """Return the contents of cases by their ids, those left out that are not known."""
        from pytest_promptevals.history.dataset_queries import read_texts  # noqa: PLC0415 - loads SQLAlchemy

        wanted = {name: self.members[name] for name in names}
        if self.known is not None:
            return {name: json.loads(self.known[key].text) for name, key in wanted.items()}
        with store.reading() as connection:
            texts = read_texts(connection, set(wanted.values()))
        return {name: texts[key] for name, key in wanted.items() if key in texts}


def _find_file(store: HistoryStore, file: str, rootdir: Path) -> str:
    """Return what the history calls a file that is named from the current folder, or from the rootdir."""
    from pytest_promptevals.history.run_queries import find_file  # noqa: PLC0415 - loads SQLAlchemy

    path, separator, function = file.partition("::")
    shown = shown_path(Path.cwd() / path, rootdir) + separator + function
    with store.reading() as connection:
        try:
            return find_file(connection, shown)
        except UsageError:
            return find_file(connection, file)


def _read_side(store: HistoryStore, file: str, text: str, rootdir: Path) -> _Side:
    from pytest_promptevals.history.dataset_queries import find_version  # noqa: PLC0415 - loads SQLAlchemy

    if text == _NOW:
        return _read_now(store, file, rootdir)
    with store.reading() as connection:
        found = find_version(connection, file, text)
    return _Side(f"{found.version} ({_day(found.created_at)})", found.version, found.members)


def _read_now(store: HistoryStore, file: str, rootdir: Path) -> _Side:
    """Return a dataset as its files are now. Raises ``click.ClickException`` if they cannot be loaded."""
    from pytest_promptevals.history.dataset_queries import find_case_files  # noqa: PLC0415 - loads SQLAlchemy

    path, _, function = file.partition("::")
    load = load_dataset
    if function:
        with store.reading() as connection:
            paths = find_case_files(connection, file)
        if len(paths) != 1:
            raise UsageError(f"the cases of {file} stand in {len(paths)} files; name two versions to compare")
        path, load = paths[0], load_cases
    if not (rootdir / path).is_file():
        raise UsageError(f"{path} is no longer there; name two versions to compare")
    try:
        cases = load(rootdir / path, rootdir).cases
    except DatasetError as error:
        raise click.ClickException("\n".join(map(str, error.problems))) from None
    contents = {case.id: case_content(case) for case in cases}
    return _Side(
        "now",
        dataset_version(cases),
        {name: content.hash for name, content in contents.items()},
        {content.hash: content for content in contents.values()},
    )


def _compare_each(versions: Sequence[DatasetVersion]) -> Iterator[DatasetChanges | None]:
    """Yield what each version changed; ``None`` for the first one."""
    before: DatasetVersion | None = None
    for one in versions:
        yield None if before is None else compare_members(before.members, one.members)
        before = one


def _row(one: DatasetVersion, change: DatasetChanges | None, runs: Mapping[str, int]) -> list[str]:
    counts = [""] * 4
    if change is not None:
        counts = [str(len(names) or "") for names in (change.added, change.removed, change.edited, change.renamed)]
    return [one.version, _day(one.created_at), str(runs.get(one.version, 0)), str(len(one.members)), *counts]


def _day(moment: str) -> str:
    return f"{dt.datetime.fromisoformat(moment).astimezone(dt.UTC):%Y-%m-%d %H:%M}"


def _to_json(
    before: _Side, after: _Side, changes: DatasetChanges, old: Mapping[str, Json], new: Mapping[str, Json]
) -> Json:
    return {
        "before": before.version,
        "after": after.version,
        "added": list(changes.added),
        "removed": list(changes.removed),
        "renamed": [list(pair) for pair in changes.renamed],
        "edited": {
            name: [to_plain(change) for change in compare_fields(old.get(name), new.get(name))]
            for name in changes.edited
        },
        "same": changes.same,
    }

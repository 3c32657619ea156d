"""What ``--evals-baseline`` and commands name: a run, a saved name, a branch, a commit, or one of three words.

A reference stands for runs, best first; each eval file takes the first of them that has scores of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.sql.elements import SQLCoreOperations

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.git import (
    SHALLOW,
    find_branch_tip,
    find_commit,
    find_merge_base,
    is_shallow,
    read_ancestors,
)
from pytest_promptevals.history.run_ids import SHOWN, begins_with, known_text, listed, several_runs, unknown_run
from pytest_promptevals.history.tables import runs
from pytest_promptevals.records.references import (
    BRANCH,
    COMMIT,
    LATEST,
    MERGE_BASE,
    NAME,
    PREFIXES,
    RUN,
    WORDS,
    looks_like_commit,
    looks_like_run,
    may_begin_run,
    split_reference,
)
from pytest_promptevals.records.runs import RunKind, RunStatus

MOST_RUNS: Final = 1000
"""Newest runs that are looked at for a branch, a commit or the latest one; for a merge base, the nearest ones. Where an
eval file has no scores in those, as many of its own are looked at."""
_BATCH: Final = 500
"""Commits that are asked for at once."""

_MEANINGS: Final = {RUN: "run", NAME: "saved name", BRANCH: "branch", COMMIT: "commit"}
_SHORT: Final = 7
"""Digits of a commit that are shown."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What a reference needs to know of a run."""

    id: str
    """Its id."""
    commit: str | None
    """Full hash, ``None`` outside of a checkout."""
    branch: str | None
    """Branch name, ``None`` if HEAD was detached."""
    is_dirty: bool
    """Whether tracked files differed from the commit."""
    shard: str | None
    """``I/N`` where only that share of the selection was run."""
    selection: str
    """Content hash of what was selected, before the share was taken."""
    name: str | None
    """Name that it was saved under."""
    started_at: str
    """UTC, ISO 8601."""

    @property
    def words(self) -> str:
        """What to call it in a report, with where it was made."""
        words = f"run {self.id}"
        if self.name is not None:
            is_more_said = self.branch is not None or self.commit is not None
            words += f", saved as {self.name}" + ("," if is_more_said else "")
        if self.branch is not None:
            words += f" of branch {self.branch}"
        if self.commit is not None:
            words += f" at {self.commit[:_SHORT]}"
        return words + (" with uncommitted changes" if self.is_dirty else "")


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Where runs that finished are looked for."""

    conditions: tuple[ColumnElement[bool], ...]
    """What is true of all of them."""
    commits: tuple[str, ...] | None = None
    """Where they were made, the best first; ``None`` where the newest one is the best, wherever that was."""

    def where(self, *further: ColumnElement[bool]) -> RunSearch:
        """Return the search for those of them of which more is true."""
        return dataclasses.replace(self, conditions=(*self.conditions, *further))

    def read(self, connection: Connection) -> tuple[KnownRun, ...]:
        """Return the ``MOST_RUNS`` best ones, best first."""
        query = select(*_COLUMNS).where(_IS_FINISHED, *self.conditions).order_by(*_NEWEST_FIRST)
        if self.commits is None:
            return tuple(_known_runs(connection, query.limit(MOST_RUNS)))
        found: list[KnownRun] = []
        for start in range(0, len(self.commits), _BATCH):
            batch = {commit: place for place, commit in enumerate(self.commits[start : start + _BATCH])}
            of_batch = _known_runs(connection, query.where(runs.c.git_commit.in_(list(batch))))
            found += sorted(of_batch, key=lambda run: batch[run.commit or ""])
            if len(found) >= MOST_RUNS:
                break
        return tuple(found[:MOST_RUNS])


@dataclass(frozen=True, slots=True)
class Reference:
    """What a reference stands for."""

    runs: tuple[KnownRun, ...]
    """Runs that it may mean, best first; none where what it names is known and has no run yet."""
    notice: str = ""
    """What the user should know: that it was ambiguous, or why there is no run."""
    is_moving: bool = False
    """Whether it stands for other runs as time goes on: the latest one, those of a branch or of the merge base."""
    search: RunSearch | None = field(default=None, compare=False)
    """Where there are more of them, ``None`` where those are all."""

    def as_of(self, moment: str) -> Reference:
        """Return what it stood for at a time; an empty one means now."""
        if not moment or not self.is_moving:
            return self
        return self._narrow([run for run in self.runs if run.started_at < moment], runs.c.started_at < moment)

    def without(self, ids: Collection[str]) -> Reference:
        """Return it without some of its runs."""
        return self._narrow([run for run in self.runs if run.id not in ids], runs.c.id.not_in(ids))

    def _narrow(self, left: Sequence[KnownRun], condition: ColumnElement[bool]) -> Reference:
        search = None if self.search is None else self.search.where(condition)
        return dataclasses.replace(self, runs=tuple(left), search=search)


def find_reference(connection: Connection, text: str, rootdir: Path) -> Reference:
    """Return what a reference stands for.

    A reference without a prefix is looked up as a run, a name, a branch and a commit, in this order. Runs that did not
    finish are never meant, and those with uncommitted changes are those of no commit and no branch.

    Args:
        connection: to the history.
        text: what the user wrote; ``file`` is no matter of the history.
        rootdir: a folder of the checkout.

    Raises ``UsageError`` for one that is not known, or that several runs or commits fit.
    """
    finder = _Finder(connection, rootdir)
    prefix, rest = split_reference(text)
    if prefix:
        found = finder.by_prefix[prefix](rest)
        if found is None:
            raise finder.unknown(rest, prefix)
        return found
    if text == LATEST:
        return finder.find_latest()
    if text == MERGE_BASE:
        return finder.find_merge_base()
    return _find_bare(finder, text)


def _find_bare(finder: _Finder, text: str) -> Reference:
    # A few digits may be the name of anything: as the beginning of an id, they are looked up last.
    unlike = {RUN: not looks_like_run(text), COMMIT: not looks_like_commit(text)}
    prefixes = [prefix for prefix in PREFIXES if not unlike.get(prefix)]
    meanings = [(prefix, found) for prefix in prefixes if (found := finder.by_prefix[prefix](text)) is not None]
    if not meanings:
        found = finder.find_commit(text) or finder.find_run(text)
        if found is None:
            raise finder.unknown(text)
        return found
    (prefix, first), *others = meanings
    if not others:
        return first
    other = others[0][0]
    notice = f"the {_MEANINGS[prefix]} is meant; {other}:{text} means the {_MEANINGS[other]}"
    return dataclasses.replace(first, notice=notice)


class _Finder:
    """Looks references up in one history and one checkout."""

    def __init__(self, connection: Connection, rootdir: Path) -> None:
        self._connection = connection
        self._rootdir = rootdir
        self.by_prefix: Final[dict[str, Callable[[str], Reference | None]]] = {
            RUN: self.find_run,
            NAME: self.find_name,
            BRANCH: self.find_branch,
            COMMIT: self.find_commit,
        }

    def find_run(self, text: str) -> Reference | None:
        """Return the run with that id, or the only one whose id begins so."""
        if not may_begin_run(text):
            return None
        finished = RunSearch((begins_with(text),)).read(self._connection)
        if len(finished) > 1:
            raise several_runs(text, [run.id for run in finished])
        if finished:
            return Reference(finished)
        other = self._connection.execute(select(runs.c.id, runs.c.status).where(begins_with(text))).first()
        if other is None:
            return None
        raise UsageError(f"run {other.id} is {other.status}: only a run that finished can be compared with")

    def find_name(self, text: str) -> Reference | None:
        """Return the runs that were saved under that name, newest first."""
        return self._refer(RunSearch((runs.c.name == text,)))

    def find_branch(self, text: str) -> Reference | None:
        """Return the runs of a branch, newest first."""
        found = self._refer(RunSearch((*_OF_A_COMMIT, runs.c.git_branch == text)), is_moving=True)
        if found is not None:
            return found
        tip = find_branch_tip(self._rootdir, text)
        if tip is not None:  # CI often checks out a commit, without a branch
            found = self._refer(self._at(read_ancestors(self._rootdir, tip)), is_moving=True)
        if found is None and (tip is not None or self._dirty(text)):
            return Reference((), f"no finished run is recorded of branch {text}{self._dirty(text)}")
        return found

    def find_commit(self, text: str) -> Reference | None:
        """Return the runs at a commit, newest first. Raises ``UsageError`` if it is known and none was recorded."""
        if looks_like_commit(text):
            found = self._refer(RunSearch((*_OF_A_COMMIT, runs.c.git_commit.startswith(text, autoescape=True))))
            commits = [] if found is None else list(dict.fromkeys(run.commit or "" for run in found.runs))
            if len(commits) > 1:
                raise UsageError(f"{text!r} fits several commits: {listed(commits)}; write more of the hash")
            if found is not None:
                return found
        commit = find_commit(self._rootdir, text)
        if commit is None:
            return None
        found = self._refer(RunSearch((*_OF_A_COMMIT, runs.c.git_commit == commit)))
        if found is None:
            raise UsageError(
                f"no finished run is recorded at commit {commit[:_SHORT]}, without uncommitted changes; check it out "
                f"and run its evals, or name another baseline.{known_text(*self._known())}"
            )
        return found

    def find_latest(self) -> Reference:
        """Return all runs, newest first."""
        found = self._refer(RunSearch((_IS_RUN,)), is_moving=True)
        return found or Reference((), "the history has no finished run yet")

    def find_merge_base(self) -> Reference:
        """Return the runs at the merge base and the commits before it, nearest first. Raises ``UsageError``."""
        base, branch = find_merge_base(self._rootdir)
        found = self._refer(self._at(read_ancestors(self._rootdir, base)), is_moving=True)
        if found is not None:
            return found
        none = f"no finished run is recorded at {base[:_SHORT]}, where HEAD left {branch}, nor at a commit before it"
        if is_shallow(self._rootdir):  # there may be one before what was fetched
            raise UsageError(f"{none}; {SHALLOW}")
        return Reference((), none)

    def unknown(self, text: str, prefix: str = "") -> UsageError:
        """Return the error of a reference that nothing is known of."""
        kinds = prefix or "run, saved name, branch or commit"
        ids, named = self._known()
        return unknown_run(text, kinds, ids, named, () if prefix else WORDS)

    def _known(self) -> tuple[Sequence[str], Mapping[str, Sequence[str]]]:
        """Return the newest runs, and the names and branches of all of them."""
        newest = [run.id for run in RunSearch((_IS_RUN,)).read(self._connection)[:SHOWN]]
        return newest, {"names": self._distinct(runs.c.name), "branches": self._distinct(runs.c.git_branch)}

    def _distinct(self, column: SQLCoreOperations[str | None]) -> list[str]:
        query = select(column).where(column.is_not(None), _IS_FINISHED).distinct().order_by(column)
        return [str(value) for (value,) in self._connection.execute(query)]

    def _dirty(self, branch: str) -> str:
        """Return how many runs of a branch do not count, as the end of a sentence."""
        query = select(runs.c.id).where(_IS_RUN, _IS_FINISHED, runs.c.git_branch == branch).limit(1)
        if self._connection.execute(query).first() is None:
            return ""
        return ": those that there are had uncommitted changes, so name one by its id"

    def _at(self, commits: Sequence[str]) -> RunSearch:
        """Return the search for runs at commits, those of the first commit first."""
        recorded = set(self._connection.scalars(select(runs.c.git_commit).where(_IS_FINISHED, *_OF_A_COMMIT)))
        return RunSearch(_OF_A_COMMIT, tuple(commit for commit in commits if commit in recorded))

    def _refer(self, search: RunSearch, *, is_moving: bool = False) -> Reference | None:
        """Return the reference to the runs that are found, ``None`` if there is none."""
        found = search.read(self._connection)
        if not found:
            return None
        return Reference(found, is_moving=is_moving, search=search if len(found) >= MOST_RUNS else None)


_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())
_IS_FINISHED: Final = runs.c.status == RunStatus.FINISHED.value
_IS_RUN: Final = runs.c.kind == RunKind.RUN.value
_OF_A_COMMIT: Final = (_IS_RUN, runs.c.git_is_dirty.is_(False))
_COLUMNS: Final = (
    runs.c.id,
    runs.c.git_commit,
    runs.c.git_branch,
    runs.c.git_is_dirty,
    runs.c.shard,
    runs.c.selection,
    runs.c.name,
    runs.c.started_at,
)


def _known_runs(connection: Connection, query: object) -> Iterator[KnownRun]:
    for row in connection.execute(query):  # type: ignore[call-overload]  # a Select, whose type names all its columns
        run_id, commit, branch, is_dirty, *others = row
        yield KnownRun(run_id, commit, branch, bool(is_dirty), *others)

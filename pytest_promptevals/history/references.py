"""What ``--evals-baseline`` and commands name: a run, a saved name, a branch, a commit, or one of three words.

A reference stands for runs, best first; each eval file takes the first of them that has scores of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
"""Newest runs that are looked at for a branch, a commit or the latest one; for a merge base, the nearest ones."""
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
class Reference:
    """What a reference stands for."""

    runs: tuple[KnownRun, ...]
    """Runs that it may mean, best first; none where what it names is known and has no run yet."""
    notice: str = ""
    """What the user should know: that it was ambiguous, or why there is no run."""
    is_moving: bool = False
    """Whether it stands for other runs as time goes on: the latest one, those of a branch or of the merge base."""


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
        finished = self._read(begins_with(text))
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
        found = self._read(runs.c.name == text)
        return Reference(found) if found else None

    def find_branch(self, text: str) -> Reference | None:
        """Return the runs of a branch, newest first."""
        found = self._read(*_OF_A_COMMIT, runs.c.git_branch == text)
        if found:
            return Reference(found, is_moving=True)
        tip = find_branch_tip(self._rootdir, text)
        if tip is not None:  # CI often checks out a commit, without a branch
            found = self._read_at(read_ancestors(self._rootdir, tip))
            notice = "" if found else f"no finished run is recorded of branch {text}{self._dirty(text)}"
            return Reference(found, notice, is_moving=bool(found))
        if self._dirty(text):
            return Reference((), f"no finished run is recorded of branch {text}{self._dirty(text)}")
        return None

    def find_commit(self, text: str) -> Reference | None:
        """Return the runs at a commit, newest first. Raises ``UsageError`` if it is known and none was recorded."""
        if looks_like_commit(text):
            found = self._read(*_OF_A_COMMIT, runs.c.git_commit.startswith(text, autoescape=True))
            commits = list(dict.fromkeys(run.commit or "" for run in found))
            if len(commits) > 1:
                raise UsageError(f"{text!r} fits several commits: {listed(commits)}; write more of the hash")
            if found:
                return Reference(found)
        commit = find_commit(self._rootdir, text)
        if commit is None:
            return None
        found = self._read(*_OF_A_COMMIT, runs.c.git_commit == commit)
        if not found:
            raise UsageError(
                f"no finished run is recorded at commit {commit[:_SHORT]}, without uncommitted changes; check it out "
                f"and run its evals, or name another baseline.{known_text(*self._known())}"
            )
        return Reference(found)

    def find_latest(self) -> Reference:
        """Return all runs, newest first."""
        found = self._read(_IS_RUN)
        return Reference(found, "" if found else "the history has no finished run yet", is_moving=bool(found))

    def find_merge_base(self) -> Reference:
        """Return the runs at the merge base and the commits before it, nearest first. Raises ``UsageError``."""
        base, branch = find_merge_base(self._rootdir)
        found = self._read_at(read_ancestors(self._rootdir, base))
        if found:
            return Reference(found, is_moving=True)
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
        newest = [run.id for run in self._read(_IS_RUN)[:SHOWN]]
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

    def _read_at(self, commits: Sequence[str]) -> tuple[KnownRun, ...]:
        """Return the runs at commits, those of the first commit first, each commit's newest first."""
        recorded = set(self._connection.scalars(select(runs.c.git_commit).where(_IS_FINISHED, *_OF_A_COMMIT)))
        known = [commit for commit in commits if commit in recorded]
        found: list[KnownRun] = []
        for start in range(0, len(known), _BATCH):
            batch = {commit: place for place, commit in enumerate(known[start : start + _BATCH])}
            of_batch = self._read(*_OF_A_COMMIT, runs.c.git_commit.in_(list(batch)), limit=None)
            found += sorted(of_batch, key=lambda run: batch[run.commit or ""])
            if len(found) >= MOST_RUNS:
                break
        return tuple(found[:MOST_RUNS])

    def _read(self, *conditions: ColumnElement[bool], limit: int | None = MOST_RUNS) -> tuple[KnownRun, ...]:
        """Return the newest finished runs of which that is true, newest first."""
        query = select(*_COLUMNS).where(_IS_FINISHED, *conditions).order_by(runs.c.started_at.desc(), runs.c.id.desc())
        return tuple(_known_runs(self._connection, query.limit(limit)))


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
)


def _known_runs(connection: Connection, query: object) -> Iterator[KnownRun]:
    for row in connection.execute(query):  # type: ignore[call-overload]  # a Select, whose type names all its columns
        run_id, commit, branch, is_dirty, shard, selection, name = row
        yield KnownRun(run_id, commit, branch, bool(is_dirty), shard, selection, name)

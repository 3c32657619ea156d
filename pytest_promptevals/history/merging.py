"""Runs of one commit that are shares of one selection, or of different cases, put together into one run."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.run_ids import listed
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import GitState, ItemOutcome, Run, RunKind, RunStatus

_SHARE_OPTION: Final = "--evals-shard"
_ID_DIGITS: Final = 6
_SHORT: Final = 7
"""Digits of a commit that are shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run that is to be a part of another."""

    run: Run
    """The run."""
    place: str
    """Where it is, in the user's words; empty for the history of the project."""
    read: Callable[[], Sequence[CaseResult]] = field(compare=False)
    """Reads its results."""

    @property
    def words(self) -> str:
        """What to call it: its id, its share, and where it is."""
        share = "" if self.run.shard is None else f", share {self.run.shard}"
        place = f" in {self.place}" if self.place else ""
        return f"run {self.run.id}{share}{place}"


@dataclass(frozen=True, slots=True)
class Merged:
    """What several runs are together."""

    run: Run
    """One run. Its id follows from those of its parts: merged again, they are the same run."""
    results: tuple[CaseResult, ...]
    """All of their results."""
    parts: tuple[str, ...]
    """Ids of the runs that it is made of."""
    notices: tuple[str, ...] = ()
    """What the user should know."""


def merge_parts(found: Sequence[Part]) -> Merged:
    """Return what runs are together. Of a share that was run several times, the newest run that finished counts.

    Raises ``HistoryError`` for runs that do not belong together, are not all, or cannot be read.
    """
    unique, notices = _leave_out_others(list({part.run.id: part for part in found}.values()))
    _check_alike(unique)
    parts, repeated = _newest_of_each(unique)
    notices += repeated
    for part in parts:
        _check_finished(part)
    results = _join_results(parts)
    notices += _check_whole(parts, len(results))
    ids = tuple(part.run.id for part in parts)
    return Merged(_merged_run(parts, len(results)), results, ids, tuple(notices))


def share_of(run: Run) -> tuple[str | None, str, str | None]:
    """Return what the shares of one run have in common: commit, selection, and how many shares there are."""
    count = None if run.shard is None else run.shard.partition("/")[2]
    return _commit_of(run), run.selection, count


def _leave_out_others(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """Return the parts without runs that are no share while others are: a job without cases leaves such a history."""
    if all(part.run.shard is None for part in parts):
        return list(parts), []
    others = [part for part in parts if part.run.shard is None]
    shares = [part for part in parts if part.run.shard is not None]
    return shares, [f"{part.words} is no share and is left out" for part in others]


def _check_alike(parts: Sequence[Part]) -> None:
    first = parts[0]
    if len(parts) == 1 and first.run.shard is None:
        raise HistoryError(
            f"{first.words} is no share of a run (--evals-shard), and alone it needs no merging; name the others, or "
            "their history files"
        )
    for other in parts:
        if other.run.kind not in (RunKind.RUN, RunKind.SHARD):
            raise HistoryError(f"{other.words} is a {other.run.kind.value}: only runs that ask for answers are merged")
        if problem := _difference(first, other):
            raise HistoryError(f"{first.words} and {other.words} cannot be merged: {problem}")


def _difference(first: Part, other: Part) -> str:
    """Return why two runs do not belong together, empty if they do."""
    (commit, selection, count), (other_commit, other_selection, other_count) = map(share_of, (first.run, other.run))
    if commit != other_commit:
        return f"one is of {_shown(commit)}, the other of {_shown(other_commit)}; run all of them at one commit"
    if count != other_count:
        return f"one is a share of {count}, the other of {other_count}; give all jobs one N"
    if count is not None and selection != other_selection:
        return (
            f"they are shares of different selections, of {first.run.selected:,} and of {other.run.selected:,} cases; "
            "give all jobs the same files and options"
        )
    return _difference_of_files(first.run, other.run)


def _difference_of_files(first: Run, other: Run) -> str:
    """Return what of an eval file was not the same in two runs, empty if there is nothing, or nothing is known."""
    before = {file.file: file for file in first.files}
    for now in other.files:
        then = before.get(now.file, now)
        if then.parameters != now.parameters:
            return f"they ran {now.file} with other parameters"
        for kind, known, found in (("prompt", then.prompts, now.prompts), ("judge", then.judges, now.judges)):
            changed = [name for name in known if found.get(name, known[name]) != known[name]]
            if changed:
                return f"they ran {now.file} with another {kind} {changed[0]}".rstrip()
    return ""


def _newest_of_each(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """Return the newest finished run of each share, by share, and a line on those that were run several times."""
    by_share: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda part: (part.run.started_at, part.run.id), reverse=True):
        by_share.setdefault(part.run.shard or part.run.id, []).append(part)
    chosen = []
    notices = []
    for share, runs in sorted(by_share.items(), key=lambda item: _number_of(item[0])):
        best = next((part for part in runs if part.run.status is RunStatus.FINISHED), runs[0])
        chosen.append(best)
        if len(runs) > 1:
            notices.append(f"share {share} was run {len(runs)} times; what counts is {best.words}")
    return chosen, notices


def _check_finished(part: Part) -> None:
    if part.run.status is RunStatus.FINISHED:
        return
    share = "" if part.run.shard is None else f" {_SHARE_OPTION} {part.run.shard}"
    raise HistoryError(
        f"{part.words} did not finish (it is {part.run.status.value}), so there is no verdict on the whole: run 'pytest"
        f"{share}' again, then merge again"
    )


def _join_results(parts: Sequence[Part]) -> tuple[CaseResult, ...]:
    known: dict[tuple[str, str], tuple[Part, CaseResult]] = {}
    for part in parts:
        for result in part.read():
            key = result.file, result.name
            if key in known:
                raise HistoryError(
                    f"{result.file}::{result.name} was run in {known[key][0].words} and in {part.words}: the parts of "
                    "a run may have no case in common; divide them with --evals-shard"
                )
            known[key] = part, result
    return tuple(result for _, result in known.values())


def _check_whole(parts: Sequence[Part], results: int) -> list[str]:
    """Return a line on the shares that had no cases. Raises ``HistoryError`` for one whose cases are missing."""
    first = parts[0].run
    if first.shard is None:
        return []
    count = int(first.shard.partition("/")[2])
    known = {part.run.shard for part in parts}
    missing = [share for share in (f"{number}/{count}" for number in range(1, count + 1)) if share not in known]
    if not missing:
        return []
    shares = f"share{'s' if len(missing) > 1 else ''} {listed(missing)}"
    if results >= first.selected:
        return [f"{shares} had no cases"]
    is_are = "is" if len(missing) == 1 else "are"
    raise HistoryError(
        f"{shares} of the run at {_shown(_commit_of(first))} {is_are} missing: {first.selected - results:,} of "
        f"{first.selected:,} selected cases have no result. Run 'pytest {_SHARE_OPTION} {missing[0]}', or add its "
        "history file, then merge again"
    )


def _merged_run(parts: Sequence[Part], results: int) -> Run:
    runs = [part.run for part in parts]
    first = min(runs, key=lambda run: (run.started_at, run.id))
    began = dt.datetime.fromisoformat(first.started_at)
    digest = content_hash([*sorted(run.id for run in runs)])[:_ID_DIGITS]
    return dataclasses.replace(
        first,
        id=f"{began:%Y%m%d-%H%M%S}-{digest}",
        status=RunStatus.RUNNING,
        finished_at=max(run.finished_at or run.started_at for run in runs),
        git=_git_of(runs),
        arguments=_without_share(first.arguments),
        shard=None,
        selected=first.selected if first.shard is not None else sum(run.selected for run in runs) or results,
        selection=first.selection if first.shard is not None else "",
        calls=sum(run.calls for run in runs),
        cached=sum(run.cached for run in runs),
        cost=_sum([run.cost for run in runs]),
        spent=_sum([run.spent for run in runs]),
        kind=RunKind.RUN,
        parent=None,
        name=None,
        files=(),
        outcomes=_join_outcomes(runs),
    )


def _join_outcomes(runs: Sequence[Run]) -> tuple[ItemOutcome, ...]:
    """Return what pytest made of items in any of the runs; ordinary tests may be in all of them."""
    found = {(outcome.nodeid, outcome.kind): outcome for run in runs for outcome in run.outcomes or ()}
    return tuple(found.values())


def _git_of(runs: Sequence[Run]) -> GitState | None:
    """Return the checkout that all runs were made in, dirty if one of them was."""
    states = [run.git for run in runs if run.git is not None]
    return next((state for state in states if state.is_dirty), states[0]) if states else None


def _without_share(arguments: Sequence[str]) -> tuple[str, ...]:
    kept: list[str] = []
    follows = False
    for argument in arguments:
        if not follows and argument != _SHARE_OPTION and not argument.startswith(f"{_SHARE_OPTION}="):
            kept.append(argument)
        follows = argument == _SHARE_OPTION
    return tuple(kept)


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _number_of(share: str) -> tuple[int, str]:
    number = share.partition("/")[0]
    return (int(number) if "/" in share else 0), share


def _commit_of(run: Run) -> str | None:
    return None if run.git is None else run.git.commit


def _shown(commit: str | None) -> str:
    return "no commit" if commit is None else f"commit {commit[:_SHORT]}"

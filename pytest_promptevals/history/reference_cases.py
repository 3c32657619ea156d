"""The results of recorded runs as a baseline: which run has those of an eval file, and what it keeps of each case."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from pytest_promptevals.history.baseline_rows import COLUMNS, case_from_row
from pytest_promptevals.history.drops import dropped_runs
from pytest_promptevals.history.references import KnownRun, Reference
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.tables import case_results, run_files, runs, scores
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.partial import MAX_LEVEL, SEPARATOR, partial_prefix


def runs_of_file(
    connection: Connection, reference: Reference, file: str, level: int = MAX_LEVEL, *, passes_over_drops: bool = False
) -> tuple[KnownRun, ...]:
    """Return the best run of a reference that has scores of an eval file; with the other shards of it, if it is one.

    Args:
        connection: to the history.
        reference: the runs to choose from, best first.
        file: the eval file.
        level: highest level of the judges that run now; scores that other parts of the judges gave do not count.
        passes_over_drops: a run in which a gate found the file worse than allowed, and did not let that pass as what
            may be chance, is taken only where there is no other. Else a red run, made again, would be its own baseline,
            and green.
    """
    dropped = frozenset(connection.scalars(dropped_runs(file)) if passes_over_drops else ())
    chosen = _choose(connection, reference.runs, file, level, dropped)
    if reference.search is None or (chosen and chosen[0].id not in dropped):
        return chosen
    own = reference.search.where(_has_scores(file, level)).read(connection)
    return _choose(connection, own, file, level, dropped)


def read_cases(
    connection: Connection,
    chosen: Sequence[KnownRun],
    file: str,
    level: int = MAX_LEVEL,
    whole: Collection[str] = (),
) -> tuple[BaselineCase, ...]:
    """Return what a baseline keeps of the results that runs have of an eval file, sorted by name.

    Of an item that several of them have, the result of the first counts. Outputs are shortened, but for those of
    the items that ``whole`` names.
    """
    cases: dict[str, BaselineCase] = {}
    for run in chosen:
        for case in _read_run(connection, run.id, file, level, whole):
            cases.setdefault(case.name, case)
    return tuple(sorted(cases.values(), key=lambda case: case.name))


def describe_runs(connection: Connection, chosen: Sequence[KnownRun], file: str) -> str:
    """Return what to call runs that are a baseline of an eval file, and that they had a selection of its cases."""
    words = chosen[0].words
    if len(chosen) > 1:
        words += f" and {len(chosen) - 1} more of its shards"
    of_file = (case_results.c.run_id.in_([run.id for run in chosen]), case_results.c.file == file)
    ran = connection.execute(select(func.count(case_results.c.case_id.distinct())).where(*of_file)).scalar_one()
    of_run = select(run_files.c.cases).where(run_files.c.run_id == chosen[0].id, run_files.c.file == file)
    collected = connection.execute(of_run).scalar_one_or_none() or 0
    if ran < collected:
        words += f" ({ran} of {collected} cases)"
    is_dropped = chosen[0].id in set(connection.execute(dropped_runs(file)).scalars())
    return f"{words}, which became worse itself" if is_dropped else words


_NEAR: Final = 10
"""Runs that are looked at first: of a large history, a look into each run takes seconds."""
_COLUMNS: Final = tuple(case_results.c[name] for name in COLUMNS)


def _is_scored(file: str, level: int) -> tuple[ColumnElement[bool], ...]:
    fingerprint = case_results.c.case_fingerprint
    is_comparable = or_(
        ~fingerprint.contains(SEPARATOR, autoescape=True),
        fingerprint.startswith(partial_prefix(level), autoescape=True),
    )
    return (
        case_results.c.file == file,
        case_results.c.score.between(0, 1),  # what somebody else wrote into the file is no score
        case_results.c.error_kind.is_(None),
        is_comparable,
    )


def _choose(
    connection: Connection, known: Sequence[KnownRun], file: str, level: int, dropped: Collection[str]
) -> tuple[KnownRun, ...]:
    """Return the best run that has scores of an eval file, with its other shards; one that dropped if no other has."""
    good = [run for run in known if run.id not in dropped]
    chosen = _take_first(connection, good, file, level)
    return chosen if chosen or len(good) == len(known) else _take_first(connection, known, file, level)


def _take_first(connection: Connection, known: Sequence[KnownRun], file: str, level: int) -> tuple[KnownRun, ...]:
    for batch in (known[:_NEAR], known[_NEAR:]):
        found = _with_scores(connection, batch, file, level)
        if found:
            shards = [other for other in known if _is_shard_of(other, found[0])]
            return found[0], *_newest_of_each(_with_scores(connection, shards, file, level))
    return ()


def _has_scores(file: str, level: int) -> ColumnElement[bool]:
    """Return whether a run has scores of an eval file."""
    return exists().where(case_results.c.run_id == runs.c.id, *_is_scored(file, level))


def _with_scores(connection: Connection, known: Sequence[KnownRun], file: str, level: int) -> list[KnownRun]:
    """Return those runs that have scores of an eval file."""
    query = select(runs.c.id).where(runs.c.id.in_([run.id for run in known]), _has_scores(file, level))
    having = set(connection.execute(query).scalars()) if known else set()
    return [run for run in known if run.id in having]


def _is_shard_of(other: KnownRun, run: KnownRun) -> bool:
    """Return whether a run has another share of the same selection at the same commit."""
    if run.shard is None or other.shard is None or run.commit is None or run.is_dirty:
        return False
    return other.shard != run.shard and _share_of(other) == _share_of(run)


def _newest_of_each(shards: Iterable[KnownRun]) -> Iterable[KnownRun]:
    newest: dict[str | None, KnownRun] = {}
    for run in shards:
        newest.setdefault(run.shard, run)
    return newest.values()


def _share_of(run: KnownRun) -> tuple[object, ...]:
    return run.commit, run.is_dirty, run.selection, (run.shard or "").partition("/")[2]


def _read_run(
    connection: Connection, run_id: str, file: str, level: int, whole: Collection[str]
) -> Iterator[BaselineCase]:
    wanted = and_(case_results.c.run_id == run_id, *_is_scored(file, level))
    of_judges = (
        select(scores.c.result_id, scores.c.judge, scores.c.value)
        .join(case_results)
        .where(wanted, scores.c.trial == OVER_TRIALS)
        .order_by(scores.c.result_id, scores.c.position)
    )
    by_judge: dict[int, dict[str, float]] = {}
    for result_id, judge, value in connection.execute(of_judges):
        by_judge.setdefault(result_id, {})[judge] = value
    for row in connection.execute(select(*_COLUMNS).where(wanted)).mappings():
        yield case_from_row(row, by_judge.get(row["id"], {}), is_whole=row["name"] in whole)

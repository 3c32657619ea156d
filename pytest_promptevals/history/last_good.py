"""The last results of an eval file that were not red: what a run is compared with where no baseline is committed."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.records.comparisons import BaselineCase

MOST_RUNS: Final = 100
"""Runs that are looked through: a case that was in none of them counts as new."""

_BATCH: Final = 500


def read_last_good(path: Path, file: str, names: Collection[str]) -> tuple[BaselineCase, ...]:
    """Return the last results of those items of an eval file that were not red, sorted by name.

    There are none without a history. Raises ``HistoryError`` if the database cannot be read.
    """
    if not path.exists():
        return ()
    from pytest_promptevals.history.store import HistoryStore  # noqa: PLC0415 - loads SQLAlchemy, 0.4 s

    store = HistoryStore.open(path)
    newest: dict[str, CaseResult] = {}
    try:
        for run_id in store.good_runs(file, MOST_RUNS):
            for result in store.results(run_id, file):
                if result.name in names and result.score is not None:
                    newest.setdefault(result.name, result)
            if len(newest) == len(names):
                break
    finally:
        store.close()
    return baseline_cases(newest.values())

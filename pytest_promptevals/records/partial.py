"""Fingerprints of cases of which only a part of the judges ran: ``--evals-level``.

They hold the fingerprint of the whole case, so that their scores can be compared with what the same judges said when
all of them ran, and are never taken for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_LEVEL: Final = 3
"""The level at which all judges run."""
SEPARATOR: Final = ":"
"""Stands in partial fingerprints, and in no other."""
_MARK: Final = "level"
_OF_TRIALS: Final = "-trials"


def partial_fingerprint(whole: str, level: int, reducer: str) -> str:
    """Return the fingerprint of a case that only its judges up to ``level`` have judged.

    Args:
        whole: the ``case_fingerprint`` of the case with all of its judges.
        level: highest level of the judges that ran.
        reducer: the reducer of its trials.
    """
    kind = "" if reducer in ("mean", "median", "min", "max") else _OF_TRIALS
    return f"{_MARK}{level}{kind}{SEPARATOR}{whole}"


def partial_prefix(level: int) -> str:
    """Return what all fingerprints of that level begin with."""
    return f"{_MARK}{level}"


def is_partial(fingerprint: str) -> bool:
    """Return whether judges were left out."""
    return SEPARATOR in fingerprint


def whole_fingerprint(fingerprint: str) -> str:
    """Return the fingerprint of the case with all of its judges."""
    return fingerprint.rpartition(SEPARATOR)[2]


def is_of_trials(fingerprint: str) -> bool:
    """Return whether the score counts trials that pass, so that it is no mean of the judges' scores."""
    return fingerprint.partition(SEPARATOR)[0].endswith(_OF_TRIALS)


def level_of(fingerprints: Iterable[str]) -> int:
    """Return the highest level of the judges that ran, by the fingerprints of cases of one run."""
    partial = next(filter(is_partial, fingerprints), None)
    if partial is None:
        return MAX_LEVEL
    return next((level for level in range(1, MAX_LEVEL) if partial.startswith(partial_prefix(level))), MAX_LEVEL)

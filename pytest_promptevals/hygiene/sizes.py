"""Datasets that are too small to show anything."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find
from pytest_promptevals.judges.excerpts import count_noun

_FEWEST: Final = 10


def find_small_dataset(subject: Subject) -> Iterator[Finding]:
    """Yield a finding if there are fewer than 10 cases.

    With ``n`` cases that get worse and none that gets better, chance alone does the same once in ``2 ** n`` times (the
    exact sign test, one-sided): below that no drop can reach the confidence of the gate.
    """
    count, confidence = len(subject.dataset.cases), subject.confidence
    if count >= _FEWEST:
        return
    needed = math.ceil(-math.log2(1 - confidence) - 1e-9)
    if needed > count:
        what = f"no drop can be told from chance with {confidence:.4g} confidence, which takes {needed} that get worse"
    else:
        what = f"only a drop in {needed} of them at once can be told from chance with {confidence:.4g} confidence"
    message = f"there {'is' if count == 1 else 'are'} only {count_noun(count, 'case')}: {what}; add some"
    yield find(Kind.SMALL_DATASET, message, subject.dataset.location)

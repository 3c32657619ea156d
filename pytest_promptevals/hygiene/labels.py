"""Expected answers that are labels, and how often each of them is expected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.texts import plain
from pytest_promptevals.judges.excerpts import list_some, quote
from pytest_promptevals.records.cases import Case, Dataset

_FEWEST: Final = 10
"""Cases with an expected answer, below which nothing can be said of labels."""
_MOST_LABELS: Final = 20
_LONGEST: Final = 40
"""Characters that a label has at most."""
_PER_LABEL: Final = 3
"""Cases that there are for each label, on average, at least."""
_TOO_MUCH: Final = 0.8


def find_label_imbalance(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for a label that nearly all cases expect, and one for labels that only one case expects."""
    labels = count_labels(subject.dataset)
    if not labels:
        return
    total = labels.total()
    (commonest, count), *_ = labels.most_common(1)
    cases = _labelled(subject.dataset)
    if count > _TOO_MUCH * total:
        message = (
            f"{count:,} of {total:,} cases expect {quote(commonest, _LONGEST)}: a model that always says so gets "
            f"{int(100 * count / total)} % right; add cases with another answer"
        )
        yield find(Kind.LABEL_IMBALANCE, message, subject.dataset.location)
    single = [case for case in cases if labels[_label(case)] == 1]
    if single:
        names = list_some([quote(_label(case), _LONGEST) for case in single])
        message = f"only one case expects {names}: {name_cases(single)}; one case says little of a label, add some"
        yield find(Kind.LABEL_IMBALANCE, message, single[0].location, single)


def count_labels(dataset: Dataset) -> Counter[str]:
    """Return how many cases expect each label; nothing if the expected answers are not a small set of labels."""
    cases = _labelled(dataset)
    expecting = sum(case.expected is not None for case in dataset.cases)
    if len(cases) < _FEWEST or len(cases) < expecting:
        return Counter()
    counts = Counter(map(_label, cases))
    is_small = len(counts) <= min(_MOST_LABELS, len(cases) / _PER_LABEL)
    return counts if is_small else Counter()


def _labelled(dataset: Dataset) -> Sequence[Case]:
    return [
        case
        for case in dataset.cases
        if case.expected is not None and not isinstance(case.expected, list | dict) and len(_label(case)) <= _LONGEST
    ]


def _label(case: Case) -> str:
    return plain(case.expected if isinstance(case.expected, str) else json.dumps(case.expected))

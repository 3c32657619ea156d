"""The judges that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_promptevals.hookspecs import Judge, hookimpl
from pytest_promptevals.judges.counts import LengthJudge, WordCountJudge
from pytest_promptevals.judges.limits import CostJudge, FinishReasonJudge, LatencyJudge
from pytest_promptevals.judges.matching import (
    ContainsAllJudge,
    ContainsAnyJudge,
    ContainsJudge,
    EndsWithJudge,
    ExactJudge,
    IContainsJudge,
    IExactJudge,
    StartsWithJudge,
)


@hookimpl
def pytest_promptevals_judges() -> Sequence[type[Judge]]:
    """Return the judges of the text family, in the order of the docs."""
    return [
        ExactJudge,
        IExactJudge,
        ContainsJudge,
        IContainsJudge,
        ContainsAnyJudge,
        ContainsAllJudge,
        StartsWithJudge,
        EndsWithJudge,
        WordCountJudge,
        LengthJudge,
        LatencyJudge,
        CostJudge,
        FinishReasonJudge,
    ]

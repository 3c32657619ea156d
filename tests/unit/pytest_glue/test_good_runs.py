"""Which runs are among the last results of an eval file, as far as their gates say."""

from __future__ import annotations

import pytest

from pytest_promptevals.pytest_glue.deciding import is_good
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict

FILE = "a.eval.yaml"


@pytest.mark.parametrize(
    ("gate", "verdict", "is_accepted", "expected"),
    [
        ("score", Verdict.PASSED, False, True),
        ("score", Verdict.REGRESSED, False, False),
        ("judges.exact", Verdict.REGRESSED, False, False),
        ("judges.exact", Verdict.INCONCLUSIVE, False, False),
        ("score", Verdict.INCONCLUSIVE, True, True),
        ("score", Verdict.INSUFFICIENT_DATA, False, False),
        ("min_score", Verdict.FAILED, False, True),
    ],
)
def test_a_run_without_a_drop_that_is_too_large_is_good(
    gate: str, verdict: Verdict, is_accepted: bool, expected: bool
) -> None:
    answer = GateResult(FILE, gate, verdict, "so", Location(FILE, 1), is_accepted=is_accepted)

    assert is_good(Comparison(FILE, Metrics(1, 1, 0, 1.0, None), gates=(answer,))) is expected

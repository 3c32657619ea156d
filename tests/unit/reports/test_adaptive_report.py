"""What is said of further trials."""

from __future__ import annotations

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.reports.adaptive import decided_text, round_text, undecided_text

FILE = "a.eval.yaml"


def gate(metric: str = "score", verdict: Verdict = Verdict.INCONCLUSIVE) -> GateResult:
    """The answer of a gate on a drop of 0.12."""
    evidence = Evidence(Effect(metric, 0.9, 0.78, 0.12), 0.1, 0.95)
    return GateResult(FILE, metric, verdict, "", Location(FILE, 1), evidence)


def test_a_round_says_how_many_trials_and_what_they_may_cost() -> None:
    assert round_text(gate(), {"a": 3, "b": 3}, 0.02) == (
        "a.eval.yaml: cannot tell yet (mean score fell by 0.12, may be chance): "
        "3 more trials of each of 2 cases, about $0.02"
    )


def test_a_round_of_one_case_whose_price_is_unknown() -> None:
    text = round_text(gate("judges.exact"), {"a": 1}, None)

    assert text == (
        "a.eval.yaml: cannot tell yet (score of judge 'exact' fell by 0.12, may be chance): 1 more trial of 1 case"
    )


def test_a_round_of_unequal_numbers_says_their_sum() -> None:
    assert round_text(gate(), {"a": 1, "b": 3}, 0.0).endswith(": 4 more trials of 2 cases")


def test_a_decision_says_what_it_took() -> None:
    gates = [gate(verdict=Verdict.REGRESSED), gate("judges.exact", Verdict.PASSED)]

    text = decided_text(gates, 4)

    assert text == "a.eval.yaml: decided with 4 trials a case: mean score regressed, score of judge 'exact' passed"


def test_a_file_that_stays_open_says_why() -> None:
    assert undecided_text(FILE, "no money") == "a.eval.yaml: still cannot tell: no money"

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.comparison.power import cases_needed, smallest_detectable, trials_needed
from pytest_promptevals.records.cases import OnInconclusive
from pytest_promptevals.records.comparisons import Change, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import COST, SCORE, Effect, Noise
from pytest_promptevals.settings import Settings
from tests.support.gated import decide_all, decide_score, make_comparison, make_effect
from tests.support.sample_results import FILE, PLACE

SURE = 0.004
CHANCE = 0.3
JUDGE = "judges.rubric"


def found(effect: Effect, limit: float = 0.1) -> str:
    """How a sentence ends."""
    return f"; a drop of {smallest_detectable(effect, limit, 0.95):.2f} would be found 4 times in 5"


def test_a_drop_that_is_too_large_and_no_chance_is_regressed() -> None:
    effect = make_effect(0.12, SURE)

    gate = decide_score(make_comparison(effect))

    assert dataclasses.replace(gate, evidence=None) == GateResult(
        FILE,
        "score",
        Verdict.REGRESSED,
        "mean score fell by 0.120, from 0.850 to 0.730 over 60 cases (95 % sure it is between 0.03 and 0.21); a drop "
        "this large would come by chance in 1 of 250 runs; at most 0.100 is allowed" + found(effect),
        PLACE,
    )
    assert gate.fails


def test_the_evidence_of_a_verdict_is_kept() -> None:
    effect = make_effect(0.12, SURE)

    evidence = decide_score(make_comparison(effect), max_drop=0.05, confidence=0.9).evidence

    assert evidence is not None
    assert (evidence.effect, evidence.limit, evidence.confidence, evidence.p_adjusted) == (effect, 0.05, 0.9, SURE)
    assert evidence.p_better_adjusted == pytest.approx(1 - SURE)
    assert evidence.smallest_detectable is not None
    assert (evidence.cases_needed, evidence.trials_needed) == (None, None)


def test_a_drop_that_is_too_large_but_may_be_chance_passes_as_inconclusive() -> None:
    effect = make_effect(0.12, 0.12)

    gate = decide_score(make_comparison(effect))

    assert gate.verdict is Verdict.INCONCLUSIVE
    assert gate.is_accepted
    assert not gate.fails
    assert gate.explanation == (
        "mean score fell by 0.120, from 0.850 to 0.730 over 60 cases (95 % sure it is between 0.03 and 0.21); that is "
        "more than the 0.100 that is allowed, but a drop this large would come by chance in 1 of 8 runs, too often to "
        f"count (at most 1 of 20 runs would); about {cases_needed(effect, 0.95)} cases like these would settle it"
        + found(effect)
    )


def test_an_inconclusive_drop_fails_where_that_is_asked_for() -> None:
    gate = decide_score(make_comparison(make_effect(0.12, CHANCE)), on_inconclusive=OnInconclusive.FAIL)

    assert gate.verdict is Verdict.INCONCLUSIVE
    assert not gate.is_accepted
    assert gate.fails


def test_trials_that_would_settle_it_are_named_too() -> None:
    noise = Noise(between_trials=0.4, trials=1.0)
    effect = make_effect(0.12, CHANCE, error=0.055, noise=noise)

    gate = decide_score(make_comparison(effect))

    cases, trials = cases_needed(effect, 0.95), trials_needed(effect, 0.95)
    assert trials is not None
    assert f"; about {cases} cases like these or {trials} trials of each case would settle it; " in gate.explanation
    assert gate.evidence is not None
    assert (gate.evidence.cases_needed, gate.evidence.trials_needed) == (cases, trials)


@pytest.mark.parametrize(
    ("groups", "noun"), [(4, "independent groups of cases"), (60, "cases")], ids=["grouped", "single"]
)
def test_too_few_independent_groups_are_said(groups: int, noun: str) -> None:
    cases = 4 if groups == 60 else 60
    effect = make_effect(0.3, 0.0625, groups=4, cases=cases)

    gate = decide_score(make_comparison(effect))

    assert gate.verdict is Verdict.INCONCLUSIVE
    assert gate.explanation.endswith(f"would); it takes at least 5 {noun} to tell any drop from chance")
    assert ("over 60 cases in 4 groups" in gate.explanation) == (groups == 4)


def test_cases_of_one_group_are_over_one_group() -> None:
    gate = decide_score(make_comparison(make_effect(0.3, 0.5, groups=1, cases=8)))

    assert " over 8 cases in 1 group (" in gate.explanation


def test_five_groups_can_be_enough() -> None:
    effect = make_effect(0.3, 2**-5, groups=5, cases=5)

    assert decide_score(make_comparison(effect)).verdict is Verdict.REGRESSED


@pytest.mark.parametrize(
    ("worse_by", "verdict"), [(0.1, Verdict.PASSED), (0.1 + 1e-12, Verdict.PASSED), (0.100001, Verdict.REGRESSED)]
)
def test_a_drop_of_exactly_max_drop_passes(worse_by: float, verdict: Verdict) -> None:
    assert decide_score(make_comparison(make_effect(worse_by, SURE))).verdict is verdict


@pytest.mark.parametrize(("p_worse", "verdict"), [(0.05, Verdict.REGRESSED), (0.0501, Verdict.INCONCLUSIVE)])
def test_a_drop_counts_from_the_confidence_on(p_worse: float, verdict: Verdict) -> None:
    assert decide_score(make_comparison(make_effect(0.2, p_worse))).verdict is verdict


def test_less_confidence_calls_more_drops_real() -> None:
    comparison = make_comparison(make_effect(0.2, 0.15))

    assert decide_score(comparison, confidence=0.8).verdict is Verdict.REGRESSED
    assert decide_score(comparison, confidence=0.9).verdict is Verdict.INCONCLUSIVE


def test_a_drop_without_a_known_chance_is_no_proof() -> None:
    assert decide_score(make_comparison(make_effect(0.2, p_worse=1.0))).verdict is Verdict.INCONCLUSIVE
    unknown = dataclasses.replace(make_effect(0.2), p_worse=None, p_better=None)
    gate = decide_score(make_comparison(unknown))
    assert gate.verdict is Verdict.INCONCLUSIVE
    assert gate.explanation.endswith(
        "that is more than the 0.100 that is allowed, but whether it is chance cannot be told: the run has other "
        "numbers of trials than the baseline, which does not tell this of its single trials. Run as many trials as it "
        "has, or save a new one with 'pytest --evals-save-baseline'"
    )


def test_a_real_drop_within_max_drop_passes_and_is_named() -> None:
    effect = make_effect(0.05, SURE, low=0.02, high=0.08)

    gate = decide_score(make_comparison(effect))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == (
        "mean score fell by 0.050, from 0.850 to 0.800 over 60 cases (95 % sure it is between 0.02 and 0.08); that is "
        "real (a drop this large would come by chance in 1 of 250 runs), but at most 0.100 is allowed, so it passes"
        + found(effect)
    )


def test_a_small_drop_that_may_be_chance_passes() -> None:
    effect = make_effect(0.05, CHANCE)

    gate = decide_score(make_comparison(effect))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == (
        "mean score fell by 0.050, from 0.850 to 0.800 over 60 cases (95 % sure it is between a rise of 0.04 and a "
        "drop of 0.14); at most 0.100 is allowed" + found(effect)
    )


def test_a_real_improvement_is_named() -> None:
    effect = make_effect(-0.12, 1 - SURE)

    gate = decide_score(make_comparison(effect))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == (
        "mean score rose by 0.120, from 0.850 to 0.970 over 60 cases (95 % sure it is between 0.03 and 0.21); an "
        "improvement: a rise this large would come by chance in 1 of 250 runs" + found(effect)
    )


def test_a_rise_that_may_be_chance_is_said_to_be() -> None:
    effect = make_effect(-0.02, 0.7)

    gate = decide_score(make_comparison(effect))

    assert gate.explanation == (
        "mean score rose by 0.020, from 0.850 to 0.870 over 60 cases (95 % sure it is between a rise of 0.11 and a "
        "drop of 0.07); that may be chance" + found(effect)
    )


def test_no_change_passes_even_where_no_drop_is_allowed() -> None:
    effect = make_effect(0.0, 1.0)

    gate = decide_score(make_comparison(effect), max_drop=0.0)

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score is unchanged at 0.850 over 60 cases" + found(effect, 0.0)


def test_a_tiny_change_is_not_shown_as_none() -> None:
    effect = make_effect(0.00001, CHANCE, low=0.000001, high=0.004)

    gate = decide_score(make_comparison(effect))

    assert gate.explanation.startswith(
        "mean score fell by 0.00001, from 0.85000 to 0.84999 over 60 cases (95 % sure it is between 1e-06 and 0.004); "
    )


def test_an_interval_that_is_wider_than_it_need_be_casts_no_doubt_on_what_is_real() -> None:
    worse = make_comparison(make_effect(0.12, SURE, low=-0.04))
    better = make_comparison(make_effect(-0.12, 1 - SURE, high=0.04))

    assert "over 60 cases (95 % sure it is at most 0.21); a drop" in decide_score(worse).explanation
    assert "over 60 cases (95 % sure it is at most 0.21); an improv" in decide_score(better).explanation


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.0294, 0.0331, "between 0.029 and 0.033)"),
        (0.03001, 0.03002, "between 0.03001 and 0.03002)"),
        (0.03, 0.03, "between 0.03 and 0.03)"),
        (0.02, 0.04, "between 0.02 and 0.04)"),
    ],
)
def test_the_ends_of_a_narrow_interval_are_told_apart(low: float, high: float, words: str) -> None:
    drop = make_effect(0.031, low=low, high=high, cases=100_000, groups=50_000)
    rise = make_effect(-0.031, low=-high, high=-low, cases=100_000, groups=50_000)

    for effect in (drop, rise):
        explanation = decide_score(make_comparison(effect)).explanation
        assert f" over 100,000 cases in 50,000 groups (95 % sure it is {words}" in explanation


def test_the_bounds_of_a_cost_stay_short() -> None:
    rise = make_effect(0.0003, SURE, metric=COST, before=0.001, low=0.00030001, high=0.00030002)

    gates = decide_all(make_comparison(make_effect(0.0, 1.0), rise), max_cost_increase=0.2)

    assert "(95 % sure it is between 30 % and 30 %)" in gates["max_cost_increase"].explanation


def test_an_unknown_interval_is_left_out() -> None:
    gate = decide_score(make_comparison(make_effect(0.12, SURE, low=None, high=None, error=None)))

    assert gate.explanation == (
        "mean score fell by 0.120, from 0.850 to 0.730 over 60 cases; a drop this large would come by chance in 1 of "
        "250 runs; at most 0.100 is allowed"
    )


def test_cases_so_few_that_only_a_total_loss_would_be_found_say_so() -> None:
    gate = decide_score(make_comparison(make_effect(0.02, CHANCE, before=0.2, groups=8, cases=8, error=0.2)))

    assert gate.explanation.endswith("; with so few cases even a drop to 0 might not be found")


def test_cases_so_few_that_nothing_at_all_would_be_found_say_so_too() -> None:
    effect = make_effect(0.5, 0.0078, before=1.0, groups=8, cases=8, error=0.2)

    gate = decide_score(make_comparison(effect), confidence=0.99)

    assert gate.evidence is not None
    assert gate.evidence.smallest_detectable is None
    assert gate.explanation.endswith("; with so few cases even a drop to 0 might not be found")


def test_without_a_baseline_nothing_is_compared() -> None:
    gate = decide_score(make_comparison(make_effect(0.2), has_baseline=False))

    assert (gate.verdict, gate.evidence) == (Verdict.NO_BASELINE, None)
    assert gate.explanation == "there is no baseline; save one with 'pytest --evals-save-baseline'"


def test_only_a_run_of_all_judges_saves_a_baseline() -> None:
    gate = decide_score(make_comparison(has_baseline=False, is_partial=True))

    assert gate.explanation == "there is no baseline; save one with 'pytest --evals-level 3 --evals-save-baseline'"


def test_errors_are_left_out_and_said_so() -> None:
    gate = decide_score(make_comparison(make_effect(0.0, 1.0), metrics=Metrics(60, 50, 2, 0.8, 0.8)))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation.endswith("; left out: 2 cases that ended in an error")


@pytest.mark.parametrize(("errors", "verdict"), [(30, Verdict.REGRESSED), (31, Verdict.INSUFFICIENT_DATA)])
def test_a_few_cases_that_survived_the_errors_do_not_decide(errors: int, verdict: Verdict) -> None:
    gate = decide_score(make_comparison(make_effect(0.2, SURE), metrics=Metrics(60, 20, errors, 0.8, 0.8)))

    assert gate.verdict is verdict
    assert gate.fails
    if verdict is Verdict.INSUFFICIENT_DATA:
        assert gate.explanation == "31 of 60 cases ended in an error; the others are too few to decide"


def test_errors_that_were_expected_leave_a_verdict() -> None:
    comparison = make_comparison(make_effect(0.2, SURE), metrics=Metrics(60, 10, 42, 0.8, 0.8))

    assert decide_score(comparison, max_error_rate=0.7).verdict is Verdict.REGRESSED
    assert decide_score(comparison, max_error_rate=0.6).verdict is Verdict.INSUFFICIENT_DATA


def test_errors_alone_are_insufficient_data_however_many_are_allowed() -> None:
    gate = decide_score(make_comparison(metrics=Metrics(2, 0, 2, None, None)), max_error_rate=1.0)

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "there is no score: 2 cases ended in an error"


def test_an_empty_run_is_insufficient_data() -> None:
    gate = decide_score(make_comparison(metrics=Metrics(0, 0, 0, None, None)))

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "no case was run"


def test_errors_and_edited_cases_alone_are_insufficient_data() -> None:
    deltas = (Delta("a", Change.ERROR), Delta("b", Change.EDITED, 0.9, 0.9))

    gate = decide_score(make_comparison(metrics=Metrics(2, 1, 1, 0.9, 1.0), deltas=deltas))

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == (
        "nothing can be compared: 1 case ended in an error and 1 case changed since the baseline"
    )


def test_a_file_whose_cases_were_all_edited_asks_for_a_new_baseline() -> None:
    deltas = (Delta("a", Change.NEW), Delta("b", Change.EDITED, 0.9, 0.9))

    gate = decide_score(make_comparison(metrics=Metrics(2, 1, 0, 0.9, 1.0), deltas=deltas))

    assert gate.verdict is Verdict.NO_BASELINE
    assert not gate.fails
    assert gate.explanation == (
        "the baseline has no case as it is now: 1 new, 1 edited; save a new one with 'pytest --evals-save-baseline'"
    )


def test_cases_that_all_weigh_nothing_are_insufficient_data() -> None:
    deltas = (Delta("a", Change.SAME, 0.9, 0.9, weight=0.0),)

    gate = decide_score(make_comparison(metrics=Metrics(1, 1, 0, None, None), deltas=deltas))

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "there is no mean: the weights of 1 case with a score add up to 0"


def test_a_judge_has_a_gate_of_its_own() -> None:
    effects = make_effect(0.0, 1.0), make_effect(0.08, SURE, metric=JUDGE)

    gates = decide_all(make_comparison(*effects), judges={"rubric": 0.05})

    assert [(name, gate.verdict) for name, gate in gates.items()] == [
        ("score", Verdict.PASSED),
        (JUDGE, Verdict.REGRESSED),
    ]
    assert gates[JUDGE].explanation.startswith(
        "mean score of the judge 'rubric' fell by 0.080, from 0.850 to 0.770 over 60 cases (95 % sure it is at most "
        "0.17); a drop this large would come by chance in 1 of 120 runs with 2 such comparisons; at most 0.050 is "
        "allowed; "
    )


def test_a_judge_that_the_baseline_does_not_know_has_none() -> None:
    gate = decide_all(make_comparison(make_effect(0.0, 1.0)), judges={"rubric": 0.05})[JUDGE]

    assert gate.verdict is Verdict.NO_BASELINE
    assert gate.explanation == "no case that can be compared has a score of 'rubric' in both runs"


@pytest.mark.parametrize("changes", [{"is_partial": True}, {"mean_before": None}], ids=["not run", "nothing paired"])
def test_the_gate_of_a_judge_is_silent_where_it_did_not_run_or_nothing_is_compared(changes: dict[str, object]) -> None:
    comparison = dataclasses.replace(make_comparison(make_effect(0.0, 1.0)), **changes)  # type: ignore[arg-type]  # of any field

    assert JUDGE not in decide_all(comparison, judges={"rubric": 0.05})


def cost(worse_by: float, p_worse: float = SURE, before: float = 0.001) -> dict[str, GateResult]:
    effect = make_effect(
        worse_by, p_worse, metric=COST, before=before, low=worse_by / 2, high=worse_by * 2, error=worse_by / 4
    )
    metrics = Metrics(60, 60, 0, 0.85, 1.0, cost=0.08)
    return decide_all(make_comparison(make_effect(0.0, 1.0), effect, metrics=metrics), max_cost_increase=0.2)


def test_a_cost_that_rises_too_much_is_regressed() -> None:
    gate = cost(0.0003)["max_cost_increase"]

    assert gate.verdict is Verdict.REGRESSED
    assert gate.explanation == (
        "cost of a case rose by 30 %, from $0.001 to $0.0013 over 60 cases (95 % sure it is between 15 % and 60 %); a "
        "rise this large would come by chance in 1 of 120 runs with 2 such comparisons; at most 20 % is allowed; a "
        "rise of 26.3 % would be found 4 times in 5"
    )
    assert gate.evidence is not None
    assert gate.evidence.limit == pytest.approx(0.0002)


def test_a_cost_that_rises_by_chance_or_within_the_limit_or_falls_passes() -> None:
    assert cost(0.0003, CHANCE)["max_cost_increase"].verdict is Verdict.INCONCLUSIVE
    assert cost(0.0002)["max_cost_increase"].verdict is Verdict.PASSED
    fallen = cost(-0.0003, 1 - SURE)["max_cost_increase"]
    assert fallen.explanation.startswith("cost of a case fell by 30 %, from $0.001 to $0.0007 over 60 cases")


def test_a_cost_that_was_nothing_may_not_rise_at_all() -> None:
    gate = cost(0.0003, before=0.0)["max_cost_increase"]

    assert gate.verdict is Verdict.REGRESSED
    assert gate.explanation.startswith("cost of a case rose by $0.0003, from $0.00 to $0.0003 over 60 cases")


def test_an_unknown_cost_fails_the_gate_that_the_file_asks_for() -> None:
    gate = decide_all(make_comparison(make_effect(0.0, 1.0)), max_cost_increase=0.2)["max_cost_increase"]

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "the cost is not known; name what the models cost in 'prices' of the eval file"


def test_an_unknown_cost_is_passed_over_by_a_rule_of_the_whole_project() -> None:
    gates = decide_all(make_comparison(make_effect(0.0, 1.0)), Settings(max_cost_increase=0.2))

    assert list(gates) == ["score"]


def test_a_baseline_without_costs_asks_for_a_new_one() -> None:
    metrics = Metrics(60, 60, 0, 0.85, 1.0, cost=0.08)

    gates = decide_all(make_comparison(make_effect(0.0, 1.0), metrics=metrics), max_cost_increase=0.2)

    assert gates["max_cost_increase"].verdict is Verdict.NO_BASELINE
    assert gates["max_cost_increase"].explanation == (
        "the baseline keeps no cost of the cases that can be compared; save a new one with "
        "'pytest --evals-save-baseline'"
    )


def test_where_nothing_is_paired_the_gate_on_cost_is_silent() -> None:
    assert list(decide_all(make_comparison(), max_cost_increase=0.2)) == ["score"]


def test_the_metric_of_the_score_gate_is_the_score() -> None:
    other = make_effect(0.9, SURE, metric="pass_rate")

    evidence = decide_score(make_comparison(other, make_effect(0.0, 1.0))).evidence

    assert evidence is not None
    assert evidence.effect.metric == SCORE

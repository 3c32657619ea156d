from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from pytest_promptevals.comparison.effects import SAME_FIGURE, SAME_LENGTH, compute_effects
from pytest_promptevals.comparison.scored import Pair
from pytest_promptevals.history import baselines
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from tests.support.sample_results import make_case, make_result


def pair(name: str, before: float, after: float, *, then: dict[str, Any] | None = None, **now: Any) -> Pair:
    """A case without output, cost or latency unless they are given."""
    unknown = {"output_length": None, "cost": None, "latency": None}
    base = make_case(name, before, **{**unknown, **(then or {})})
    return Pair(make_result(name, after, **{"trials": (Trial(1, None, score=after),), **now}), base)


def effects_of(*pairs: Pair) -> dict[str, Effect]:
    return {effect.metric: effect for effect in compute_effects(pairs)}


def scores_of(*scores: tuple[str, float]) -> tuple[Score, ...]:
    return tuple(Score(judge, value, passed=value >= 0.5) for judge, value in scores)


def test_of_no_pairs_there_are_no_effects() -> None:
    assert compute_effects([]) == ()


def test_score_and_pass_rate_are_weighted_and_positive_where_the_run_is_worse() -> None:
    effects = effects_of(pair("a", 1.0, 0.2, weight=3.0), pair("b", 0.4, 0.8))

    score, passes = effects["score"], effects["pass_rate"]
    assert (score.before, score.after, score.worse_by) == pytest.approx((0.85, 0.35, 0.5))
    assert (passes.before, passes.after, passes.worse_by) == pytest.approx((0.75, 0.25, 0.5))
    assert (score.cases, score.groups) == (2, 2)
    assert score.low is not None
    assert score.high is not None
    assert -1 <= score.low < 0.5 < score.high <= 1


def test_single_trials_of_pass_or_fail_are_an_exact_test_of_mcnemar() -> None:
    changes = [(1.0, 0.0)] * 9 + [(0.0, 1.0)] * 2 + [(1.0, 1.0)] * 5

    score = effects_of(*(pair(f"{n}", *change) for n, change in enumerate(changes)))["score"]

    assert score.p_worse == pytest.approx(stats.binomtest(9, 11, alternative="greater").pvalue)
    assert score.p_better == pytest.approx(stats.binomtest(2, 11, alternative="greater").pvalue)


def test_cases_of_a_group_change_their_signs_together() -> None:
    alone = [pair(f"{n}", 1.0, 0.0) for n in range(6)]
    grouped = [pair(f"{n}", 1.0, 0.0, group=f"g{n // 3}") for n in range(6)]

    apart, together = effects_of(*alone)["score"], effects_of(*grouped)["score"]
    assert (apart.groups, together.groups) == (6, 2)
    assert (apart.p_worse, together.p_worse) == pytest.approx((1 / 64, 1 / 4))


def test_the_variants_of_a_case_are_a_group() -> None:
    score = effects_of(pair("a[1]", 1.0, 0.0), pair("a[2]", 1.0, 0.0), pair("b", 1.0, 0.0))["score"]

    assert (score.cases, score.groups) == (3, 2)


def test_a_group_and_a_case_of_the_same_name_are_two() -> None:
    assert effects_of(pair("a", 1.0, 0.0), pair("b", 1.0, 0.0, group="a"))["score"].groups == 2


def test_a_case_without_weight_has_no_part_in_scores() -> None:
    effects = effects_of(
        pair("a", 1.0, 0.5, weight=0.0, then={"cost": 0.1}, trials=(Trial(1, Response("x", cost=0.2)),))
    )

    assert list(effects) == ["cost"]


def test_each_judge_common_to_both_sides_has_an_effect() -> None:
    pairs = [
        pair("a", 1.0, 0.5, then={"scores": {"one": 1.0, "old": 1.0}}, scores=scores_of(("one", 0.4), ("new", 1.0))),
        pair("b", 1.0, 0.5, then={"scores": {"one": 0.8, "two": 0.5}}, scores=scores_of(("one", 0.8), ("two", 0.9))),
    ]

    effects = effects_of(*pairs)

    assert [metric for metric in effects if metric.startswith("judges.")] == ["judges.one", "judges.two"]
    assert effects["judges.one"].worse_by == pytest.approx(0.3)
    assert effects["judges.two"].cases == 1
    assert effects["judges.two"].worse_by == pytest.approx(-0.4)


def test_a_cost_is_that_of_one_trial_and_not_weighted() -> None:
    trials = tuple(Trial(n, Response("x", cost=0.02), score=1.0) for n in (1, 2, 3))

    cost = effects_of(
        pair("a", 1.0, 1.0, then={"cost": 0.01}, trials=trials, weight=5.0),
        pair("b", 1.0, 1.0, then={"cost": 0.06, "trials": 2}, trials=trials[:1]),
    )["cost"]

    assert (cost.before, cost.after, cost.worse_by) == pytest.approx((0.02, 0.02, 0.0))


def test_figures_that_a_baseline_rounded_are_the_same() -> None:
    pairs = [
        pair(
            f"{n}",
            1.0,
            1.0,
            then={"cost": 0.00123, "latency": 0.668, "output_length": 1_230.0},
            trials=(Trial(1, Response("x" * 1_234, cost=0.0012345, latency=0.6675), score=1.0),),
        )
        for n in range(12)
    ]

    effects = effects_of(*pairs)

    for metric in ("cost", "latency_p50", "latency_p95", "output_length"):
        effect = effects[metric]
        assert (effect.worse_by, effect.p_worse, effect.p_better) == (0.0, 1.0, 1.0), metric
        assert effect.before == effect.after


def test_rounding_to_what_a_baseline_keeps_is_less_than_what_counts_as_the_same() -> None:
    figure, length = baselines.round_figure(1.0049999), baselines.round_length(7.049999)

    assert figure is not None
    assert abs(figure - 1.0049999) <= SAME_FIGURE * figure
    assert length is not None
    assert abs(length - 7.049999) <= SAME_LENGTH


def timed(name: str, before: float, after: float, trials: int = 1, **changes: Any) -> Pair:
    now = tuple(Trial(n, Response("x", latency=after), score=1.0) for n in range(1, trials + 1))
    return pair(name, 1.0, 1.0, then={"latency": before}, trials=now, **changes)


def test_slower_cases_show_in_the_percentiles_of_latency() -> None:
    source = np.random.default_rng(5)
    before = source.lognormal(0, 0.3, 200)

    effects = effects_of(*(timed(f"{n}", value, 1.5 * value) for n, value in enumerate(before.tolist())))

    p50, p95 = effects["latency_p50"], effects["latency_p95"]
    assert (p50.before, p50.after) == pytest.approx((np.quantile(before, 0.5), 1.5 * np.quantile(before, 0.5)))
    assert p95.worse_by == pytest.approx(0.5 * np.quantile(before, 0.95))
    assert p50.p_worse is not None
    assert p50.p_worse < 0.001
    assert p95.p_worse is not None
    assert p95.p_worse < 0.05
    assert p50.low is not None
    assert p50.high is not None
    assert 0 < p50.low < p50.worse_by < p50.high


def test_longer_outputs_are_worse() -> None:
    longer = [
        pair(f"{n}", 1.0, 1.0, then={"output_length": 100.0}, trials=(Trial(1, Response("x" * (120 + n)), score=1.0),))
        for n in range(12)
    ]

    length = effects_of(*longer)["output_length"]

    assert (length.before, length.worse_by) == pytest.approx((100.0, 25.5))
    assert length.p_worse == pytest.approx(2**-12)
    assert length.low is not None
    assert length.low < 25.5


def test_a_metric_that_one_side_does_not_know_has_no_effect() -> None:
    effects = effects_of(pair("a", 1.0, 0.5, then={"cost": 0.1, "latency": 1.0, "output_length": 3.0}))

    assert list(effects) == ["score", "pass_rate", "judges.exact"]


def test_where_numbers_of_trials_differ_shares_and_percentiles_have_no_test() -> None:
    """Of five trials a case passes that passes more often than not: that is no single trial."""
    effects = effects_of(*(timed(f"{n}", 1.0, 2.0, trials=5) for n in range(10)))

    for metric in ("pass_rate", "latency_p50", "latency_p95"):
        effect = effects[metric]
        assert (effect.p_worse, effect.p_better, effect.low, effect.high, effect.error) == (None,) * 5, metric
        assert effect.cases == 10
    assert effects["score"].p_worse is not None


def test_where_numbers_of_trials_differ_costs_and_lengths_have_an_interval_but_no_test() -> None:
    """The mean of five answers is less lopsided than one answer: signs that flip are red in 13 % of such runs."""
    dear = [Trial(n, Response("x" * 20, cost=0.002), score=1.0) for n in range(1, 6)]
    then = {"cost": 0.001, "output_length": 10.0}

    effects = effects_of(*(pair(f"{n}", 1.0, 1.0, then=then, trials=tuple(dear)) for n in range(10)))

    for metric, worse_by in (("cost", 0.001), ("output_length", 10.0)):
        effect = effects[metric]
        assert (effect.p_worse, effect.p_better, effect.error) == (None, None, None), metric
        assert effect.worse_by == pytest.approx(worse_by), metric
        assert effect.low is not None


def test_a_scatter_without_a_test_promises_no_drop_that_would_be_found() -> None:
    assert effects_of(pair("a", 1.0, 0.0, then={"trials": 3}))["score"].error is None


def with_trials(
    name: str,
    before: tuple[float, ...],
    now: tuple[float, ...],
    then_scores: dict[str, float] | None = None,
    **changes: Any,
) -> Pair:
    then: dict[str, Any] = {"trials": len(before), "trial_scores": before if len(before) > 1 else ()}
    then |= {} if then_scores is None else {"scores": then_scores}
    trials = tuple(Trial(n, None, score=score) for n, score in enumerate(now, 1))
    return pair(name, sum(before) / len(before), sum(now) / len(now), then=then, trials=trials, **changes)


def test_unequal_trials_change_sides_one_by_one() -> None:
    """One failure among six trials is as likely to be the baseline's as any other."""
    pairs = [with_trials(f"{n}", (1.0,), (1.0, 1.0, 0.0, 1.0, 1.0)) for n in range(3)]

    score = effects_of(*pairs)["score"]

    # Each case is at its worse place in five of six turns; what is worse still there is none of.
    assert score.p_worse == pytest.approx((5 / 6) ** 3)
    assert score.p_better == pytest.approx(1.0)


def test_trials_of_a_group_turn_together() -> None:
    pairs = [with_trials(f"{n}", (0.0,), (1.0, 1.0), group="g") for n in range(4)]

    assert effects_of(*pairs)["score"].p_better == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("a", 1.0, 0.0, then={"trials": 3})],
        [with_trials("a", (1.0,), (0.0, 0.0), group="g"), with_trials("b", (1.0,), (0.0, 0.0, 0.0), group="g")],
    ],
    ids=["the baseline's trials are not known", "a group with several numbers of trials"],
)
def test_unequal_trials_that_cannot_turn_prove_nothing(pairs: list[Pair]) -> None:
    """To flip their signs would raise false alarms: of five trials nearly all cases fail one, of one nearly none."""
    score = effects_of(*pairs)["score"]

    assert (score.p_worse, score.p_better) == (None, None)
    assert score.low is not None


def test_one_case_with_another_number_of_trials_is_enough_to_prove_nothing_of_what_passed() -> None:
    alike = [with_trials(f"{n}", (1.0,), (0.0,)) for n in range(7)]
    odd = with_trials("odd", (1.0,), (1.0, 0.0, 0.0))

    assert effects_of(*alike)["pass_rate"].p_worse == pytest.approx(0.5**7)
    rate = effects_of(*alike, odd)["pass_rate"]
    assert (rate.p_worse, rate.p_better, rate.low, rate.high, rate.error) == (None,) * 5


def test_other_numbers_of_trials_prove_something_of_a_judge_that_is_alone() -> None:
    pairs = [
        one._replace(
            now=dataclasses.replace(cast("CaseResult", one.now), scores=scores_of(("exact", one.now.score or 0.0)))
        )
        for one in (
            with_trials(f"{n}", (1.0,), (1.0, 1.0, 0.0, 1.0, 1.0), then_scores={"exact": 1.0}) for n in range(3)
        )
    ]

    effects = effects_of(*pairs)

    assert effects["judges.exact"].p_worse == effects["score"].p_worse == pytest.approx((5 / 6) ** 3)


def test_other_numbers_of_trials_prove_nothing_of_one_judge_among_others() -> None:
    pairs = [
        one._replace(
            now=dataclasses.replace(
                cast("CaseResult", one.now), scores=scores_of(("exact", 0.6), ("fuzzy", 1.0)), score=0.8
            )
        )
        for one in (with_trials(f"{n}", (1.0,), (1.0, 0.6), then_scores={"exact": 1.0, "fuzzy": 1.0}) for n in range(9))
    ]

    effect = effects_of(*pairs)["judges.exact"]

    assert (effect.p_worse, effect.p_better) == (None, None)
    assert effect.worse_by == pytest.approx(0.4)


def test_equal_trials_flip_as_one() -> None:
    assert effects_of(with_trials("a", (1.0, 1.0), (0.0, 0.0)))["score"].p_worse == 0.5


def test_the_noise_is_split_into_that_of_cases_trials_and_judges() -> None:
    """Many cases whose parts are known: changes of 0.2, trials of 0.1, a judge of 0.05 that is half of the score."""
    source = np.random.default_rng(7)
    pairs = []
    for number in range(2_000):
        middle, change = source.uniform(0.3, 0.7), source.normal(0, 0.2)
        before, now = source.normal(middle, 0.1, 3), source.normal(middle - change, 0.1, 5)
        judged = Score("j", 0.5, passed=True, details={"judge_noise": 0.05 * (2**0.5 if number % 2 else 0)})
        pairs.append(
            with_trials(
                f"{number}",
                tuple(before.tolist()),
                tuple(now.tolist()),
                scores=(judged, Score("exact", 1.0, passed=True)),
            )
        )
    pairs = [
        Pair(
            dataclasses.replace(
                item.now,  # type: ignore[type-var] # it is a CaseResult
                trials=tuple(dataclasses.replace(trial, scores=(item.now.scores[0],)) for trial in item.now.trials),
            ),
            item.before,
        )
        for item in pairs
    ]

    noise = effects_of(*pairs)["score"].noise

    assert noise is not None
    assert noise.between_trials == pytest.approx(0.1, rel=0.03)
    assert noise.between_cases == pytest.approx(0.2, rel=0.06)
    assert noise.judge == pytest.approx(0.025)
    assert noise.trials == 5


def test_the_noise_of_a_judge_is_that_of_its_samples() -> None:
    judged = (Score("j", 0.5, passed=True, details={"judge_noise": 0.2}), Score("exact", 1.0, passed=True))
    now = {"scores": judged, "trials": (Trial(1, None, judged, 0.75),)}

    effects = effects_of(pair("a", 1.0, 0.75, then={"scores": {"j": 1.0, "exact": 1.0}}, **now))

    assert effects["judges.j"].noise is not None
    assert effects["judges.j"].noise.judge == pytest.approx(0.2)
    assert effects["judges.exact"].noise is None
    assert effects["score"].noise is not None
    assert effects["score"].noise.between_trials is None
    assert effects["score"].noise.between_cases is None


def test_without_repeated_trials_and_samples_nothing_is_known_of_the_noise() -> None:
    assert effects_of(pair("a", 1.0, 0.5))["score"].noise is None


def test_noise_between_cases_is_never_negative() -> None:
    pairs = [with_trials(f"{n}", (0.0, 1.0), (1.0, 0.0)) for n in range(5)]

    noise = effects_of(*pairs)["score"].noise

    assert noise is not None
    assert noise.between_cases == 0.0
    assert noise.between_trials == pytest.approx(0.5**0.5)


def test_of_one_case_the_noise_between_cases_is_not_known() -> None:
    noise = effects_of(with_trials("a", (0.0, 1.0), (1.0, 0.0)))["score"].noise

    assert noise is not None
    assert noise.between_cases is None


def test_judges_without_weight_make_no_noise_in_the_score() -> None:
    judged = (Score("j", 0.5, passed=True, weight=0.0, details={"judge_noise": 0.2}),)

    score = effects_of(pair("a", 1.0, 0.5, scores=judged, trials=(Trial(1, None, judged, 0.5),)))["score"]

    assert score.noise is None


def test_rounded_thirds_are_still_exact() -> None:
    case: BaselineCase = make_case("x", 0.333333)
    pairs = [Pair(make_result(f"{n}", 2 / 3, group="g" if n < 2 else None), case) for n in range(20)]

    assert effects_of(*pairs)["score"].p_better == pytest.approx(2**-19)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_weights_means_nothing(unit: float) -> None:
    effects = effects_of(*(pair(f"{n}", 1.0, 0.0, weight=unit) for n in range(8)))

    assert effects["score"].p_worse == pytest.approx(1 / 2**8)

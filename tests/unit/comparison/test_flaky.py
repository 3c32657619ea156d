from __future__ import annotations

import pytest

from pytest_promptevals.comparison.flaky import FEWEST_TRIALS, find_flakiness, pass_probability
from pytest_promptevals.records.past import RunTrials


def runs(outcomes: str, fingerprint: str = "now") -> list[RunTrials]:
    """One run of one trial for each letter: ``p`` passed, ``f`` failed."""
    return [RunTrials(fingerprint, 1, int(outcome == "p")) for outcome in outcomes]


@pytest.mark.parametrize(
    ("passes", "trials", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_one_of_published_tables(passes: int, trials: int, low: float, high: float) -> None:
    known = pass_probability(passes, trials)

    assert (known.low, known.high) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_is_the_one_of_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is an oracle of some setups")
    for trials in (1, 5, 10, 333):
        for passes in {0, 1, trials // 2, trials}:
            known = pass_probability(passes, trials)
            expected = proportion.proportion_confint(passes, trials, 0.05, method="wilson")
            assert (known.low, known.high) == pytest.approx(expected, abs=1e-12)


def test_a_case_that_passed_and_failed_and_passed_again_is_flaky() -> None:
    found = find_flakiness(runs("ppfppfpppf"), "now")

    assert found is not None
    assert (found.probability.passes, found.probability.trials, found.is_unchanged) == (7, 10, True)


@pytest.mark.parametrize(
    "outcomes",
    ["", "pppppppppp", "ffffffffff", "pfpp", "ppppppfff", "p" * 30 + "fp"],
    ids=["unknown", "always passes", "always fails", "too few trials", "broken since a day", "an accident"],
)
def test_a_case_is_not_flaky_where_it(outcomes: str) -> None:
    assert find_flakiness(runs(outcomes), "now") is None


def test_one_of_twenty_is_no_accident() -> None:
    assert find_flakiness(runs("p" * 18 + "fp"), "now") is not None


def test_trials_of_one_run_that_differ_make_a_case_flaky() -> None:
    assert find_flakiness([RunTrials("now", 5, 3)], "now") is not None


def test_after_a_change_the_newest_trials_before_it_tell() -> None:
    past = [*runs("fffff", "oldest"), *runs("pfpfp", "before"), *runs("f")]

    found = find_flakiness(past, "now")

    assert found is not None
    assert (found.probability.passes, found.probability.trials, found.is_unchanged) == (3, 5, False)


def test_a_few_trials_before_a_change_tell_nothing() -> None:
    assert find_flakiness(runs("pfpp", "before"), "now") is None


def test_what_enough_trials_of_now_say_is_not_overruled_by_earlier_ones() -> None:
    assert find_flakiness([*runs("pfpfp", "before"), *runs("f" * FEWEST_TRIALS)], "now") is None


def test_a_flaky_case_that_breaks_is_no_longer_flaky() -> None:
    assert find_flakiness(runs("pfpfp" + "f" * 5), "now") is not None
    assert find_flakiness(runs("pfpfp" + "f" * 6), "now") is None


def test_a_case_that_fails_more_often_than_not_may_fail_longer() -> None:
    assert find_flakiness(runs("pfffp" + "f" * 8), "now") is not None

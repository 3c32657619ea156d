"""Further trials of an eval file, round by round."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.comparison.rounds import Rounds, trial_pairs
from pytest_promptevals.comparison.scored import Pair
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import CaseResult, Score, Trial
from tests.support.sample_results import make_case, make_result

SCORE = "score"
EXACT = "judges.exact"


def result_of(name: str, *scores: float, **changes: Any) -> CaseResult:
    """A result whose trials had those scores."""
    trials = tuple(
        Trial(number, None, (Score("exact", value, passed=value >= 0.5),), value, value >= 0.5)
        for number, value in enumerate(scores, start=1)
    )
    mean = sum(scores) / len(scores)
    over_all = (Score("exact", mean, passed=mean >= 0.5),)
    return dataclasses.replace(make_result(name, mean), trials=trials, scores=over_all, **changes)


def case_of(name: str, *scores: float, **changes: Any) -> BaselineCase:
    """What a baseline keeps of those scores."""
    kept = scores if len(scores) > 1 else ()
    mean = sum(scores) / len(scores)
    return make_case(name, mean, trials=len(scores), trial_scores=kept, **changes)


def pairs_of(*results: CaseResult, before: float = 1.0) -> list[Pair]:
    return [Pair(result, case_of(result.name, before)) for result in results]


def broken(count: int, trials: int, of: int = 20) -> list[Pair]:
    """Cases of which some fail in every trial."""
    scores = [(0.0 if number < count else 1.0,) * trials for number in range(of)]
    return pairs_of(*(result_of(f"c{number:02}", *values) for number, values in enumerate(scores)))


def test_each_round_doubles_the_trials_until_there_are_enough() -> None:
    rounds = Rounds(pairs_of(result_of("a", 0.0), result_of("b", 0.0, 0.0, 1.0)), {"a", "b"}, 8, {SCORE: 0.1})

    assert rounds.planned == 4
    assert rounds.next_round() == {"a": 2, "b": 6}
    rounds.take(pairs_of(result_of("b", *[0.0] * 6), result_of("a", 0.0, 0.0)))
    assert rounds.next_round() == {"a": 4, "b": 8}
    rounds.take(pairs_of(result_of("a", *[0.0] * 4), result_of("b", *[0.0] * 8)))
    assert rounds.next_round() == {"a": 8}
    rounds.take(pairs_of(result_of("a", *[0.0] * 8), result_of("b", *[0.0] * 8)))
    assert rounds.next_round() == {}
    assert rounds.looks == rounds.planned


def test_a_case_that_missed_a_round_catches_up() -> None:
    rounds = Rounds(pairs_of(result_of("a", 0.0), result_of("b", 0.0)), {"a", "b"}, 4, {SCORE: 0.1})

    rounds.take(pairs_of(result_of("a", 0.0, 0.0), result_of("b", 0.0)))

    assert rounds.next_round() == {"a": 4, "b": 4}


def test_cases_that_cannot_grow_stay_as_they_are() -> None:
    rounds = Rounds(pairs_of(result_of("a", 0.0), result_of("b", 0.0)), {"b"}, 2, {SCORE: 0.1})

    assert rounds.next_round() == {"b": 2}


def test_without_cases_there_is_nothing_to_plan() -> None:
    assert Rounds([], (), 8, {SCORE: 0.1}).planned == 1


def test_a_drop_gets_clearer_with_trials_that_agree() -> None:
    rounds = Rounds(pairs_of(*(result_of(f"c{n}", 0.0 if n < 4 else 1.0) for n in range(20))), (), 8, {SCORE: 0.1})
    assert rounds.planned == 1
    assert rounds.p_value(SCORE) == 0.5**4


def test_what_a_look_has_found_stays_found() -> None:
    names = {f"c{number:02}" for number in range(20)}
    rounds = Rounds(broken(6, 1), names, 8, {SCORE: 0.1})
    found = rounds.p_value(SCORE)

    rounds.take(broken(0, 2))

    assert rounds.p_value(SCORE) == found


def test_trials_that_always_agree_are_futile_and_a_level_in_reach_is_not() -> None:
    names = {f"c{number:02}" for number in range(20)}
    rounds = Rounds(broken(3, 2), names, 8, {SCORE: 0.1})

    assert rounds.is_futile(SCORE, 0.01)
    assert not rounds.is_futile(SCORE, 0.4)


def test_nothing_is_futile_before_anything_was_tried_twice() -> None:
    assert not Rounds(broken(3, 1), {"c00"}, 8, {SCORE: 0.1}).is_futile(SCORE, 0.01)


def test_metrics_whose_trials_are_not_known_are_left_out() -> None:
    results = result_of("a", 0.0)
    unknown = [Pair(results, make_case("a", 0.5, trials=3))]
    of_score = [Pair(results, case_of("a", 1.0, 0.0))]

    assert Rounds(unknown, {"a"}, 8, {SCORE: 0.1, EXACT: 0.1}).limits == {}
    # A baseline keeps each trial's score, and of each judge only one over all of them.
    assert Rounds(of_score, {"a"}, 8, {SCORE: 0.1, EXACT: 0.2}).limits == {SCORE: 0.1}
    assert Rounds(pairs_of(results), {"a"}, 8, {SCORE: 0.1, EXACT: 0.2}).limits == {SCORE: 0.1, EXACT: 0.2}


def test_trials_of_both_sides_are_read() -> None:
    pair = Pair(result_of("a", 0.0, 1.0, weight=2.0, group="g"), case_of("a", 1.0, 0.5))

    trials = trial_pairs([pair], SCORE)

    assert trials is not None
    assert (trials[0].before, trials[0].after) == ((1.0, 0.5), (0.0, 1.0))
    assert (trials[0].weight, trials[0].group) == (2.0, "g")


@pytest.mark.parametrize("metric", [SCORE, EXACT, "judges.other"])
def test_scores_that_are_no_mean_of_the_trials_are_not_known(metric: str) -> None:
    now = dataclasses.replace(result_of("a", 0.0, 1.0), score=1.0, scores=(Score("exact", 1.0, passed=True),))

    assert trial_pairs([Pair(now, case_of("a", 1.0))], metric) is None


def test_a_baseline_whose_score_was_changed_since_its_trials_is_not_known() -> None:
    before = dataclasses.replace(case_of("a", 1.0, 0.0), score=0.9)

    assert trial_pairs([Pair(result_of("a", 1.0), before)], SCORE) is None


def test_a_judge_without_a_score_is_not_known() -> None:
    assert trial_pairs([Pair(result_of("a", 1.0), case_of("a", 1.0, scores={}))], EXACT) is None

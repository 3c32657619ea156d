"""Panels, samples and fallbacks around a judge's one grade from one model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from pytest_promptevals.errors import (
    CallNotMadeError,
    JudgeError,
    PromptEvalsError,
    ProviderConnectionError,
    ProviderStatusError,
)
from pytest_promptevals.judges.model.polling import Poll, take_poll
from pytest_promptevals.judges.model.voting import Aggregate
from pytest_promptevals.records.results import Grade

UNREADABLE = JudgeError("no verdict that can be read. Try another.")
DOWN = ProviderConnectionError("the server is down")
SPENT = CallNotMadeError("not run: budget", reason="budget")
MISS = CallNotMadeError("not recorded", reason="replay")


@dataclass
class Models:
    """Models that give grades, or raise errors, in turn."""

    answers: Mapping[str, Sequence[float | Exception]]
    asked: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    async def grade_with(self, model: str) -> Grade:
        """Give the model's next answer."""
        number = self.asked.count(model)
        self.asked.append(model)
        await asyncio.sleep(0)
        answer = self.answers[model][number]
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(0)
        self.finished.append(model)
        return Grade(answer, f"{model} says {answer:g}", details={"model": model, "rubric": "tone"})


def take(poll: Poll, **answers: Sequence[float | Exception]) -> tuple[Grade, Models]:
    models = Models(answers)
    return asyncio.run(take_poll(poll, models.grade_with)), models


def test_one_model_asked_once_gives_the_grade_as_it_is() -> None:
    grade, models = take(Poll(("a",)), a=[0.5])
    assert grade == Grade(0.5, "a says 0.5", details={"model": "a", "rubric": "tone"})
    assert models.asked == ["a"]


@pytest.mark.parametrize("error", [UNREADABLE, DOWN, SPENT])
@pytest.mark.parametrize("poll", [Poll(("a",)), Poll(("a",), samples=2)])
def test_the_error_of_the_only_model_is_raised_as_it_is(error: Exception, poll: Poll) -> None:
    with pytest.raises(PromptEvalsError) as caught:
        take(poll, a=[error, error])
    assert caught.value is error


def test_samples_give_their_mean_and_their_noise() -> None:
    grade, models = take(Poll(("a",), samples=3), a=[0.5, 0.75, 1.0])
    assert models.asked == ["a", "a", "a"]
    assert grade.value == 0.75
    assert grade.explanation == "3 samples, noise 0.25; a says 0.75"
    assert grade.details == {"model": "a", "rubric": "tone", "samples": [0.5, 0.75, 1.0], "judge_noise": 0.25}


def test_samples_without_words_have_noise_in_their_explanation() -> None:
    async def silent(model: str) -> Grade:
        return Grade(0.5)

    assert asyncio.run(take_poll(Poll(("a",), samples=2), silent)).explanation == "2 samples, noise 0"


def test_a_sample_that_fails_is_named_and_the_others_count() -> None:
    grade, _ = take(Poll(("a",), samples=3), a=[0.5, UNREADABLE, 1.0])
    assert grade.value == 0.75
    assert grade.explanation == (
        "3 samples, noise 0.35; a says 0.5\na gave no grade in 1 of 3 samples: no verdict that can be read"
    )
    assert grade.details is not None
    assert grade.details["samples"] == [0.5, 1.0]


def test_one_sample_that_is_left_has_no_noise() -> None:
    grade, _ = take(Poll(("a",), samples=2), a=[UNREADABLE, 1.0])
    assert grade.details == {"model": "a", "rubric": "tone", "samples": [1.0]}
    assert grade.explanation == "a says 1\na gave no grade in 1 of 2 samples: no verdict that can be read"


def test_a_panel_is_asked_at_once_and_aggregated() -> None:
    grade, models = take(Poll(("a", "b", "c"), aggregate="min"), a=[1.0], b=[0.5], c=[0.75])
    assert models.asked == ["a", "b", "c"]
    assert grade.value == 0.5
    assert grade.details == {
        "rubric": "tone",
        "votes": {"a": 1.0, "b": 0.5, "c": 0.75},
        "aggregate": "min",
        "agreement": 0.0,
    }


def test_each_of_a_panel_gives_as_many_samples() -> None:
    grade, models = take(Poll(("a", "b"), samples=2), a=[0.0, 0.5], b=[1.0, 1.0])
    assert sorted(models.asked) == ["a", "a", "b", "b"]
    assert grade.value == 0.625
    assert grade.explanation.startswith(
        "2 samples of each model, noise 0.25; mean of a 0.25, b 1 (0% of the pairs agree)"
    )
    assert grade.details is not None
    assert (grade.details["votes"], grade.details["samples"]) == ({"a": 0.25, "b": 1.0}, [0.0, 0.5, 1.0, 1.0])
    assert grade.details["judge_noise"] == 0.25


@pytest.mark.parametrize("error", [UNREADABLE, DOWN, CallNotMadeError("not run: x", reason="unreachable")])
def test_a_model_of_a_panel_that_gives_no_grade_is_named_and_the_others_count(error: Exception) -> None:
    grade, _ = take(Poll(("a", "b", "c")), a=[1.0], b=[error], c=[0.5])
    reason = str(error).removesuffix(". Try another.")
    assert grade.value == 0.75
    assert grade.explanation == f"mean of a 1, c 0.5 (0% of the pairs agree); c: c says 0.5\nb gave none: {reason}"
    assert grade.details is not None
    assert grade.details["votes"] == {"a": 1.0, "c": 0.5}
    assert grade.details["no_grade"] == {"b": reason}
    assert "fallback" not in grade.details


@pytest.mark.parametrize("poll", [Poll(("a",)), Poll(("a", "b")), Poll(("a",), samples=2), Poll(("a",), ("b",))])
def test_a_value_is_without_the_dust_of_floats(poll: Poll) -> None:
    # Three dimensions of equal weight, 7 of 10 each.
    grade, _ = take(poll, a=[(0.7 + 0.7 + 0.7) / 3, 0.7], b=[0.7])
    assert (0.7 + 0.7 + 0.7) / 3 < 0.7
    assert grade.value == 0.7


def test_a_model_without_a_grade_counts_against_a_majority() -> None:
    grade, _ = take(Poll(("a", "b", "c"), aggregate="majority"), a=[1.0], b=[DOWN], c=[0.5])
    assert grade.value == 0.5
    assert "majority of a 1, c 0.5 and 1 of 3 without a grade, which counts against it" in grade.explanation


@pytest.mark.parametrize(("how", "share"), [("majority", "more than half"), ("min", "all")])
def test_too_few_grades_for_a_decision_of_the_panel_are_an_error(how: Aggregate, share: str) -> None:
    with pytest.raises(JudgeError) as caught:
        take(Poll(("a", "b", "c"), aggregate=how, where="x.yaml:3: judge 'r': "), a=[1.0], b=[UNREADABLE], c=[DOWN])
    assert str(caught.value) == (
        f"x.yaml:3: judge 'r': {how!r} needs a grade of {share} of the 3 models, and got 1: b: no verdict that can be "
        "read. Try another; c: the server is down; add a `fallback`, or take another `aggregate`, which leaves out "
        "models without a grade"
    )
    assert caught.value.__cause__ is UNREADABLE


def test_a_fallback_that_is_there_is_not_advised() -> None:
    with pytest.raises(JudgeError) as caught:
        take(Poll(("a", "b"), ("c",), aggregate="majority"), a=[1.0], b=[UNREADABLE], c=[DOWN])
    assert str(caught.value) == (
        "'majority' needs a grade of more than half of the 2 models, and got 1: b: no verdict that can be read. Try "
        "another; c: the server is down; take another `aggregate`, which leaves out models without a grade"
    )


def test_a_fallback_fills_the_seat_of_a_model_without_a_grade() -> None:
    hows: tuple[Aggregate, ...] = ("majority", "min")
    for how in hows:
        poll = Poll(("a", "b"), ("c",), aggregate=how)
        grade, _ = take(poll, a=[1.0], b=[DOWN], c=[0.5])
        assert (grade.value, "without a grade" in grade.explanation) == (0.5, False)


def test_a_model_that_gives_some_of_its_samples_has_a_vote() -> None:
    grade, _ = take(Poll(("a", "b"), samples=2, aggregate="min"), a=[1.0, DOWN], b=[0.5, 0.5])
    assert grade.value == 0.5
    assert "no_grade" not in (grade.details or {})


def test_no_other_is_asked_once_a_fallback_has_answered() -> None:
    grade, models = take(Poll(("a",), ("b", "c")), a=[DOWN], b=[0.5], c=[1.0])
    assert models.asked == ["a", "b"]
    assert grade.value == 0.5


def test_the_place_and_the_model_are_said_once_and_the_reason_in_short() -> None:
    where = "evals/a.eval.yaml:3: judge 'rubric': "
    long = JudgeError(f"{where}a gave no verdict that can be read, asked twice: {'because ' * 50}")
    grade, _ = take(Poll(("a",), ("b",), where=where), a=[long], b=[0.5])
    reason = f"no verdict that can be read, asked twice: {'because ' * 50}"
    assert grade.explanation == f"b says 0.5\na gave none: {reason[:90]}…; asked instead: b"
    assert (grade.details or {})["no_grade"] == {"a": f"{reason[:90]}…"}
    reason = reason.removesuffix(".")
    with pytest.raises(JudgeError) as caught:
        take(Poll(("a",), ("b",), where=where), a=[long], b=[DOWN])
    assert str(caught.value) == (
        f"{where}none of 2 judge models gave a grade: a: {reason[:300]}…; b: the server is down"
    )


def test_a_panel_of_which_nobody_gives_a_grade_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        take(Poll(("a", "b")), a=[UNREADABLE], b=[DOWN])
    assert str(caught.value) == (
        "none of 2 judge models gave a grade: a: no verdict that can be read. Try another; b: the server is down"
    )
    assert caught.value.__cause__ is UNREADABLE


def test_the_next_model_stands_in_for_one_that_gives_no_grade() -> None:
    grade, models = take(Poll(("a",), ("b", "c")), a=[DOWN], b=[UNREADABLE], c=[0.5])
    assert models.asked == ["a", "b", "c"]
    assert grade.value == 0.5
    assert grade.explanation == (
        "c says 0.5\na gave none: the server is down; b gave none: no verdict that can be read; asked instead: c"
    )
    assert grade.details == {
        "model": "c",
        "rubric": "tone",
        "fallback": "c",
        "no_grade": {"a": "the server is down", "b": "no verdict that can be read"},
    }


def test_a_fallback_is_not_asked_without_need() -> None:
    grade, models = take(Poll(("a",), ("b",)), a=[0.5])
    assert models.asked == ["a"]
    assert grade.explanation == "a says 0.5"
    assert "fallback" not in (grade.details or {})


def test_each_fallback_stands_in_for_one_of_a_panel_only() -> None:
    grade, models = take(Poll(("a", "b", "c"), ("d", "e")), a=[DOWN], b=[0.5], c=[DOWN], d=[1.0], e=[0.75])
    assert models.asked == ["a", "b", "c", "d", "e"]
    assert grade.value == 0.75
    assert grade.details is not None
    assert grade.details["votes"] == {"d": 1.0, "b": 0.5, "e": 0.75}
    assert grade.details["fallback"] == "d, e"


def test_a_fallback_gives_as_many_samples_too() -> None:
    grade, models = take(Poll(("a",), ("b",), samples=2), a=[DOWN, DOWN], b=[0.5, 1.0])
    assert models.asked == ["a", "a", "b", "b"]
    assert grade.value == 0.75


def test_without_any_grade_all_that_were_asked_are_named() -> None:
    with pytest.raises(JudgeError, match="^none of 2 judge models gave a grade: a: the server is down; b: no verdict"):
        take(Poll(("a",), ("b",)), a=[DOWN], b=[UNREADABLE])


@pytest.mark.parametrize(
    "error",
    [SPENT, CallNotMadeError("no quota", reason="quota"), ProviderStatusError("pay", status=429, is_exhausted=True)],
)
@pytest.mark.parametrize(
    ("poll", "place"), [(Poll(("a", "b")), 0), (Poll(("a", "b"), ("c",)), 1), (Poll(("a",), ("c",), samples=2), 0)]
)
def test_a_spent_budget_or_quota_stops_the_judge(error: Exception, poll: Poll, place: int) -> None:
    answers: dict[str, list[float | Exception]] = {"a": [0.5, 0.5], "b": [0.5], "c": [0.5]}
    answers["ab"[place]][0] = error
    with pytest.raises(PromptEvalsError) as caught:
        take(poll, **answers)
    assert caught.value is error


def test_what_is_under_way_comes_to_its_end_before_the_judge_stops() -> None:
    models = Models({"a": [SPENT], "b": [0.5]})
    with pytest.raises(CallNotMadeError):
        asyncio.run(take_poll(Poll(("a", "b")), models.grade_with))
    assert models.finished == ["b"]


def test_a_fault_of_the_judge_itself_is_no_lack_of_a_grade() -> None:
    with pytest.raises(LookupError):
        take(Poll(("a", "b"), ("c",)), a=[LookupError()], b=[0.5], c=[0.5])


@pytest.mark.parametrize("poll", [Poll(("a", "b")), Poll(("a",), samples=2), Poll(("b", "a"), ("c",))])
def test_an_answer_that_a_replay_lacks_is_an_error_and_no_failure_of_a_model(poll: Poll) -> None:
    with pytest.raises(CallNotMadeError) as caught:
        take(poll, a=[MISS, 0.5], b=[0.5], c=[MISS])
    assert caught.value is MISS


def test_a_replay_finds_the_grade_of_the_model_that_stood_in() -> None:
    # What failed was not kept.
    grade, _ = take(Poll(("a",), ("b",)), a=[MISS], b=[0.5])
    assert (grade.value, (grade.details or {}).get("fallback")) == (0.5, "b")

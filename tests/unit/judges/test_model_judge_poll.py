"""What all model judges take: panel, aggregate, fallback and samples."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.rubric_judge import RubricJudge, RubricParameters
from pytest_promptevals.judges.model.rubrics import Rubric
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade
from tests.unit.judges.model_answers import verdict
from tests.unit.judges.word_asks import WordVectors

CASE = Case("a", Location("a.eval.yaml", 3), input="Where is it?")
SUBJECT = JudgeInput(CASE, Response("On its way."))


def judge(**parameters: Any) -> RubricJudge:
    return RubricJudge(RubricParameters.model_validate({"criteria": "It is polite.", **parameters}))


class Panel(WordVectors):
    """An ``ask`` whose models each give their own scores in turn."""

    def __init__(self, **scores: Sequence[object]) -> None:
        self.asked: list[str] = []
        self._scores = scores

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        scores = self._scores[model.partition("/")[2]]
        self.asked.append(model)
        score = scores[self.asked.count(model) - 1]
        return Response(verdict(score) if isinstance(score, int) else str(score))


def test_a_panel_with_samples_asks_each_model_so_often() -> None:
    made = judge(panel=["x/a", "x/b"], samples=2, aggregate="min")
    ask = Panel(a=[5, 5], b=[1, 3])

    grade = asyncio.run(made.judge(SUBJECT, ask))

    assert made.models == ("x/a", "x/a", "x/b", "x/b")
    assert sorted(ask.asked) == sorted(made.models)
    assert grade.value == 0.25
    assert grade.details is not None
    assert (grade.details["votes"], grade.details["agreement"]) == ({"x/a": 1.0, "x/b": 0.25}, 0.0)


def test_a_fallback_answers_where_the_model_gives_nothing_that_can_be_read() -> None:
    made = judge(model="x/a", fallback=["x/b"])
    ask = Panel(a=["well", "well"], b=[5])

    grade = asyncio.run(made.judge(SUBJECT, ask))

    assert (made.models, made.fallback_models) == (("x/a",), ("x/b",))
    assert ask.asked == ["x/a", "x/a", "x/b"]
    assert grade.value == 1.0
    assert grade.details is not None
    assert (grade.details["model"], grade.details["fallback"]) == ("x/b", "x/b")


def test_a_judge_that_names_no_model_asks_none_beforehand() -> None:
    assert judge().models == ()


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"model": "x/a", "panel": ["x/b", "x/c"]}, "give either `model` or `panel`"),
        ({"panel": ["x/a"]}, "a `panel` has at least two models; write one as `model`"),
        ({"model": "x/a", "aggregate": "min"}, "`aggregate` is for a `panel`; add one, or remove it"),
        ({"panel": ["x/a", "x/a"]}, "'x/a' is there twice; `samples` says how often a model is asked"),
        ({"model": "x/a", "fallback": ["x/a"]}, "'x/a' is there twice; `samples` says how often a model is asked"),
        ({"panel": ["x/a", "b"]}, "must be the name of a model as provider/model, such as openai/gpt-5-mini, not 'b'"),
        ({"fallback": ["b"]}, "must be the name of a model as provider/model, such as openai/gpt-5-mini, not 'b'"),
        ({"panel": ["x/a", "x/b"], "aggregate": "max"}, "Input should be 'mean', 'median', 'majority' or 'min'"),
        ({"samples": 0}, "Input should be greater than or equal to 1"),
        ({"samples": 101}, "Input should be less than or equal to 100"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        judge(**parameters)
    assert [error["msg"].removeprefix("Value error, ") for error in caught.value.errors()] == [problem]


def test_a_template_may_give_the_number_of_samples() -> None:
    assert judge(model="x/a", samples="3").models == ("x/a",) * 3


def test_the_size_of_a_rubrics_prompt_grows_with_the_case() -> None:
    small = judge().prompt_size(CASE)
    large = judge().prompt_size(Case("a", CASE.location, input="Where is it?" + "x" * 500))
    assert small is not None
    assert large == small + 500


def test_a_judge_need_not_know_the_size_of_its_prompt() -> None:
    class OwnJudge(ModelJudge[ModelJudgeParameters]):
        name = "own"
        Parameters = ModelJudgeParameters

        async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
            return Grade(1.0)

    assert OwnJudge(ModelJudgeParameters()).prompt_size(CASE) is None


def test_a_judge_that_cannot_judge_an_empty_response_tells_its_calls_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: object, case: Case) -> int:
        raise JudgeError("nothing to judge")

    monkeypatch.setattr(RubricJudge, "prompt_size", refuse)

    assert judge(model="a/m", samples=2).calls_for(SUBJECT) == [JudgeCall("a/m"), JudgeCall("a/m")]


def test_the_details_of_criteria_in_own_words_hold_their_begin() -> None:
    long = "It is polite and short, and it names the day on which the order comes."
    for criteria, kept in (("It is polite.", "It is polite."), (long, f"{long[:40]}…")):
        grade = asyncio.run(judge(criteria=criteria, model="x/a").judge(SUBJECT, Panel(a=[5])))
        assert (grade.details or {})["criteria"] == kept


def test_dimensions_that_all_score_the_threshold_reach_it() -> None:
    class Sevens(WordVectors):
        async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
            return Response('{"reasoning": "", "a": 7, "b": 7, "c": 7, "score": 7}')

    weights = ({"a": 1, "b": 1, "c": 1}, {"a": 0.1, "b": 0.2, "c": 0.3})
    for given in weights:
        made = judge(model="x/a")
        made._rubric = Rubric.model_validate(
            {
                "id": "own",
                "version": 1,
                "category": "own",
                "summary": "Own.",
                "criteria": "It is good.",
                "dimensions": [{"id": key, "weight": weight, "question": "Is it?"} for key, weight in given.items()],
                "scale": {
                    "low": 0,
                    "high": 10,
                    "anchors": [{"value": 0, "means": "bad"}, {"value": 10, "means": "good"}],
                },
                "variables": ["output"],
            }
        )
        assert asyncio.run(made.judge(SUBJECT, Sevens())).value == 0.7

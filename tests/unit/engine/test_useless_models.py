"""What models answer that know nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.engine.useless_models import USELESS_MODELS, Question
from pytest_promptevals.judges.refusals import RefusalJudge, RefusalParameters
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.responses import Message, RenderedPrompt
from tests.unit.judges.grading import make_subject

PLACE = Location("a.eval.yaml", 1)
PROMPT = RenderedPrompt((Message("user", "Say hi"),))


def answers(*cases: Case, position: int = 0, prompt: RenderedPrompt | None = PROMPT) -> dict[str, str | None]:
    question = Question(cases[position], prompt, cases, position)
    return {model.name: model.answer(question) for model in USELESS_MODELS}


def case(name: str = "a", **fields: Any) -> Case:
    return Case(name, PLACE, **fields)


def test_the_empty_answer_is_empty() -> None:
    assert answers(case())["empty"] == ""


def test_the_refusal_is_one_to_the_refusal_judge() -> None:
    refusal = answers(case())["refusal"]

    assert refusal is not None
    assert RefusalJudge(RefusalParameters()).grade(make_subject(refusal)).value == 1.0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input": "Hello", "vars": {"x": "y"}}, "Hello"),
        ({"input": {"a": "é"}}, '{"a": "é"}'),
        ({"input": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]}, "Hi"),
        ({"input": ["a", "b"]}, '["a", "b"]'),
        ({"vars": {"city": "Rome", "days": 3}}, "Rome\n3"),
        ({}, None),
    ],
)
def test_the_echo_is_the_input_or_else_the_variables(fields: dict[str, Any], expected: str | None) -> None:
    assert answers(case(**fields))["echo"] == expected


@pytest.mark.parametrize(("position", "expected"), [(0, "B"), (1, '{"c": 1}'), (3, '{"c": 1}'), (4, "A")])
def test_the_answer_of_another_case_is_that_of_the_next_one_that_differs(position: int, expected: str) -> None:
    cases = (
        case("one", expected=["A", "a"]),
        case("two", expected="B"),
        case("three"),
        case("four", expected="B"),
        case("five", expected={"c": 1}),
    )

    assert answers(*cases, position=position)["shuffled"] == expected


def test_there_is_no_other_answer_where_all_are_the_same() -> None:
    assert answers(case(expected="A"), case("b", expected="A"), case("c"))["shuffled"] is None


def test_the_long_answer_is_far_too_long() -> None:
    assert len(answers(case())["long"] or "") > 30_000


def test_the_prompt_is_repeated_three_times() -> None:
    assert answers(case())["repeat"] == "Say hi\n\nSay hi\n\nSay hi"


@pytest.mark.parametrize("prompt", [None, RenderedPrompt(())])
def test_what_was_not_asked_cannot_be_repeated(prompt: RenderedPrompt | None) -> None:
    assert answers(case(), prompt=prompt)["repeat"] is None

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import JudgeParameters, TextJudge
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.matching import ExactParameters
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import JUDGES


class NoParameters(JudgeParameters):
    """None at all."""


class SilentJudge(TextJudge[NoParameters]):
    """The output is empty."""

    name = "silent"
    Parameters = NoParameters

    def grade(self, subject: JudgeInput) -> Grade:
        return Grade(0.0 if subject.response.text else 1.0)


class ManyParameters(JudgeParameters):
    """Many of them."""

    share: float = Field(default=0.5, le=1, description="A share.")
    mode: Literal["a", "b"] = Field(default="a", description="A mode.")
    items: list[str] = Field(default=[], description="Items.")
    when: bytes = Field(default=b"", description="A type that our own judges do not use.")


class ManyJudge(TextJudge[ManyParameters]):
    """Never used."""

    name = "many"
    shorthand = "mode"
    Parameters = ManyParameters

    def grade(self, subject: JudgeInput) -> Grade:
        raise AssertionError(subject)


def problems(judge_type: Any, argument: Json, parameters: dict[str, Json]) -> tuple[tuple[str, str], ...]:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(judge_type, argument, parameters)
    return caught.value.problems


def test_a_bare_argument_goes_to_the_shorthand() -> None:
    judge: Any = build_judge(JUDGES["exact"], "Paris", {"strip": False})
    assert judge.parameters == ExactParameters(value=["Paris"], strip=False)


def test_no_argument_leaves_the_shorthand_alone() -> None:
    judge: Any = build_judge(JUDGES["exact"], None, {})
    assert judge.parameters == ExactParameters()


def test_the_parameters_handed_in_stay_as_they_are() -> None:
    parameters: dict[str, Json] = {"strip": False}
    build_judge(JUDGES["exact"], "Paris", parameters)
    assert parameters == {"strip": False}


def test_a_judge_without_shorthand_takes_no_bare_argument() -> None:
    assert problems(JUDGES["word_count"], 50, {}) == (
        ("", "takes no bare value, such as 50; write `word_count: {min: ...}`. Parameters: min, max"),
    )


def test_a_judge_without_parameters_says_so() -> None:
    silent: Any = SilentJudge
    assert problems(silent, 50, {}) == (("", "takes no bare value, such as 50; write `silent`"),)
    assert problems(silent, None, {"a": 1}) == (("a", "unknown parameter. Known: name, required, threshold, weight."),)


def test_an_argument_that_is_given_twice_is_refused() -> None:
    assert problems(JUDGES["exact"], "a", {"value": "b"}) == (
        ("value", 'is given twice, as "a" and as "b"; remove one'),
    )


def test_an_unknown_parameter_gets_the_nearest_known_one() -> None:
    assert problems(JUDGES["exact"], None, {"stripp": True}) == (
        ("stripp", "unknown parameter. Did you mean 'strip'?"),
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [("treshold", "threshold"), ("wieght", "weight"), ("requierd", "required"), ("nmae", "name")],
)
def test_the_options_of_every_judge_are_among_the_known(written: str, meant: str) -> None:
    for judge in ("exact", "rubric"):
        assert problems(JUDGES[judge], "What is it?", {written: 1}) == (
            (written, f"unknown parameter. Did you mean {meant!r}?"),
        )


def test_a_parameter_of_the_model_is_told_its_place_where_the_judge_has_one() -> None:
    assert problems(JUDGES["rubric"], "tone", {"temperature": 0}) == (
        ("temperature", "is a parameter of the model's; write `parameters: {temperature: 0}`"),
    )
    ((_, message),) = problems(JUDGES["exact"], "a", {"temperature": 0})
    assert message.startswith("unknown parameter.")


@pytest.mark.parametrize("judge", ["json_equal", "json_subset"])
def test_an_object_in_place_of_the_parameters_gets_advice(judge: str) -> None:
    assert problems(JUDGES[judge], None, {"a": 1}) == (
        (
            "a",
            (
                "unknown parameter. Known: extract, ignore_order, name, relative_tolerance, required, "
                f"threshold, tolerance, value, weight. To give a mapping as the value, write `{judge}: {{value: ...}}`."
            ),
        ),
    )


def test_a_schema_in_place_of_the_parameters_gets_advice() -> None:
    assert problems(JUDGES["json_schema"], None, {"type": "object"}) == (
        ("schema", "is missing"),
        (
            "type",
            (
                "unknown parameter. Known: extract, name, required, schema, threshold, weight. To give a mapping as "
                "the schema, write `json_schema: {schema: ...}`."
            ),
        ),
    )


def test_a_call_in_place_of_the_parameters_gets_advice() -> None:
    ((field, message),) = problems(JUDGES["tool_calls"], None, {"name": "find"})
    assert field == "name"
    assert message.endswith("To give a mapping as the calls, write `tool_calls: {calls: ...}`.")


@pytest.mark.parametrize("judge", ["exact", "fuzzy", "numeric", "regex", "cost", "python", "contains_any"])
def test_judges_of_texts_and_numbers_give_no_advice_on_objects(judge: str) -> None:
    assert not any("To give a mapping" in message for _, message in problems(JUDGES[judge], None, {"zzz": 1}))


def test_all_problems_are_told_at_once() -> None:
    many: Any = ManyJudge
    assert problems(many, "c", {"share": 2, "items": "x", "when": 5}) == (
        ("share", "must be at most 1, not 2"),
        ("mode", "must be one of 'a' or 'b', not \"c\""),
        ("items", 'must be a list, not "x"'),
        ("when", "input should be a valid bytes, not 5"),
    )


def test_the_text_of_the_error_names_the_judge_and_all_problems() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(JUDGES["exact"], None, {"value": {}, "strip": "no"})
    assert caught.value.judge == "exact"
    assert str(caught.value) == (
        "judge 'exact': value: must be a text, a number or a list of these, not {}; to compare JSON data, "
        'use the judge json_equal; strip: must be true or false, not "no"'
    )


def test_parameters_do_not_change_after_the_check() -> None:
    judge: Any = build_judge(JUDGES["exact"], "Paris", {})
    with pytest.raises(ValueError, match="frozen"):
        judge.parameters.strip = False

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.model.judge import shorten_reasoning
from pytest_promptevals.judges.model.rubric_judge import RubricParameters
from pytest_promptevals.judges.model.rubrics import library
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import JUDGES, WHERE, make_subject
from tests.unit.judges.model_answers import ScriptedAsk, verdict
from tests.unit.judges.test_rubrics import OWN

MODEL = "acme/judge"
HELPFUL: dict[str, Any] = {"need": 5, "correctness": 4, "usability": 1}


def make(argument: Json = None, /, **parameters: Json) -> Any:
    return build_judge(JUDGES["rubric"], argument, {"model": MODEL, **parameters})


def judge(instance: Any, subject: JudgeInput, *answers: str | Response) -> tuple[Grade, ScriptedAsk]:
    ask = ScriptedAsk(answers)
    return asyncio.run(instance.judge(subject, ask)), ask


def test_the_grade_is_the_weighted_mean_of_the_dimensions() -> None:
    grade, ask = judge(make("helpfulness"), make_subject("Friday."), verdict(4, "No next step.", **HELPFUL))
    assert grade.value == pytest.approx((2 * 1.0 + 2 * 0.75 + 1 * 0.0) / 5)
    assert grade.explanation == "lowest: usability 1 of 5; No next step."
    assert ask.asked[0].model == MODEL
    assert grade.details == {
        "rubric": "helpfulness@1",
        "model": MODEL,
        "scale": [1, 5],
        "dimensions": HELPFUL,
        "overall": 4,
        "reasoning": "No next step.",
    }


def test_criteria_of_the_users_own_are_scored_as_a_whole() -> None:
    grade, ask = judge(make("The answer names a date."), make_subject("Friday."), verdict(4))
    assert (grade.value, grade.explanation) == (0.75, "4 of 5; Because.")
    assert "## Criteria\n\nThe answer names a date.\n\n## Scale, for the whole" in ask.asked[0].prompt
    assert grade.cost is None


def test_a_score_without_a_reason_has_an_explanation_too() -> None:
    grade, _ = judge(make("It is short."), make_subject("Friday."), "2")
    assert grade.explanation == "2 of 5; 2"
    grade, _ = judge(make("It is short."), make_subject("Friday."), '{"score": 2}')
    assert grade.explanation == "2 of 5"
    assert grade.details == {
        "rubric": "criteria@1",
        "criteria": "It is short.",
        "model": MODEL,
        "scale": [1, 5],
        "overall": 2,
    }


def test_the_judge_is_shown_what_the_rubric_uses_and_no_more() -> None:
    subject = make_subject("Friday.", "On Friday.", context=("It left on Monday.",))
    _, ask = judge(make("helpfulness"), subject, verdict(4, **HELPFUL))
    prompt = ask.asked[0].prompt
    assert [word in prompt for word in ("CONTEXT 1", "QUESTION", "REFERENCE", "RESPONSE")] == [True] * 4
    assert "- REFERENCE: an answer that is known to be right" in prompt
    _, ask = judge(make("grammar"), subject, verdict(4, syntax=4, spelling=4, fluency=4))
    prompt = ask.asked[0].prompt
    assert [word for word in ("CONTEXT", "QUESTION", "REFERENCE", "RESPONSE") if f"<<<{word}" in prompt] == ["RESPONSE"]


def test_criteria_that_hold_text_of_the_case_are_neutralised() -> None:
    _, ask = judge(make("Says <|im_end|> twice."), make_subject("Friday."), verdict(4))
    assert "Says < |im_end| > twice." in ask.asked[0].prompt


def test_a_template_of_the_users_own_is_used(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    instance = make(template="own.yaml")
    instance.check_files((tmp_path,))
    grade, _ = judge(instance, make_subject("Friday."), verdict(3, words=3))
    assert grade.details is not None
    assert (grade.value, grade.details["rubric"]) == (0.5, "brevity@2")
    late, _ = judge(make(template="own.yaml"), make_subject("Friday.", search_path=(tmp_path,)), verdict(3, words=3))
    assert late == grade


@pytest.mark.parametrize("name", ["own.yaml", " rubrics/own.yml "])
def test_criteria_that_name_a_rubrics_file_are_that_rubric(tmp_path: Path, name: str) -> None:
    path = tmp_path / name.strip()
    path.parent.mkdir(exist_ok=True)
    path.write_text(OWN, encoding="utf-8")
    for instance in (make(name), make(criteria=name)):
        instance.check_files((tmp_path,))
        grade, _ = judge(instance, make_subject("Friday."), verdict(3, words=3))
        assert grade.details is not None
        assert grade.details["rubric"] == "brevity@2"


def test_a_sentence_that_ends_like_a_file_gets_advice(tmp_path: Path) -> None:
    with pytest.raises(JudgeError) as caught:
        make("It names the file own.yaml").check_files((tmp_path,))
    assert str(caught.value) == (
        "template: It names the file own.yaml: there is no such file; create it, or correct its name; a text that ends "
        "in .yaml or .yml names a file: end a sentence with a full stop"
    )


def test_a_template_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="^template: own.yaml: there is no such file"):
        make(template="own.yaml").check_files((tmp_path,))
    make("helpfulness").check_files((tmp_path,))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({}, "give either `criteria` or `template`"),
        ({"criteria": "  "}, "criteria: must not be blank"),
        ({"criteria": "tone", "template": "a.yaml"}, "give either `criteria` or `template`"),
        ({"criteria": "b.yaml", "template": "a.yaml"}, "give either `criteria` or `template`"),
        ({"criteria": 5}, "criteria: must be a text, not 5"),
        ({"criteria": "file://a.yaml"}, "criteria: a rubric in a file is written `template: a.yaml`"),
        ({"criteria": "tone", "temperature": 0}, "is a parameter of the model's; write `parameters: {temperature: 0}`"),
        ({"criteria": "tonne"}, "there is no rubric 'tonne'. Did you mean 'tone'?"),
        ({"criteria": "tone", "model": "gpt-5"}, "must be the name of a model as provider/model"),
        (
            {"criteria": "tone", "parameters": {"response_format": {}}},
            "'response_format' is set by the judge; remove it",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, Json], problem: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        make(**parameters)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("rubric", "missing"), [("closed_question_answering", "expected"), ("faithfulness", "context")]
)
def test_a_case_without_what_the_rubric_needs_is_refused(rubric: str, missing: str) -> None:
    instance, subject = make(rubric), make_subject("Friday.")
    with pytest.raises(JudgeError) as caught:
        instance.check_case(subject.case)
    assert str(caught.value) == (
        f"{WHERE}: judge 'rubric': the rubric {rubric!r} needs {missing!r}; add `{missing}` to the case"
    )
    with pytest.raises(JudgeError, match="needs"):
        judge(instance, subject)


def test_a_recorded_output_without_a_question_cannot_be_judged_by_one() -> None:
    subject = dataclasses.replace(make_subject("Friday.", output=Response("Friday.")), prompt=None)
    with pytest.raises(JudgeError, match="needs 'input'; add `input` to the case$"):
        make("relevance").check_case(subject.case)
    make("relevance").check_case(make_subject("", output=Response(""), vars={"city": "Rome"}).case)
    make("relevance").check_case(make_subject("").case)


def test_a_test_function_that_says_no_question_ends_as_an_error() -> None:
    subject = dataclasses.replace(make_subject("Friday."), prompt=None)
    with pytest.raises(JudgeError) as caught:
        judge(make("relevance"), subject)
    assert str(caught.value) == (
        f"{WHERE}: judge 'rubric': the rubric 'relevance' needs 'input', which the case does not have; add it"
    )


def test_without_a_model_nobody_can_be_asked() -> None:
    instance: Any = build_judge(JUDGES["rubric"], "tone", {})
    assert instance.models == ()
    with pytest.raises(
        JudgeError, match=f"^{WHERE}: judge 'rubric': no model to judge with; write `model: provider/model`"
    ):
        judge(instance, make_subject("Friday."))


def test_an_unreadable_answer_is_an_error_with_its_place() -> None:
    with pytest.raises(JudgeError, match=f"^{WHERE}: judge 'rubric': acme/judge gave no verdict that can be read"):
        judge(make("It is short."), make_subject("Friday."), "Hm.", "Hm.")


def test_editors_are_told_the_names_of_the_library_and_take_other_texts() -> None:
    schema = RubricParameters.model_json_schema()["properties"]["criteria"]
    assert schema["anyOf"][0] == {"enum": list(library())}
    assert {"type": "string", "minLength": 1} in schema["anyOf"]


KEPT = Response("Hm.", cached=True)


def test_a_judge_whose_kept_answers_cannot_be_read_asks_anew() -> None:
    grade, ask = judge(make("It is short."), make_subject("Friday."), KEPT, KEPT, verdict(4))
    assert (grade.value, len(ask.asked)) == (0.75, 3)


def test_where_another_model_stands_in_nothing_is_asked_anew() -> None:
    instance = make("It is short.", fallback=["acme/other"])
    _, ask = judge(instance, make_subject("Friday."), KEPT, KEPT, verdict(4))
    assert [asked.model for asked in ask.asked] == [MODEL, MODEL, "acme/other"]


@pytest.mark.parametrize("more", [{"model": MODEL, "samples": 2}, {"panel": ["acme/a", "acme/b"]}])
def test_where_others_count_nothing_is_asked_anew(more: dict[str, Json]) -> None:
    ask = ScriptedAsk([KEPT, KEPT, KEPT, KEPT, verdict(4)])
    instance = build_judge(JUDGES["rubric"], "It is short.", more)
    with pytest.raises(JudgeError, match="no verdict that can be read, asked twice"):
        asyncio.run(instance.judge(make_subject("Friday."), ask))
    assert len(ask.asked) == 4


def test_the_content_hash_is_that_of_what_makes_the_score(tmp_path: Path) -> None:
    instance = make(template="own.yaml")
    assert instance.content_hash is None
    hashes: list[object] = []
    for text in (OWN, OWN.replace("The answer is short.", "Short."), OWN.replace("Is it short?", "Short?")):
        (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
        instance.check_files((tmp_path,))
        hashes.append(instance.content_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_long_reasoning_is_cut_at_the_end_of_a_sentence() -> None:
    assert shorten_reasoning("Short\n and  good.") == "Short and good."
    assert shorten_reasoning("A sentence of some words. " * 20) == ("A sentence of some words. " * 11).strip()
    assert shorten_reasoning("word " * 100) == ("word " * 60)[:300] + "…"
    grade, _ = judge(make("It is short."), make_subject("Friday."), verdict(1, "word " * 1000))
    assert grade.details is not None
    assert len(str(grade.details["reasoning"])) == 2000
    assert len(grade.explanation) < 320

"""What judges would call, with nothing called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.estimates import PlannedCall, PlannedJudge, Range
from pytest_promptevals.engine.judge_preview import preview_judges
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.preview import preview_calls
from pytest_promptevals.errors import JudgeError
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.responses import Usage
from tests.unit.engine.plans import OddJudge, plan

PRICE = "prices: {counting/judge: {input: 1, output: 2}}\n"
CASE = "cases: [{id: a, input: x, expected: x}]"


def previewed(
    folder: Path, text: str, history: dict[tuple[str, str], Usage] | None = None
) -> tuple[tuple[PlannedCall, ...], tuple[PlannedJudge, ...]]:
    planned: tuple[PlannedCase, ...] = plan(folder, f"model: counting/m\nparameters: {{max_tokens: 300}}\n{text}")
    return preview_judges(planned, preview_calls(planned, folder, None, None), folder, history)


def counted(folder: Path, text: str) -> list[tuple[str, str]]:
    return [(call.label, call.case) for call in previewed(folder, text)[0]]


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The odd judge says which model it asks, and that its prompt has 1,000 characters."""

    def prompt_size(self: OddJudge, case: Case) -> int:
        return 1000

    monkeypatch.setattr(OddJudge, "models", ("counting/judge",), raising=False)
    monkeypatch.setattr(OddJudge, "prompt_size", prompt_size, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("speaking")
def test_a_judge_makes_a_call_for_each_answer(tmp_path: Path) -> None:
    text = (
        "trials: 2\njudges: [exact, {all_of: [odd, exact]}]\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: y, output: z, expected: y, judges: [odd]}]"
    )
    assert counted(tmp_path, text) == [("counting/judge", f"a.eval.yaml::{name}") for name in "aabb"]
    assert previewed(tmp_path, text)[1] == ()


def test_a_model_that_is_asked_twice_is_counted_twice(tmp_path: Path, speaking: pytest.MonkeyPatch) -> None:
    speaking.setattr(OddJudge, "models", ("counting/a", "counting/a", "scripted/b"))

    labels = [label for label, _ in counted(tmp_path, f"judges: [odd]\n{CASE}")]

    assert labels == ["counting/a", "counting/a", "scripted/b"]


def test_the_panel_and_the_samples_of_a_model_judge_are_counted(tmp_path: Path) -> None:
    judge = "rubric: {criteria: It is polite., panel: [counting/a, counting/b], samples: 3}"

    calls, silent = previewed(tmp_path, f"judges: [{{{judge}}}]\n{CASE}")

    assert [call.label for call in calls] == ["counting/a"] * 3 + ["counting/b"] * 3
    assert silent == ()


@pytest.mark.usefixtures("speaking")
def test_the_price_of_a_judges_model_is_looked_up(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\n{PRICE}{CASE}")[0]
    assert (call.price, call.is_judge, call.is_cached, call.request.model) == (Price(1.0, 2.0), True, False, "judge")


def test_the_price_at_a_provider_that_there_is_not_is_unknown(tmp_path: Path) -> None:
    # A name that a template gives is looked up when the judge asks.
    judge = "rubric: {criteria: It is polite., model: '{{ input }}'}"

    (call,) = previewed(tmp_path, f"judges: [{{{judge}}}]\ncases: [{{id: a, input: nobody/judge, expected: x}}]")[0]

    assert (call.label, call.price, call.answer_limit) == ("nobody/judge", None, None)


@pytest.mark.usefixtures("speaking")
def test_a_judge_is_shown_what_it_says_the_answer_and_perhaps_the_whole_prompt(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\nprompt: '{'y' * 500} {{{{ input }}}}'\n{CASE}")[0]
    # 1,000 characters of its own, up to 502 of the prompt, and an answer of 10 to 300 tokens.
    assert call.unseen == Range(200 + 10, (1000 + 502) / 2.5 + 300)


@pytest.mark.usefixtures("speaking")
def test_the_length_of_earlier_answers_is_known(tmp_path: Path) -> None:
    history = {("counting/m", "a.eval.yaml::a"): Usage(1000, 50)}
    (call,) = previewed(tmp_path, f"judges: [odd]\n{CASE}", history)[0]
    assert call.unseen == Range(200 + 50, 1001 / 2.5 + 50)


@pytest.mark.usefixtures("speaking")
def test_the_length_of_a_recorded_answer_is_known(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\ncases: [{{id: a, input: x, output: {'z' * 100}, expected: x}}]")[0]
    assert call.unseen == Range(200 + 20, 400 + 40)


@pytest.mark.parametrize("size", ["none", "unsaid", "error"])
def test_a_judge_that_does_not_say_the_size_of_its_prompt_is_shown_the_texts_of_the_case(
    tmp_path: Path, speaking: pytest.MonkeyPatch, size: str
) -> None:
    def prompt_size(self: OddJudge, case: Case) -> None:
        if size == "error":
            raise JudgeError("nothing to judge")

    if size == "unsaid":
        speaking.delattr(OddJudge, "prompt_size")
    else:
        speaking.setattr(OddJudge, "prompt_size", prompt_size)
    case = "{id: a, input: xx, expected: [x], context: [y], output: z}"

    (call,) = previewed(tmp_path, f"judges: [odd]\ncases: [{case}]")[0]

    characters = 3000 + len("xx") + len('["x"]') + len('["y"]')
    assert call.unseen == Range(characters / 5 + 0.2, characters / 2.5 + 0.4)


def test_the_parameters_of_the_judges_own_calls_limit_its_answer(tmp_path: Path) -> None:
    judge = "rubric: {criteria: It is polite., model: counting/a, parameters: {max_tokens: 50}}"
    (call,) = previewed(tmp_path, f"judges: [{{{judge}}}]\n{CASE}")[0]
    assert call.request.parameters == {"max_tokens": 50}


def test_a_judge_with_templates_is_made_for_each_case(tmp_path: Path) -> None:
    judge = "rubric: {criteria: 'It names {{ input }}.', model: counting/a}"
    text = f"judges: [{{{judge}}}]\ncases: [{{id: a, input: x, expected: x}}]"
    assert counted(tmp_path, text) == [("counting/a", "a.eval.yaml::a")]


def test_judges_that_do_not_say_what_they_call_are_counted_by_answers(tmp_path: Path) -> None:
    text = (
        "trials: 3\njudges: [exact, {all_of: [odd, exact]}]\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y, judges: [{odd: {name: own}}]}]"
    )
    assert previewed(tmp_path, text) == ((), (PlannedJudge("odd", 6), PlannedJudge("own", 3)))


def test_judges_that_cannot_be_made_any_more_are_named_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(tmp_path, f"model: counting/m\njudges: [{{odd: '{{{{ input }}}}'}}]\n{CASE}")
    calls = preview_calls(planned, tmp_path, None, None)

    def refuse(*arguments: Any) -> None:
        raise JudgeError("no")

    monkeypatch.setattr(type(planned[0].plan.planner), "judge_for", refuse)

    assert preview_judges(planned, calls, tmp_path) == ((), (PlannedJudge("odd", 1),))


@pytest.mark.usefixtures("speaking")
def test_a_case_whose_prompt_cannot_be_rendered_has_no_answer_to_judge(tmp_path: Path) -> None:
    (tmp_path / "judge_preview_prompts.py").write_text("def ask(input): raise ValueError('no')\n", encoding="utf-8")
    text = f"prompt: python:judge_preview_prompts:ask\njudges: [odd]\n{CASE}"
    assert previewed(tmp_path, text) == ((), ())

"""pairwise: which of two answers is better, asked in both orders."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import JudgeError, ProviderTimeoutError
from pytest_promptevals.history.baselines import keep_output
from pytest_promptevals.hookspecs import Ask
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from tests.unit.judges.grading import WHERE
from tests.unit.judges.judge_models import MODEL, FakeAsk, ask_judge, model_judge, subject_of
from tests.unit.judges.word_asks import FunctionAsk

MINE, OTHERS = "On Friday.", "Soon."


def choose(text: str) -> Any:
    """Return a judge model that always prefers the answer which is that text."""

    def answer(prompt: str) -> Json:
        first = re.search(r"<<<FIRST RESPONSE \w+>>>\n(.*?)\n<<<END", prompt, re.DOTALL)
        assert first is not None
        return say("first_response" if first.group(1) == text else "second_response")

    return answer


def say(winner: str, reasoning: str = "It is better.") -> dict[str, Json]:
    return {"reasoning": reasoning, "winner": winner}


@pytest.mark.parametrize(
    ("better", "value", "winner", "words"),
    [(MINE, 1.0, "response", "better than"), (OTHERS, 0.0, "other", "worse than")],
)
def test_an_answer_that_is_better_in_both_orders_wins(better: str, value: float, winner: str, words: str) -> None:
    ask = FakeAsk(choose(better))

    grade = ask_judge(model_judge("pairwise"), ask, subject_of(MINE, before=OTHERS))

    assert (grade.value, grade.explanation) == (value, f"{words} the baseline's output; It is better.")
    assert grade.details == {
        "winner": winner,
        "position_bias": False,
        "pairs": 1,
        "preferred_first": 0,
        "preferred_second": 0,
        "orders": [
            {"first": "response", "winner": winner, "reasoning": "It is better."},
            {"first": "other", "winner": winner, "reasoning": "It is better."},
        ],
        "model": MODEL,
        "reasoning": "It is better.",
        "against_baseline": True,
    }


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        (("first_response", "first_response"), "first"),
        (("second_response", "second_response"), "second"),
        (("tie", "second_response"), "second"),
        (("first_response", "tie"), "first"),
    ],
)
def test_a_verdict_that_turns_with_the_order_is_a_tie_and_position_bias(answers: tuple[str, str], place: str) -> None:
    ask = FakeAsk(*map(say, answers))

    grade = ask_judge(model_judge("pairwise"), ask, subject_of(MINE, before=OTHERS))

    assert grade.value == 0.5
    assert grade.explanation == (
        f"a tie with the baseline's output: the verdict turned with the order, for whichever came {place}"
    )
    details: Any = grade.details
    assert (details["winner"], details["position_bias"], details["pairs"]) == ("tie", True, 1)
    assert (details["preferred_first"], details["preferred_second"]) == (int(place == "first"), int(place == "second"))


def test_a_tie_in_both_orders_is_no_bias() -> None:
    grade = ask_judge(model_judge("pairwise"), FakeAsk(say("tie")), subject_of(MINE, before=OTHERS))

    details: Any = grade.details
    assert (grade.value, details["winner"], details["position_bias"]) == (0.5, "tie", False)
    assert grade.explanation == "a tie with the baseline's output; It is better."


def test_the_two_prompts_differ_in_nothing_but_the_order() -> None:
    ask = FakeAsk(choose(MINE))

    ask_judge(model_judge("pairwise", criteria="Brevity.\nuser: mine"), ask, subject_of(MINE, "In time", before=OTHERS))

    one, other = (re.sub(r" [0-9a-f]{12}>>>", ">>>", prompt) for prompt in ask.prompts)
    assert one == other.replace(MINE, "~").replace(OTHERS, MINE).replace("~", OTHERS)
    assert "<<<REFERENCE>>>\nIn time\n" in one
    assert "## Criteria\n\nBrevity.\nuser : mine\n" in one


def test_without_a_baseline_it_is_a_tie_that_says_so_and_nothing_is_asked() -> None:
    grade = ask_judge(model_judge("pairwise"), FakeAsk(AssertionError()), subject_of(MINE))

    assert (grade.value, grade.explanation) == (
        0.5,
        "the baseline has no output of this case yet; that counts as a tie",
    )
    assert grade.details == {
        "winner": "tie",
        "position_bias": False,
        "orders": [],
        "undecided": True,
        "against_baseline": True,
    }


def test_equal_texts_are_a_tie_and_nothing_is_asked() -> None:
    grade = ask_judge(model_judge("pairwise"), FakeAsk(AssertionError()), subject_of(f"{MINE}\n", before=MINE))

    assert (grade.value, grade.explanation) == (0.5, "the same text as the baseline's output")


def test_an_output_that_the_baseline_has_cut_is_not_compared() -> None:
    before = keep_output("x" * 2001, is_whole=False)

    with pytest.raises(JudgeError) as caught:
        ask_judge(model_judge("pairwise"), FakeAsk(AssertionError()), subject_of(MINE, before=before))
    assert str(caught.value) == (
        f"{WHERE}: judge 'pairwise': the baseline keeps only the beginning of its long output, since it was saved "
        "without this judge, and half an answer cannot be compared; save it anew with 'pytest --evals-save-baseline', "
        "or write `against:` with `expected` or a prompt file"
    )


def test_an_output_that_only_ends_like_a_cut_one_is_compared() -> None:
    ask = FakeAsk(choose(MINE))

    grade = ask_judge(model_judge("pairwise"), ask, subject_of(MINE, before="Soon… [5 more characters]"))

    assert grade.value == 1.0


@pytest.mark.parametrize(("against", "wants"), [("baseline", True), ("expected", False), ("other.md", False)])
def test_only_against_the_baseline_its_output_is_wanted(against: str, wants: bool) -> None:
    judge: Any = model_judge("pairwise", against)
    assert judge.wants_before is wants


@pytest.mark.parametrize("expected", [OTHERS, [OTHERS, "Never."]])
def test_against_expected_the_reference_is_one_of_the_two_and_nothing_else(expected: Json) -> None:
    ask = FakeAsk(choose(MINE))

    grade = ask_judge(model_judge("pairwise", "expected"), ask, subject_of(MINE, expected))

    assert (grade.value, grade.explanation) == (1.0, "better than `expected`; It is better.")
    assert all(OTHERS in prompt and "REFERENCE" not in prompt and "Never" not in prompt for prompt in ask.prompts)


@pytest.mark.parametrize("expected", [None, []])
def test_against_expected_there_must_be_one(expected: Json) -> None:
    judge = model_judge("pairwise", "expected")
    message = f"{WHERE}: judge 'pairwise' has nothing to compare with; add `expected` to the case, or remove `against`"

    with pytest.raises(JudgeError) as caught:
        judge.check_case(subject_of("", expected).case)
    assert str(caught.value) == message
    with pytest.raises(JudgeError, match="has nothing to compare with"):
        ask_judge(judge, FakeAsk(AssertionError()), subject_of(MINE, expected))


async def render(prompt: str) -> RenderedPrompt:
    return RenderedPrompt((Message("user", f"rendered {prompt}"),))


def test_another_prompt_is_put_to_the_model_of_the_case() -> None:
    ask = FakeAsk(OTHERS, choose(MINE), choose(MINE))
    subject = subject_of(MINE, model="acme/m", render=render, parameters={"temperature": 0})

    grade = ask_judge(model_judge("pairwise", "other.md"), ask, subject)

    assert (grade.value, grade.explanation) == (1.0, "better than the answer to other.md; It is better.")
    assert ask.models == ["acme/m", MODEL, MODEL]
    assert (ask.prompts[0], ask.parameters[0]) == ("rendered other.md", {"temperature": 0})


def test_samples_are_of_the_verdict_and_not_of_the_other_answer() -> None:
    ask = FakeAsk(OTHERS, say("first_response"))
    subject = subject_of(MINE, model="acme/m", render=render)

    grade = ask_judge(model_judge("pairwise", "other.md", samples=3), ask, subject)

    assert ask.models == ["acme/m", *[MODEL] * 6]
    details: Any = grade.details
    assert (grade.value, details["pairs"], details["preferred_first"]) == (0.5, 1, 1)


@pytest.mark.parametrize(("model", "has_render"), [("", True), ("test", True), ("acme/m", False)])
def test_an_output_that_no_model_gave_is_not_compared_with_another_prompt(model: str, has_render: bool) -> None:
    subject = subject_of(MINE, model=model, render=render if has_render else None)

    with pytest.raises(JudgeError) as caught:
        ask_judge(model_judge("pairwise", "other.md"), FakeAsk(AssertionError()), subject)
    assert str(caught.value) == (
        f"{WHERE}: judge 'pairwise': there is no model to put 'other.md' to, since the output was not asked of "
        "one; write `against: baseline` or `against: expected`"
    )


def test_a_case_with_a_recorded_output_is_refused_when_it_is_collected() -> None:
    with pytest.raises(JudgeError) as caught:
        model_judge("pairwise", "other.md").check_case(subject_of("", output=Response("x")).case)
    assert str(caught.value) == (
        f"{WHERE}: judge 'pairwise': the output is recorded, so there is no model to put 'other.md' to; write "
        "`against: baseline` or `against: expected`"
    )
    model_judge("pairwise").check_case(subject_of("", output=Response("x")).case)


def test_another_prompts_file_is_part_of_what_the_judge_is(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Dear {{ name }}")
    judges: list[Any] = [model_judge("pairwise", "other.md") for _ in range(2)]

    judges[0].check_files((tmp_path,))
    (tmp_path / "other.md").write_text("Hi {{ name }}")
    judges[1].check_files((tmp_path,))

    hashes = {judge.content_hash for judge in judges}
    assert len(hashes) == 2
    assert None not in hashes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.md", "against: gone.md: no such file; name a prompt file, or write baseline or expected"),
        ("../x.md", "against: '../x.md' leads to "),
    ],
)
def test_another_prompt_must_be_a_file_of_the_project(tmp_path: Path, name: str, message: str) -> None:
    judge: Any = model_judge("pairwise", name)
    with pytest.raises(JudgeError) as caught:
        judge.check_files((tmp_path,))
    assert str(caught.value).startswith(message.partition(": no such")[0])
    assert str(caught.value).endswith("name a prompt file, or write baseline or expected")


@pytest.mark.parametrize("against", ["baseline", "expected"])
def test_without_another_prompt_no_file_is_looked_for(tmp_path: Path, against: str) -> None:
    judge: Any = model_judge("pairwise", against)
    judge.check_files((tmp_path,))
    assert judge.content_hash is None


def test_each_model_is_counted_twice() -> None:
    assert model_judge("pairwise").models == (MODEL, MODEL)
    assert model_judge("pairwise", panel=["a/x", "a/y"]).models == ("a/x", "a/x", "a/y", "a/y")


def test_the_size_of_a_prompt_is_known() -> None:
    short, long = (model_judge("pairwise").prompt_size(subject_of("", input=text).case) for text in ("", "x" * 100))
    assert short is not None
    assert long is not None
    assert long > short + 50


def test_an_order_that_cannot_be_asked_is_an_error_once_the_other_one_is_in() -> None:
    answered: list[str] = []

    async def ask(model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        if not answered:
            answered.append("no")
            raise ProviderTimeoutError("too slow")
        await asyncio.sleep(0.01)
        answered.append("yes")
        return Response(json.dumps(say("tie")))

    with pytest.raises(ProviderTimeoutError, match="too slow"):
        asyncio.run(judge_with(FunctionAsk(ask)))
    assert answered == ["no", "yes"]


async def judge_with(ask: Ask) -> None:
    await model_judge("pairwise").judge(subject_of(MINE, before=OTHERS), ask)


def test_a_blank_opponent_is_refused() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        model_judge("pairwise", " ")
    assert str(caught.value) == "judge 'pairwise': against: must not be blank"

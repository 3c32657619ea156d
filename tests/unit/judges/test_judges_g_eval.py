"""g_eval: steps made once, and a score weighted by token probabilities."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_promptevals.errors import CallNotMadeError, JudgeError, ProviderStatusError, ProviderTimeoutError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.judges.model.chances import weigh_score
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.judges.model.steps import STEPS_FORM
from pytest_promptevals.records.responses import Response, TokenLogprob
from tests.unit.judges.judge_models import MODEL, FakeAsk, ask_judge, model_judge, subject_of

STEPS: dict[str, Any] = {"steps": ["Look for a date.", "Weigh the tone."]}
FOUR: dict[str, Any] = {"reasoning": "A date.", "score": 4}
REFUSED = ProviderStatusError("no logprobs here", status=400)
NOT_KEPT = CallNotMadeError("nothing kept", reason="replay")


def tokens(
    *chances: Mapping[str, float], before: str = '{"reasoning": "A date.", "score":'
) -> tuple[TokenLogprob, ...]:
    """Return the tokens of an answer; the chances are those of its last tokens, the chosen one first."""
    last = [
        TokenLogprob(next(iter(top)), math.log(next(iter(top.values()))), {t: math.log(p) for t, p in top.items()})
        for top in chances
    ]
    return (*(TokenLogprob(part, -0.1) for part in (before[:20], before[20:])), *last, TokenLogprob("}", -0.1))


def answer(*chances: Mapping[str, float]) -> Response:
    return Response('{"reasoning": "A date.", "score": 4}', logprobs=tokens(*chances))


def test_the_model_makes_steps_of_the_criteria_and_then_follows_them() -> None:
    ask = FakeAsk(STEPS, FOUR)

    grade = ask_judge(model_judge("g_eval", "It names a date."), ask, subject_of("On Friday."))

    assert (grade.value, grade.explanation) == (0.75, "4 of 5; A date.")
    assert grade.details == {
        "scale": [1, 5],
        "model": MODEL,
        "overall": 4,
        "steps": ["Look for a date.", "Weigh the tone."],
        "reasoning": "A date.",
    }
    making, scoring = ask.prompts
    assert "## Criteria\n\nIt names a date.\n" in making
    assert "On Friday." not in making
    assert "## Steps\n\n1. Look for a date.\n2. Weigh the tone.\n" in scoring
    assert scoring.index("On Friday.") < scoring.index("It names a date.")
    assert [parameters.get("logprobs") for parameters in ask.parameters] == [None, True]
    assert ask.parameters[1]["top_logprobs"] == 20


def test_steps_of_the_users_are_not_made() -> None:
    ask = FakeAsk(FOUR)

    ask_judge(model_judge("g_eval", "It is c.", steps=["Read it.\nuser: 5"]), ask, subject_of("x"))

    (prompt,) = ask.prompts
    assert "1. Read it.\nuser : 5\n" in prompt


def test_steps_of_the_users_need_no_criteria() -> None:
    ask = FakeAsk(FOUR)

    ask_judge(model_judge("g_eval", steps=["Look for a date."]), ask, subject_of("x"))

    (prompt,) = ask.prompts
    assert "Criteria" not in prompt
    assert "criteria" not in prompt
    assert "Judge the RESPONSE by the steps below" in prompt


def test_without_criteria_and_steps_there_is_nothing_to_judge_by() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        model_judge("g_eval")
    assert str(caught.value) == "judge 'g_eval': give `criteria`, or `steps` of your own, or both"


def test_steps_are_made_once_for_all_cases_and_for_each_model() -> None:
    judge = model_judge("g_eval", "It is c.", panel=["a/x", "a/y"])
    asks = [FakeAsk(lambda prompt: FOUR if "## Steps" in prompt else STEPS) for _ in range(5)]

    async def judge_all() -> None:
        await asyncio.gather(*(judge.judge(subject_of(f"r{number}"), ask) for number, ask in enumerate(asks)))

    asyncio.run(judge_all())
    later = FakeAsk(FOUR)
    ask_judge(judge, later, subject_of("later"))
    assert len(later.prompts) == 2
    asked = [
        (model, "## Steps" in prompt) for ask in asks for model, prompt in zip(ask.models, ask.prompts, strict=True)
    ]
    assert sorted(asked) == sorted([*[("a/x", True), ("a/y", True)] * 5, ("a/x", False), ("a/y", False)])


def test_if_one_case_gets_no_steps_the_next_one_asks() -> None:
    judge = model_judge("g_eval", "It is c.")
    failing, working = FakeAsk(ProviderTimeoutError("too slow")), FakeAsk(STEPS, FOUR)

    async def judge_both() -> list[Any]:
        calls = (judge.judge(subject_of("x"), ask) for ask in (failing, working))
        return await asyncio.gather(*calls, return_exceptions=True)

    error, grade = asyncio.run(judge_both())
    assert isinstance(error, ProviderTimeoutError)
    assert grade.value == 0.75


def test_a_score_is_weighted_by_the_chances_of_each_number() -> None:
    ask = FakeAsk(answer({" 4": 0.6, " 5": 0.2, " 3": 0.15, " maybe": 0.05}))

    grade = ask_judge(model_judge("g_eval", "It is c.", steps=["s"]), ask, subject_of("x"))

    weighted = (4 * 0.6 + 5 * 0.2 + 3 * 0.15) / 0.95
    assert grade.value == pytest.approx((weighted - 1) / 4, abs=1e-4)
    assert grade.explanation == "4 of 5, 4.05 by token probabilities; A date."
    details: Any = grade.details
    assert (details["overall"], details["weighted"]) == (4, pytest.approx(weighted, abs=1e-4))


def test_without_logprobs_they_are_not_asked_for_and_not_used() -> None:
    ask = FakeAsk(answer({"4": 0.6, "5": 0.4}))

    grade = ask_judge(model_judge("g_eval", "It is c.", steps=["s"], logprobs=False), ask, subject_of("x"))

    assert grade.value == 0.75
    assert "logprobs" not in ask.parameters[0]


@pytest.mark.parametrize("refused", [REFUSED, NOT_KEPT, ProviderStatusError("no", status=422)])
def test_a_server_that_refuses_logprobs_is_asked_without_and_not_again_with(refused: Exception) -> None:
    judge, ask = model_judge("g_eval", "It is c.", steps=["s"]), FakeAsk(refused, FOUR)

    grades = [ask_judge(judge, ask, subject_of("x")).value for _ in range(2)]

    assert grades == [0.75, 0.75]
    assert [parameters.get("logprobs") for parameters in ask.parameters] == [True, None, None]


def test_a_server_that_refuses_a_schema_alone_still_gives_logprobs() -> None:
    def refuse(parameters: Mapping[str, Any]) -> bool:
        return "response_format" in parameters

    judge, ask = model_judge("g_eval", "It is c.", steps=["s"]), FakeAsk(REFUSED, REFUSED, answer({"4": 0.5, "5": 0.5}))

    grade = ask_judge(judge, ask, subject_of("x"))

    assert grade.value == 0.875
    assert [(refuse(given), "logprobs" in given) for given in ask.parameters] == [
        (True, True),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        ((REFUSED, ProviderStatusError("the key is wrong", status=400)), "the key is wrong"),
        ((NOT_KEPT, CallNotMadeError("still nothing", reason="replay")), "nothing kept"),
        ((ProviderStatusError("busy", status=500),), "busy"),
        ((CallNotMadeError("no money", reason="budget"),), "no money"),
    ],
)
def test_what_is_refused_for_another_reason_is_an_error(errors: tuple[Exception, ...], shown: str) -> None:
    judge = model_judge("g_eval", "It is c.", steps=["s"], structured=False)

    with pytest.raises((ProviderStatusError, CallNotMadeError), match=f"^{shown}$"):
        ask_judge(judge, FakeAsk(*errors), subject_of("x"))


SCALE = Scale(1, 5)
SURE = {"4": 1.0}


@pytest.mark.parametrize(
    ("given", "score", "weighted"),
    [
        (tokens(SURE), 4, 4.0),
        (tokens({"4": 0.5, " 4": 0.1, "2": 0.4}), 4, 3.2),
        (tokens({"4": 0.7, "9": 0.2, "٤": 0.1}), 4, 4.0),
        (tokens({"4": 0.7}, before='{"reasoning": "score: 2", "score":'), 4, 4.0),
        (tokens({"4": 0.8, "3": 0.2}, before="It is good.\nScore: "), 4, 3.8),
        ((), 4, None),
        (tokens(SURE, before='{"reasoning": "x", "rating":'), 4, None),
        (tokens(SURE), 3, None),
        (tokens({"4.5": 1.0}), 4, None),
        (tokens({"4": 0.2, "5": 0.2, "none": 0.6}), 4, None),
        (tokens({"4": 0.6, "5": 0.4}, before="{'reasoning': 'A date.', 'score': "), 4, 4.4),
        (tokens(SURE, before="Score: 4 is what it asks for.\nScore: "), 4, None),
        (tokens(SURE, before='He says {"score": '), 4, 4.0),
        (tokens({"4": 0.6, "5": 0.4}, before='{"parts": {"score": 2, "all": [{"score": 4}]}, "score":'), 4, 4.4),
    ],
)
def test_the_weighted_score_is_the_mean_over_the_numbers_of_the_scale(
    given: tuple[TokenLogprob, ...], score: float, weighted: float | None
) -> None:
    found = weigh_score(given, score, SCALE)
    assert found == (None if weighted is None else pytest.approx(weighted))


def test_a_score_in_the_reasoning_is_not_the_one_that_is_weighed() -> None:
    first = TokenLogprob("4", math.log(0.6), {"4": math.log(0.6), "5": math.log(0.4)})
    again = TokenLogprob("4", 0.0)
    texts = ('{"score": ', ', "reasoning": "a score: ', ' would do, \\"score\\": 4 {too}"}')
    lead, middle, end = (TokenLogprob(text, 0.0) for text in texts)

    assert weigh_score((lead, first, middle, again, end), 4, SCALE) == pytest.approx(4.4)


def test_what_is_no_probability_weighs_nothing() -> None:
    assert weigh_score(_after_label(math.nan, {}), 4, SCALE) is None
    assert weigh_score(_after_label(-0.5, {"5": math.nan}), 4, SCALE) is None
    assert weigh_score(_after_label(-0.5, {"5": -math.inf}), 4, SCALE) == 4.0


def test_a_probability_above_one_counts_as_one() -> None:
    assert weigh_score(_after_label(800.0, {"5": math.log(0.5)}), 4, SCALE) == pytest.approx((4 + 2.5) / 1.5)


def _after_label(logprob: float, top: Mapping[str, float]) -> tuple[TokenLogprob, ...]:
    return (TokenLogprob("Score: ", 0.0), TokenLogprob("4", logprob, top))


@pytest.mark.parametrize(
    "text",
    [
        '{"steps": ["a", "b"]}',
        'Here:\n```json\n{"steps": ["a", " b "]}\n```',
        "1. a\n2. b",
        "Step 1: a\nStep 2) b\n",
        '<think>{"steps": ["no"]}</think>{"steps": ["a", "b"]}',
    ],
)
def test_steps_are_read_from_json_or_a_numbered_list(text: str) -> None:
    assert STEPS_FORM.read(text) == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds 0 steps, not one to 12"),
        ("I look at the tone.", "it holds 0 steps, not one to 12"),
        ('{"steps": []}', "it holds 0 steps, not one to 12"),
        ("\n".join(f"{n}. x" for n in range(13)), "it holds 13 steps, not one to 12"),
        ('{"steps": "a"}', "'steps' is no list of texts"),
        ('{"steps": [1]}', "'steps' is no list of texts"),
        ('{"steps": ["a"]} {"steps": ["b"]}', "it holds several lists of steps"),
    ],
)
def test_steps_that_cannot_be_read_are_not_made_up(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        STEPS_FORM.read(text)


def test_steps_that_cannot_be_read_twice_are_an_error_of_the_judge() -> None:
    with pytest.raises(JudgeError, match="gave no verdict that can be read, asked twice: it holds 0 steps"):
        ask_judge(model_judge("g_eval", "It is c."), FakeAsk("Hm."), subject_of("x"))


def test_no_steps_at_all_are_refused() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        model_judge("g_eval", "It is c.", steps=[])
    assert str(caught.value) == "judge 'g_eval': steps: must not be empty"

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pytest_promptevals.errors import CallNotMadeError, JudgeError, ProviderStatusError, ProviderTimeoutError
from pytest_promptevals.judges.model.asking import VerdictAsker
from pytest_promptevals.judges.model.forms import ScoreForm, Verdict
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.records.responses import Message, Response
from tests.unit.judges.model_answers import ScriptedAsk, verdict

FORM = ScoreForm(Scale(1, 5))
MESSAGES = (Message("system", "You judge."), Message("user", "Judge."))
REFUSED = ProviderStatusError("response_format is not supported", status=400)


def ask_for(ask: ScriptedAsk, asker: VerdictAsker | None = None, model: str = "acme/judge") -> Verdict:
    return asyncio.run((asker or VerdictAsker()).ask_for(ask, model, MESSAGES, FORM))


def formats(ask: ScriptedAsk) -> list[bool]:
    return ["response_format" in asked.parameters for asked in ask.asked]


def test_a_verdict_is_asked_for_by_its_schema() -> None:
    ask = ScriptedAsk([verdict(4)])
    assert ask_for(ask) == Verdict(4, {}, "Because.")
    (asked,) = ask.asked
    assert asked.messages == MESSAGES
    assert asked.parameters == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": FORM.schema()},
        }
    }


def test_the_judges_own_parameters_go_along() -> None:
    ask = ScriptedAsk([verdict(4)])
    ask_for(ask, VerdictAsker({"temperature": 0}))
    assert ask.asked[0].parameters["temperature"] == 0


def test_a_server_that_refuses_the_schema_is_asked_without_and_then_always() -> None:
    ask, asker = ScriptedAsk([REFUSED, "Score: 4", "Score: 3", verdict(5)]), VerdictAsker()
    assert ask_for(ask, asker).overall == 4
    assert ask_for(ask, asker).overall == 3
    assert ask_for(ask, asker, "acme/other").overall == 5
    assert formats(ask) == [True, False, False, True]


def test_a_request_that_is_refused_without_the_schema_too_is_the_servers_error() -> None:
    ask, asker = ScriptedAsk([REFUSED, ProviderStatusError("too long", status=400), verdict(4)]), VerdictAsker()
    with pytest.raises(ProviderStatusError, match="^too long$"):
        ask_for(ask, asker)
    ask_for(ask, asker)
    assert formats(ask) == [True, False, True]


@pytest.mark.parametrize(
    "error",
    [
        ProviderStatusError("no such model", status=404),
        ProviderTimeoutError("slow"),
        CallNotMadeError("the budget is spent", reason="budget"),
    ],
)
def test_other_errors_go_to_the_engine(error: Exception) -> None:
    ask = ScriptedAsk([error])
    with pytest.raises(type(error), match=str(error)):
        ask_for(ask)
    assert len(ask.asked) == 1


def test_a_replay_finds_the_answer_that_came_without_a_schema() -> None:
    missing = CallNotMadeError("not in the cache", reason="replay")
    assert ask_for(ScriptedAsk([missing, "Score: 4"])).overall == 4
    with pytest.raises(CallNotMadeError, match="^not in the cache$"):
        ask_for(ScriptedAsk([missing, CallNotMadeError("neither is this", reason="replay")]))


def test_nobody_is_asked_by_a_schema_where_the_user_says_so() -> None:
    ask = ScriptedAsk(["Score: 4"])
    ask_for(ask, VerdictAsker(is_structured=False))
    assert formats(ask) == [False]


def test_an_unreadable_answer_is_shown_to_the_model_with_what_is_wrong() -> None:
    ask = ScriptedAsk(["Between 3 and 4.\nUser: hi", verdict(3)])
    assert ask_for(ask).overall == 3
    *before, shown, problem = ask.asked[1].messages
    assert tuple(before) == MESSAGES
    assert shown == Message("assistant", "Between 3 and 4.\nUser : hi")
    assert problem.role == "user"
    assert (
        problem.content
        == f"Your answer could not be read as a verdict: no score stands in it.\n\n{FORM.instructions()}"
    )
    assert formats(ask) == [True, True]


def test_an_empty_answer_is_not_shown_since_no_api_takes_one() -> None:
    ask = ScriptedAsk(["", verdict(3)])
    ask_for(ask)
    assert [message.role for message in ask.asked[1].messages] == ["system", "user", "user"]


def test_after_one_repair_an_unreadable_answer_is_an_error() -> None:
    ask = ScriptedAsk(["Hm.", "Score: 7", verdict(3)])
    with pytest.raises(JudgeError) as caught:
        ask_for(ask)
    assert str(caught.value) == (
        "acme/judge gave no verdict that can be read, asked twice: 7 is not on the scale from 1 to 5. "
        'Its last answer was "Score: 7". Try another judge model, or a simpler rubric; '
        "`--evals-cache refresh` asks anew."
    )
    assert len(ask.asked) == 2


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (Response("", refusal="I do not judge."), "it refused: I do not judge. Try another"),
        (
            Response("I'm sorry, but I can't help with that."),
            "it refused. Its last answer was \"I'm sorry, but I can't help with that.\". Try another",
        ),
        (
            Response('{"reasoning": "it is', finish_reason="length"),
            (
                "it was cut off (raise `max_tokens` among the judge's `parameters`); its JSON cannot be read. Its last "
                "answer was"
            ),
        ),
        (
            Response("Score: 1", finish_reason="length"),
            'it was cut off (raise `max_tokens` among the judge\'s `parameters`). Its last answer was "Score: 1"',
        ),
        (Response(""), "it is empty. Try another"),
    ],
)
def test_what_kept_an_answer_from_being_read_is_said(response: Response, problem: str) -> None:
    with pytest.raises(JudgeError) as caught:
        ask_for(ScriptedAsk([response, response]))
    assert f"asked twice: {problem}" in str(caught.value)


KEPT = Response("Hm.", cached=True)


def anew() -> VerdictAsker:
    return VerdictAsker(asks_anew=True)


def test_where_all_answers_are_kept_and_unreadable_the_repair_is_asked_once_more() -> None:
    ask = ScriptedAsk([KEPT, KEPT, KEPT, verdict(3)])
    assert ask_for(ask, anew()).overall == 3
    assert ask.asked[1] == ask.asked[2] == ask.asked[3] != ask.asked[0]


def test_a_run_asks_no_more_than_one_new_question() -> None:
    ask = ScriptedAsk([KEPT, KEPT, "Hm.", verdict(3)])
    with pytest.raises(JudgeError) as caught:
        ask_for(ask, anew())
    assert str(caught.value) == (
        "acme/judge gave no verdict that can be read, asked 3 times: no score stands in it. Its last answer was "
        '"Hm.". Try another judge model, or a simpler rubric; a run again asks it once more.'
    )
    assert len(ask.asked) == 3


def test_cases_that_share_a_question_ask_anew_once_between_them() -> None:
    asker = anew()
    fresh = Response("Hm.")
    for answers in ([KEPT, KEPT, fresh], [KEPT, KEPT]):
        ask = ScriptedAsk(answers)
        with pytest.raises(JudgeError, match="gave no verdict that can be read"):
            ask_for(ask, asker)
        assert len(ask.asked) == len(answers)
    other = ScriptedAsk([KEPT, KEPT, verdict(3)])
    assert ask_for(other, asker, "acme/other").overall == 3


def test_nothing_is_asked_anew_where_another_model_stands_in() -> None:
    ask = ScriptedAsk([KEPT, KEPT, verdict(3)])
    with pytest.raises(JudgeError, match="`--evals-cache refresh` asks anew.$"):
        ask_for(ask)
    assert len(ask.asked) == 2


def test_a_replay_of_unreadable_answers_says_what_is_wrong_with_them() -> None:
    missing = CallNotMadeError("not in the cache", reason="replay")
    with pytest.raises(JudgeError, match="asked twice: no score stands in it"):
        ask_for(ScriptedAsk([KEPT, KEPT, missing, missing]), anew())


@pytest.mark.parametrize("answers", [(KEPT, KEPT), ("Hm.",)])
def test_a_call_that_the_budget_forbids_is_told_as_such(answers: tuple[str | Response, ...]) -> None:
    with pytest.raises(CallNotMadeError, match="^the budget is spent$"):
        ask_for(ScriptedAsk([*answers, CallNotMadeError("the budget is spent", reason="budget")]), anew())


def test_a_replay_that_lacks_the_repair_is_told_as_such() -> None:
    missing = CallNotMadeError("not in the cache", reason="replay")
    with pytest.raises(CallNotMadeError, match="^not in the cache$"):
        ask_for(ScriptedAsk([KEPT, missing, missing]), anew())


def test_a_long_unreadable_answer_is_shown_in_part() -> None:
    ask = ScriptedAsk(["word " * 10_000, verdict(3)])
    ask_for(ask)
    assert len(ask.asked[1].messages[2].content) == 4_000


def test_a_refused_repair_falls_back_too() -> None:
    ask = ScriptedAsk([verdict("good"), REFUSED, "4"])
    assert ask_for(ask).overall == 4
    assert formats(ask) == [True, True, False]


def test_the_schema_puts_the_reasoning_first_and_the_verdict_last() -> None:
    schema: Any = ScoreForm(Scale(1, 3), ("accuracy", "clarity")).schema()
    assert list(schema["properties"]) == ["reasoning", "accuracy", "clarity", "score"] == schema["required"]
    assert schema["properties"]["accuracy"] == {"type": "integer", "enum": [1, 2, 3]}
    assert schema["additionalProperties"] is False

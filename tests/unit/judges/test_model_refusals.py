"""A refusal beside an answer: some APIs send both, and what the model answered is its verdict."""

from __future__ import annotations

import asyncio

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.model.asking import VerdictAsker
from pytest_promptevals.judges.model.forms import ScoreForm, Verdict
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.records.responses import Message, Response
from tests.unit.judges.model_answers import ScriptedAsk

MESSAGES = (Message("user", "Judge."),)


def ask_once(response: Response) -> Verdict:
    ask = ScriptedAsk([response, response])
    return asyncio.run(VerdictAsker().ask_for(ask, "acme/judge", MESSAGES, ScoreForm(Scale(1, 5))))


def test_a_verdict_counts_although_a_refusal_came_with_it() -> None:
    assert ask_once(Response('{"reasoning": "x", "score": 4}', refusal="I would rather not.")).overall == 4


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_refusal_without_an_answer_is_none(text: str) -> None:
    with pytest.raises(JudgeError, match=r"it refused: I would rather not\."):
        ask_once(Response(text, refusal="I would rather not."))

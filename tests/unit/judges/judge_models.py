"""Judge models that answer what a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.build import build_judge
from pytest_promptevals.judges.model.judge import ModelJudge
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import JUDGES, make_subject
from tests.unit.judges.word_asks import WordVectors

MODEL = "acme/judge"


class FakeAsk(WordVectors):
    """An ``ask`` that keeps what it was asked.

    Args:
        answers: what is said in turn, the last of them again and again; data becomes JSON, and an exception is raised.
            A function makes the answer of the prompt's last message.
    """

    def __init__(self, *answers: Any) -> None:
        self.prompts: list[str] = []
        self.models: list[str] = []
        self.parameters: list[dict[str, Any]] = []
        self._answers = answers

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        answer = self._answers[min(len(self.prompts), len(self._answers) - 1)]
        self.prompts.append(messages[-1].content)
        self.models.append(model)
        self.parameters.append(dict(parameters))
        await asyncio.sleep(0)
        if callable(answer):
            answer = cast("Callable[[str], Any]", answer)(messages[-1].content)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        return Response(answer if isinstance(answer, str) else json.dumps(answer))


def model_judge(name: str, argument: Json = None, /, **parameters: Json) -> ModelJudge[Any]:
    """Build a judge that asks ``MODEL``."""
    given = parameters if "panel" in parameters else {"model": MODEL, **parameters}
    return cast("ModelJudge[Any]", build_judge(JUDGES[name], argument, given))


def ask_judge(judge: ModelJudge[Any], ask: FakeAsk, subject: JudgeInput) -> Grade:
    """Return the grade of a response."""
    return asyncio.run(_judge(judge, ask, subject))


async def _judge(judge: ModelJudge[Any], ask: FakeAsk, subject: JudgeInput) -> Grade:
    return await judge.judge(subject, ask)


def subject_of(output: str | Response, expected: Json = None, /, **more: Any) -> JudgeInput:
    """Return a response to judge; ``before``, ``model``, ``render`` and ``prompt`` are the input's, others the case."""
    names = ("before", "model", "render", "parameters", "prompt")
    own = {name: more.pop(name) for name in names if name in more}
    return replace(make_subject(output, expected, **more), **own)

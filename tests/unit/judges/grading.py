"""Making and calling judges in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.hookspecs import Ask, Judge, JudgeInput
from pytest_promptevals.judges.build import build_judge
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import Grade
from tests.unit.judges.model_answers import answer_by_schema
from tests.unit.judges.word_asks import FunctionAsk

JUDGES: Final[Mapping[str, type[Judge]]] = dict(builtin_registry().judges)
WHERE: Final = "evals/support.eval.yaml:7"
PROMPT: Final = RenderedPrompt((Message("user", "Where is my order?"),))


def ask_of(judge: Judge) -> Ask:
    """Return the ``ask`` of a judge: only one that says it calls a model gets an answer."""
    return FunctionAsk(answer_by_schema) if judge.level > 1 else refuse_to_ask


class _RefusingAsk:
    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        raise AssertionError(f"a judge of the text family asked {model} {messages} {parameters}")

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        raise AssertionError(f"a judge of the text family asked {model} for the vector of {text!r} {parameters}")


refuse_to_ask: Final = _RefusingAsk()


def make_subject(
    output: str | Response, expected: Json = None, /, search_path: tuple[Path, ...] = (Path("/project"),), **case: Any
) -> JudgeInput:
    response = output if isinstance(output, Response) else Response(output)
    location = Location("evals/support.eval.yaml", 7)
    return JudgeInput(Case("late", location, expected=expected, **case), response, PROMPT, search_path)


def run_judge(judge: Judge, subject: JudgeInput) -> Grade:
    return asyncio.run(_judge(judge, subject))


async def _judge(judge: Judge, subject: JudgeInput) -> Grade:
    return await judge.judge(subject, ask_of(judge))


def grade(
    name: str, argument: Json = None, /, *, output: str | Response, expected: Json = None, **parameters: Json
) -> Grade:
    """Build the judge as an eval file would, and grade the output."""
    return run_judge(build_judge(JUDGES[name], argument, parameters), make_subject(output, expected))


def passes(
    name: str, argument: Json = None, /, *, output: str | Response, expected: Json = None, **parameters: Json
) -> bool:
    """Return whether the output gets a 1; anything but 1 and 0 is an error."""
    return {1.0: True, 0.0: False}[grade(name, argument, output=output, expected=expected, **parameters).value]


def check_case(name: str, argument: Json = None, /, *, expected: Json = None, **parameters: Json) -> None:
    """Build the judge as an eval file would, and ask it whether the case can be graded."""
    judge: Any = build_judge(JUDGES[name], argument, parameters)
    judge.check_case(make_subject("", expected).case)


def explain(
    name: str, argument: Json = None, /, *, output: str | Response, expected: Json = None, **parameters: Json
) -> str:
    """Return the explanation of a grade."""
    return grade(name, argument, output=output, expected=expected, **parameters).explanation

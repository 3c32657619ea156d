"""Planned cases made from an eval file's text, and judges of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase, plan_dataset
from pytest_promptevals.engine.registry import Registry, builtin_registry
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.hookspecs import Ask, JudgeInput, ProviderContext, ProviderFactory
from pytest_promptevals.judges.base import JudgeParameters
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import CaseResult, Grade
from pytest_promptevals.settings import Settings


class OddParameters(JudgeParameters):
    """What to give."""

    gives: Any = 1.0


class OddJudge:
    """Returns what it is told to, for the errors of it."""

    name: ClassVar[str] = "odd"
    level: ClassVar[int] = 2
    default_threshold: ClassVar[float] = 0.5
    shorthand: ClassVar[str | None] = "gives"

    Parameters: ClassVar[type[BaseModel]] = OddParameters

    def __init__(self, parameters: BaseModel) -> None:
        self._gives = getattr(parameters, "gives", 1.0)

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Return the grade, raise, sleep, or ask a model."""
        if self._gives == "raise":
            raise LookupError("odd")
        if self._gives == "sleep":
            await asyncio.sleep(10)
        if isinstance(self._gives, str) and "/" in self._gives:
            answer = await ask(self._gives, [Message("user", "0.75")], {"temperature": 0})
            return Grade(float(answer.text), f"asked {answer.model}", cost=answer.cost)
        if isinstance(self._gives, str):
            return self._gives  # type: ignore[return-value]  # a judge that breaks the protocol
        return Grade(self._gives, f"gave {self._gives}", details={"odd": True})


class CountingProvider:
    """Answers at once, and keeps what it was asked."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context
        self.requests: list[Request] = []
        self.is_closed = False

    async def complete(self, request: Request) -> Response:
        """Echo the last message."""
        self.requests.append(request)
        await asyncio.sleep(0)
        return Response(request.messages[-1].content if request.messages else "", cost=0.25, model=f"{request.model}-1")

    async def close(self) -> None:
        """Note that it was closed."""
        self.is_closed = True


def registry(**providers: ProviderFactory) -> Registry:
    """Return the built-in registry with the odd judge and those providers added."""
    return builtin_registry().with_more({"odd": OddJudge}, {"counting": CountingProvider, **providers})


def plan(
    folder: Path, text: str, settings: Settings | None = None, **providers: ProviderFactory
) -> tuple[PlannedCase, ...]:
    """Plan an eval file with that text."""
    path = folder / "a.eval.yaml"
    path.write_text(text, encoding="utf-8")
    return plan_dataset(load_dataset(path, folder), registry(**providers), folder, settings or Settings())


def run_all(planned: Sequence[PlannedCase], folder: Path, *, concurrency: int = 4) -> list[CaseResult]:
    """Run all planned cases at once."""

    async def main() -> list[CaseResult]:
        pipeline = Pipeline(folder, concurrency)
        results = await asyncio.gather(*(run_case(case, pipeline) for case in planned))
        await pipeline.close()
        return results

    return asyncio.run(main())


def result_of(folder: Path, judges: str, case: str = "{id: a, input: hi, expected: hi}", head: str = "") -> CaseResult:
    """Run one case against those judges."""
    planned = plan(folder, f"model: counting/m\njudges: {judges}\n{head}cases: [{case}]\n")
    (result,) = run_all(planned, folder)
    return result

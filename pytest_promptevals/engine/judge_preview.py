"""What judges would call: how often is known, what they are shown only about."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.engine.endpoint import RECORDED, TESTED
from pytest_promptevals.engine.estimates import (
    UNKNOWN_ANSWER,
    History,
    PlannedCall,
    PlannedJudge,
    Range,
    estimate_answer,
    estimate_tokens,
    tokens_of_bytes,
)
from pytest_promptevals.engine.judging import PlannedJudge as Planned
from pytest_promptevals.engine.judging import flatten
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.preview import Servers
from pytest_promptevals.engine.pricing import ANSWER_LIMITS, find_price
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.hookspecs import Judge, JudgeInput
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import RenderedPrompt, Response

_MODEL_LEVEL: Final = 2
_ASSUMED_RUBRIC: Final = 3_000
"""Characters that the prompt of a judge that does not say more is assumed to have beside the texts of the case."""


def preview_judges(
    cases: Sequence[PlannedCase],
    calls: Sequence[PlannedCall],
    rootdir: Path,
    history: History | None = None,
    *,
    before: Mapping[tuple[str, str], str] | None = None,
    is_shared: bool = True,
) -> tuple[tuple[PlannedCall, ...], tuple[PlannedJudge, ...]]:
    """Return the calls that judges say they make for each answer, and the judges that do not say what they call.

    Whether an answer of a judge is in the cache depends on the answer that it judges, so none is taken to be. A case
    without an answer to judge, because its prompt cannot be rendered, has none. A case of a test function is taken to
    have one answer.

    Args:
        cases: what would be run.
        calls: the calls of those cases.
        rootdir: root of the project.
        history: what earlier calls of the cases took.
        before: the baseline's outputs, by file and name.
        is_shared: whether equal calls share one answer.
    """
    preview = _Preview(calls, rootdir, history or {}, before or {}, is_shared=is_shared)
    asyncio.run(preview.look_at(cases))
    return tuple(preview.calls), tuple(PlannedJudge(name, count) for name, count in preview.silent.items())


class _Preview:
    """What was found so far."""

    def __init__(
        self,
        calls: Sequence[PlannedCall],
        rootdir: Path,
        history: History,
        before: Mapping[tuple[str, str], str],
        *,
        is_shared: bool,
    ) -> None:
        self.calls: list[PlannedCall] = []
        self.silent: Counter[str] = Counter()
        self._answers = _Answers(calls, history)
        self._prices = _Prices(rootdir)
        self._before = before
        self._is_shared = is_shared
        self._known = {_content(call.label, call.request) for call in calls} if is_shared else set()

    async def look_at(self, cases: Sequence[PlannedCase]) -> None:
        """Find the calls of the cases' judges."""
        for planned in cases:
            count, length = self._answers.of(planned)
            for judge in _model_judges(planned) if count else ():
                made = _judge_of(judge, planned)
                told = None if made is None else _calls_of(made, self._subject(planned))
                if told is None:
                    self.silent[judge.spec.name] += count
                for call in told or ():
                    await self._add(planned, judge, made, call, count, length)

    async def _add(  # noqa: PLR0917 - all that one call depends on
        self, planned: PlannedCase, judge: Planned, made: Judge | None, call: JudgeCall, count: int, length: Range
    ) -> None:
        if call.prompt:
            await self._put(planned, judge, call.prompt, count)
            return
        if call.once:
            key = f"{call.model} {call.once} {json.dumps(_parameters_of(made), sort_keys=True, default=repr)}"
            count = 0 if key in self._known else 1
            self._known.add(key)
        shown = _prompt_tokens(call, planned.case, self._answers.question(planned))
        whole = shown.plus(length) if call.has_response else shown
        request = Request(call.model.partition("/")[2], (), _parameters_of(made), kind=call.kind)
        self.calls += [self._prices.call(planned, call.model, request, whole)] * count

    async def _put(self, planned: PlannedCase, judge: Planned, prompt: str, count: int) -> None:
        """Add the call that puts another prompt to the model of the case; for all of its trials it is one."""
        if planned.target.config.type == TESTED:
            return  # running it would say that there is no such model
        try:
            rendered = await planned.plan.planner.load_prompt(prompt, judge.spec.location).render(planned.case)
        except PromptEvalsError:
            return  # running it would say why
        request = Request(planned.target.model, rendered.messages, planned.plan.dataset.parameters)
        key = _content(planned.target.label, request)
        if self._is_shared:
            count = 0 if key in self._known else 1
            self._known.add(key)
        self.calls += [self._prices.call(planned, planned.target.label, request, Range())] * count

    def _subject(self, planned: PlannedCase) -> JudgeInput:
        is_recorded = planned.target.config.type == RECORDED
        return JudgeInput(
            planned.case,
            (planned.case.output if is_recorded else None) or Response(""),
            self._answers.prompt(planned),
            before=self._before.get((planned.plan.dataset.path, planned.name)),
        )


def _content(label: str, request: Request) -> str:
    parameters = json.dumps(request.parameters, sort_keys=True, default=repr)
    return f"{label} {request.trial} {request.messages!r} {parameters}"


def _calls_of(judge: Judge, subject: JudgeInput) -> Sequence[JudgeCall] | None:
    """Return the calls that a judge says it makes for an answer; ``None`` if it does not say."""
    calls_for = getattr(judge, "calls_for", None)
    if calls_for is not None:
        told: Sequence[JudgeCall] = calls_for(subject)
        return told
    models: Sequence[str] = getattr(judge, "models", ())
    return [JudgeCall(model, _size_of(judge, subject.case)) for model in models] or None


class _Answers:
    """The answers that would be judged."""

    def __init__(self, calls: Sequence[PlannedCall], history: History) -> None:
        self._calls: dict[str, PlannedCall] = {call.case: call for call in calls}
        self._counts = Counter(call.case for call in calls)
        self._history = history

    def of(self, planned: PlannedCase) -> tuple[int, Range]:
        """Return how many answers a case has, and the tokens of one."""
        if planned.target.config.type == RECORDED:
            return 1, estimate_tokens("" if planned.case.output is None else planned.case.output.text)
        if planned.target.config.type == TESTED:
            return 1, UNKNOWN_ANSWER
        name = _name(planned)
        if name not in self._calls:
            return 0, Range()
        call = self._calls[name]
        return self._counts[name], estimate_answer(call, self._history.get((call.label, name)))

    def prompt(self, planned: PlannedCase) -> RenderedPrompt | None:
        """Return the rendered prompt, ``None`` if there is none."""
        # Its dataset may be an eval file, too.
        call = None if planned.target.config.type == TESTED else self._calls.get(_name(planned))
        return None if call is None else RenderedPrompt(call.request.messages)

    def question(self, planned: PlannedCase) -> int:
        """Return the characters of the rendered prompt, which a judge may be shown."""
        prompt = self.prompt(planned)
        return 0 if prompt is None else sum(len(message.content) for message in prompt.messages)


class _Prices:
    """What calls of judges cost, each model looked up once."""

    def __init__(self, rootdir: Path) -> None:
        self._servers = Servers(rootdir)
        self._known: dict[tuple[int, str, str], Price | None] = {}

    def call(self, planned: PlannedCase, label: str, request: Request, shown: Range) -> PlannedCall:
        """Return one call of a judge."""
        model, parameters = request.model, request.parameters
        endpoint = planned.plan.endpoints.get(label.partition("/")[0])
        if endpoint is None:
            price, limit = None, None
        else:
            key = (id(endpoint), model, json.dumps(parameters, sort_keys=True, default=repr))
            if key not in self._known:
                self._known[key] = find_price(endpoint, self._servers.describe(endpoint), model, parameters)
            price, limit = self._known[key], ANSWER_LIMITS.get(endpoint.config.type)
        return PlannedCall(label, _name(planned), request, price, answer_limit=limit, unseen=shown, is_judge=True)


def _name(planned: PlannedCase) -> str:
    return f"{planned.plan.dataset.path}::{planned.name}"


def _model_judges(planned: PlannedCase) -> Iterator[Planned]:
    for judge in flatten(planned.judges):
        if judge.judge_type is not None and judge.judge_type.level >= _MODEL_LEVEL:
            yield judge


def _judge_of(judge: Planned, planned: PlannedCase) -> Judge | None:
    try:
        return planned.plan.planner.judge_for(judge, planned.case)
    except PromptEvalsError:
        return None  # running it would say why


def _parameters_of(judge: Judge | None) -> Mapping[str, Any]:
    given = getattr(getattr(judge, "parameters", None), "parameters", None)
    return given if isinstance(given, dict) else {}


def _prompt_tokens(call: JudgeCall, case: Case, question: int) -> Range:
    """Return the tokens of a judge's prompt, the answer left aside.

    At least, it is what the judge says, or else the texts of the case and some instructions; at most, it holds the
    whole prompt of the case too.
    """
    size = call.size
    if size is None:
        size = _ASSUMED_RUBRIC + sum(map(_length, (case.input, dict(case.vars), case.expected, list(case.context))))
    most = size + question if call.has_response and call.kind == "chat" else size
    return Range(tokens_of_bytes(size).low, tokens_of_bytes(most).high)


def _size_of(judge: Judge, case: Case) -> int | None:
    prompt_size = getattr(judge, "prompt_size", None)
    if prompt_size is None:
        return None
    try:
        size: int | None = prompt_size(case)
    except PromptEvalsError:
        return None  # it cannot judge an empty response
    return size


def _length(value: object) -> int:
    if not value:
        return 0
    return len(value) if isinstance(value, str) else len(json.dumps(value, ensure_ascii=False, default=repr))

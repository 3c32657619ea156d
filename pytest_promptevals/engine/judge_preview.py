"""What judges would call: how often is known, what they are shown only about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.engine.endpoint import RECORDED
from pytest_promptevals.engine.estimates import (
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
from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request

_MODEL_LEVEL: Final = 2
_ASSUMED_RUBRIC: Final = 3_000
"""Characters that the prompt of a judge that does not say more is assumed to have beside the texts of the case."""


def preview_judges(
    cases: Sequence[PlannedCase], calls: Sequence[PlannedCall], rootdir: Path, history: History | None = None
) -> tuple[tuple[PlannedCall, ...], tuple[PlannedJudge, ...]]:
    """Return the calls that judges say they make for each answer, and the judges that do not say what they call.

    Whether an answer of a judge is in the cache depends on the answer that it judges, so none is taken to be. A case
    without an answer to judge, because its prompt cannot be rendered, has none.

    Args:
        cases: what would be run.
        calls: the calls of those cases.
        rootdir: root of the project.
        history: what earlier calls of the cases took.
    """
    answers = _Answers(calls, history or {})
    prices = _Prices(rootdir)
    planned_calls: list[PlannedCall] = []
    silent: Counter[str] = Counter()
    for planned in cases:
        count, length = answers.of(planned)
        for judge in _model_judges(planned) if count else ():
            made = _judge_of(judge, planned)
            models = tuple(getattr(made, "models", ()))
            if not models:
                silent[judge.spec.name] += count
                continue
            shown = _prompt_tokens(made, planned.case, answers.question(planned)).plus(length)
            for model in models:
                planned_calls += [prices.call(planned, made, model, shown)] * count
    return tuple(planned_calls), tuple(PlannedJudge(name, count) for name, count in silent.items())


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
        name = _name(planned)
        if name not in self._calls:
            return 0, Range()
        call = self._calls[name]
        return self._counts[name], estimate_answer(call, self._history.get((call.label, name)))

    def question(self, planned: PlannedCase) -> int:
        """Return the characters of the rendered prompt, which a judge may be shown."""
        call = self._calls.get(_name(planned))
        return 0 if call is None else sum(len(message.content) for message in call.request.messages)


class _Prices:
    """What calls of judges cost, each model looked up once."""

    def __init__(self, rootdir: Path) -> None:
        self._servers = Servers(rootdir)
        self._known: dict[tuple[int, str, str], Price | None] = {}

    def call(self, planned: PlannedCase, judge: Judge | None, label: str, shown: Range) -> PlannedCall:
        """Return one call of a judge."""
        provider, _, model = label.partition("/")
        parameters = _parameters_of(judge)
        endpoint = planned.plan.endpoints.get(provider)
        if endpoint is None:
            price, limit = None, None
        else:
            key = (id(endpoint), model, json.dumps(parameters, sort_keys=True, default=repr))
            if key not in self._known:
                self._known[key] = find_price(endpoint, self._servers.describe(endpoint), model, parameters)
            price, limit = self._known[key], ANSWER_LIMITS.get(endpoint.config.type)
        request = Request(model, (), parameters)
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


def _prompt_tokens(judge: Judge | None, case: Case, question: int) -> Range:
    """Return the tokens of a judge's prompt, the answer left aside.

    At least, it is what the judge says, or else the texts of the case and some instructions; at most, it holds the
    whole prompt of the case too.
    """
    size = _size_of(judge, case)
    if size is None:
        size = _ASSUMED_RUBRIC + sum(map(_length, (case.input, dict(case.vars), case.expected, list(case.context))))
    return Range(tokens_of_bytes(size).low, tokens_of_bytes(size + question).high)


def _size_of(judge: Judge | None, case: Case) -> int | None:
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

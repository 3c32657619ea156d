"""What a run would call and cost, without calling anything.

Tokens are estimated without a tokenizer. A token of English prose has four to five bytes of UTF-8, one of code or of
numbers about three, and a Chinese character, which has three bytes, is about one token. So a text has between a fifth
of a token and two fifths for each byte.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from pytest_promptevals.prices.bounds import count_answers, read_answer_limit
from pytest_promptevals.prices.costs import cost_of
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Usage

_BYTES_PER_TOKEN: Final = (5.0, 2.5)
_MESSAGE_TOKENS: Final = (3, 8)
"""What an API puts around a message."""
_SHORTEST_ANSWER: Final = 10
_LONG_ANSWER: Final = 2_000
"""Tokens of an answer of which nothing is known; reasoning may take more."""

History: TypeAlias = Mapping[tuple[str, str], Usage]
"""Mean tokens of a call, by ``provider/model`` and name of the case."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is known to lie about between two others."""

    low: float = 0.0
    """The smaller one."""
    high: float = 0.0
    """The larger one; the same where there is nothing to guess."""

    def plus(self, other: Range) -> Range:
        """Return the range of the sum."""
        return Range(self.low + other.low, self.high + other.high)


UNKNOWN_ANSWER: Final = Range(_SHORTEST_ANSWER, _LONG_ANSWER)
"""Tokens of a text that code of the user's own makes."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that the run would make, or read from the cache."""

    label: str
    """``provider/model``."""
    case: str
    """Name of the case, as the history knows it."""
    request: Request
    """What would be sent."""
    price: Price | None
    """What it would cost; ``None`` if that is unknown."""
    is_cached: bool = False
    """Whether the answer is in the cache."""
    answer_limit: int | None = None
    """Most tokens of an answer that the provider asks for where the parameters say nothing."""
    unseen: Range = field(default_factory=Range)
    """Tokens of the prompt that are not in the request: what a judge is shown is not known beforehand."""
    is_judge: bool = False
    """Whether a judge makes it."""


@dataclass(frozen=True, slots=True)
class PlannedJudge:
    """A judge that calls models and does not say which, for the answers to some calls."""

    name: str
    """Its label."""
    answers: int
    """How many answers it would judge."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """The calls of one model: those of the cases, or those of judges."""

    label: str
    """``provider/model``."""
    calls: int = 0
    """All of them."""
    cached: int = 0
    """Those whose answers are in the cache; they cost nothing and are in none of the numbers below."""
    from_history: int = 0
    """Those whose tokens are estimated by earlier calls of the same case; the others by the length of their prompts."""
    prompt_tokens: Range = field(default_factory=Range)
    """Tokens of all prompts."""
    answer_tokens: Range = field(default_factory=Range)
    """Tokens of all answers."""
    cost: Range | None = field(default_factory=Range)
    """US dollars; ``None`` if a price is unknown."""
    is_judge: bool = False
    """Whether judges make them."""

    @property
    def to_make(self) -> int:
        """Calls that would be made."""
        return self.calls - self.cached


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would call."""

    models: tuple[ModelPlan, ...] = ()
    """In the order in which they come up."""
    judges: tuple[PlannedJudge, ...] = ()
    """Judges that call models too, and do not say which: what they ask is known when the answers are there."""
    functions: int = 0
    """Tests that the cases of marked functions make; what these call themselves is not known."""
    judged_functions: int = 0
    """Those of them whose judges call models: they are counted as if each test judged one output."""

    @property
    def total(self) -> ModelPlan:
        """All models together; the cost is that of those whose price is known."""
        total = ModelPlan("total")
        for model in self.models:
            total = ModelPlan(
                "total",
                total.calls + model.calls,
                total.cached + model.cached,
                total.from_history + model.from_history,
                total.prompt_tokens.plus(model.prompt_tokens),
                total.answer_tokens.plus(model.answer_tokens),
                (total.cost or Range()).plus(model.cost or Range()),
            )
        return total

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Models to call whose price is unknown."""
        return tuple(dict.fromkeys(model.label for model in self.models if model.cost is None))


def estimate_plan(
    calls: Iterable[PlannedCall], judges: Sequence[PlannedJudge] = (), history: History | None = None
) -> Plan:
    """Return the plan of a run.

    Args:
        calls: all calls that the cases need, one for each trial, and those that judges say they make.
        judges: judges that call models and do not say which.
        history: what earlier calls of the cases took.
    """
    models: dict[tuple[str, bool], ModelPlan] = {}
    known = history or {}
    for call in calls:
        key = (call.label, call.is_judge)
        before = models.get(key) or ModelPlan(call.label, is_judge=call.is_judge)
        models[key] = _add(before, call, None if call.is_judge else known.get((call.label, call.case)))
    return Plan(tuple(models.values()), tuple(judges))


def estimate_tokens(text: str) -> Range:
    """Return about how many tokens a text has."""
    return tokens_of_bytes(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))


def tokens_of_bytes(count: int) -> Range:
    """Return about how many tokens a text of so many bytes has."""
    return Range(count / _BYTES_PER_TOKEN[0], count / _BYTES_PER_TOKEN[1])


def estimate_answer(call: PlannedCall, known: Usage | None) -> Range:
    """Return about how many tokens the answer to a call has. ``known`` is what earlier calls of the case took."""
    if known is not None and known.output_tokens is not None:
        return Range(known.output_tokens, known.output_tokens)
    return _answer_tokens(call, _prompt_tokens(call))


def _add(model: ModelPlan, call: PlannedCall, known: Usage | None) -> ModelPlan:
    if call.is_cached:
        return replace(model, calls=model.calls + 1, cached=model.cached + 1)
    is_known = known is not None and known.input_tokens is not None and known.output_tokens is not None
    low, high = (known, known) if known is not None and is_known else _guess(call)
    return replace(
        model,
        calls=model.calls + 1,
        from_history=model.from_history + is_known,
        prompt_tokens=model.prompt_tokens.plus(Range(low.input_tokens or 0, high.input_tokens or 0)),
        answer_tokens=model.answer_tokens.plus(Range(low.output_tokens or 0, high.output_tokens or 0)),
        cost=_add_cost(model.cost, low, high, call.price),
    )


def _add_cost(before: Range | None, low: Usage, high: Usage, price: Price | None) -> Range | None:
    if before is None or price is None:
        return None
    least, most = cost_of(low, price), cost_of(high, price)
    return None if least is None or most is None else before.plus(Range(least, most))


def _guess(call: PlannedCall) -> tuple[Usage, Usage]:
    """Return the least and the most tokens that a call may take, by the length of its prompt."""
    prompt = _prompt_tokens(call)
    answer = _answer_tokens(call, prompt)
    most = math.ceil(prompt.high)
    # The provider may write all of the prompt to its cache, which costs more with some.
    written = most if call.price is not None and (call.price.cache_write or 0) > call.price.input else None
    return (
        Usage(math.floor(prompt.low), math.floor(answer.low)),
        Usage(most, math.ceil(answer.high), cache_write_tokens=written),
    )


def _prompt_tokens(call: PlannedCall) -> Range:
    total, request = call.unseen, call.request
    around = Range(*_MESSAGE_TOKENS) if request.kind == "chat" else Range()
    for message in request.messages:
        total = total.plus(around).plus(estimate_tokens(message.content))
    for value in request.parameters.values():
        if isinstance(value, list | dict):  # tools and schemas are read by the model, a temperature is not
            total = total.plus(estimate_tokens(json.dumps(value, ensure_ascii=False)))
    return total


def _answer_tokens(call: PlannedCall, prompt: Range) -> Range:
    if call.request.kind == "embedding":
        return Range()  # a vector has no tokens
    parameters = call.request.parameters
    high: float | None = read_answer_limit(parameters)
    if high is None:
        ceiling = call.answer_limit or (call.price.max_output if call.price is not None else None) or math.inf
        high = min(max(2 * prompt.high, _LONG_ANSWER), ceiling)
    answers = count_answers(parameters)
    return Range(min(_SHORTEST_ANSWER, high) * answers, high * answers)

"""The most that a call can cost, known before it is made."""

from __future__ import annotations

import json
from typing import Final, TypeGuard

from pytest_promptevals.prices.costs import MILLION
from pytest_promptevals.prices.stepped import price_steps
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request

DEFAULT_ANSWER_LIMIT: Final = 128_000
"""Most tokens of an answer where neither the parameters nor the price say: what most current models can give."""

_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_CALL_TOKENS: Final = 64
_MESSAGE_TOKENS: Final = 16
_STRUCTURE_TOKENS: Final = 1_000
"""What APIs put before a prompt where it comes with tools or a schema."""


def call_bound(request: Request, price: Price, answer_limit: int | None = None) -> float:
    """Return US dollars that one call cannot exceed.

    No token is shorter than a byte of UTF-8, so a prompt has at most as many tokens as its messages and parameters have
    bytes, and some for what the API puts around them; all of them are taken at the dearest rate. ``answer_limit`` is
    the limit that the provider sends where the parameters have none.
    """
    prompt = _most_prompt_tokens(request)
    is_answered = request.kind == "chat"  # a vector has no tokens
    answer = _most_answer_tokens(request.parameters, price, answer_limit) if is_answered else 0
    return max(_cost(step, prompt, answer) for step in price_steps(price, prompt))


def _cost(price: Price, prompt: int, answer: int) -> float:
    dearest = max(price.input, price.cached_input or 0.0, price.cache_write or 0.0)
    return (prompt * dearest + answer * price.output) / MILLION + price.call


def _most_prompt_tokens(request: Request) -> int:
    tokens = _CALL_TOKENS + len(request.messages) * _MESSAGE_TOKENS
    tokens += sum(_byte_count(message.role) + _byte_count(message.content) for message in request.messages)
    if request.parameters:
        tokens += _byte_count(json.dumps(request.parameters, ensure_ascii=False, default=str))
    if any(isinstance(value, list | dict) for value in request.parameters.values()):
        tokens += _STRUCTURE_TOKENS
    return tokens


def _byte_count(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _most_answer_tokens(parameters: JsonObject, price: Price, answer_limit: int | None) -> int:
    limit = read_answer_limit(parameters) or answer_limit or price.max_output or DEFAULT_ANSWER_LIMIT
    return limit * count_answers(parameters)


def read_answer_limit(parameters: JsonObject) -> int | None:
    """Return how many tokens the parameters let an answer have, ``None`` if they do not say."""
    return max((value for name in _LIMITS if _is_count(value := parameters.get(name))), default=None)


def count_answers(parameters: JsonObject) -> int:
    """Return how many answers a call asks for."""
    number = parameters.get("n")
    return number if _is_count(number) else 1


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0

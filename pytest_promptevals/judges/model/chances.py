"""Scores weighted by token probabilities: how likely a judge model would have given each number of its scale."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pytest_promptevals.errors import CallNotMadeError, ProviderStatusError
from pytest_promptevals.hookspecs import Ask
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.records.responses import Message, Response, TokenLogprob

TOP: Final = 20
"""Tokens that are asked for in each place, the most that OpenAI's API gives."""
LEAST_MASS: Final = 0.5
"""Share of all chances that numbers of the scale must have between them: else they say nothing of the score."""
_REFUSES: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_SCORE_KEY: Final = re.compile(r'"score"\s{0,9}:\s{0,9}"?(?=\d)', re.IGNORECASE)
_MARK: Final = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""What opens or closes in JSON, and whole texts."""
_SCORE: Final = re.compile(r"\bscore[\"'*`]{0,9}\s{0,9}[:=]\s{0,9}[\"'*`]{0,9}(?=\d)", re.IGNORECASE)


class ChanceAsker:
    """Asks models with ``logprobs``, and remembers those that refuse them."""

    def __init__(self) -> None:
        self._without: set[str] = set()

    def share(self, without: set[str]) -> None:
        """Share with others which models refuse them."""
        self._without = without

    def listen(self, ask: Ask) -> Listener:
        """Return an ``ask`` for one question, which keeps the last response."""
        return Listener(ask, self._without)


class Listener:
    """An ``Ask`` that asks for token probabilities where the model gives them."""

    def __init__(self, ask: Ask, without: set[str]) -> None:
        self._ask = ask
        self._without = without
        self.response: Response | None = None
        """The last response."""

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        """Call the model. Raises ``ProviderError``."""
        self.response = await self._call(model, messages, dict(parameters))
        return self.response

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        """Return a response with the vector of a text. Raises ``ProviderError``."""
        return await self._ask.embed(model, text, parameters)

    async def _call(self, model: str, messages: Sequence[Message], parameters: dict[str, Any]) -> Response:
        if model in self._without:
            return await self._ask(model, messages, parameters)
        try:
            return await self._ask(model, messages, {"logprobs": True, "top_logprobs": TOP, **parameters})
        except (ProviderStatusError, CallNotMadeError) as error:
            if not _may_do_without(error):
                raise
            refused = error
        try:
            response = await self._ask(model, messages, parameters)
        except (ProviderStatusError, CallNotMadeError) as error:
            # Then it was not for the probabilities that the server refused, or that nothing was kept.
            raise error if isinstance(refused, ProviderStatusError) else refused from None
        self._without.add(model)
        return response


def _may_do_without(error: ProviderStatusError | CallNotMadeError) -> bool:
    if isinstance(error, ProviderStatusError):
        return error.status in _REFUSES
    # What a server refuses is not kept: a replay finds only the answer that came without.
    return error.reason == "replay"


def weigh_score(tokens: Sequence[TokenLogprob], score: float, scale: Scale) -> float | None:
    """Return the mean of a scale's numbers, weighted by how likely each was in the place of the score.

    That is G-Eval's score, the sum of p(s) * s (Liu et al. 2023, section 2.3), over those numbers that the answer's
    probabilities hold, and divided by the sum of their p(s). ``None`` if the score cannot be found among the tokens, if
    it is no single one, or if a probability is no number.
    """
    token = _token_of_score(tokens)
    if token is None or _number(token.token, scale) != score:
        return None
    logprobs = {token.token: token.logprob, **token.top}
    if any(map(math.isnan, logprobs.values())):
        return None
    chances: dict[float, float] = {}
    for text, logprob in logprobs.items():
        number = _number(text, scale)
        if number is not None:
            # Some servers round up to a little more than certain.
            chances[number] = chances.get(number, 0.0) + math.exp(min(0.0, logprob))
    mass = sum(chances.values())
    if mass < LEAST_MASS:
        return None
    return sum(number * chance for number, chance in chances.items()) / mass


def _token_of_score(tokens: Sequence[TokenLogprob]) -> TokenLogprob | None:
    """Return the token in which the score begins, ``None`` if there are several places where it may."""
    text = "".join(token.token for token in tokens)
    keys = _outer_texts(text)
    places = [match.end() for match in _SCORE_KEY.finditer(text) if match.start() in keys]
    places = places or [match.end() for match in _SCORE.finditer(text)]
    if len(places) != 1:
        return None
    ends = itertools.accumulate(len(token.token) for token in tokens)
    return next(token for token, end in zip(tokens, ends, strict=True) if end > places[0])


def _outer_texts(text: str) -> set[int]:
    """Return where the quoted texts begin that are keys or values of an outermost object."""
    starts: set[int] = set()
    depth = place = 0
    while (mark := _MARK.search(text, place)) is not None:
        place = mark.end()
        if mark.group() in "{[":
            depth += 1
        elif mark.group() in "}]":
            depth -= 1
        elif depth == 1:
            starts.add(mark.start())
        if mark.group()[0] == '"' and not depth:
            place = mark.start() + 1  # a mark in a sentence, which need not have a partner
    return starts


def _number(text: str, scale: Scale) -> float | None:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()):
        return None
    number = float(digits)
    return number if scale.low <= number <= scale.high else None

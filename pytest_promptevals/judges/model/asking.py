"""Asking a judge model for a verdict: structured where the server can, read from its words where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pytest_promptevals.errors import CallNotMadeError, JudgeError, ProviderStatusError
from pytest_promptevals.hookspecs import Ask
from pytest_promptevals.judges.excerpts import clip, quote
from pytest_promptevals.judges.model.forms import AnswerForm
from pytest_promptevals.judges.model.prompting import neutralise
from pytest_promptevals.judges.refusals import find_refusal
from pytest_promptevals.records.responses import Message, Response

AnswerT = TypeVar("AnswerT")

_REFUSES: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
"""What servers answer to a parameter that they do not know."""
_TWICE: Final = 2
_CUT_OFF: Final = "it was cut off (raise `max_tokens` among the judge's `parameters`)"
_SHOWN_BACK: Final = 4_000
"""Characters of an unreadable answer that the model is shown again."""


class VerdictAsker:
    """Asks models for answers of a form. It remembers which models take no JSON Schema, and what it gave up to ask.

    Args:
        parameters: further parameters of each call, as the API names them.
        is_structured: whether to ask for structured output at all.
        asks_anew: whether a later run asks once more where all answers so far are kept and none can be read.
    """

    def __init__(
        self, parameters: Mapping[str, Any] | None = None, *, is_structured: bool = True, asks_anew: bool = False
    ) -> None:
        self._parameters = dict(parameters or {})
        self._is_structured = is_structured
        self._asks_anew = asks_anew
        self._without_schema: set[str] = set()
        self._given_up: set[tuple[str, tuple[Message, ...]]] = set()

    def share(self, without_schema: set[str]) -> None:
        """Share with others which models take no JSON Schema."""
        self._without_schema = without_schema

    async def ask_for(self, ask: Ask, model: str, messages: Sequence[Message], form: AnswerForm[AnswerT]) -> AnswerT:
        """Return the model's answer, read.

        An answer that cannot be read is shown to the model once, with what is wrong with it. Raises ``JudgeError`` if
        the second one cannot be read either, and ``ProviderError`` as ``ask`` does.
        """
        response = await self._ask(ask, model, messages, form)
        try:
            return _read(response, form)
        except ValueError as error:
            again = [*messages, *_ask_again(response, str(error), form)]
        problem, times, question = "", 1, (model, tuple(messages))
        # Each run puts one question that was not answered before; without that an error would stand for ever. Cases
        # that share the question, such as that for the steps of an evaluation, put it once between them.
        while times == 1 or (self._asks_anew and response.cached and question not in self._given_up):
            try:
                response = await self._ask(ask, model, again, form)
                return _read(response, form)
            except CallNotMadeError as error:
                if times == 1 or error.reason != "replay":
                    raise
                break
            except ValueError as error:
                problem, times = str(error), times + 1
        self._given_up.add(question)
        raise JudgeError(self._lament(model, problem, times, response))

    def _lament(self, model: str, problem: str, times: int, response: Response) -> str:
        last = f" Its last answer was {quote(response.text, 200)}." if response.text.strip() else ""
        advice = "a run again asks it once more" if self._asks_anew else "`--evals-cache refresh` asks anew"
        return (
            f"{model} gave no verdict that can be read, asked {'twice' if times == _TWICE else f'{times} times'}: "
            f"{problem}.{last} Try another judge model, or a simpler rubric; {advice}."
        )

    async def _ask(self, ask: Ask, model: str, messages: Sequence[Message], form: AnswerForm[AnswerT]) -> Response:
        if not self._is_structured or model in self._without_schema:
            return await ask(model, messages, self._parameters)
        try:
            return await ask(model, messages, {**self._parameters, "response_format": _response_format(form)})
        except (ProviderStatusError, CallNotMadeError) as error:
            if not _may_do_without_schema(error):
                raise
            return await self._ask_plainly(ask, model, messages, error)

    async def _ask_plainly(
        self, ask: Ask, model: str, messages: Sequence[Message], refused: ProviderStatusError | CallNotMadeError
    ) -> Response:
        try:
            response = await ask(model, messages, self._parameters)
        except (ProviderStatusError, CallNotMadeError) as error:
            # Then it was not the schema that the server, or the replay, could not do with.
            raise error if isinstance(refused, ProviderStatusError) else refused from None
        self._without_schema.add(model)
        return response


def _may_do_without_schema(error: ProviderStatusError | CallNotMadeError) -> bool:
    if isinstance(error, ProviderStatusError):
        return error.status in _REFUSES
    # What a server refuses is not kept: a replay finds only the answer that came without a schema.
    return error.reason == "replay"


def _response_format(form: AnswerForm[AnswerT]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": form.name, "strict": True, "schema": form.schema()}}


def _read(response: Response, form: AnswerForm[AnswerT]) -> AnswerT:
    if response.refusal and not response.text.strip():
        raise ValueError(f"it refused: {clip(response.refusal).rstrip('.')}")
    is_cut = response.finish_reason == "length"
    if is_cut and "{" not in response.text:
        raise ValueError(_CUT_OFF)  # a 1 in words may be the begin of a 10
    try:
        return form.read(response.text)
    except ValueError as error:
        if find_refusal(response.text) is not None:
            raise ValueError("it refused") from None
        if is_cut:
            raise ValueError(f"{_CUT_OFF}; {error}") from None
        raise


def _ask_again(response: Response, problem: str, form: AnswerForm[AnswerT]) -> list[Message]:
    said = response.text.strip()
    # No API takes an empty message.
    shown = [Message("assistant", neutralise(said[:_SHOWN_BACK]))] if said else []
    return [
        *shown,
        Message("user", f"Your answer could not be read as a verdict: {problem}.\n\n{form.instructions()}"),
    ]

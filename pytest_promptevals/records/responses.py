"""Messages, rendered prompts and what a provider returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_promptevals.records.json_types import Json


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: str
    """``system``, ``developer``, ``user`` or ``assistant``."""
    content: str
    """Its text."""


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """A prompt with its variables filled in."""

    messages: tuple[Message, ...]
    """In the order in which they are sent."""
    name: str = ""
    """Name of the template: its file's stem, or ``prompt1``, ``prompt2`` for inline ones."""

    @property
    def text(self) -> str:
        """All messages as one text: the content alone where there is only one message."""
        if len(self.messages) == 1:
            return self.messages[0].content
        return "\n\n".join(f"{message.role}: {message.content}" for message in self.messages)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that the model asked for."""

    name: str
    """Name of the tool."""
    arguments: Json
    """Parsed arguments; the raw text where the model sent no valid JSON."""
    id: str = ""
    """The provider's id of the call."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``None`` is unknown, which is not 0."""

    input_tokens: int | None = None
    """All tokens of the prompt, cached ones included."""
    output_tokens: int | None = None
    """All tokens of the answer, reasoning included."""
    cached_tokens: int | None = None
    """Part of ``input_tokens`` that the provider read from its cache."""
    cache_write_tokens: int | None = None
    """Part of ``input_tokens`` that the provider wrote to its cache."""
    reasoning_tokens: int | None = None
    """Part of ``output_tokens`` spent on reasoning."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely one token of an answer was."""

    token: str
    """Its text."""
    logprob: float
    """Natural logarithm of its probability."""
    top: Mapping[str, float] = field(default_factory=dict)
    """The same of the likeliest tokens in its place, perhaps its own among them; those without a chance left out."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider returned."""

    text: str
    """The answer; empty if the model only called tools."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tools that the model asked for, in order."""
    finish_reason: str | None = None
    """Why the model stopped, in OpenAI's words: ``stop``, ``length``, ``tool_calls``, ``content_filter``."""
    usage: Usage = Usage()
    """Tokens."""
    latency: float | None = None
    """Seconds from sending the request to having the response; ``None`` is unknown."""
    cost: float | None = None
    """US dollars; ``None`` is unknown."""
    model: str | None = None
    """The model as the provider resolved it."""
    refusal: str | None = None
    """The provider's own word that the model refused, if it gave one."""
    cached: bool = False
    """Whether it was read from the cache: latency and cost are then those of the original call."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Its tokens in order, where the call asked for ``logprobs`` and the API gives them."""
    embedding: str = ""
    """The vector of a text, where one was asked for, as ``encode_vector`` writes it; ``decode_vector`` reads it."""

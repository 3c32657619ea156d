"""What is sent to a provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import Message

CallKind: TypeAlias = Literal["chat", "embedding"]


@dataclass(frozen=True, slots=True)
class Request:
    """One model call."""

    model: str
    """Name sent to the provider, without the provider's own."""
    messages: tuple[Message, ...]
    """The rendered prompt; of an embedding, one message with the text."""
    parameters: JsonObject = field(default_factory=dict)
    """Parameters as the API names them: ``temperature``, ``response_format``, ``tools`` and so on."""
    trial: int = 1
    """1-based repetition."""
    case: Case | None = None
    """The case it is made for; ``None`` for a judge's own calls."""
    kind: CallKind = "chat"
    """``embedding`` where the vector of a text is asked for, and not an answer."""

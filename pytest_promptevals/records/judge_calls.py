"""What a judge would call, said before there is an answer to judge."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_promptevals.records.requests import CallKind


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """A call that a judge would make for each answer of a case, as far as that is known beforehand."""

    model: str = ""
    """``provider/model``; empty where a ``prompt`` is put to the model of the case."""
    size: int | None = None
    """Characters of what is sent, the response aside; ``None`` if that is unknown."""
    has_response: bool = True
    """Whether the response is sent along."""
    once: str = ""
    """Set for a call that is made once, not for each answer: those of a model that say the same are one."""
    prompt: str = ""
    """File of a prompt that is put to the model of the case, once for each case."""
    kind: CallKind = "chat"
    """``embedding`` where the vector of a text is asked for."""

"""What the cache's thread is asked to do, and what it answers."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_promptevals.cache.store import Use
from pytest_promptevals.errors import CacheError
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import Response


class NoResponse(enum.Enum):
    """Why there is no response."""

    CALL = "call"
    """The model is to be called, by nobody else."""
    WAIT = "wait"
    """Another process calls it: ask again."""
    MISSING = "missing"
    """It is to be replayed and cannot be."""


Answer: TypeAlias = Response | NoResponse | CacheError


@dataclass(slots=True, eq=False)
class Lookup:
    """Ask for a response, and claim the call if there is none."""

    key: str
    """Key of the request."""
    file: str
    """Eval file it is asked for."""
    future: asyncio.Future[Answer]
    """Gets the answer."""
    is_waiting: bool = False
    """Whether it was asked before, and told to wait."""


@dataclass(slots=True, eq=False)
class Save:
    """Store a response and give up the claim."""

    key: str
    """Key of the request."""
    content: JsonObject
    """What was asked."""
    response: Response
    """What came back."""
    future: asyncio.Future[None]
    """Is done when it is stored, or cannot be."""


@dataclass(slots=True, eq=False)
class Batch:
    """Operations that are done together, in the order of these fields."""

    saves: list[Save] = field(default_factory=list)
    """Responses to be stored."""
    releases: list[str] = field(default_factory=list)
    """Keys of claims to be given up, since the call failed."""
    uses: list[Use] = field(default_factory=list)
    """Uses of responses that were shared with an equal call under way."""
    lookups: list[Lookup] = field(default_factory=list)
    """Responses that are asked for; what is saved here is found."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.saves or self.releases or self.uses or self.lookups)

"""What of an eval file another tool has no equivalent for, noted with its place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.records.cases import JudgeSpec, Location
from pytest_promptevals.records.drafts import ExportRequest, Loss
from pytest_promptevals.records.responses import Response

_PARTS: Final = ("tool_calls", "finish_reason", "latency", "cost", "model", "refusal")


class Lost:
    """Notes losses. What many cases or judges share is told once, at the first of its places, with its number.

    Args:
        request: what is exported.
    """

    def __init__(self, request: ExportRequest) -> None:
        self._begin = request.dataset.location
        self._keys: Mapping[str, Location] = request.places
        self._kinds: dict[tuple[str, str], dict[Location, None]] = {}

    def at(self, location: Location, field: str, message: str) -> None:
        """Note that something at a place is lost, and why. Saying the same of the same place again changes nothing."""
        self._kinds.setdefault((field, message), {})[location] = None

    def key(self, key: str, message: str) -> None:
        """Note that a key of the eval file is lost."""
        self.at(self._keys.get(key.partition(".")[0], self._begin), key, message)

    def judge(self, spec: JudgeSpec, message: str, parameter: str = "") -> None:
        """Note that a judge, or one of its parameters, is lost."""
        self.at(spec.location, f"{spec.judge}.{parameter}" if parameter else spec.judge, message)

    def listed(self) -> Sequence[Loss]:
        """Return them in the order of their files and lines."""
        found = [
            Loss(next(iter(places)), field, f"{message} ({len(places)} times)" if len(places) > 1 else message)
            for (field, message), places in self._kinds.items()
        ]
        return tuple(sorted(found, key=lambda loss: (loss.location.path, loss.location.line)))


def parts_beside_text(output: Response) -> list[str]:
    """Return the names of what a recorded output holds beside its text."""
    found = [name for name in _PARTS if getattr(output, name)]
    has_usage = any(value is not None for value in dataclasses.asdict(output.usage).values())
    return [*found, "usage"] if has_usage else found

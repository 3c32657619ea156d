"""What people are told of a run who did not watch it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Event(enum.Enum):
    """What a notification is about."""

    REGRESSION = "regression"
    """A gate failed."""
    RECOVERY = "recovery"
    """What failed in the last comparable run of the branch passes."""
    BUDGET = "budget"
    """Cases were not run, as the budget was spent."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message."""

    event: Event
    """What it is about; the worst, where several things happened."""
    title: str
    """One line, the verdict first."""
    body: str
    """Plain text."""

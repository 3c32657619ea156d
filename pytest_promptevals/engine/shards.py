"""Shards: the shares of a selection that CI jobs run side by side."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.fingerprints import content_hash

_SHARD: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares of all eval items."""

    number: int
    """1-based."""
    count: int
    """How many shares there are."""

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, nodeid: str) -> bool:
        """Return whether an eval item is in this share. That hangs on its node id alone, so it is so in every run."""
        digest = hashlib.sha256(nodeid.encode("utf-8", "backslashreplace")).hexdigest()
        return int(digest, 16) % self.count == self.number - 1


@dataclass(frozen=True, slots=True)
class SelectionFacts:
    """What the record of a run says about the cases that were selected."""

    shard: str | None = None
    """``I/N`` where only that share was run."""
    selected: int = 0
    """Eval items that were selected, before the share was taken."""
    selection: str = ""
    """Content hash of their node ids, equal for the shards of one run; empty if there were none."""
    is_rerun: bool = False
    """Whether they were selected because they, or one before them, had failed."""


def parse_shard(text: str, source: str = "--evals-shard") -> Shard | None:
    """Return the shard that ``I/N`` means; ``None`` for no text. Raises ``UsageError`` naming ``source``."""
    if not text:
        return None
    found = _SHARD.fullmatch(text)
    if found is None:
        raise UsageError(f"{source}: {text!r} is no shard; write it as I/N, such as 1/4.")
    number, count = int(found[1]), int(found[2])
    if not 1 <= number <= count:
        raise UsageError(f"{source}: {text!r} is no shard: I counts from 1 to N, such as 1/4, 2/4, 3/4 and 4/4.")
    return Shard(number, count)


def describe_selection(nodeids: Iterable[str], shard: Shard | None) -> SelectionFacts:
    """Return the facts of a selection, whose order does not matter."""
    ordered = sorted(nodeids)
    selection = content_hash(list(ordered)) if ordered else ""
    return SelectionFacts(None if shard is None else str(shard), len(ordered), selection)

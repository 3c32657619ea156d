"""Findings that the user has looked at and accepts."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.hygiene.findings import Finding, Kind


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is accepted: a kind, in the files whose names match a pattern."""

    kind: Kind
    """Of what kind the findings are."""
    pattern: str = "*"
    """Shell pattern of their files, relative to the rootdir."""


def read_accepted(text: str) -> Accepted:
    """Return what ``KIND`` or ``PATTERN:KIND`` means. Raises ``UsageError`` for an unknown kind."""
    pattern, _, name = text.rpartition(":")
    try:
        return Accepted(Kind(name), pattern or "*")
    except ValueError:
        hint = did_you_mean(name, [kind.value for kind in Kind])
        raise UsageError(f"{text!r}: there is no kind of finding {name!r}.{hint}") from None


def is_accepted(finding: Finding, accepted: Sequence[Accepted]) -> bool:
    """Return whether a finding is accepted at any of its places: between two files, it is enough to say it of one."""
    paths = {finding.path, *(place.path for place in finding.also)}
    return any(
        one.kind is finding.kind and any(fnmatch.fnmatchcase(path, one.pattern) for path in paths) for one in accepted
    )

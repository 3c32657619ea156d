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

    def __str__(self) -> str:
        return self.kind.value if self.pattern == "*" else f"{self.pattern}:{self.kind.value}"


def read_accepted(text: str) -> Accepted:
    """Return what ``KIND`` or ``PATTERN:KIND`` means. Raises ``UsageError`` for an unknown kind."""
    pattern, _, name = (part.strip() for part in text.rpartition(":"))
    try:
        return Accepted(Kind(name), pattern or "*")
    except ValueError:
        hint = did_you_mean(name, [kind.value for kind in Kind])
        raise UsageError(f"{text!r}: there is no kind of finding {name!r}.{hint}") from None


def is_accepted(finding: Finding, accepted: Sequence[Accepted]) -> bool:
    """Return whether a finding is accepted at any of its places: between two files, it is enough to say it of one."""
    return any(_accepts(one, finding) for one in accepted)


def find_idle(accepted: Sequence[Accepted], findings: Sequence[Finding]) -> list[Accepted]:
    """Return what accepts none of the findings."""
    return [one for one in accepted if not any(_accepts(one, finding) for finding in findings)]


def _accepts(one: Accepted, finding: Finding) -> bool:
    paths = {finding.path, *(place.path for place in finding.also)}
    return one.kind is finding.kind and any(fnmatch.fnmatchcase(path, one.pattern) for path in paths)

"""``--evals-accept``: which items the user means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.records.results import CaseResult

_SHOWN: Final = 5
"""Names that a message lists."""


def find_accepted(words: Sequence[str], items: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Return the node ids of the items that are accepted.

    Args:
        words: the setting ``accept``: case ids, item names and node ids, cut at spaces; a name that has spaces of its
            own is found in several words.
        items: node id of each selected item, and whether it is one of a test function.

    Raises ``UsageError`` for what names no selected item.
    """
    named: dict[tuple[str, ...], set[str]] = {}
    for nodeid, is_function in items:
        for name in _names_of(nodeid, is_function=is_function):
            named.setdefault(tuple(name.split()), set()).add(nodeid)
    longest = max(map(len, named), default=0)
    found: set[str] = set()
    rest = list(words)
    while rest:
        lengths = (length for length in range(min(longest, len(rest)), 0, -1) if tuple(rest[:length]) in named)
        length = next(lengths, None)
        if length is None:
            raise _unknown(rest[0], [" ".join(name) for name in named])
        found |= named[tuple(rest[:length])]
        del rest[:length]
    return frozenset(found)


def nodeids_of(result: CaseResult) -> tuple[str, str]:
    """Return what the node id of a result's item is: that of a case of an eval file, or of a test function's."""
    return f"{result.file}::{result.name}", f"{result.file}[{result.name}]"


def _unknown(word: str, known: Sequence[str]) -> UsageError:
    hint = did_you_mean(word, known)
    if "Did you mean" not in hint:
        names = sorted(name for name in known if "::" not in name)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        hint = f" Selected are {', '.join(names[:_SHOWN])}{more}."
    return UsageError(f"--evals-accept: no selected case is called {word!r}.{hint}")


def _names_of(nodeid: str, *, is_function: bool) -> Iterator[str]:
    yield nodeid
    name = nodeid.partition("::")[2]
    before, bracket, inside = name.partition("[")
    if is_function:
        yield name.rpartition("::")[2] if "::" in before else name
        yield inside.removesuffix("]")
    else:
        yield name
        if bracket and name.endswith("]"):
            yield before

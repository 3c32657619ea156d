"""Names of eval files where there is little room: what tells them apart is kept longest."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Final

from pytest_promptevals.reports.cells import count_cells, shorten_left, shorten_right

_ENDINGS: Final = (".eval.yaml", ".eval.yml", ".eval.jsonl")


def short_names(names: Sequence[str], room: int) -> list[str]:
    """Return different names for different files, of at most ``room`` cells each; shorter only as far as needed.

    What all have in common goes first: their endings, then their folder. In very little room, the last resort are the
    ends of names that may be alike.
    """
    forms = (list(names), _without_endings(names), _without_folder(_without_endings(names)))
    for form in forms:
        if all(count_cells(name) <= room for name in form) and _are_as_different(form, names):
            return form
    for cut in (shorten_left, shorten_right):
        for form in reversed(forms):
            if _are_as_different(short := _cut(cut, form, room), names):
                return short
    return _cut(shorten_left, names, room)


def _cut(cut: Callable[[str, int], str], names: Sequence[str], room: int) -> list[str]:
    return [cut(name, room) for name in names]


def _are_as_different(short: Sequence[str], names: Sequence[str]) -> bool:
    return len(set(short)) == len(set(names))


def _without_endings(names: Sequence[str]) -> list[str]:
    return [next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name) for name in names]


def _without_folder(names: Sequence[str]) -> list[str]:
    """Return the names below the folder that all are in."""
    folder = posixpath.commonpath([posixpath.dirname(name) for name in names]) if names else ""
    return [name.removeprefix(f"{folder}/") for name in names] if folder else list(names)

"""References within a config of promptfoo: ``$ref`` stands for what is written elsewhere in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_DEEPEST: Final = 20
_LOST: Final = "{reference!r} leads to nothing in this file; left out. Write it out, and import again"


def dereference(document: Mapping[str, Json], source: Source, losses: Losses) -> dict[str, Json]:
    """Return a config with what its references stand for; what only they use is no longer in it."""
    used: set[str] = set()

    def resolve(value: Json, path: tuple[str | int, ...], depth: int) -> Json:
        if isinstance(value, list):
            return [resolve(item, (*path, index), depth) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return {key: resolve(item, (*path, key), depth) for key, item in value.items()}
        steps = reference.removeprefix("#/").split("/")
        target = _look_up(document, steps) if reference.startswith("#/") and depth < _DEEPEST else None
        if target is None:
            losses.add(source, _LOST.format(reference=reference), *path)
            return None
        used.add(steps[0])
        return resolve(target, path, depth + 1)

    found = {key: resolve(value, (key,), 0) for key, value in document.items()}
    return {key: value for key, value in found.items() if key not in used or key in _KEYS}


_KEYS: Final = ("prompts", "providers", "targets", "tests", "scenarios", "defaultTest")


def _look_up(document: Mapping[str, Json], steps: list[str]) -> Json:
    found: Json = dict(document)
    for step in steps:
        if isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict):
            found = found.get(step)
        else:
            return None
    return found

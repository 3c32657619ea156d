"""What is done with every draft before it is written: ids that pytest can show, tags that it can select, variables."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.datasets.names import MAX_ID_LENGTH, check_id, check_tag
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.drafts import Draft, Loss
from pytest_promptevals.records.json_types import Json

_UNFIT_IN_ID: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\[\]]+|::+")
_UNFIT_IN_TAG: Final = re.compile(r"[^\w+\-.\\/]+")
_ORDER: Final = (
    *("id", "input", "vars", "expected", "output", "context", "tags", "judges", "weight", "priority", "group"),
    *("trials", "skip", "xfail", "metadata"),
)
_GIVEN: Final = frozenset({"input", "context", "expected"})
"""Names that templates know beside the variables."""
_NOTED: Final = (
    "neither a prompt nor a judge names it, and the metadata has a value of this name, too, which is kept; left out"
)


def finish(draft: Draft, names_in: Callable[[str], frozenset[str]], shown: str = "") -> Draft:
    """Return the draft as it can be loaded.

    Ids are made unique and fit for node ids, tags fit for ``pytest -m``; cases without an id that ask the same get one,
    since their content cannot name them. Keys stand in the usual order, and those without a value are left out.
    Variables that neither prompt nor judge names become metadata: an eval file may hold no variable in vain. Where the
    metadata has another value of that name, the variable is lost.

    Args:
        draft: what an importer made.
        names_in: returns the names that a template uses.
        shown: the foreign file as messages name it.
    """
    shared = [*_texts_of(draft.settings), *draft.texts.values()]
    of_all = frozenset[str]().union(*map(names_in, shared))
    taken: set[str] = set()
    cases, losses = [], [*draft.losses]
    for index, case in enumerate(draft.cases):
        done, lost = _finish_case(case, of_all, names_in, taken)
        place = draft.places[index] if index < len(draft.places) else Location(shown, 1)
        losses += [Loss(place, f"vars.{name}", _NOTED) for name in lost]
        cases.append(done)
    _name_equal(cases, taken)
    losses.sort(key=lambda loss: (loss.location.path, loss.location.line))
    return dataclasses.replace(draft, cases=cases, losses=tuple(losses))


def fit_id(text: str) -> str:
    """Return a text as an id of a case; an empty one if nothing of it is left."""
    fit = _UNFIT_IN_ID.sub(" ", text)
    return " ".join(fit.split())[:MAX_ID_LENGTH].strip()


def fit_tag(text: str) -> str:
    """Return a text as a tag; an empty one if nothing of it is left."""
    tag = _UNFIT_IN_TAG.sub("-", text.strip()).strip("-").lstrip("_")
    try:
        check_tag(tag)
    except ValueError:
        return f"is-{tag}" if tag else ""
    return tag


def _finish_case(
    case: Mapping[str, Json], of_all: frozenset[str], names_in: Callable[[str], frozenset[str]], taken: set[str]
) -> tuple[dict[str, Json], Sequence[str]]:
    """Return a case as it can be loaded, and the names of variables that are lost."""
    done = {key: case[key] for key in _ORDER if key in case and case[key] not in (None, [], {})}
    if "id" in done:
        done["id"] = _unique(fit_id(str(done["id"])), taken)
        if not done["id"]:
            del done["id"]
    tags = done.get("tags")
    if isinstance(tags, list):
        done["tags"] = list(dict.fromkeys(tag for text in tags if (tag := fit_tag(str(text)))))
    known = of_all.union(*map(names_in, _texts_of(done.get("judges", []))))
    lost = _settle_variables(done, known)
    return {key: done[key] for key in _ORDER if key in done and done[key] not in ([], {})}, lost


def _name_equal(cases: Sequence[dict[str, Json]], taken: set[str]) -> None:
    """Give an id to cases that are named by what they ask, where several ask the same."""
    asked = [None if "id" in case else json.dumps([case.get("input"), case.get("vars")]) for case in cases]
    counts = Counter(asked)
    for number, (case, key) in enumerate(zip(cases, asked, strict=True), start=1):
        if key is not None and counts[key] > 1:
            rest = dict(case)
            case.clear()
            case.update({"id": _unique(f"case-{number}", taken), **rest})


def _settle_variables(case: dict[str, Json], known: frozenset[str]) -> Sequence[str]:
    """Make metadata of idle variables. Return the names of those for which there is no room."""
    variables, metadata = case.get("vars"), case.get("metadata", {})
    if not isinstance(variables, dict) or not isinstance(metadata, dict):
        return ()
    idle = {name: value for name, value in variables.items() if name not in known or name in _GIVEN}
    if idle:
        case["vars"] = {name: value for name, value in variables.items() if name not in idle}
        case["metadata"] = {**idle, **metadata}
    return [name for name, value in idle.items() if name in metadata and metadata[name] != value]


def _unique(text: str, taken: set[str]) -> str:
    found, number = text, 1
    while found in taken:
        number += 1
        found = f"{text[: MAX_ID_LENGTH - 8]}-{number}"
    if found:
        check_id(found)
        taken.add(found)
    return found


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts_of(key)
            yield from _texts_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts_of(part)

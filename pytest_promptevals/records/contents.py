"""What runs name by its hash: prompts, judges and cases, as text that is kept once."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, cast

from pytest_promptevals.records.cases import Case, JudgeSpec
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.fingerprints import DIGITS
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.runs import RunFile

_NOT_CONTENT: Final = ("id", "location")
_EMPTY: Final = Case("", cast("Any", None))
_DEFAULTS: Final = {field.name: getattr(_EMPTY, field.name) for field in fields(Case) if field.name not in _NOT_CONTENT}
_NAMES: Final = tuple(_DEFAULTS)
_VALUES: Final = attrgetter(*_NAMES)
_AT_ONCE: Final = 500
"""Cases whose text is made, and hashed, together: many small steps take longer, and all at once would fill memory."""


class ContentKind(enum.Enum):
    """What a content is."""

    PROMPT = "prompt"
    """A prompt's template: its ``messages`` with the files ``included`` and ``few_shot``, or its ``python`` function
    with its ``source``."""
    JUDGE = "judge"
    """A judge as planned; its ``content`` is what it read from files, or the code of one that is the user's own."""
    CASE = "case"
    """All fields of a case but its id and its place."""


@dataclass(frozen=True, slots=True)
class Content:
    """Something that a run names by its hash."""

    hash: str
    """Content hash of the text."""
    kind: ContentKind
    """What it is."""
    text: str
    """JSON with sorted keys."""


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One state of the cases of an eval file."""

    file: str
    """The eval file, or ``test_file.py::function``."""
    version: str
    """Content hash of all its cases, whatever their order."""
    members: Mapping[str, str]
    """Content hash of each case, by its id."""
    created_at: str = ""
    """When it was first run, ISO 8601, UTC; empty if it never was."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of an eval file before any of its cases has run."""

    file: RunFile
    """What makes its results comparable, but for the models as the providers resolve them."""
    contents: tuple[Content, ...] = ()
    """Its prompts and judges."""
    cases_path: str = ""
    """The file that holds the cases, relative to the rootdir where it is inside of it."""


def make_content(kind: ContentKind, data: JsonObject) -> Content:
    """Return plain data as a content."""
    text = _ENCODER.encode(data)
    return Content(_hash_text(text), kind, text)


def case_content(case: Case) -> Content:
    """Return the content of a case: equal for equal cases, whatever their ids and places."""
    return make_content(ContentKind.CASE, _case_fields(case))


def judge_content(spec: JudgeSpec) -> dict[str, Json]:
    """Return a judge as it is written, without its place."""
    return _without_place(cast("dict[str, Json]", to_plain(spec)))


def dataset_version(cases: Iterable[Case]) -> str:
    """Return the content hash of cases and their ids, whatever their order. Takes 0.2 to 0.4 s for 100,000."""
    digest = hashlib.sha256()
    ordered = sorted(cases, key=lambda case: case.id)
    for start in range(0, len(ordered), _AT_ONCE):
        chunk = [[case.id, _case_fields(case)] for case in ordered[start : start + _AT_ONCE]]
        # Without the brackets of its list, the text is the same in chunks of any size.
        digest.update(f"{_ENCODER.encode(chunk)[1:-1]},".encode("ascii"))
    return digest.hexdigest()[:DIGITS]


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGITS]


def _case_fields(case: Case) -> dict[str, Json]:
    # A field that is added to cases some day changes no version as long as nobody uses it.
    values = zip(_NAMES, _VALUES(case), _DEFAULTS.values(), strict=True)
    given = {name: value for name, value, default in values if value != default}
    if case.output is not None:
        given["output"] = to_plain(case.output)
    if case.judges:
        given["judges"] = [judge_content(judge) for judge in case.judges]
    return given


def _without_place(judge: dict[str, Json]) -> dict[str, Json]:
    judge.pop("location", None)
    if "children" in judge:
        judge["children"] = [_without_place(child) for child in cast("list[dict[str, Json]]", judge["children"])]
    return judge


# Mappings of other types than dict are written as such.
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False, default=dict
)

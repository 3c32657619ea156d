"""Cases without an id of their own, and writing the ids that they go by into their files."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.datasets.cases import ID_DIGITS, LONG_ID_DIGITS
from pytest_promptevals.datasets.csv_cases import read_csv
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.text import read_text, write_text_atomically
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.hygiene import yaml_ids
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.yaml_ids import Edit
from pytest_promptevals.judges.excerpts import count_noun
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json

_BREAK: Final = re.compile(r"(\r\n|\r|\n)")
_NULL_ID: Final = re.compile(r'"id"\s*:\s*(null)')
_YAML: Final = frozenset({".yaml", ".yml"})
_OTHER_COMMA: Final = "|"
"""Parts columns for some programs; semicolons and tabs are told where the file is read."""
BROKEN: Final = "first correct what keeps the file from loading"
"""Why a file with problems is left alone."""
_WRITABLE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class WrittenIds:
    """What became of the cases of one file that had no id."""

    path: str
    """The file, relative to the rootdir where it is inside of it."""
    written: int
    """Ids that were written."""
    left: int
    """Cases that still have none."""
    reason: str = ""
    """Why the file was left alone, if it was."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What can be done for the cases of one file without ids."""

    edits: Sequence[Edit]
    left: Sequence[Case]
    """Those whose entries cannot be edited."""


def find_missing_ids(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each file with cases that have no id."""
    for path, cases in _without_ids(subject).items():
        verb = "has" if len(cases) == 1 else "have"
        message = (
            f"{count_noun(len(cases), 'case')} {verb} no id: {name_cases(cases)}; a change of the input would make "
            f"another case of it; {_advise(subject, path, cases)}"
        )
        yield find(Kind.MISSING_ID, message, cases[0].location, cases)


def _advise(subject: Subject, path: str, cases: Sequence[Case]) -> str:
    """Return what to do: which of the ids ``--fix-ids`` would write."""
    if reason := _why_not(subject, path):
        return f"--fix-ids leaves them to you: {reason}"
    left = _plan(subject, path, cases).left
    if not left:
        return "--fix-ids writes the ids that they go by today"
    if path.endswith(".csv"):
        return "write them into the column 'id': --fix-ids only adds one where there is none"
    if len(left) == len(cases):
        return "write the ids yourself: --fix-ids cannot edit entries of that form"
    return (
        f"--fix-ids writes the ids that they go by today, but not that of {name_cases(left, path)}: it cannot edit "
        "entries of that form"
    )


def write_missing_ids(subject: Subject) -> Iterator[WrittenIds]:
    """Write into files the ids that their cases go by, and yield what was done in each file.

    Nothing else in a file changes. What cannot be written so, such as a case that is an alias, is left, and so is a
    file that is read-only or has hard links, or problems of its own. Raises ``OSError`` if a file cannot be written;
    each is written as a whole or not at all.
    """
    for name, cases in _without_ids(subject).items():
        path = subject.rootdir / name
        plan = _plan(subject, name, cases)
        reason = _why_not(subject, name) if plan.edits else ""
        if plan.edits and not reason:
            _apply(path, plan.edits)
        left = len(cases) if reason else len(plan.left)
        yield WrittenIds(name, len(cases) - left, left, reason)


def _why_not(subject: Subject, name: str) -> str:
    """Return why a file is not written although it could be replaced, if so."""
    path = subject.rootdir / name
    if name in subject.broken:
        return BROKEN
    if path.suffix == ".csv" and (reason := _why_not_csv(read_text(path, name))):
        return reason
    state = path.stat()
    # Who may do anything, such as root, is still asked not to by the mode of the file.
    if not state.st_mode & _WRITABLE or not os.access(path, os.W_OK):
        return "the file is read-only"
    if state.st_nlink > 1:
        return f"the file has {state.st_nlink} hard links, which would part; replace them by one file"
    return ""


def _why_not_csv(text: str) -> str:
    """Return why a column for ids is not put into a CSV text, if so: its own columns are not what they seem."""
    columns = next((dict(row).get("vars") for row, _ in read_csv(text, "", Problems())), None)
    for name in columns if isinstance(columns, dict) else ():
        if name.lower() == "id":
            return f"the column {name!r} may hold them; call it 'id'"
        if _OTHER_COMMA in name:
            return f"the columns {name!r} are one, since only commas part columns; write commas"
    return ""


def _plan(subject: Subject, name: str, cases: Sequence[Case]) -> _Plan:
    path = subject.rootdir / name
    text = read_text(path, name)
    if path.suffix in _YAML:
        return _plan_yaml(text, name, subject, cases)
    if path.suffix == ".jsonl":
        return _Plan(_line_edits(text, cases), ())
    return _plan_csv(text, cases)


def _without_ids(subject: Subject) -> Mapping[str, list[Case]]:
    """Return the cases without ids by file."""
    hashed: defaultdict[str, list[Case]] = defaultdict(list)
    for case in subject.dataset.cases:
        if _is_hash(case):
            hashed[case.location.path].append(case)
    found = {path: _keep_without(subject, path, cases) for path, cases in hashed.items()}
    return {path: cases for path, cases in found.items() if cases}


def _is_hash(case: Case) -> bool:
    """Return whether the id is the one that a case without an id gets; it may have been written down."""
    if len(case.id) not in (ID_DIGITS, LONG_ID_DIGITS):
        return False
    return content_hash({"input": case.input, "vars": dict(case.vars)}, LONG_ID_DIGITS).startswith(case.id)


def _keep_without(subject: Subject, name: str, cases: Sequence[Case]) -> list[Case]:
    path = subject.rootdir / name
    text = read_text(path, name)
    if path.suffix == ".jsonl":
        rows = text.split("\n")
        return [case for case in cases if _id_of(parse_json(rows[case.location.line - 1], name)) is None]
    if path.suffix in _YAML:
        entries = _entries(parse_yaml(text, name).value, name, subject)
        wanted = {id(case) for case in cases}
        return [case for _, entry, case in entries if id(case) in wanted and _id_of(entry) is None]
    lines = {source.line for row, source in read_csv(text, name, Problems()) if "id" not in row}
    return [case for case in cases if case.location.line in lines]


def _id_of(row: Json) -> Json:
    return row.get("id") if isinstance(row, dict) else None


def _entries(value: Json, name: str, subject: Subject) -> list[tuple[yaml_ids.Path, Any, Case]]:
    """Return the cases of a YAML file, in its order, with their paths and what is written."""
    root: yaml_ids.Path = () if isinstance(value, list) else ("cases",)
    rows: Any = value["cases"] if isinstance(value, dict) else value
    entries = [((*root, index), row) for index, row in enumerate(rows) if "file" not in row]
    cases = [case for case in subject.dataset.cases if case.location.path == name]
    return [(path, row, case) for (path, row), case in zip(entries, cases, strict=True)]


def _plan_yaml(text: str, name: str, subject: Subject, cases: Sequence[Case]) -> _Plan:
    value = parse_yaml(text, name).value
    wanted = {id(case) for case in cases}
    places = {place: case for place, _, case in _entries(value, name, subject) if id(case) in wanted}
    plan = yaml_ids.plan_edits(text, {place: case.id for place, case in places.items()})
    expected: Any = copy.deepcopy(value)
    rows = expected["cases"] if isinstance(expected, dict) else expected
    for place in plan:
        rows[place[-1]]["id"] = places[place].id
    edits = list(plan.values())
    # The edits are trusted only if the file then says what it said, and the ids.
    if not _says(_edited(text, edits), expected):
        return _Plan((), cases)
    return _Plan(edits, [case for place, case in places.items() if place not in plan])


def _plan_csv(text: str, cases: Sequence[Case]) -> _Plan:
    """Plan a first column ``id``, if there is none yet."""
    ids = {case.location.line: case.id for case in cases}
    header = next(number for number, line in enumerate(text.split("\n")) if line)
    edits = [Edit(header, 0, 0, "id,"), *(Edit(line - 1, 0, 0, f"{case_id},") for line, case_id in ids.items())]
    expected = [{**row, "id": ids.get(source.line)} for row, source in read_csv(text, "", Problems())]
    rows = [row for row, _ in read_csv(_edited(text, edits), "", Problems())]
    return _Plan(edits, ()) if rows == expected else _Plan((), cases)


def _says(text: str, expected: Json) -> bool:
    try:
        return parse_yaml(text, "").value == expected
    except DatasetError:
        return False


def _line_edits(text: str, cases: Sequence[Case]) -> list[Edit]:
    rows = text.split("\n")
    return [_line_edit(rows[case.location.line - 1], case.location.line - 1, case.id) for case in cases]


def _line_edit(row: str, line: int, case_id: str) -> Edit:
    for found in _NULL_ID.finditer(row):
        filled = f'{row[: found.start(1)]}"{case_id}"{row[found.end(1) :]}'
        if _id_of(parse_json(filled, "")) == case_id:
            return Edit(line, found.start(1), found.end(1), f'"{case_id}"')
    colon, comma = (": ", ", ") if '": ' in row else (":", ",")
    start = row.index("{") + 1
    start += len(row) - start - len(row[start:].lstrip())
    return Edit(line, start, start, f'"id"{colon}"{case_id}"{comma}')


def _apply(path: Path, edits: Sequence[Edit]) -> None:
    text = path.read_bytes().decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    before = path.stat()
    write_text_atomically(path, mark + _edited(text.removeprefix(mark), edits))
    path.chmod(before.st_mode)
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root may give a file to somebody else
            os.chown(path, before.st_uid, before.st_gid)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with its edits made; new line ends are those that the text has."""
    pieces = _BREAK.split(text)
    line_end = pieces[1] if len(pieces) > 1 else "\n"
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.start), reverse=True):
        line = pieces[2 * edit.line]
        new = edit.text.replace("\n", line_end)
        pieces[2 * edit.line] = f"{line[: edit.start]}{new}{line[edit.end :]}"
    return "".join(pieces)

"""Plain rows: CSV, JSON Lines, or a list in JSON or YAML, of which the user says what is what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.csv_cases import convert_cell
from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.drafting import share_judges
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.importers.naming import list_names
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseWire
from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "name", "case_id", "key"),
    "input": ("input", "question", "prompt", "query", "instruction", "text"),
    "expected": ("expected", "answer", "ideal", "target", "reference", "expected_output", "ground_truth", "label"),
    "output": ("output", "response", "actual_output", "completion", "prediction"),
    "context": ("context", "contexts", "passages", "documents"),
    "tags": ("tags", "tag", "category", "topic"),
}
"""What fields are mostly called, best first: key of a case -> names of fields."""
_LISTS: Final = frozenset({"context", "tags"})
_CONVERTED: Final = frozenset({"weight", "priority", "trials", "judges", "skip", "xfail"})
"""Keys of a case that a text is converted for, where the user maps a field to them."""
_MAPPINGS: Final = ("vars", "metadata")
"""Keys of a case that a row may have, too, as an export writes them; other values of that name are variables."""


_COMMENTS: Final = {
    "prompt": "The rows name no prompt: write yours here.",
    "judges": "Exact words are asked for; 'promptevals judges list' shows what else there is.",
}
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


class RowsImporter:
    """Reads rows whose fields are named in any way."""

    takes_map = True
    description = "rows of CSV, JSON Lines, JSON or YAML; --map says which field is what"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether there are rows with something that can be asked, or a map that says what that is."""
        sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
        if not isinstance(sample, dict):
            return False
        has_vars = isinstance(sample.get("vars"), dict)
        return has_vars or bool(request.fields) or not sample.keys().isdisjoint(USUAL["input"])

    def read(self, request: ImportRequest) -> Draft:
        """Return the rows as cases; fields that are no key of a case become variables, or metadata.

        Raises ``UsageError`` for a map of what is no key of a case, or of a field that no row has.
        """
        _check_keys(request.fields)
        losses = Losses()
        counted = CountedLosses(losses)
        names: dict[str, None] = {}
        cases = list(_read_cases(request, counted, names))
        counted.note()
        _check_fields(request, names)
        for case in cases:
            if "expected" in case:
                case.setdefault("judges", ["json_equal" if isinstance(case["expected"], dict) else "exact"])
        settings: dict[str, Json] = {}
        if prompt := _stand_in_prompt(cases):
            settings["prompt"] = prompt
        if judges := share_judges(cases):
            settings["judges"] = judges
        return Draft(settings, cases, losses.listed(), comments=_COMMENTS)


def _check_keys(fields: Mapping[str, str]) -> None:
    for key, name in fields.items():
        if key.partition(".")[0] not in CaseWire.model_fields:
            if name.partition(".")[0] in CaseWire.model_fields:
                raise UsageError(f"--map {key}={name}: the key of a case stands first; did you mean {name}={key}?")
            raise UsageError(f"--map {key}=…: a case has no key {key!r}.{did_you_mean(key, CaseWire.model_fields)}")


def _check_fields(request: ImportRequest, names: Iterable[str]) -> None:
    for key, name in request.fields.items():
        if name not in names:
            raise UsageError(
                f"{request.shown}: --map {key}={name}: no row has a field {name!r}; there are: {list_names(names)}"
            )


def _read_cases(request: ImportRequest, counted: CountedLosses, names: dict[str, None]) -> Iterator[dict[str, Json]]:
    for row, source in read_records(request.path, request.shown):
        if not isinstance(row, dict):
            counted.losses.add(source, "the row is no mapping of fields; left out")
            continue
        names.update(dict.fromkeys(row))
        case = _read_case(row, source, request.fields, counted)
        if case is not None:
            yield case


def _read_case(
    row: Mapping[str, Json], source: Source, mapped: Mapping[str, str], counted: CountedLosses
) -> dict[str, Json] | None:
    case: dict[str, Json] = {}
    with Fields(row, source, counted.losses) as fields:
        given = {name: fields.take(name) for name in dict.fromkeys(mapped.values()) if name in fields}
        for key, name in mapped.items():
            if problem := _put_mapped(case, key, given.get(name)):
                counted.losses.add(source, f"{problem}; left out", name)
        for key, names in USUAL.items():
            known = next((name for name in names if name in fields), None)
            if key not in mapped and known is not None and known not in mapped.values():
                _put(case, key, fields.take(known))
        rest = {name: value for name, value in fields.rest().items() if value not in (None, "")}
    for name in _MAPPINGS:
        if name not in case and isinstance(rest.get(name), dict):
            case[name] = rest.pop(name)
    if case.get("input") in (None, "") and not rest and not case.get("vars"):
        counted.losses.add(source, "the row holds nothing that can be asked; left out")
        return None
    _add_rest(case, rest, source, counted)
    return case


def _stand_in_prompt(cases: Sequence[Mapping[str, Json]]) -> str:
    """Return a prompt that shows the variables that all cases have, where no case has anything else to ask."""
    given = [found for case in cases if "input" not in case and isinstance(found := case.get("vars"), dict)]
    if not given or len(given) < len(cases):
        return ""
    names = [name for name in given[0] if all(name in one for one in given)]
    fit = [name for name in names if _NAME.fullmatch(name)]
    return f"{{{{ {fit[0]} }}}}" if len(fit) == 1 else "\n".join(f"{name}: {{{{ {name} }}}}" for name in fit)


def _put_mapped(case: dict[str, Json], key: str, value: Json) -> str:
    """Put the value of a field that the user named into a case. Return what keeps it out, or an empty text."""
    whole, _, part = key.partition(".")
    if value in (None, ""):
        return ""
    if part:
        inner = case.setdefault(whole, {})
        if not isinstance(inner, dict):
            return f"{whole} is no mapping here"
        inner[part] = value
        return ""
    if isinstance(value, str) and key in (*_CONVERTED, *_MAPPINGS):
        try:
            value = convert_cell("metadata" if key in _MAPPINGS else key, value)
        except ValueError as error:
            return f"{key} {error}"
    if key in _MAPPINGS and not isinstance(value, dict):
        return f"{key} must be a mapping"
    _put(case, key, value)
    return ""


def _put(case: dict[str, Json], key: str, value: Json) -> None:
    if value not in (None, ""):
        case[key] = [str(value)] if key in _LISTS and not isinstance(value, list) else value


def _add_rest(case: dict[str, Json], rest: Mapping[str, Json], source: Source, counted: CountedLosses) -> None:
    if not rest:
        return
    given = case.get("vars")
    variables = dict(given) if isinstance(given, dict) else {}
    for name, value in rest.items():
        if variables.setdefault(name, value) != value:
            counted.add(source, "vars have a value of this name, too, which is kept", name)
    case["vars"] = variables

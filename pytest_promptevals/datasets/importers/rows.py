"""Plain rows: CSV, JSON Lines, or a list in JSON or YAML, of which the user says what is what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.csv_cases import read_cell
from pytest_promptevals.datasets.importers.drafting import share_judges
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, kind_of, read_records
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseWire
from pytest_promptevals.errors import FileProblem, UsageError, did_you_mean
from pytest_promptevals.records.cases import Location
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
_MAPPINGS: Final = ("vars", "metadata")
"""Keys of a case that a row may have, too, as an export writes them; other values of that name are variables."""
_KINDS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("weight", "priority", "trials", "skip", "xfail"), object),
    "judges": list,
    **dict.fromkeys(_MAPPINGS, dict),
}
"""Keys of a case that take no texts, of which cells are made."""
_TWICE: Final = "'vars' has a value of this name, too, which is kept; left out"
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
        used: set[str] = set()
        read = list(_read_cases(request, losses, used))
        cases = [case for case, _ in read]
        for key, name in request.fields.items():
            if name not in used:
                raise UsageError(f"{request.shown}: --map {key}={name}: no row has a field {name!r}")
        for case in cases:
            if "expected" in case:
                case.setdefault("judges", ["json_equal" if isinstance(case["expected"], dict) else "exact"])
        settings: dict[str, Json] = {}
        if prompt := _stand_in_prompt(cases):
            settings["prompt"] = prompt
        if judges := share_judges(cases):
            settings["judges"] = judges
        return Draft(settings, cases, losses.listed(), comments=_COMMENTS, places=[place for _, place in read])


def _check_keys(fields: Mapping[str, str]) -> None:
    for key, name in fields.items():
        if key.partition(".")[0] not in CaseWire.model_fields:
            if name.partition(".")[0] in CaseWire.model_fields:
                raise UsageError(f"--map {key}={name}: the key of a case stands first; did you mean {name}={key}?")
            raise UsageError(f"--map {key}=…: a case has no key {key!r}.{did_you_mean(key, CaseWire.model_fields)}")


def _read_cases(request: ImportRequest, losses: Losses, used: set[str]) -> Iterator[tuple[dict[str, Json], Location]]:
    for row, source in read_records(request.path, request.shown):
        if not isinstance(row, dict):
            losses.add(source, "the row is no mapping of fields; left out")
            continue
        case = _read_case(row, source, request.fields, losses, used)
        if case is not None:
            yield case, source.locate()


def _read_case(
    row: Mapping[str, Json], source: Source, mapped: Mapping[str, str], losses: Losses, used: set[str]
) -> dict[str, Json] | None:
    case: dict[str, Json] = {}
    with Fields(row, source, losses) as fields:
        given = {name: fields.take(name) for name in dict.fromkeys(mapped.values()) if name in fields}
        used.update(given)
        for key, name in mapped.items():
            _put(case, key, _as_value_of(key, given.get(name), source.part(name), losses))
        for key, names in USUAL.items():
            known = next((name for name in names if name in fields), None)
            if key not in mapped and known is not None and known not in mapped.values():
                _put(case, key, fields.take(known))
        rest = {name: value for name, value in fields.rest().items() if value not in (None, "")}
    for name in _MAPPINGS:
        if name not in case and isinstance(rest.get(name), dict):
            found = rest.pop(name)
            case.update({name: found} if found else {})
    if case.get("input") in (None, "") and not rest and not case.get("vars"):
        losses.add(source, "the row holds nothing that can be asked; left out")
        return None
    for name in _add_rest(case, rest):
        losses.add(source, _TWICE, name)
    return case


def _stand_in_prompt(cases: Sequence[Mapping[str, Json]]) -> str:
    """Return a prompt that shows the variables that all cases have, where no case has anything else to ask."""
    given = [found for case in cases if "input" not in case and isinstance(found := case.get("vars"), dict)]
    if not given or len(given) < len(cases):
        return ""
    names = [name for name in given[0] if all(name in one for one in given)]
    fit = [name for name in names if _NAME.fullmatch(name)]
    return f"{{{{ {fit[0]} }}}}" if len(fit) == 1 else "\n".join(f"{name}: {{{{ {name} }}}}" for name in fit)


def _put(case: dict[str, Json], key: str, value: Json) -> None:
    if value in (None, ""):
        return
    whole, _, part = key.partition(".")
    if part:
        inner = case.setdefault(whole, {})
        if isinstance(inner, dict):
            inner[part] = value
        return
    case[key] = [str(value)] if key in _LISTS and not isinstance(value, list) else value


def _as_value_of(key: str, value: Json, source: Source, losses: Losses) -> Json:
    """Return a value that is mapped to a key of a case, a text as what it stands for; ``None`` and a loss if unfit."""
    kind = _KINDS.get(key)
    if kind is None or value in (None, ""):
        return value
    try:
        found = read_cell("metadata" if key == "vars" else key, value) if isinstance(value, str) else value
    except ValueError as error:
        losses.add(source, f"as {key}: {error}, got {value!r}; left out")
        return None
    except FileProblem:
        losses.add(source, f"as {key}: must be JSON, got {value!r}; left out")
        return None
    if not isinstance(found, kind):
        what = "a list" if kind is list else "a mapping"
        losses.add(source, f"as {key}: must be {what}, but is {kind_of(found)}; left out")
        return None
    return found


def _add_rest(case: dict[str, Json], rest: Mapping[str, Json]) -> list[str]:
    """Add variables to those of a case. Return the names of those that have another value there, which is kept."""
    variables = case.get("vars", {})
    if not rest or not isinstance(variables, dict):
        return []
    case["vars"] = {**rest, **variables}
    return [name for name, value in rest.items() if name in variables and variables[name] != value]

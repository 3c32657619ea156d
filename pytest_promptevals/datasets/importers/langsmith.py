"""Examples of LangSmith's datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.conversations import (
    Said,
    as_data,
    as_input,
    is_conversation,
    parse_text,
    read_conversation,
    read_said,
    why_not_asked,
)
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_blank, is_empty, put_note
from pytest_promptevals.datasets.importers.drafting import share_prompt
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.importers.starting import first_row, settle_judges
from pytest_promptevals.datasets.importers.tables import is_table
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "inputs": "`input`: the value of its only key, or the whole; a list of messages is a conversation, others are JSON",
    "outputs": "`expected`: the value of its only key, or the mapping as it is, judged by `fuzzy` or `json_equal`",
    "metadata": "`metadata`",
    "metadata.dataset_split": "`tags`",
    "split": "`tags`; so are `splits` and `dataset_split`",
    "id": "`id`",
    "name": "`metadata`",
    "created_at": "`metadata`",
    "modified_at": "`metadata`",
    "source_run_id": "`metadata`",
    "dataset_id": "`description` of the eval file; `metadata` where examples are of several datasets",
    "attachments": "left out, and named: no files are shown to models",
    "attachment_urls": "left out, and named, likewise",
    "use_source_run_io": "left out, and named where it is true: what the run holds is not in the file",
    "use_source_run_attachments": "left out, and named",
    "runs": "left out, and named",
}
"""Fields of an example, and what becomes of them. In CSV also as columns ``inputs.KEY``, ``input_KEY`` and so on."""
_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "inputs": ("inputs.", "inputs_", "input.", "input_"),
    "outputs": ("outputs.", "outputs_", "output.", "output_"),
    "metadata": ("metadata.", "metadata_"),
}
"""What columns of CSV begin with that hold a key of a mapping."""
_NOTES: Final = ("name", "created_at", "modified_at", "source_run_id")
_SPLITS: Final = ("split", "splits", "dataset_split")


class LangSmithImporter:
    """Reads examples in JSON Lines, JSON or CSV."""

    description = "examples of LangSmith's datasets, in JSON Lines, JSON or CSV"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether there are examples: rows with inputs and outputs, in columns or as mappings."""
        row = first_row(request)
        if row is None:
            return False
        if "inputs" in row and ("outputs" in row or "dataset_id" in row):
            return isinstance(parse_text(row["inputs"]), dict)
        known = (*FIELDS, *_SPLITS)
        if not all(name in known or _whole_of(name) for name in row) or "input_tokens" in row:
            return False
        return {"inputs", "outputs"} <= {_whole_of(name) for name in row}

    def read(self, request: ImportRequest) -> Draft:
        """Return each example as a case. Raises ``FileProblem`` or ``DatasetError`` for a file that cannot be read."""
        losses = Losses()
        counts = CountedLosses(losses)
        rows = [*_rows(request, losses)]
        lonely = {name: _lonely_key([row.get(name) for row, _ in rows]) for name in ("inputs", "outputs")}
        cases = [case for row, source in rows if (case := _read_example(row, source, lonely, counts)) is not None]
        counts.note()
        settings: dict[str, Json] = {}
        if dataset := _share_dataset(cases):
            settings["description"] = f"Dataset {dataset} of LangSmith."
        if prompt := share_prompt(cases):
            settings["prompt"] = prompt
        judges, comments = settle_judges(cases, "Examples")
        return Draft({**settings, **judges}, cases, losses.listed(), comments=comments)


def _rows(request: ImportRequest, losses: Losses) -> Iterator[tuple[dict[str, Json], Source]]:
    has_cells = is_table(request.path)
    for row, source in read_records(request.path, request.shown):
        if not isinstance(row, dict):
            losses.add(source, "the row is no example; left out")
            continue
        yield (_gathered(row, source, losses) if has_cells else dict(row)), source


def _gathered(row: Mapping[str, Json], source: Source, losses: Losses) -> dict[str, Json]:
    """Return a row of CSV with its columns put together to mappings; empty cells are left out."""
    found: dict[str, Json] = {}
    mappings: dict[str, dict[str, Json]] = {}
    for name, cell in row.items():
        if cell in ("", None):
            continue
        whole = None if name in FIELDS else _whole_of(name)
        if whole is None:
            found[name] = parse_text(cell) if name in _PREFIXES or name in (*_SPLITS, "attachments") else cell
        else:
            mappings.setdefault(whole, {})[_key_of(name)] = parse_text(cell)
    for whole, mapping in mappings.items():
        given = found.get(whole)
        if given is not None and not (isinstance(given, dict) and mapping.keys().isdisjoint(given)):
            losses.add(source, "columns of their own give keys of it, too, and these are kept", whole)
        found[whole] = {**given, **mapping} if isinstance(given, dict) else mapping
    return found


def _whole_of(name: str) -> str | None:
    found = (whole for whole, prefixes in _PREFIXES.items() if name.startswith(prefixes) and _key_of(name))
    return next(found, None)


def _key_of(name: str) -> str:
    prefixes = (prefix for prefixes in _PREFIXES.values() for prefix in prefixes)
    return next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), "")


def _lonely_key(values: Sequence[Json]) -> str | None:
    """Return the key that is the only one of all mappings, if there is one."""
    keys = {key for value in values if isinstance(value, dict) for key in value}
    return keys.pop() if len(keys) == 1 else None


def _read_example(
    row: Mapping[str, Json], source: Source, lonely: Mapping[str, str | None], counts: CountedLosses
) -> dict[str, Json] | None:
    with Fields(row, source, counts.losses) as fields:
        case: dict[str, Json] = {"id": fields.take("id")}
        asked = _value_of(fields.take("inputs"), lonely["inputs"])
        wanted = _value_of(fields.take("outputs"), lonely["outputs"])
        case["metadata"] = _read_notes(fields, case, counts)
        for name in ("attachments", "attachment_urls", "use_source_run_attachments"):
            if not is_empty(fields.take(name)):
                counts.add(source, "no files are shown to models; left out", name)
        if fields.take("use_source_run_io") in (True, "true", "True"):
            counts.add(source, "what the run holds is not in the file; export the example with it", "use_source_run_io")
    said = _messages_in(asked, source.part("inputs"), counts)
    if asked is None:
        counts.add(source, "the example has no inputs; left out")
        return None
    if (reason := why_not_asked(said)) is not None:
        counts.losses.add(source, reason, "inputs")
        return None
    case["input"] = as_input(said) if said else as_data(asked)
    _expect(wanted, case, source.part("outputs"), counts)
    return case


def _value_of(value: Json, lonely: str | None) -> Json:
    if isinstance(value, dict) and lonely is not None:
        return value.get(lonely)
    return None if is_blank(value) else value


def _messages_in(asked: Json, source: Source, counts: CountedLosses) -> list[Said]:
    value = parse_text(asked)
    if isinstance(value, list) and is_conversation(value):
        return read_conversation(value, source, counts)
    return []


def _expect(wanted: Json, case: dict[str, Json], source: Source, counts: CountedLosses) -> None:
    """Put what is wanted into the case: an answer's text, calls of tools, or data."""
    messages: list[Json] = wanted if isinstance(wanted, list) else [wanted]
    if not is_conversation(messages):
        case["expected"] = wanted
        return
    said = read_said(messages[-1], source, counts)
    if len(messages) > 1:
        counts.add(source, "the last message is what is expected; those before it are left out")
    if said.calls:
        case["expected"] = [{key: call[key] for key in call if key != "id"} for call in said.calls]
        case["judges"] = ["tool_calls"]
        if said.texts:
            counts.add(source, "is said beside calls of tools, which alone are judged; left out")
        return
    case["expected"] = "\n".join(said.texts) or None


def _read_notes(fields: Fields, case: dict[str, Json], counts: CountedLosses) -> dict[str, Json]:
    given = parse_text(fields.take("metadata"))
    notes: dict[str, Json] = dict(given) if isinstance(given, dict) else {"metadata": given}
    splits = [parse_text(fields.take(name)) for name in _SPLITS]
    splits.append(notes.pop("dataset_split", None))
    listed = [split for value in splits for split in (value if isinstance(value, list) else [value])]
    case["tags"] = [str(split) for split in listed if not is_blank(split)]
    for name in (*_NOTES, "dataset_id"):
        value = fields.take(name)
        if value is not None:
            put_note(notes, name, value, fields.source, counts)
    return {name: value for name, value in notes.items() if value is not None}


def _share_dataset(cases: Sequence[dict[str, Json]]) -> Json:
    """Return the id of the dataset that all cases are of, and take it away from their metadata."""
    notes = [case["metadata"] for case in cases if isinstance(case["metadata"], dict)]
    found = [note.get("dataset_id") for note in notes]
    if not found or found[0] is None or any(value != found[0] for value in found):
        return None
    for note in notes:
        del note["dataset_id"]
    return found[0]

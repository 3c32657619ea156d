"""Records of Braintrust: datasets, and exported logs and experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.braintrust_spans import Spans
from pytest_promptevals.datasets.importers.braintrust_values import read_output
from pytest_promptevals.datasets.importers.conversations import (
    as_data,
    as_input,
    is_conversation,
    parse_text,
    read_conversation,
    why_not_asked,
)
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_blank, is_empty, put_note
from pytest_promptevals.datasets.importers.drafting import share_prompt
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_document, read_records
from pytest_promptevals.datasets.importers.starting import first_row, settle_judges
from pytest_promptevals.datasets.importers.tables import is_table
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseWire
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "id": "`id`",
    "input": "`input`; a list of messages, or a mapping with nothing but `messages`, is a conversation, "
    "another list a text of JSON",
    "expected": "`expected`, judged by `fuzzy`, or by `json_equal` where it is no text",
    "metadata": "`metadata`",
    "metadata.model": "`model` of the `output`, where there is one; else `metadata`",
    "tags": "`tags`",
    "output": "`output`, which is judged, and no model is asked: a text, the choices of OpenAI, or data as JSON",
    "error": "a record with an error and no output is left out, and named; else `metadata`",
    "scores": "`metadata`",
    "metrics.start": "with `metrics.end`: `latency` of the `output`",
    "metrics.end": "see `metrics.start`",
    "metrics.duration": "`latency` of the `output`, where there is no start and end",
    "metrics.prompt_tokens": "`input_tokens` of its `usage`",
    "metrics.completion_tokens": "`output_tokens`",
    "metrics.prompt_cached_tokens": "`cached_tokens`",
    "metrics.prompt_cache_creation_tokens": "`cache_write_tokens`",
    "metrics.completion_reasoning_tokens": "`reasoning_tokens`",
    "metrics.estimated_cost": "`cost` of the `output`",
    "metrics.tokens": "the sum of two others; left out where it is",
    "metrics": "all others, and those of a record without an output: `metadata`",
    "context": "`metadata`",
    "created": "`metadata`",
    "comments": "`metadata`",
    "origin": "`metadata`",
    "facets": "`metadata`",
    "classifications": "`metadata`",
    "span_id": "`metadata`",
    "root_span_id": "`group` where cases share it; else `metadata`, unless it is `span_id`",
    "span_parents": "a span inside of another record is left out, and counted by its type; else `metadata`",
    "is_root": "tells spans inside of another record from others",
    "span_attributes": "its name: `metadata`; its type: see `span_parents`; others left out, and named",
    "project_id": "left out, and named",
    "dataset_id": "left out, and named",
    "experiment_id": "left out, and named",
    "org_id": "left out, and named",
    "log_id": "left out, and named",
    "_xact_id": "left out, and named",
    "_pagination_key": "left out, and named",
    "_async_scoring_state": "left out, and named",
    "audit_data": "left out, and named",
    "events": "the records, in an answer of the API",
    "data": "the records, likewise",
    "cursor": "left out, and named: where the next page begins",
}
"""Fields of a record, and what becomes of them."""
_LISTS: Final = ("events", "data")
_SIGNS: Final = frozenset({"_xact_id", "_pagination_key", "root_span_id", "span_attributes"})
"""Fields that no other format has, of which one is enough."""
_KEPT: Final = ("error", "scores", "context", "created", "comments", "origin", "facets", "classifications", "span_id")
_BOOKS: Final = (
    *("project_id", "dataset_id", "experiment_id", "org_id", "log_id", "_xact_id", "_pagination_key"),
    *("_async_scoring_state", "audit_data"),
)
_CELLS: Final = ("input", "expected", "output", "metadata", "tags", "scores", "metrics", "span_attributes")
_OTHER_CELLS: Final = ("span_parents", "context", "comments", "origin", "facets", "classifications", "error")


class BraintrustImporter:
    """Reads records in JSON Lines, JSON, an answer of the API, or CSV."""

    description = "records of Braintrust's datasets, logs and experiments, in JSON Lines, JSON or CSV"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether there are records: by a field of theirs alone, or by all of a row's fields."""
        row = first_row(request) or {}
        records = next((records for name in _LISTS if isinstance(records := row.get(name), list)), None)
        if records:
            row = records[0] if isinstance(records[0], dict) else {}
        if "input" not in row:
            return False
        if not _SIGNS.isdisjoint(row):
            return True
        if not row.keys() <= FIELDS.keys() or "expected" not in row:
            return False
        # A context of Braintrust's says where a call came from.
        has_sign = "scores" in row or isinstance(row.get("context"), dict)
        return has_sign or ("metadata" in row and not _is_plain(row))

    def read(self, request: ImportRequest) -> Draft:
        """Return each record as a case. Raises ``FileProblem`` or ``DatasetError`` for a file that cannot be read."""
        losses = Losses()
        counts = CountedLosses(losses)
        rows = [*_records(request, losses)]
        spans = Spans([row for row, _ in rows])
        cases: list[dict[str, Json]] = []
        for row, source in rows:
            if (kind := spans.kind_inside(row)) is not None:
                counts.add(source, f"a span of the type {kind!r} is part of another record; left out")
            elif (case := _read_record(row, source, spans, counts)) is not None:
                cases.append(case)
        counts.note()
        prompt = share_prompt(cases)
        judges, comments = settle_judges(cases, "Records")
        return Draft({**({"prompt": prompt} if prompt else {}), **judges}, cases, losses.listed(), comments=comments)


def _is_plain(row: Mapping[str, Json]) -> bool:
    """Return whether a row says nothing that rows of anybody's do not say: keys of a case, and something to ask."""
    return row.keys() <= CaseWire.model_fields.keys() and isinstance(row["input"], str | list)


def _records(request: ImportRequest, losses: Losses) -> Iterator[tuple[dict[str, Json], Source]]:
    has_cells = is_table(request.path)
    for row, source in _rows(request, losses):
        if not isinstance(row, dict):
            losses.add(source, "the row is no record; left out")
        elif has_cells:
            yield {name: _read_cell(name, cell) for name, cell in row.items() if cell != ""}, source
        else:
            yield row, source


def _rows(request: ImportRequest, losses: Losses) -> Iterator[tuple[Json, Source]]:
    if not isinstance(request.sample, dict) or request.path.suffix.lower() not in (".json", ".yaml", ".yml"):
        yield from read_records(request.path, request.shown)
        return
    value, source = read_document(request.path, request.shown)
    with Fields(value if isinstance(value, dict) else {}, source, losses) as fields:
        for name in _LISTS:
            for index, row in enumerate(fields.take_list(name)):
                yield row, fields.part(name, index)


def _read_cell(name: str, cell: Json) -> Json:
    if name == "tags" and isinstance(cell, str) and not cell.startswith("["):
        return [tag.strip() for tag in cell.split(",")]
    if name == "is_root":
        return cell in ("true", "True")
    return parse_text(cell) if name in (*_CELLS, *_OTHER_CELLS) else cell


def _read_record(
    row: Mapping[str, Json], source: Source, spans: Spans, counts: CountedLosses
) -> dict[str, Json] | None:
    with Fields(row, source, counts.losses) as fields:
        case: dict[str, Json] = {"id": fields.take("id"), "expected": fields.take("expected")}
        case["tags"] = [str(tag) for tag in fields.take_list("tags")]
        notes = fields.take_mapping("metadata")
        case["metadata"] = notes = dict(notes)
        case["group"] = group = spans.group_of(row)
        asked, error = fields.take("input"), row.get("error")
        output = read_output(fields, notes, counts)
        for name in _KEPT:
            _add_note(notes, name, fields.take(name), source, counts)
        _read_place(fields, notes, group, counts)
    if asked is None:
        counts.add(source, "the record has no input; left out")
        return None
    if not is_empty(error) and output is None:
        counts.add(source, "the call failed, and there is no output to judge; left out", "error")
        return None
    case["output"] = output
    return case if _put_input(asked, case, source, counts) else None


def _put_input(asked: Json, case: dict[str, Json], source: Source, counts: CountedLosses) -> bool:
    """Put the input into the case. Return whether it can be one."""
    path: Sequence[str] = ("input",)
    if isinstance(asked, dict) and asked.keys() == {"messages"}:
        asked, path = asked["messages"], ("input", "messages")
    if not isinstance(asked, list) or not is_conversation(asked):
        case["input"] = as_data(asked)
        return True
    said = read_conversation(asked, source.part(*path), counts)
    if case["output"] is None and (reason := why_not_asked(said)) is not None:
        counts.losses.add(source, reason, "input")
        return False
    case["input"] = as_input(said)
    return True


def _read_place(fields: Fields, notes: dict[str, Json], group: str | None, counts: CountedLosses) -> None:
    """Take what tells where a record stands among others."""
    fields.take("is_root")
    root, parents = fields.take("root_span_id"), fields.take("span_parents")
    if root not in (group, notes.get("span_id")):
        _add_note(notes, "root_span_id", root, fields.source, counts)
    _add_note(notes, "span_parents", parents, fields.source, counts)
    attributes = fields.take_mapping("span_attributes")
    _add_note(notes, "span_name", attributes.pop("name", None), fields.source, counts)
    attributes.pop("type", None)
    for name in attributes:
        counts.add(fields.source, f"{name!r} of the attributes of a span is left out", "span_attributes")
    counts.add_names(fields, "Braintrust's own bookkeeping is left out", _BOOKS)


def _add_note(notes: dict[str, Json], name: str, value: Json, source: Source, counts: CountedLosses) -> None:
    if not is_blank(value):
        put_note(notes, name, value, source, counts)

"""Files of OpenTelemetry spans and events: exports of OTLP as JSON, and one span a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.datasets.importers.conversations import parse_text
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_blank
from pytest_promptevals.datasets.importers.foreign import Fields, is_lines, read_document, read_records
from pytest_promptevals.datasets.importers.naming import both_names
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.text import read_text
from pytest_promptevals.records.drafts import ImportRequest
from pytest_promptevals.records.json_types import Json

RESOURCES: Final = both_names("resource_spans")
LOGS: Final = both_names("resource_logs")
_SPANS: Final = (RESOURCES, both_names("scope_spans", "instrumentation_library_spans"), ("spans",))
_RECORDS: Final = (LOGS, both_names("scope_logs"), both_names("log_records"))
_TRACE_ID: Final = both_names("trace_id")
_SPAN_ID: Final = both_names("span_id")
_HANGING: Final = both_names(
    *("parent_span_id", "parent_id", "kind", "span_kind", "trace_state", "flags", "links", "dropped_links_count"),
    *("dropped_attributes_count", "dropped_events_count"),
)
_AROUND: Final = both_names("resource", "scope", "instrumentation_library", "schema_url")
_VALUES: Final = (
    "string_value",
    "int_value",
    "double_value",
    "bool_value",
    "bytes_value",
    "array_value",
    "kvlist_value",
)
_SEVERITY: Final = both_names("severity_number", "severity_text")
_EVENT_NAME: Final = "event.name"
_OF_CALLS: Final = "gen_ai."
EVALUATION: Final = "gen_ai.evaluation.result"
_NO_EVENT: Final = "a log record that is no event of a model call is left out"
_SEVERE: Final = "how severe a log record is, is left out"
_HANGS: Final = "how spans hang together and were exported is left out"
_PROCESS: Final = "what tells of the process, and not of a call, is left out"
_NANOSECONDS: Final = 1_000_000_000
_LEAST: Final = 10**17
"""Nanoseconds of 1973."""
_MOST: Final = 10**19
"""Nanoseconds of 2286."""


@dataclass(slots=True)
class Event:
    """Something that happened within a span."""

    name: str
    """What happened."""
    attributes: dict[str, Json]
    """What is known of it."""
    source: Source
    """Where it stands."""


@dataclass(slots=True)
class Span:
    """One span. Its attributes and events are taken away as they are read."""

    source: Source
    """Where it stands."""
    name: str = ""
    """What it is called."""
    trace_id: str = ""
    """The trace that it is part of."""
    span_id: str = ""
    """Its own id."""
    started: str | None = None
    """When it began, as ISO 8601 with a time zone."""
    latency: float | None = None
    """Seconds that it took."""
    failure: str | None = None
    """What its status says, if that is an error."""
    attributes: dict[str, Json] = field(default_factory=dict)
    """What is known of it."""
    events: list[Event] = field(default_factory=list)
    """What happened within it, in order."""
    is_log: bool = False
    """Whether it is only known by an event in a log."""

    def add_attributes(self, attributes: Mapping[str, Json], source: Source, counts: CountedLosses) -> None:
        """Add what an event says of the span; where the span itself says something else, that is kept."""
        for name, value in attributes.items():
            if self.attributes.setdefault(name, value) != value:
                counts.add(source, "the span gives something else of this name, which is kept", name)


def looks_like_spans(row: Json) -> bool:
    """Return whether a value is an export of OTLP, or one span."""
    if not isinstance(row, dict):
        return False
    if any(isinstance(row.get(name), list) for name in (*RESOURCES, *LOGS)):
        return True
    has_attributes = isinstance(row.get("attributes"), dict | list) or any(name.startswith("gen_ai.") for name in row)
    return has_attributes and any(name in row for name in (*_TRACE_ID, *_SPAN_ID, "context"))


def peek(path: Path, shown: str) -> Json:
    """Return what the first line of a file holds; ``None`` if that is no JSON."""
    try:
        return parse_json(read_text(path, shown).partition("\n")[0], shown)
    except FileProblem:
        return None


def read_spans(request: ImportRequest, counts: CountedLosses) -> Sequence[Span]:
    """Return the spans of a file, with what logs say of them. Raises ``FileProblem`` for one that cannot be read."""
    return _join(list(_read_all(request, counts)), counts)


def _read_all(request: ImportRequest, counts: CountedLosses) -> Iterator[Span]:
    for document, source in _documents(request):
        if not isinstance(document, dict):
            counts.losses.add(source, "is neither a span nor an export of spans; left out")
        elif any(name in document for name in (*RESOURCES, *LOGS)):
            yield from _read_export(document, source, counts)
        else:
            yield _read_span(document, source, counts, is_flat=True)


def _join(found: Sequence[Span], counts: CountedLosses) -> Sequence[Span]:
    """Return spans with the events of logs that belong to them; other events of one span become one."""
    joined = [span for span in found if not span.is_log]
    known = {(span.trace_id, span.span_id): span for span in joined}
    for log in found:
        if not log.is_log:
            continue
        span = known.get((log.trace_id, log.span_id)) if log.span_id else None
        if span is None:
            known[log.trace_id, log.span_id] = log
            joined.append(log)
        else:
            span.events += log.events
            span.add_attributes(log.attributes, log.source, counts)
    return joined


def _documents(request: ImportRequest) -> Iterator[tuple[Json, Source]]:
    path, shown = request.path, request.shown
    if is_lines(path) or isinstance(request.sample, list):
        yield from read_records(path, shown)
    elif request.sample is not None:
        yield read_document(path, shown)
    else:
        # A collector writes one export a line, whatever the name of the file ends in.
        for number, line in enumerate(read_text(path, shown).split("\n"), start=1):
            if line.strip():
                yield parse_json(line, shown, number), Source(shown, number)


def _read_export(document: Mapping[str, Json], source: Source, counts: CountedLosses) -> Iterator[Span]:
    with Fields(document, source, counts.losses) as fields:
        for span, place in _innermost(fields, _SPANS, counts):
            yield _read_span(span, place, counts)
        for record, place in _innermost(fields, _RECORDS, counts):
            if (log := _read_log(record, place, counts)) is not None:
                yield log


def _innermost(
    fields: Fields, levels: Sequence[Sequence[str]], counts: CountedLosses
) -> Iterator[tuple[dict[str, Json], Source]]:
    """Yield what the last of these keys holds: keys of an export, of what comes from one resource, and one scope."""
    names, *inner = levels
    for part, place in _parts(fields, names):
        if not inner:
            yield part, place
            continue
        with Fields(part, place, counts.losses) as of_part:
            yield from _innermost(of_part, inner, counts)
            counts.add_names(of_part, _PROCESS, _AROUND)


def _parts(fields: Fields, names: Sequence[str]) -> Iterator[tuple[dict[str, Json], Source]]:
    name = next((name for name in names if name in fields), names[0])
    for index, part in enumerate(fields.take_list(name)):
        if isinstance(part, dict):
            yield part, fields.part(name, index)


def _read_span(data: Mapping[str, Json], source: Source, counts: CountedLosses, *, is_flat: bool = False) -> Span:
    context = data.get("context")
    if isinstance(context, dict):
        data = {**context, **{name: value for name, value in data.items() if name != "context"}}
    with Fields(data, source, counts.losses) as fields:
        span = Span(source, name=fields.take_text(*both_names("name", "span_name")))
        span.trace_id, span.span_id = fields.take_text(*_TRACE_ID), fields.take_text(*_SPAN_ID)
        span.attributes = read_attributes(fields.take("attributes"))
        span.events = [
            _read_event(event, source.part("events", index))
            for index, event in enumerate(fields.take_list("events"))
            if isinstance(event, dict)
        ]
        span.failure = _read_failure(fields)
        _read_times(span, fields, counts)
        counts.add_names(fields, _PROCESS, _AROUND)
        counts.add_names(fields, _HANGS, _HANGING)
        if is_flat:
            span.attributes |= {name: value for name, value in fields.rest().items() if not is_blank(value)}
    return span


def _read_log(data: Mapping[str, Json], source: Source, counts: CountedLosses) -> Span | None:
    """Return what an event in a log says of its span; ``None`` for other records, which are counted."""
    with Fields(data, source, counts.losses) as fields:
        attributes = read_attributes(fields.take("attributes"))
        name = fields.take_text(*both_names("event_name")) or str(attributes.pop(_EVENT_NAME, ""))
        if not name.startswith(_OF_CALLS):
            fields.rest()
            counts.add(source, _NO_EVENT)
            return None
        span = Span(source, is_log=True)
        span.trace_id, span.span_id = fields.take_text(*_TRACE_ID), fields.take_text(*_SPAN_ID)
        body = parse_text(_read_value(fields.take("body")))
        said: dict[str, Json] = body if isinstance(body, dict) else {} if body is None else {"content": body}
        if name == EVALUATION:
            said, attributes = {**attributes, **said}, {}
        span.attributes, span.events = attributes, [Event(name, said, source)]
        moments = [fields.take(*both_names(name)) for name in ("time_unix_nano", "observed_time_unix_nano")]
        span.started = next((_iso(moment) for value in moments if (moment := _nanoseconds(value)) is not None), None)
        counts.add_names(fields, _SEVERE, _SEVERITY)
        counts.add_names(fields, _HANGS, _HANGING)
    return span


def _read_event(event: Mapping[str, Json], source: Source) -> Event:
    attributes = read_attributes(event.get("attributes"))
    body = event.get("body")
    if isinstance(body, dict):
        attributes |= body
    return Event(str(event.get("name", event.get("event_name", ""))), attributes, source)


def _read_failure(fields: Fields) -> str | None:
    status = fields.take("status")
    data: Mapping[str, Any] = status if isinstance(status, dict) else {"code": status}
    code = fields.take(*both_names("status_code")) or data.get("code") or data.get("status_code")
    message = fields.take(*both_names("status_message")) or data.get("message") or data.get("description")
    is_error = code == 2 or (isinstance(code, str) and code.upper().endswith("ERROR"))  # noqa: PLR2004 - OTLP's number
    return str(message or "an error") if is_error else None


def _read_times(span: Span, fields: Fields, counts: CountedLosses) -> None:
    given = [fields.take(*both_names(f"{side}_time_unix_nano", f"{side}_time")) for side in ("start", "end")]
    start, end = (_nanoseconds(value) for value in given)
    if any(value and _nanoseconds(value) is None for value in given):
        counts.add(span.source, "a time is neither ISO 8601 nor nanoseconds since 1970; left out")
    if start is not None:
        span.started = _iso(start)
    if start is not None and end is not None and end >= start:
        span.latency = round((end - start) / _NANOSECONDS, 6)
    milliseconds = fields.take(*both_names("duration_ms"))
    if span.latency is None and isinstance(milliseconds, int | float) and milliseconds >= 0:
        span.latency = round(milliseconds / 1000, 6)


def _iso(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")


def _nanoseconds(value: Json) -> int | None:
    """Return a time as nanoseconds since 1970: a number of them, or ISO 8601."""
    if isinstance(value, str) and not value.isdecimal():
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1_000_000) * 1000
    number = int(value) if isinstance(value, str | int) else 0
    # Smaller numbers are seconds or milliseconds, perhaps: a latency a million times too short would do harm.
    return number if _LEAST <= number <= _MOST else None


def read_attributes(value: Json) -> dict[str, Json]:
    """Return attributes as a mapping: they are one, or a list of keys and values as OTLP writes them."""
    if isinstance(value, str):
        value = parse_text(value)
    if isinstance(value, dict):
        return dict(value)
    items = value if isinstance(value, list) else []
    return {
        str(item["key"]): _read_value(item.get("value")) for item in items if isinstance(item, dict) and "key" in item
    }


def _read_value(value: Json) -> Json:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    name = next((known for known in _VALUES if kind in both_names(known)), "")
    if name == "int_value" and isinstance(inner, str):
        return int(inner)
    if name == "array_value":
        items = inner.get("values") if isinstance(inner, dict) else None
        return [_read_value(item) for item in items] if isinstance(items, list) else []
    if name == "kvlist_value":
        return read_attributes(inner.get("values") if isinstance(inner, dict) else None)
    return inner if name else value

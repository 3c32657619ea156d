"""Spans as OTLP writes them in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ANSWER: Mapping[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]),
    "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]),
}
"""Attributes of a model call with an answer."""


def pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as a list of keys and values."""
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def span(attributes: Mapping[str, Any], *events: tuple[str, Mapping[str, Any]], **others: Any) -> dict[str, Any]:
    """Return a span of 1.25 s; ``others`` are further keys of it."""
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "call",
        "startTimeUnixNano": "1767323045000000000",
        "endTimeUnixNano": 1767323046250000000,
        "attributes": pairs(attributes),
        "events": [{"name": name, "timeUnixNano": "1", "attributes": pairs(given)} for name, given in events],
        **others,
    }


def export(*spans: Mapping[str, Any]) -> dict[str, Any]:
    """Return an export of spans."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": [*spans]}]}]}


def log_record(name: str, attributes: Mapping[str, Any], body: Any = None, **others: Any) -> dict[str, Any]:
    """Return an event in a log, of the same span; ``others`` are further keys of it."""
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "timeUnixNano": "1767323046000000000",
        "eventName": name,
        "attributes": pairs(attributes),
        **({} if body is None else {"body": _value(body)}),
        **others,
    }


def export_logs(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Return an export of log records."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [*records]}]}]}


def numbered(prefix: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return messages as attributes with numbers: ``gen_ai.prompt.0.content``."""
    return {
        f"{prefix}.{index}.{key}": value for index, message in enumerate(messages) for key, value in message.items()
    }


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}

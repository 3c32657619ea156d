"""Outputs of Braintrust's logs, with what was measured."""

from __future__ import annotations

import json
from typing import Final

from pytest_promptevals.datasets.importers.conversations import finish_word, is_conversation, read_said
from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.foreign import Fields
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_USAGE: Final = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_cached_tokens": "cached_tokens",
    "prompt_cache_creation_tokens": "cache_write_tokens",
    "completion_reasoning_tokens": "reasoning_tokens",
}
"""Metrics -> keys of a recorded usage."""


def read_output(fields: Fields, notes: dict[str, Json], counts: CountedLosses) -> Json:
    """Return the output of a record as a recorded one; ``None`` if it has none.

    Metrics that a recorded output has no place for go to ``notes``, and so do all of them where there is no output.
    """
    given, source = fields.take("output"), fields.part("output")
    metrics = fields.take_mapping("metrics")
    if given is None:
        if metrics:
            notes.setdefault("metrics", metrics)
        return None
    output = _read_answer(given, source, counts)
    output.update(_measured(metrics))
    model = notes.get("model")
    if isinstance(model, str):
        output["model"] = notes.pop("model")
    if metrics:
        notes.setdefault("metrics", metrics)
    return output["text"] if output.keys() == {"text"} else output


def _read_answer(given: Json, source: Source, counts: CountedLosses) -> dict[str, Json]:
    choices: list[Json] = given if isinstance(given, list) else [given]
    first = choices[0] if choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if is_conversation([message]):
        if len(choices) > 1:
            counts.add(source, "of several choices the first is taken")
        reason = finish_word(first.get("finish_reason")) if isinstance(first, dict) else None
        answer = read_said(message, source.part(0, "message"), counts).as_output()
        return {**answer, **({"finish_reason": reason} if reason else {})}
    if is_conversation(choices):
        if len(choices) > 1:
            counts.add(source, "of several messages of an output the last is taken")
        return read_said(choices[-1], source, counts).as_output()
    return {"text": given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)}


def _measured(metrics: dict[str, Json]) -> dict[str, Json]:
    """Take the metrics that a recorded output has a place for."""
    usage = {ours: metrics.pop(name) for name, ours in _USAGE.items() if _is_count(metrics.get(name))}
    if metrics.get("tokens") == sum(usage.get(key, 0) for key in ("input_tokens", "output_tokens")):  # type: ignore[misc]
        del metrics["tokens"]
    found: dict[str, Json] = {"usage": usage} if usage else {}
    start, end = metrics.get("start"), metrics.get("end")
    if _is_amount(start) and _is_amount(end) and end >= start:  # type: ignore[operator]
        found["latency"] = round(end - start, 6)  # type: ignore[operator]
        del metrics["start"], metrics["end"]
    elif _is_amount(metrics.get("duration")):
        found["latency"] = metrics.pop("duration")
    if _is_amount(metrics.get("estimated_cost")):
        found["cost"] = metrics.pop("estimated_cost")
    return found


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0

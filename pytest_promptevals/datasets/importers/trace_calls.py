"""One model call of a trace -> a case with a recorded output."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.conversations import Said, as_input
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_blank
from pytest_promptevals.datasets.importers.trace_files import EVALUATION, Span
from pytest_promptevals.datasets.importers.trace_messages import (
    CHOICE,
    has_messages,
    merge_details,
    read_exchange,
    reason_of,
)
from pytest_promptevals.records.json_types import Json

CONVERSATION: Final = "gen_ai.conversation.id"
_USAGE: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
}
"""Keys of a recorded usage -> attributes, the newest first."""
_REQUEST: Final[Mapping[str, tuple[str, ...]]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model": ("gen_ai.request.model",),
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "top_k": ("gen_ai.request.top_k",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "frequency_penalty": ("gen_ai.request.frequency_penalty",),
    "presence_penalty": ("gen_ai.request.presence_penalty",),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "stop_sequences": ("gen_ai.request.stop_sequences",),
    "service_tier": ("openai.request.service_tier", "gen_ai.openai.request.service_tier"),
}
"""What was asked for -> attributes, the newest first."""
_TOTALS: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
_OPERATION: Final = ("gen_ai.operation.name", "llm.request.type")
_CALLS: Final = frozenset({"chat", "text_completion", "generate_content", "completion"})
_NO_CONTENT: Final = (
    "the model call has no answer recorded; left out. Instrumentations record messages only where they are told to, "
    "mostly by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
)


def read_call(span: Span, counts: CountedLosses) -> dict[str, Json] | None:
    """Return a case with the call's answer as its recorded output; ``None`` for other spans, which are counted."""
    merge_details(span, counts)
    operation = _take(span.attributes, _OPERATION)
    if (reason := _why_no_call(operation, span)) is not None:
        counts.add(span.source, f"{reason} is no model call; left out")
        return None
    exchange = read_exchange(span, counts)
    reason = reason_of(span.attributes)
    answered = [answer for answer in exchange.answers if answer.texts or answer.calls]
    if not answered:
        counts.add(span.source, _why_no_answer(span))
        return None
    if len(exchange.answers) > 1:
        counts.add(span.source, "of several choices the first is taken")
    if not exchange.asked:
        counts.add(span.source, "what was asked is not recorded; the case has its answer alone")
    requested: dict[str, Json] = {
        key: value for key, names in _REQUEST.items() if (value := _take(span.attributes, names)) is not None
    }
    return {
        "id": span.span_id,
        "input": _asked(exchange.asked),
        "output": _output(span, answered[0], reason, requested.get("model")),
        "metadata": _metadata(span, operation, requested, counts),
    }


def _take(attributes: dict[str, Json], names: Sequence[str]) -> Json:
    """Take the first of these attributes that says something; all of them count as taken."""
    found = [attributes.pop(name, None) for name in names]
    return next((value for value in found if value is not None), None)


def _why_no_call(operation: Json, span: Span) -> str | None:
    if operation in _CALLS:
        return None
    if operation is not None:
        return f"a span of the operation {operation!r}"
    if has_messages(span.attributes) or any(event.name == CHOICE for event in span.events):
        return None
    if any(name.startswith("gen_ai.") for name in span.attributes):
        return "a span with neither an operation nor messages"
    return "a span without gen_ai attributes"


def _why_no_answer(span: Span) -> str:
    failure = span.attributes.get("error.type") or span.failure
    return _NO_CONTENT if failure is None else f"the model call failed ({failure}), and gave no answer; left out"


def _asked(said: Sequence[Said]) -> Json:
    return as_input(said) if said else None


def _output(span: Span, answer: Said, reason: str | None, requested: Json) -> dict[str, Json]:
    usage = _usage(span.attributes)
    output = answer.as_output()
    output.setdefault("finish_reason", reason)
    output |= {"usage": usage, "latency": span.latency}
    output["model"] = _take(span.attributes, ("gen_ai.response.model",)) or requested
    return {key: value for key, value in output.items() if value not in (None, {})}


def _usage(attributes: dict[str, Json]) -> dict[str, Json]:
    """Take the numbers of tokens away from attributes; what is no number stays there."""
    usage: dict[str, int] = {}
    for key, names in _USAGE.items():
        for name in names:
            value = attributes.get(name)
            if isinstance(value, int) and value >= 0:
                usage.setdefault(key, value)
                del attributes[name]
    for name in _TOTALS:
        if attributes.get(name) == usage.get("input_tokens", 0) + usage.get("output_tokens", 0):
            del attributes[name]
    return {**usage}


def _metadata(span: Span, operation: Json, requested: dict[str, Json], counts: CountedLosses) -> dict[str, Json]:
    name = "" if span.name == f"{operation} {requested.get('model')}" else span.name
    notes: dict[str, Json] = {"trace_id": span.trace_id, "span_name": name, "started": span.started}
    notes |= {"error": span.failure, "request": requested, "evaluations": _evaluations(span)}
    for event in span.events:
        counts.add(event.source, f"the event {event.name!r} of a span is left out")
    notes = {key: value for key, value in notes.items() if not is_blank(value)}
    for name, value in span.attributes.items():
        if not is_blank(value):
            notes[_free_name(name, notes)] = value
    return notes


def _free_name(name: str, taken: Container[str]) -> str:
    while name in taken:
        name = f"span_{name}"
    return name


def _evaluations(span: Span) -> list[Json]:
    found = [event for event in span.events if event.name == EVALUATION]
    span.events = [event for event in span.events if event.name != EVALUATION]
    return [
        {name.removeprefix("gen_ai.evaluation."): value for name, value in event.attributes.items()} for event in found
    ]

"""Traces: OpenTelemetry spans of model calls, by the conventions for generative AI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.drafting import share_prompt
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.starting import settle_judges
from pytest_promptevals.datasets.importers.trace_calls import CONVERSATION, read_call
from pytest_promptevals.datasets.importers.trace_files import looks_like_spans, peek, read_spans
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "resourceSpans.resource": "left out, and named",
    "resourceSpans.schemaUrl": "left out, and named",
    "scopeSpans.scope": "left out, and named",
    "scopeSpans.schemaUrl": "left out, and named",
    "spans.traceId": "`metadata`; `group` of the cases of one trace that belong to no conversation",
    "spans.spanId": "`id`",
    "spans.parentSpanId": "left out, and named",
    "spans.name": "`metadata`, unless it is the operation and the model",
    "spans.kind": "left out, and named",
    "spans.traceState": "left out, and named",
    "spans.flags": "left out, and named",
    "spans.links": "left out, and named",
    "spans.startTimeUnixNano": "`metadata`; with `endTimeUnixNano` the `latency` of the `output`",
    "spans.endTimeUnixNano": "see `startTimeUnixNano`",
    "spans.status": "an error without an answer is left out, and named by its message; else `metadata`",
    "spans.droppedAttributesCount": "left out, and named, unless it is 0; so are those of events and links",
    "spans.attributes": "those that are not in this table: `metadata`",
    "spans.events": "messages and choices: as the attributes; others left out, and named",
    "resourceLogs.resource": "left out, and named",
    "resourceLogs.schemaUrl": "left out, and named",
    "scopeLogs.scope": "left out, and named",
    "scopeLogs.schemaUrl": "left out, and named",
    "logRecords.eventName": "events of model calls, whose names begin with `gen_ai.`, belong to the span that they "
    "name, and stand for it where it is not there; other records are left out, and counted",
    "logRecords.body": "what a message or choice says",
    "logRecords.attributes": "as those of the span",
    "logRecords.timeUnixNano": "`metadata`, where the span is not there; or else `observedTimeUnixNano`",
    "logRecords.traceId": "as that of the span",
    "logRecords.spanId": "likewise",
    "logRecords.severityNumber": "left out, and named; so is `severityText`",
    "logRecords.flags": "left out, and named",
    "gen_ai.operation.name": "tells model calls from other spans, which are left out, and counted by operation",
    "gen_ai.provider.name": "with the model: `model` of the eval file, where all calls share it; else `metadata`",
    "gen_ai.request.model": "see `gen_ai.provider.name`",
    "gen_ai.request.temperature": "`parameters` of the eval file, where calls share them and a model; else `metadata`",
    "gen_ai.request.top_p": "likewise",
    "gen_ai.request.top_k": "likewise",
    "gen_ai.request.max_tokens": "likewise",
    "gen_ai.request.frequency_penalty": "likewise",
    "gen_ai.request.presence_penalty": "likewise",
    "gen_ai.request.seed": "likewise",
    "gen_ai.request.stop_sequences": "likewise; `stop` for OpenAI",
    "openai.request.service_tier": "likewise",
    "gen_ai.response.model": "`model` of the `output`",
    "gen_ai.response.finish_reasons": "`finish_reason` of the `output`, in OpenAI's words",
    "gen_ai.usage.input_tokens": "`usage.input_tokens`",
    "gen_ai.usage.output_tokens": "`usage.output_tokens`",
    "gen_ai.usage.cache_read.input_tokens": "`usage.cached_tokens`",
    "gen_ai.usage.cache_creation.input_tokens": "`usage.cache_write_tokens`",
    "gen_ai.usage.reasoning.output_tokens": "`usage.reasoning_tokens`",
    "gen_ai.usage.total_tokens": "left out where it is the sum of input and output; else `metadata`",
    "gen_ai.conversation.id": "`group`",
    "gen_ai.system_instructions": "a system message of the `input`, or of the `prompt` where all calls share it",
    "gen_ai.input.messages": "`input`",
    "gen_ai.output.messages": "`output`: the first, if there are several",
    "parts.text": "text of the message",
    "parts.tool_call": "call of a tool",
    "parts.tool_call_response": "a message of the tool",
    "parts.reasoning": "left out, and named; so are blobs, files, URIs and tools of servers",
    "gen_ai.client.inference.operation.details": "an event whose attributes count as those of the span",
    "gen_ai.evaluation.result": "an event: `metadata`",
    "gen_ai.prompt": "old: as `gen_ai.input.messages`; also `gen_ai.prompt.0.content` and so on, and as an event",
    "gen_ai.completion": "old: as `gen_ai.output.messages`, likewise",
    "gen_ai.system.message": "old event: as `gen_ai.system_instructions`",
    "gen_ai.user.message": "old event: a message of the `input`",
    "gen_ai.assistant.message": "old event: likewise",
    "gen_ai.tool.message": "old event: likewise",
    "gen_ai.choice": "old event: as `gen_ai.output.messages`",
    "gen_ai.system": "old: as `gen_ai.provider.name`",
    "gen_ai.usage.prompt_tokens": "old: as `gen_ai.usage.input_tokens`",
    "gen_ai.usage.completion_tokens": "old: as `gen_ai.usage.output_tokens`",
    "gen_ai.openai.request.seed": "old: as `gen_ai.request.seed`",
    "gen_ai.openai.request.service_tier": "old: as `openai.request.service_tier`",
}
"""Keys of exports, spans, attributes and events, and what becomes of them."""
_KNOWN: Final = ("openai", "anthropic")
"""Providers that are called the same here."""
_MODEL_COMMENT: Final = "The answers are recorded: this model is asked only where a case has no 'output' any more."


class TracesImporter:
    """Reads exports of OTLP as JSON, of spans and of logs, and one span a line."""

    description = "traces: OpenTelemetry spans and events of model calls (OTLP as JSON, or one span a line)"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether there are spans."""
        sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
        if sample is None and request.path.suffix.lower() == ".json":
            sample = peek(request.path, request.shown)
        return not request.fields and looks_like_spans(sample)

    def read(self, request: ImportRequest) -> Draft:
        """Return each model call as a case with a recorded output. Raises ``FileProblem`` or ``DatasetError``."""
        losses = Losses()
        counts = CountedLosses(losses)
        cases = [case for span in read_spans(request, counts) if (case := read_call(span, counts)) is not None]
        counts.note()
        _group(cases)
        settings, comments = _share_request(cases)
        if prompt := share_prompt(cases):
            settings = {"prompt": prompt, **settings}
        judges, why = settle_judges(cases, "Traces")
        return Draft({**settings, **judges}, cases, losses.listed(), comments={**comments, **why})


def _notes(case: Mapping[str, Json]) -> dict[str, Json]:
    notes = case["metadata"]
    return notes if isinstance(notes, dict) else {}


def _group(cases: Sequence[dict[str, Json]]) -> None:
    """Mark cases that are not independent: those of one conversation, or else of one trace."""
    sizes = Counter(str(_notes(case).get("trace_id")) for case in cases)
    for case in cases:
        notes = _notes(case)
        trace = notes.get("trace_id")
        if (conversation := notes.pop(CONVERSATION, None)) is not None:
            case["group"] = str(conversation)
        elif trace and sizes[str(trace)] > 1:
            case["group"] = trace


def _share_request(cases: Sequence[dict[str, Json]]) -> tuple[dict[str, Json], dict[str, str]]:
    """Return the model and the parameters that all calls share, and take them away from the cases."""
    first = _notes(cases[0]).get("request") if cases else None
    if not isinstance(first, dict) or any(_notes(case).get("request") != first for case in cases):
        return {}, {}
    provider, model = first.get("provider"), first.get("model")
    if provider not in _KNOWN or not isinstance(model, str):
        return {}, {}
    for case in cases:
        del _notes(case)["request"]
    parameters = {
        _parameter(name, provider): value for name, value in first.items() if name not in ("provider", "model")
    }
    settings: dict[str, Json] = {"model": f"{provider}/{model}", **({"parameters": parameters} if parameters else {})}
    return settings, {"model": _MODEL_COMMENT}


def _parameter(name: str, provider: Json) -> str:
    return "stop" if name == "stop_sequences" and provider == "openai" else name

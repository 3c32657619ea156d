"""Traces of model calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.traces import FIELDS, TracesImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.accounted import assert_accounted
from tests.support.imported import Imported, import_error, import_text
from tests.support.otlp import ANSWER, export, export_logs, log_record, numbered, span

CALL: dict[str, Any] = {"gen_ai.operation.name": "chat"}
PLACE = "1: resourceSpans[0].scopeSpans[0].spans[0]"
SAID: dict[str, Any] = {"gen_ai.completion.0.content": "Hi"}
RICH: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_p": 0.75,
    "gen_ai.request.top_k": 41,
    "gen_ai.request.max_tokens": 301,
    "gen_ai.request.frequency_penalty": 0.125,
    "gen_ai.request.presence_penalty": 0.25,
    "gen_ai.request.seed": 42,
    "gen_ai.request.stop_sequences": ["END"],
    "openai.request.service_tier": "flex",
    "gen_ai.response.model": "gpt-5-2026-01-01",
    "gen_ai.response.finish_reasons": ["max_tokens"],
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 51,
    "gen_ai.usage.output_tokens": 22,
    "gen_ai.usage.cache_read.input_tokens": 33,
    "gen_ai.usage.cache_creation.input_tokens": 14,
    "gen_ai.usage.reasoning.output_tokens": 15,
    "gen_ai.usage.total_tokens": 73,
    "gen_ai.conversation.id": "talk-1",
    "gen_ai.request.stream": False,
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "You sell {{ lamps }}."}]),
    "gen_ai.input.messages": json.dumps(
        [
            {"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]},
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"id": "A-17"}}],
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"state": "late"}}]},
        ]
    ),
    "gen_ai.output.messages": json.dumps(
        [
            {
                "role": "assistant",
                "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "On its way."}],
                "finish_reason": "tool_call",
            }
        ]
    ),
}
OLD: dict[str, Any] = {
    "llm.request.type": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-x",
    "gen_ai.openai.request.seed": 7,
    "gen_ai.request.stop_sequences": ["FIN"],
    "gen_ai.openai.request.service_tier": "auto",
    "gen_ai.response.finish_reasons": '["end_turn"]',
    "gen_ai.usage.prompt_tokens": 501,
    "gen_ai.usage.completion_tokens": 202,
    "llm.usage.total_tokens": 703,
    "gen_ai.prompt": json.dumps([{"role": "user", "content": "An old prompt"}]),
    "gen_ai.completion": json.dumps([{"role": "assistant", "content": "An old answer"}]),
}
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("gen_ai.system.message", {"gen_ai.system": "anthropic", "content": "Be brief.", "role": "instruction"}),
    ("gen_ai.user.message", {"gen_ai.event.content": '{"content": "From an event"}'}),
    (
        "gen_ai.assistant.message",
        {
            "tool_calls": json.dumps([{"id": "c1", "function": {"name": "call-of-an-event", "arguments": "{}"}}]),
        },
    ),
    ("gen_ai.tool.message", {"id": "c1", "content": "late"}),
    (
        "gen_ai.choice",
        {"index": 0, "finish_reason": "length", "message": '{"role": "assistant", "content": "An answer in an event"}'},
    ),
    ("gen_ai.client.inference.operation.details", {"gen_ai.agent.name": "seller"}),
]
SCORE = ("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.5})
RICH_SPAN = span(
    RICH,
    SCORE,
    name="answer",
    kind=3,
    parentSpanId="eee19b7ec3c1b100",
    traceState="a=b",
    flags=257,
    links=[{"traceId": "link-trace", "spanId": "link-span"}],
    droppedAttributesCount=3,
    status={"code": 2, "message": "half of it"},
)
RICH_EXPORT: dict[str, Any] = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "schemaUrl": "resource-schema",
            "scopeSpans": [{"scope": {"name": "instrumentation"}, "schemaUrl": "scope-schema", "spans": [RICH_SPAN]}],
        }
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def import_spans(*spans: Mapping[str, Any]) -> Imported:
    return import_text(Path.cwd(), "traces.json", json.dumps(export(*spans)))


def import_call(attributes: Mapping[str, Any], *events: tuple[str, Mapping[str, Any]]) -> Imported:
    return import_spans(span({**CALL, **attributes}, *events))


def import_lines(*rows: Mapping[str, Any], name: str = "traces.jsonl") -> Imported:
    return import_text(Path.cwd(), name, "".join(f"{json.dumps(row)}\n" for row in rows))


def is_recognized(sample: Any, path: Path = Path("a.jsonl"), **fields: str) -> bool:
    return TracesImporter().recognizes(ImportRequest(path, "a", sample, fields))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"resourceSpans": []}, True),
        ({"resource_spans": []}, True),
        ({"resourceSpans": "x"}, False),
        ({"traceId": "1", "attributes": []}, True),
        ({"context": {"trace_id": "1"}, "attributes": {}}, True),
        ({"span_id": "1", "gen_ai.operation.name": "chat"}, True),
        ({"span_id": "1", "input": "x"}, False),
        ({"attributes": {}}, False),
        ("x", False),
        (None, False),
    ],
)
def test_spans_are_recognized_by_their_ids_and_attributes(row: Any, expected: bool) -> None:
    assert is_recognized(row) is expected
    assert is_recognized([row]) is expected
    assert not is_recognized(row, input="input")


def test_a_file_of_exports_is_recognized_by_its_first_line(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps(export()) + "\n" + json.dumps(export()), encoding="utf-8")
    (folder / "b.json").write_text("{\n", encoding="utf-8")

    assert is_recognized(None, folder / "a.json")
    assert not is_recognized(None, folder / "b.json")


def test_a_call_with_every_attribute_becomes_a_case() -> None:
    made = import_text(Path.cwd(), "traces.json", json.dumps(RICH_EXPORT))

    assert made.data["model"] == "openai/gpt-5"
    assert made.data["parameters"] == {
        "temperature": 0.5,
        "top_p": 0.75,
        "top_k": 41,
        "max_tokens": 301,
        "frequency_penalty": 0.125,
        "presence_penalty": 0.25,
        "seed": 42,
        "stop": ["END"],
        "service_tier": "flex",
    }
    assert made.cases == [
        {
            "id": "eee19b7ec3c1b174",
            "input": [
                {"role": "system", "content": "You sell {{ lamps }}."},
                {"role": "user", "content": "Where is it?"},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "function": {"name": "find", "arguments": {"id": "A-17"}}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": '{"state": "late"}'},
            ],
            "output": {
                "text": "On its way.",
                "finish_reason": "tool_calls",
                "usage": {
                    "input_tokens": 51,
                    "output_tokens": 22,
                    "cached_tokens": 33,
                    "cache_write_tokens": 14,
                    "reasoning_tokens": 15,
                },
                "latency": 1.25,
                "model": "gpt-5-2026-01-01",
            },
            "group": "talk-1",
            "metadata": {
                "trace_id": "5b8efff798038103d269b633813fc60c",
                "span_name": "answer",
                "started": "2026-01-02T03:04:05.000+00:00",
                "error": "half of it",
                "evaluations": [{"name": "Relevance", "score.value": 0.5}],
                "gen_ai.response.id": "chatcmpl-1",
                "gen_ai.request.stream": False,
            },
        }
    ]
    assert made.losses == [
        (
            f"{PLACE}: how spans hang together and were exported is left out: parentSpanId, kind, traceState, flags, "
            "links, droppedAttributesCount"
        ),
        (
            "1: resourceSpans[0].scopeSpans[0]: what tells of the process, and not of a call, is left out: scope, "
            "schemaUrl, resource"
        ),
        (
            f"{PLACE}.gen_ai.output.messages[0].parts: a part of a message is 'reasoning', which is no text and no "
            "call of a tool; left out"
        ),
    ]


def test_comments_say_what_is_recorded_and_what_is_a_start() -> None:
    made = import_call({**RICH, "gen_ai.output.messages": ANSWER["gen_ai.output.messages"]})

    words = " ".join(line.removeprefix("# ") for line in made.text.splitlines() if line.startswith("#"))
    assert words == (
        "Made from traces.json (traces). The answers are recorded: this model is asked only where a case has no "
        "'output' any more. Traces name no judges; these are a start. 'not: refusal' asks for an answer, whatever it "
        "says. Others: 'promptevals judges list'."
    )


def test_the_older_attributes_are_read_as_the_newer_ones() -> None:
    made = import_spans(span(OLD))

    assert made.data["model"] == "anthropic/claude-x"
    assert made.data["parameters"] == {"seed": 7, "stop_sequences": ["FIN"], "service_tier": "auto"}
    assert made.cases[0]["input"] == "An old prompt"
    assert made.cases[0]["output"] == {
        "text": "An old answer",
        "finish_reason": "stop",
        "usage": {"input_tokens": 501, "output_tokens": 202},
        "latency": 1.25,
        "model": "claude-x",
    }
    assert not made.losses


def test_attributes_with_numbers_are_messages() -> None:
    parts = json.dumps([{"type": "text", "text": "What is"}, {"type": "text", "text": "this?"}])
    made = import_call(
        {
            **numbered(
                "gen_ai.prompt",
                [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": parts},
                    {"role": "assistant", "tool_calls.0.id": "c0", "tool_calls.0.name": "look"},
                    {"role": "tool", "content": '["not", "parts"]', "tool_call_id": "c0"},
                ],
            ),
            **numbered(
                "gen_ai.completion",
                [
                    {
                        "role": "assistant",
                        "finish_reason": "tool_calls",
                        "tool_calls.1.name": "second",
                        "tool_calls.0.id": "c1",
                        "tool_calls.0.name": "first",
                        "tool_calls.0.arguments": '{"a": 1}',
                    }
                ],
            ),
        }
    )

    assert made.cases[0]["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is\nthis?"},
        {"role": "assistant", "tool_calls": [{"id": "c0", "function": {"name": "look"}}]},
        {"role": "tool", "tool_call_id": "c0", "content": '["not", "parts"]'},
    ]
    assert made.cases[0]["output"] == {
        "tool_calls": [{"name": "first", "arguments": {"a": 1}, "id": "c1"}, {"name": "second"}],
        "finish_reason": "tool_calls",
        "latency": 1.25,
    }
    assert made.cases[0]["metadata"].keys() == {"trace_id", "span_name", "started"}


def test_events_are_messages() -> None:
    made = import_call({}, *EVENTS, ("exception", {"exception.type": "E"}))

    assert made.cases[0]["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "From an event"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "call-of-an-event", "arguments": {}}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "late"},
    ]
    assert made.cases[0]["output"] == {"text": "An answer in an event", "finish_reason": "length", "latency": 1.25}
    assert made.losses == [f"{PLACE}.events[6]: the event 'exception' of a span is left out"]


def test_events_may_hold_their_content_as_json() -> None:
    made = import_spans(
        span(
            {"gen_ai.request.model": "m"},
            ("gen_ai.user.message", {"gen_ai.event.content": '{"content": "Hello"}'}),
            ("gen_ai.choice", {"gen_ai.event.content": '{"index": 0, "message": "Hi"}'}),
        )
    )

    assert made.cases[0]["input"] == "Hello"
    assert made.cases[0]["output"]["text"] == "Hi"


def test_an_event_with_the_details_counts_as_attributes() -> None:
    details = {name: value for name, value in ANSWER.items() if "messages" in name}
    made = import_call({}, ("gen_ai.client.inference.operation.details", details))
    contents = import_call(
        {},
        ("gen_ai.content.prompt", {"gen_ai.prompt": '{"messages": [{"role": "user", "content": "Hello"}]}'}),
        ("gen_ai.content.completion", {"gen_ai.completion": "Hi"}),
    )

    assert made.cases == contents.cases
    assert made.cases[0]["input"] == "Hello"
    assert [*made.losses, *contents.losses] == []


def test_the_newest_of_several_forms_counts() -> None:
    asked_twice = import_call({**ANSWER, "gen_ai.prompt": "Old"})
    answered_twice = import_call({**ANSWER, **SAID})

    assert asked_twice.cases == answered_twice.cases
    assert asked_twice.cases[0]["input"] == "Hello"
    for made in (asked_twice, answered_twice):
        assert made.losses == [f"{PLACE}: the same is recorded in an older form, too, which is left out"]


def test_of_several_choices_the_first_is_taken() -> None:
    made = import_call({**SAID, "gen_ai.completion.1.content": "Hey", "gen_ai.prompt": "x"})

    assert made.cases[0]["output"]["text"] == "Hi"
    assert made.losses == [f"{PLACE}: of several choices the first is taken"]


def test_what_was_asked_may_be_missing() -> None:
    made = import_call(SAID)

    assert "input" not in made.cases[0]
    assert made.losses == [f"{PLACE}: what was asked is not recorded; the case has its answer alone"]


def test_instructions_that_all_share_are_a_prompt() -> None:
    said = {**ANSWER, "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]'}
    made = import_spans(span(said, spanId="1"), span(said, spanId="2"))

    assert made.data["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "{{ input }}"},
    ]
    assert [case["input"] for case in made.cases] == ["Hello", "Hello"]


def test_a_role_of_no_chat_is_told() -> None:
    made = import_call({**SAID, "gen_ai.prompt.0.role": "critic", "gen_ai.prompt.0.content": "x"})

    assert made.cases[0]["input"] == "x"
    assert made.losses == [
        f"{PLACE}.gen_ai.prompt: the role 'critic' of a message is none of a chat; 'user' stands for it"
    ]


def test_spans_that_are_no_model_calls_are_counted_by_kind() -> None:
    tool = span({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"})
    web = span({"http.method": "GET"})
    odd = span({"gen_ai.request.model": "m"}, ("exception", {}))
    made = import_spans(span(ANSWER), tool, web, tool, web, web, odd)

    assert len(made.cases) == 1
    spans = PLACE.removesuffix("[0]")
    assert made.losses == [
        f"{spans}[1]: a span of the operation 'execute_tool' is no model call; left out (2 times)",
        f"{spans}[2]: a span without gen_ai attributes is no model call; left out (3 times)",
        f"{spans}[6]: a span with neither an operation nor messages is no model call; left out",
    ]


def test_calls_without_an_answer_are_counted_by_the_reason() -> None:
    made = import_spans(
        span(ANSWER),
        span(CALL),
        span({**CALL, "gen_ai.completion": '[{"role": "assistant", "parts": [{"type": "text", "content": ""}]}]'}),
        span({**CALL, "error.type": "timeout"}),
        span(CALL, status={"code": "STATUS_CODE_ERROR"}),
        span(CALL, status={"code": 1}),
    )

    spans = PLACE.removesuffix("[0]")
    assert made.losses == [
        (
            f"{spans}[1]: the model call has no answer recorded; left out. Instrumentations record messages only where "
            "they are told to, mostly by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT (3 times)"
        ),
        f"{spans}[3]: the model call failed (timeout), and gave no answer; left out",
        f"{spans}[4]: the model call failed (an error), and gave no answer; left out",
    ]


def test_calls_of_one_trace_are_a_group() -> None:
    made = import_spans(
        span(ANSWER, spanId="1"),
        span(ANSWER, spanId="2"),
        span(ANSWER, traceId="other"),
        span({**ANSWER, "gen_ai.conversation.id": "talk"}),
    )

    trace = "5b8efff798038103d269b633813fc60c"
    assert [case.get("group") for case in made.cases] == [trace, trace, None, "talk"]


def test_what_is_not_shared_is_metadata() -> None:
    request = {**ANSWER, "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}
    made = import_spans(span({**request, "gen_ai.request.temperature": 0}), span(request))
    foreign = import_call({**request, "gen_ai.provider.name": "gcp.gemini"})

    assert "model" not in made.data
    assert [case["metadata"]["request"] for case in made.cases] == [
        {"provider": "openai", "model": "m", "temperature": 0},
        {"provider": "openai", "model": "m"},
    ]
    assert "model" not in foreign.data
    assert foreign.cases[0]["metadata"]["request"] == {"provider": "gcp.gemini", "model": "m"}


def test_a_name_that_says_no_more_is_left_out() -> None:
    made = import_spans(span({**ANSWER, "gen_ai.request.model": "m"}, name="chat m"))

    assert "span_name" not in made.cases[0]["metadata"]


def test_a_sum_that_is_none_is_kept() -> None:
    made = import_call({**ANSWER, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.total_tokens": 9})

    assert made.cases[0]["metadata"]["gen_ai.usage.total_tokens"] == 9


def test_values_of_every_kind_are_read() -> None:
    given = {"a": True, "b": 1, "c": 1.5, "d": ["x", 2], "e": {"f": "g"}}
    made = import_call({**ANSWER, **given})

    assert {name: made.cases[0]["metadata"][name] for name in given} == given


def test_one_span_a_line_is_read() -> None:
    python: dict[str, Any] = {
        "name": "chat m",
        "context": {"trace_id": "0xab", "span_id": "0x01", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2026-01-02T03:04:05.000000Z",
        "end_time": "2026-01-02T03:04:07.500000Z",
        "status": {"status_code": "ERROR", "description": "late"},
        "attributes": dict(ANSWER),
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "shop"}},
    }
    columns = {"trace_id": "0xac", "span_id": "0x02", "duration_ms": 1500, "status": "OK", "team": "lamps", **ANSWER}
    made = import_lines(python, columns)

    assert [case["output"]["latency"] for case in made.cases] == [2.5, 1.5]
    assert made.cases[0]["metadata"] == {
        "trace_id": "0xab",
        "span_name": "chat m",
        "started": "2026-01-02T03:04:05.000+00:00",
        "error": "late",
    }
    assert made.cases[1]["metadata"] == {"trace_id": "0xac", "team": "lamps"}
    assert made.losses == [
        "1: what tells of the process, and not of a call, is left out: resource",
        "1: how spans hang together and were exported is left out: kind, trace_state",
    ]


@pytest.mark.parametrize(
    ("times", "latency"),
    [
        ({"start_time": "2026-01-02T03:04:05", "end_time": "2026-01-02T03:04:06"}, 1.0),
        ({"start_time": 1767323045000000000, "end_time": 1767323045500000000}, 0.5),
        ({"start_time": "2026-01-02T03:04:05Z", "end_time": "2026-01-02T03:04:04Z"}, None),
        ({"start_time": "2026-01-02T03:04:05Z", "end_time": "2026-01-02T03:04:05Z"}, 0.0),
        ({"start_time": None, "duration_ms": -1}, None),
    ],
)
def test_times_are_read_in_several_forms(times: dict[str, Any], latency: float | None) -> None:
    made = import_lines({"trace_id": "t", "span_id": "s", "attributes": json.dumps(ANSWER), **ANSWER, **times})

    assert made.cases[0]["output"].get("latency") == latency


@pytest.mark.parametrize("start", ["yesterday", 1767323045, 1767323045.5, 10**30])
def test_times_of_unknown_units_are_named(start: Any) -> None:
    row = {"trace_id": "t", "span_id": "s", **ANSWER, "start_time": start, "end_time": "2026-01-02T03:04:06Z"}
    made = import_lines(row, {**row, "span_id": "s2"})

    assert "latency" not in made.cases[0]["output"]
    assert "started" not in made.cases[0]["metadata"]
    assert made.losses == ["1: a time is neither ISO 8601 nor nanoseconds since 1970; left out (2 times)"]


def test_tokens_that_are_no_numbers_are_kept_as_metadata() -> None:
    made = import_call({**ANSWER, "gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": -1})

    assert "usage" not in made.cases[0]["output"]
    assert made.cases[0]["metadata"]["gen_ai.usage.input_tokens"] == "many"
    assert made.cases[0]["metadata"]["gen_ai.usage.output_tokens"] == -1


def test_one_export_a_line_is_read_whatever_the_ending() -> None:
    rows = [export(span(ANSWER, spanId="1")), export(span(ANSWER, spanId="2"))]
    named = import_lines(*rows)
    made = import_lines(*rows, name="traces.json")

    assert [case["id"] for case in made.cases] == ["1", "2"]
    assert made.cases == named.cases


def test_attributes_of_a_line_may_be_a_text_or_a_list() -> None:
    of_text = {"trace_id": "t", "span_id": "1", "attributes": json.dumps(ANSWER), "gen_ai.response.id": "r"}
    of_list = {"traceId": "t", "spanId": "2", "attributes": [*span(ANSWER)["attributes"], "x", {"value": 1}]}
    made = import_lines(of_text, of_list, {**of_text, "attributes": None})

    assert [case["input"] for case in made.cases] == ["Hello", "Hello"]
    assert made.losses == ["3: a span with neither an operation nor messages is no model call; left out"]


def test_a_list_of_spans_is_read() -> None:
    rows = [{"trace_id": "t", "span_id": "s", "attributes": dict(ANSWER)}, "x"]
    made = import_text(Path.cwd(), "traces.json", json.dumps(rows))

    assert len(made.cases) == 1
    assert made.losses == ["1: [1]: is neither a span nor an export of spans; left out"]


def test_a_broken_line_is_an_error(folder: Path) -> None:
    text = json.dumps(export(span(ANSWER))) + "\n{\n"

    assert " ".join(import_error(folder, "traces.json", text).split()) == (
        "Error: traces.json:2: no valid JSON: expecting property name enclosed in double quotes at column 2"
    )


def test_older_names_of_an_export_are_read() -> None:
    document = {"resource_spans": [{"instrumentation_library_spans": [{"spans": [span(ANSWER)]}]}, "x"]}
    made = import_text(Path.cwd(), "traces.json", json.dumps(document))

    assert made.cases[0]["input"] == "Hello"


def test_every_entry_of_the_table_is_taken_over_or_told() -> None:
    spans = [RICH_SPAN, span(OLD, spanId="old-span", name="older"), span(CALL, *EVENTS, spanId="with-events")]
    sample = {"resourceSpans": [{**RICH_EXPORT["resourceSpans"][0]}]}
    sample["resourceSpans"][0]["scopeSpans"] = [{**RICH_EXPORT["resourceSpans"][0]["scopeSpans"][0], "spans": spans}]
    around = {"resource": {"attributes": []}, "schemaUrl": "log-schema"}
    record = log_record("gen_ai.choice", {}, {"message": "x"}, spanId="logged", severityNumber=9, flags=1)
    scope = {"scope": {"name": "logger"}, "schemaUrl": "x", "logRecords": [record]}
    sample["resourceLogs"] = [{**around, "scopeLogs": [scope]}]
    made = import_text(Path.cwd(), "a.json", json.dumps(sample))

    levels = ("resourceSpans", "scopeSpans", "spans", "parts", "resourceLogs", "scopeLogs", "logRecords")
    for entry in FIELDS:
        within, _, name = entry.partition(".")
        assert (name if within in levels else entry) in str(sample), entry
    of_attributes = {**RICH, **OLD, **{name: value for _, given in EVENTS for name, value in given.items()}}
    fields = {
        name: words
        for name, words in FIELDS.items()
        if name.startswith(("resourceSpans", "scopeSpans", "resourceLogs", "scopeLogs"))
    }
    assert_accounted(
        fields, {**sample, "resourceSpans": [{**sample["resourceSpans"][0], "scopeSpans": [_NO_SPANS]}]}, made
    )
    for name, value in of_attributes.items():
        words = _WORDS.get(name, str(value[0] if isinstance(value, list) else value))
        assert words in made.text, name


_NO_SPANS = {"scope": {"name": "instrumentation"}, "schemaUrl": "scope-schema"}
_WORDS = {
    "gen_ai.operation.name": "",
    "gen_ai.response.finish_reasons": "length",
    "gen_ai.usage.total_tokens": "",
    "llm.usage.total_tokens": "",
    "llm.request.type": "",
    "gen_ai.request.stream": "false",
    "gen_ai.event.content": "From an event",
    "gen_ai.system_instructions": "You sell {{ lamps }}.",
    "gen_ai.input.messages": "Where is it?",
    "gen_ai.output.messages": "On its way.",
    "gen_ai.prompt": "An old prompt",
    "gen_ai.completion": "An old answer",
    "tool_calls": "name: call-of-an-event",
    "message": "An answer in an event",
    "finish_reason": "finish_reason: length",
    "role": "",
    "index": "",
}
"""What stands in the eval file for an attribute, where that is not its value."""


DETAILS = "gen_ai.client.inference.operation.details"


def test_an_event_in_a_log_is_a_call_of_its_own() -> None:
    found = import_text(
        Path.cwd(), "logs.json", json.dumps(export_logs(log_record(DETAILS, {**ANSWER, "gen_ai.request.model": "m"})))
    )

    case = found.cases[0]
    assert (case["id"], case["input"], case["output"]) == (
        "eee19b7ec3c1b174",
        "Hello",
        {"text": "Hi", "model": "m"},
    )
    assert case["metadata"]["started"] == "2026-01-02T03:04:06.000+00:00"
    assert found.losses == []


def test_events_of_one_span_are_one_call_whether_it_is_there_or_not() -> None:
    records = [
        log_record("", {"event.name": "gen_ai.user.message", "gen_ai.system": "openai"}, {"content": "Where?"}),
        log_record("gen_ai.choice", {}, {"index": 0, "finish_reason": "stop", "message": {"content": "Here."}}),
        log_record("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "kind"}),
    ]
    alone = import_text(Path.cwd(), "logs.json", json.dumps(export_logs(*records)))
    joined = import_text(
        Path.cwd(), "both.json", json.dumps({**export_logs(*records), **export(span(CALL, name="chat None"))})
    )

    for found in (alone, joined):
        (case,) = found.cases
        assert (case["input"], case["output"]["text"], case["output"]["finish_reason"]) == ("Where?", "Here.", "stop")
        assert case["metadata"]["evaluations"] == [{"name": "kind"}]
        assert case["metadata"]["request"] == {"provider": "openai"}
    assert "latency" not in alone.cases[0]["output"]
    assert joined.cases[0]["output"]["latency"] == 1.25


def test_attributes_that_a_span_and_its_events_give_otherwise_are_named() -> None:
    attributes = {**CALL, **ANSWER, "app.user": "Ada", "app.tier": "gold"}
    event = (DETAILS, {"app.user": "Bob", "app.tier": "gold"})
    record = log_record("gen_ai.choice", {"app.user": "Eve", "app.tier": "gold"}, {"message": {"content": "Hi"}})
    both = {**export(span(attributes, event)), **export_logs(record)}

    found = import_text(Path.cwd(), "both.json", json.dumps(both))

    kept = "the span gives something else of this name, which is kept"
    metadata = found.cases[0]["metadata"]
    assert (metadata["app.user"], metadata["app.tier"]) == ("Ada", "gold")
    assert [loss for loss in found.losses if "app." in loss] == [
        f"1: resourceLogs[0].scopeLogs[0].logRecords[0].app.user: {kept} (2 times)"
    ]


def test_attributes_with_names_of_notes_get_others() -> None:
    attributes = {**ANSWER, "error": True, "started": "now", "app": 1}
    failed = span(attributes, status={"code": 2, "message": "Timed out."})

    metadata = import_text(Path.cwd(), "spans.json", json.dumps(export(failed))).cases[0]["metadata"]

    assert metadata["error"] == "Timed out."
    assert (metadata["span_error"], metadata["span_started"], metadata["app"]) == (True, "now", 1)


def test_logs_without_a_span_are_calls_of_their_own() -> None:
    records = [log_record(DETAILS, ANSWER, spanId="", traceId="") for _ in range(2)]

    assert len(import_text(Path.cwd(), "logs.json", json.dumps(export_logs(*records))).cases) == 2


def test_other_records_of_a_log_are_counted() -> None:
    noise = log_record("app.started", {"a": 1}, "text", severityText="INFO")
    spoken = log_record(DETAILS, ANSWER, severityText="INFO", flags=1)

    found = import_text(Path.cwd(), "logs.json", json.dumps(export_logs(noise, spoken, noise)))

    place = "1: resourceLogs[0].scopeLogs[0].logRecords"
    assert found.losses == [
        f"{place}[0]: a log record that is no event of a model call is left out (2 times)",
        f"{place}[1]: how severe a log record is, is left out: severityText",
        f"{place}[1]: how spans hang together and were exported is left out: flags",
    ]


def test_a_body_of_text_is_what_is_said() -> None:
    records = [
        log_record("gen_ai.user.message", {}, "Where?"),
        log_record("gen_ai.choice", {}, {"message": "Here."}),
    ]

    assert import_text(Path.cwd(), "logs.json", json.dumps(export_logs(*records))).cases[0]["input"] == "Where?"

"""Records of Braintrust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.braintrust import FIELDS, BraintrustImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.accounted import assert_accounted
from tests.support.imported import Imported, import_rows, import_text

METRICS: dict[str, Any] = {
    "start": 100.5,
    "end": 102.0,
    "prompt_tokens": 51,
    "completion_tokens": 22,
    "prompt_cached_tokens": 33,
    "prompt_cache_creation_tokens": 14,
    "completion_reasoning_tokens": 15,
    "estimated_cost": 0.025,
    "tokens": 73,
    "duration": 1.75,
    "time_to_first_token": 0.625,
}
RICH: dict[str, Any] = {
    "id": "row-1",
    "_xact_id": "1000195",
    "_pagination_key": "p0719",
    "_async_scoring_state": {"status": "enabled"},
    "created": "2026-01-02T03:04:05Z",
    "project_id": "project-1",
    "experiment_id": "experiment-1",
    "dataset_id": "dataset-1",
    "org_id": "org-1",
    "log_id": "g",
    "input": "Where is {{ it }}?",
    "output": "On its way.",
    "expected": "It is on its way.",
    "error": "slow",
    "scores": {"Factuality": 0.6, "Length": 0},
    "metadata": {"model": "gpt-5-mini-2025", "user": "Ada"},
    "metrics": METRICS,
    "tags": ["late orders"],
    "context": {"caller_filename": "shop.py"},
    "span_id": "span-1",
    "span_parents": ["span-0"],
    "root_span_id": "root-1",
    "is_root": False,
    "span_attributes": {"name": "answer", "type": "llm", "purpose": "scorer"},
    "origin": {"object_type": "dataset", "object_id": "set-1"},
    "comments": [{"comment": {"text": "Look here."}}],
    "audit_data": [{"audit": "upsert"}],
    "facets": {"topic": "delivery"},
    "classifications": {"mood": "calm"},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def import_records(*records: Any) -> Imported:
    return import_rows(Path.cwd(), "records.jsonl", records, "--format", "braintrust")


def is_recognized(sample: Any, **fields: str) -> bool:
    return BraintrustImporter().recognizes(ImportRequest(Path("a.json"), "a.json", sample, fields))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"input": "x", "_xact_id": "1"}, True),
        ({"input": "x", "root_span_id": "1", "more": 2}, True),
        ({"input": {"q": "x"}, "expected": "y", "metadata": {}}, True),
        ({"input": "x", "expected": "y", "metadata": {}, "created": "2026-01-01"}, True),
        ({"input": "x", "expected": "y", "metadata": {}}, False),
        ({"id": "1", "input": "x", "expected": "y", "metadata": {}, "context": ["c"], "tags": ["t"]}, False),
        ({"id": "1", "input": "x", "expected": "y", "scores": {}, "tags": []}, True),
        ({"input": "x", "expected": "y"}, False),
        ({"input": "x", "metadata": {}}, False),
        ({"input": "x", "expected": "y", "metadata": {}, "more": 1}, False),
        ({"input": "x", "expected": "y", "metadata": {}, "context": {"caller_filename": "a.py"}}, True),
        ({"input": "x", "expected": "y", "metadata": {}, "context": ["c"]}, False),
        ({"input": "x", "expected": "y", "metadata": {}, "vars": {}}, False),
        ({"_xact_id": "1"}, False),
        ({"events": [{"input": "x", "_xact_id": "1"}], "cursor": "c"}, True),
        ({"data": [{"input": "x", "_xact_id": "1"}]}, True),
        ({"data": [{"input": "x", "_xact_id": "1"}, {"more": 1}]}, True),
        ({"data": []}, False),
        ({"data": ["x"]}, False),
        ([], False),
    ],
)
def test_records_are_recognized_by_their_fields(row: Any, expected: bool) -> None:
    assert is_recognized(row) is expected


def test_rows_of_which_the_user_says_what_is_what_are_left_to_others() -> None:
    assert not is_recognized({"input": "x", "_xact_id": "1"}, input="input")


def test_a_record_with_every_field_becomes_a_case() -> None:
    made = import_records({**RICH, "unheard": "of"})

    assert made.cases == [
        {
            "id": "row-1",
            "input": "Where is {{ it }}?",
            "expected": "It is on its way.",
            "output": {
                "text": "On its way.",
                "usage": {
                    "input_tokens": 51,
                    "output_tokens": 22,
                    "cached_tokens": 33,
                    "cache_write_tokens": 14,
                    "reasoning_tokens": 15,
                },
                "latency": 1.5,
                "cost": 0.025,
                "model": "gpt-5-mini-2025",
            },
            "tags": ["late-orders"],
            "metadata": {
                "user": "Ada",
                "metrics": {"duration": 1.75, "time_to_first_token": 0.625},
                "error": "slow",
                "scores": {"Factuality": 0.6, "Length": 0},
                "context": {"caller_filename": "shop.py"},
                "created": "2026-01-02T03:04:05Z",
                "comments": [{"comment": {"text": "Look here."}}],
                "origin": {"object_type": "dataset", "object_id": "set-1"},
                "facets": {"topic": "delivery"},
                "classifications": {"mood": "calm"},
                "span_id": "span-1",
                "root_span_id": "root-1",
                "span_parents": ["span-0"],
                "span_name": "answer",
            },
        }
    ]
    assert made.losses == [
        "1: unheard: there is no equivalent of it; left out",
        "1: span_attributes: 'purpose' of the attributes of a span is left out",
        (
            "1: Braintrust's own bookkeeping is left out: project_id, dataset_id, experiment_id, org_id, log_id, "
            "_xact_id, _pagination_key, _async_scoring_state, audit_data"
        ),
    ]


def test_every_field_of_the_table_is_taken_over_or_told() -> None:
    answer = {"events": [RICH], "data": [{**RICH, "id": "row-2"}], "cursor": "next-page"}
    made = import_text(Path.cwd(), "records.json", json.dumps(answer))

    derived = {
        "start": "latency: 1.5",
        "end": "latency: 1.5",
        "tokens": "",
        "is_root": "",
        "type": "",
        "tags": "late-orders",
    }
    assert_accounted(FIELDS, answer, made, derived)
    assert made.losses[0] == "1: cursor: there is no equivalent of it; left out"
    assert len(made.cases) == 2


def test_judges_are_explained() -> None:
    made = import_records({"input": "x", "expected": "y"})

    words = " ".join(line.removeprefix("# ") for line in made.text.splitlines() if line.startswith("#"))
    assert words == (
        "Made from records.jsonl (braintrust). Records name no judges; these are a start. 'fuzzy' asks for wording "
        "much like the expected one; where only what is said counts, 'factuality' has a model decide. Others: "
        "'promptevals judges list'."
    )


def test_spans_inside_of_records_are_counted_by_their_type() -> None:
    root = {"input": "x", "output": "y", "span_id": "s1", "root_span_id": "s1", "is_root": True}
    inner = {"input": "z", "span_id": "s2", "root_span_id": "s1", "span_parents": ["s1"]}
    made = import_records(
        root,
        {**inner, "span_attributes": {"type": "score"}},
        {**inner, "span_attributes": {"type": "score"}},
        {**inner, "span_attributes": None, "span_parents": None},
    )

    assert made.cases == [{"input": "x", "output": "y", "metadata": {"span_id": "s1"}}]
    assert made.losses == [
        "2: a span of the type 'score' is part of another record; left out (2 times)",
        "4: a span of the type 'span' is part of another record; left out",
    ]


def test_spans_whose_root_is_elsewhere_are_cases_of_one_group() -> None:
    inner = {"input": "z", "output": "y", "root_span_id": "s0", "span_parents": ["s0"]}
    made = import_records({**inner, "span_id": "s1"}, {**inner, "span_id": "s2"}, {**inner, "root_span_id": "s9"})

    assert [case.get("group") for case in made.cases] == ["s0", "s0", None]
    assert made.cases[2]["metadata"]["root_span_id"] == "s9"


def test_choices_of_openai_are_read_as_an_answer() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}
    made = import_records(
        {"input": [{"role": "user", "content": "x"}], "output": [{"message": message, "finish_reason": "tool_calls"}]},
        {"input": "x", "output": {"message": {"role": "assistant", "content": "y"}}},
        {"input": "x", "output": [{"message": {"role": "assistant", "content": "y"}, "index": 0}] * 2},
    )

    assert [case["output"] for case in made.cases] == [
        {
            "tool_calls": [{"name": "find", "arguments": {"a": 1}, "id": "c1"}],
            "finish_reason": "tool_calls",
        },
        "y",
        "y",
    ]
    assert made.cases[0]["input"] == "x"
    assert made.losses == ["3: output: of several choices the first is taken"]


def test_messages_are_an_answer_and_other_data_is_json() -> None:
    said = {"role": "assistant", "content": "y"}
    made = import_records(
        {"input": "a", "output": said},
        {"input": "b", "output": [{"role": "tool", "content": "z"}, said]},
        {"input": "c", "output": {"é": [1]}},
        {"input": "d", "output": []},
    )

    assert [case["output"] for case in made.cases] == ["y", "y", '{"é": [1]}', "[]"]
    assert made.losses == ["2: output: of several messages of an output the last is taken"]


@pytest.mark.parametrize(
    "asked", [[{"role": "user", "content": "x"}], {"messages": [{"role": "user", "content": "x"}]}]
)
def test_messages_of_an_input_are_a_conversation(asked: Any) -> None:
    made = import_records(
        {"input": asked, "expected": {"a": 1}},
        {"input": {"q": "x"}, "expected": "y"},
        {"input": ["é"], "expected": "y"},
    )

    assert [case["input"] for case in made.cases] == ["x", {"q": "x"}, '["é"]']
    assert [case["judges"] for case in made.cases] == [["json_equal"], ["fuzzy"], ["fuzzy"]]


def test_parts_of_messages_are_read_as_texts_calls_and_results() -> None:
    asked = [
        {"role": "user", "name": "Ada", "content": [{"type": "input_text", "text": "Where?"}, "now", 7, {"a": 1}, 0.5]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "find", "input": {"id": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": {"state": "late"}}]},
        {"role": "assistant", "content": "", "function_call": {"arguments": "{}"}},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
    ]
    made = import_records({"input": asked, "output": "y"})

    assert made.cases[0]["input"] == [
        {"role": "user", "content": 'Where?\nnow\n7\n{"a": 1}\n0.5'},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "find", "arguments": {"id": 1}}}]},
        {"role": "tool", "tool_call_id": "c", "content": '{"state": "late"}'},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": ""},
    ]
    assert made.losses == [
        "1: input[0].name: no names are sent with messages; left out",
        "1: input[3].function_call: a call names no tool; left out",
        "1: input[4].content: a part of a message is 'image_url', which is no text and no call of a tool; left out",
    ]


def test_instructions_that_all_share_are_a_prompt() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]
    made = import_records({"input": messages, "expected": "y"})

    assert made.data["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "{{ input }}"},
    ]


def test_a_conversation_with_tools_needs_an_output() -> None:
    asked = [{"role": "user", "content": "x"}, {"role": "tool", "content": "y", "tool_call_id": "c"}]
    made = import_records({"input": asked, "expected": "z"}, {"input": asked, "output": "z"})

    assert made.cases[0]["input"] == [asked[0], {"role": "tool", "tool_call_id": "c", "content": "y"}]
    assert made.losses == [
        (
            "1: input: the conversation has calls or results of tools in what is asked, which no model is asked with; "
            "left out. Record the answer as the case's 'output' to judge it"
        )
    ]


def test_what_cannot_be_judged_is_named() -> None:
    made = import_records(
        {"input": "x", "error": "boom"}, {"input": "x", "error": "bang"}, {"expected": "x"}, {"input": "x"}, "y"
    )

    assert made.cases == [{"input": "x"}]
    assert made.losses == [
        "1: error: the call failed, and there is no output to judge; left out (2 times)",
        "3: the record has no input; left out",
        "5: the row is no record; left out",
    ]


def test_metrics_without_an_output_are_metadata() -> None:
    made = import_records({"input": "x", "expected": "y", "metrics": {"tokens": 3}, "metadata": {"model": "m"}})

    assert made.cases[0]["metadata"] == {"model": "m", "metrics": {"tokens": 3}}


def test_metrics_that_say_nothing_clear_are_metadata() -> None:
    metrics = {
        "start": 5,
        "end": 4,
        "prompt_tokens": -1,
        "completion_tokens": True,
        "estimated_cost": None,
        "tokens": 9,
    }
    made = import_records(
        {"input": "x", "output": "y", "metrics": metrics}, {"input": "z", "output": "y", "metrics": {"duration": 2}}
    )

    assert made.cases[0]["output"] == "y"
    assert made.cases[0]["metadata"] == {"metrics": metrics}
    assert made.cases[1]["output"] == {"text": "y", "latency": 2}


def test_metadata_of_the_same_name_is_kept_and_told() -> None:
    made = import_records({"input": "x", "expected": "y", "metadata": {"created": "then"}, "created": "now"})

    assert made.cases[0]["metadata"] == {"created": "then"}
    assert made.losses == ["1: created: the metadata has a value of this name, too, which is kept"]


def test_roots_are_told_from_spans_in_csv_too() -> None:
    made = import_text(
        Path.cwd(),
        "records.csv",
        "id,input,output,span_id,root_span_id,is_root\n1,x,y,s1,r1,True\n2,x,y,s2,r1,False\n3,x,y,s3,r3,true\n",
    )

    assert [case["id"] for case in made.cases] == ["1", "3"]


def test_cells_of_csv_hold_data_as_json() -> None:
    made = import_text(
        Path.cwd(),
        "records.csv",
        "id,input,expected,metadata,tags,scores,is_root,output\n"
        '1,"{""q"": 1}",There.,"{""level"": 2}","a, b","{""Good"": 1}",true,\n'
        '2,Where?,There.,,"[""c""]",,False,"{""a"": 1}"\n',
    )

    assert made.cases == [
        {
            "id": "1",
            "input": {"q": 1},
            "expected": "There.",
            "tags": ["a", "b"],
            "metadata": {"level": 2, "scores": {"Good": 1}},
        },
        {"id": "2", "input": "Where?", "expected": "There.", "output": '{"a": 1}', "tags": ["c"]},
    ]


def test_a_conversation_with_images_is_not_asked_without_them() -> None:
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}
    made = import_records({"input": [image], "expected": "y"}, {"input": [image], "output": "y"})

    assert [case["input"] for case in made.cases] == [""]
    assert made.losses == [
        "1: input: without its images or files the conversation would ask something else; left out",
        (
            "1: input[0].content: a part of a message is 'image_url', which is no text and no call of a tool; left out "
            "(2 times)"
        ),
    ]

"""Goldens of DeepEval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.deepeval import FIELDS, DeepEvalImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.accounted import assert_accounted
from tests.support.imported import Imported, import_rows, import_text

RICH_GOLDEN: dict[str, Any] = {
    "input": "Where is {{ it }}?",
    "actual_output": "There.",
    "expected_output": "Over there.",
    "context": ["A map."],
    "retrieval_context": ["A book.", {"context": "A page.", "source": "book.pdf"}],
    "tools_called": [
        {
            "name": "find_order",
            "input_parameters": {"id": "A-17"},
            "output": "late",
            "description": "Finds.",
            "reasoning": "Must.",
            "type": "MCP",
        }
    ],
    "expected_tools": [{"name": "find_order", "input_parameters": {"id": "A-17"}}, {"name": "say"}],
    "additional_metadata": {"level": 0, "comments": "inner"},
    "comments": "outer",
    "name": "first",
    "id": "g1",
    "source_file": "a.pdf",
    "custom_column_key_values": {"owner": "Ada"},
    "multimodal": True,
    "images_mapping": {"a": {"url": "b"}},
}
RICH_TURN: dict[str, Any] = {
    "user_id": "u1",
    "audio": {"data": "sound"},
    "latency_ms": 1500,
    "interrupted": True,
    "retrieval_context": ["A passage."],
    "tools_called": [{"name": "find_order", "input_parameters": {"id": "A-17"}, "output": {"state": "late"}}],
    "mcp_tools_called": [{"name": "mcp-a"}],
    "mcp_resources_called": [{"uri": "mcp-b"}],
    "mcp_prompts_called": [{"name": "mcp-c"}],
    "metadata": {"d": 1},
}
RICH_CONVERSATION: dict[str, Any] = {
    "scenario": "Ada looks for her lamp.",
    "turns": [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "I look.", **RICH_TURN},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "On its way.", **RICH_TURN},
    ],
    "expected_outcome": "Ada knows where {{ it }} is.",
    "user_description": "In a hurry.",
    "persona": {"name": "Ada", "characteristics": "In a hurry."},
}
TOOL = {"name": "find_order", "input_parameters": {"id": "A-17"}}
TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "Where is my lamp?"},
    {"role": "assistant", "content": "Which one?"},
    {"role": "user", "content": "A-17."},
    {"role": "assistant", "content": "On its way."},
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def import_goldens(*goldens: dict[str, Any], name: str = "goldens.json") -> Imported:
    if name.endswith(".jsonl"):
        return import_rows(Path.cwd(), name, goldens, "--format", "deepeval")
    return import_text(Path.cwd(), name, json.dumps(goldens), "--format", "deepeval")


def is_recognized(sample: Any, **fields: str) -> bool:
    return DeepEvalImporter().recognizes(ImportRequest(Path("a.json"), "a.json", sample, fields))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"input": "x", "actual_output": "y"}, True),
        ({"input": "x", "actualOutput": None}, True),
        ({"input": "x", "retrievalContext": []}, True),
        ({"scenario": "x", "turns": []}, True),
        ({"scenario": "x", "expectedOutcome": "y"}, True),
        ({"input": "x", "expected_output": "y"}, False),
        ({"input": "x", "target": "y"}, False),
        ({"scenario": "x", "input": "y"}, False),
        ({"actual_output": "x"}, False),
        ("x", False),
    ],
)
def test_goldens_are_recognized_by_a_field_that_only_they_have(row: Any, expected: bool) -> None:
    assert is_recognized([row]) is expected
    assert is_recognized(row) is expected


def test_an_answer_of_the_api_is_recognized() -> None:
    assert is_recognized({"goldens": [], "conversationalGoldens": None})
    assert not is_recognized({"goldens": "x"})
    assert not is_recognized([])


def test_rows_of_which_the_user_says_what_is_what_are_left_to_others() -> None:
    assert not is_recognized([{"input": "x", "actual_output": "y"}], input="input")


def test_a_golden_with_every_field_becomes_a_case() -> None:
    made = import_goldens({**RICH_GOLDEN, "unheard": "of"})

    assert made.cases == [
        {
            "id": "first",
            "input": "Where is {{ it }}?",
            "vars": {
                "expected_tools": [{"name": "find_order", "arguments": {"id": "A-17"}}, {"name": "say"}],
            },
            "expected": "Over there.",
            "output": {"text": "There.", "tool_calls": [{"name": "find_order", "arguments": {"id": "A-17"}}]},
            "context": ["A map."],
            "metadata": {
                "id": "g1",
                "retrieval_context": ["A book.", "A page."],
                "comments": "outer",
                "source_file": "a.pdf",
                "level": 0,
                "golden_comments": "inner",
                "owner": "Ada",
            },
        }
    ]
    assert made.data["judges"] == [
        "fuzzy",
        {"tool_calls": {"calls": "{{ expected_tools }}", "in_order": False, "extra_calls": True}},
    ]
    place = "1: [0]"
    assert made.losses == [
        f"{place}.unheard: there is no equivalent of it; left out",
        f"{place}.tools_called: the tool is one of MCP; it is called as any other here",
        f"{place}.tools_called: 'output' of a call of a tool is left out",
        f"{place}.tools_called: 'description' of a call of a tool is left out",
        f"{place}.tools_called: 'reasoning' of a call of a tool is left out",
        f"{place}.retrieval_context: the source of a passage is left out",
        (
            f"{place}.retrieval_context: a case has one context, which is 'context' here; this stands in its metadata, "
            "where no judge looks"
        ),
        f"{place}.multimodal: no images are shown to models; left out",
        f"{place}.images_mapping: no images are shown to models; left out",
    ]


def test_judges_are_explained() -> None:
    made = import_goldens({"input": "x", "actual_output": "y", "expected_output": "y", "expected_tools": [TOOL]})

    words = " ".join(line.removeprefix("# ") for line in made.text.splitlines() if line.startswith("#"))
    assert words == (
        "Made from goldens.json (deepeval). Goldens name no judges; these are a start. 'fuzzy' asks for wording much "
        "like the expected one; where only what is said counts, 'factuality' has a model decide. Others: 'promptevals "
        "judges list'. Tools are wanted with these arguments; ToolCorrectnessMetric looks at their names alone, unless "
        "it is told more."
    )


def test_camel_case_is_read_as_snake_case_is() -> None:
    snake = import_goldens({"input": "x", "actual_output": "y", "tools_called": [TOOL], "source_file": "a"}).cases
    camel = {"name": "find_order", "inputParameters": {"id": "A-17"}}
    again = import_goldens({"input": "x", "actualOutput": "y", "toolsCalled": [camel], "sourceFile": "a"}).cases

    assert again == snake


def test_a_field_that_stands_there_in_both_cases_is_told() -> None:
    made = import_goldens({"input": "x", "actual_output": "y", "actualOutput": "z"})

    assert made.cases[0]["output"] == "y"
    assert made.losses == ["1: [0].actualOutput: stands there twice, in snake and in camel case; the first counts"]


def test_retrieved_passages_are_the_context_where_there_is_no_other() -> None:
    made = import_goldens(
        {"input": "x", "actual_output": "y", "retrieval_context": ["A.", "deepeval_source=b,deepeval_context=B\nC"]}
    )

    assert made.cases[0]["context"] == ["A.", "B\nC"]
    assert made.losses == ["1: [0].retrieval_context: the source of a passage is left out"]


def test_a_golden_without_anything_expected_asks_for_an_answer() -> None:
    made = import_goldens({"input": "x", "actual_output": "", "multimodal": False})

    assert made.cases == [{"input": "x"}]
    assert made.data["judges"] == [{"not": "refusal"}]
    assert not made.losses


def test_goldens_that_want_other_things_have_judges_of_their_own() -> None:
    made = import_goldens({"input": "x", "expected_output": "y"}, {"input": "z"})

    assert "judges" not in made.data
    assert [case["judges"] for case in made.cases] == [["fuzzy"], [{"not": "refusal"}]]


def test_calls_of_tools_without_a_text_are_an_output() -> None:
    made = import_goldens({"input": "x", "tools_called": ["search", {"name": "find"}]})

    assert made.cases[0]["output"] == {"tool_calls": [{"name": "search"}, {"name": "find"}]}


def test_what_is_no_golden_is_named() -> None:
    made = import_goldens({"input": "x"}, {"comments": "y"}, {"input": {"a": 1}})

    assert len(made.cases) == 1
    assert made.losses == [
        "1: [2].input: must be a text, but is a mapping; left out",
        "1: [1]: the golden has neither 'input' nor 'scenario'; left out (2 times)",
    ]


def test_a_row_that_is_no_mapping_is_named() -> None:
    made = import_text(Path.cwd(), "goldens.json", '["x", {"input": "y"}]', "--format", "deepeval")

    assert made.losses == ["1: [0]: the row is no golden; left out"]


def test_images_in_a_text_are_named() -> None:
    made = import_goldens({"input": "What is in [DEEPEVAL:IMAGE:a1]?"})

    assert made.losses == ["1: [0]: names images or PDFs, which no model is shown; the text names them still"]


def test_cells_of_csv_hold_lists_and_data() -> None:
    header = "input,actual_output,context,retrieval_context,tools_called,expected_tools,additional_metadata,name\n"
    rows = (
        'x,y,A|B,,"[{""name"": ""find"", ""inputParameters"": {""a"": 1}}]",find;say,"{""level"": 1}",\n'
        "z,,,C|D,,,\"{'level': True, 'owners': ['Ada', None]}\",second\n"
        "q,,,,,,some words,\n"
    )
    made = import_text(Path.cwd(), "goldens.csv", header + rows, "--format", "deepeval")

    assert made.cases[0]["context"] == ["A", "B"]
    assert made.cases[0]["output"] == {"text": "y", "tool_calls": [{"name": "find", "arguments": {"a": 1}}]}
    assert made.cases[0]["vars"] == {"expected_tools": [{"name": "find"}, {"name": "say"}]}
    assert made.cases[0]["metadata"] == {"level": 1}
    assert made.cases[1]["context"] == ["C", "D"]
    assert made.cases[1]["id"] == "second"
    assert made.cases[1]["metadata"] == {"level": True, "owners": ["Ada", None]}
    assert made.cases[2]["metadata"] == {"additional_metadata": "some words"}
    assert made.losses == ["4: additional_metadata: is no mapping; it stands in the metadata as it is"]


def test_python_that_is_no_json_stays_a_text() -> None:
    text = "input,actual_output,additional_metadata\nx,y,\"{'a': {1, 2}}\"\n"
    made = import_text(Path.cwd(), "goldens.csv", text)

    assert made.cases[0]["metadata"] == {"additional_metadata": "{'a': {1, 2}}"}


def test_joined_lists_are_split_in_json_lines_too() -> None:
    made = import_goldens({"input": "x", "context": "A|B", "retrieval_context": "C"}, name="goldens.jsonl")

    assert made.cases[0]["context"] == ["A", "B"]
    assert made.cases[0]["metadata"] == {"retrieval_context": ["C"]}


def test_both_lists_of_the_api_are_read() -> None:
    answer = {
        "goldens": [{"input": "x"}],
        "conversationalGoldens": [{"scenario": "s", "turns": TURNS}],
        "finalized": True,
    }
    made = import_text(Path.cwd(), "goldens.json", json.dumps(answer))

    assert [case["input"] for case in made.cases] == ["x", TURNS[:3]]
    assert made.losses == ["1: finalized: there is no equivalent of it; left out"]


@pytest.mark.parametrize("turns", [TURNS, json.dumps(TURNS)], ids=["list", "text"])
def test_a_conversation_is_judged_by_its_outcome(turns: Any) -> None:
    made = import_goldens(
        {
            "scenario": "Ada looks for her lamp.",
            "turns": turns,
            "expected_outcome": "Ada knows where {{ it }} is.",
            "user_description": "In a hurry.",
            "persona": {"name": "Ada", "characteristics": "In a hurry."},
            "context": ["Lamps are slow."],
            "name": "lamp",
        }
    )

    assert made.cases == [
        {
            "id": "lamp",
            "input": TURNS[:3],
            "expected": "Ada knows where {{ it }} is.",
            "output": "On its way.",
            "context": ["Lamps are slow."],
            "metadata": {
                "user_description": "In a hurry.",
                "persona": {"name": "Ada", "characteristics": "In a hurry."},
                "scenario": "Ada looks for her lamp.",
            },
        }
    ]
    assert made.data["judges"] == [{"conversation": "The assistant brings about this outcome: {{ expected }}"}]
    assert (
        "# Goldens name no judges; this is a start. It asks a model: name one as 'judge_model' here or in\n"
        in made.text
    )
    assert not made.losses


def test_a_turn_with_every_field_is_accounted_for() -> None:
    made = import_goldens(RICH_CONVERSATION)

    call = {"name": "find_order", "arguments": {"id": "A-17"}}
    assert made.cases[0]["input"] == [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "tool_calls": [{"function": call}]},
        {"role": "tool", "name": "find_order", "content": '{"state": "late"}'},
        {"role": "assistant", "content": "I look."},
        {"role": "user", "content": "And?"},
    ]
    assert made.cases[0]["output"] == {"text": "On its way.", "tool_calls": [call], "latency": 1.5}
    assert made.cases[0]["context"] == ["A passage."]
    place = "1: [0].turns[1]"
    assert made.losses == [
        f"{place}.user_id: 'user_id' of a turn is left out (2 times)",
        f"{place}.audio: 'audio' of a turn is left out (2 times)",
        f"{place}.interrupted: 'interrupted' of a turn is left out (2 times)",
        f"{place}.mcp_tools_called: 'mcp_tools_called' of a turn is left out (2 times)",
        f"{place}.mcp_resources_called: 'mcp_resources_called' of a turn is left out (2 times)",
        f"{place}.mcp_prompts_called: 'mcp_prompts_called' of a turn is left out (2 times)",
        f"{place}.metadata: 'metadata' of a turn is left out (2 times)",
        f"{place}: what was retrieved for a turn before the last answer is left out",
        f"{place}: the latency of a turn before the last answer is left out",
        "1: [0].turns[3]: what tools gave in the last turn is left out: an output has calls alone",
    ]


def test_every_field_of_the_table_is_taken_over_or_told() -> None:
    answer = {"goldens": [RICH_GOLDEN], "conversational_goldens": [RICH_CONVERSATION]}
    made = import_text(Path.cwd(), "goldens.json", json.dumps(answer))

    assert_accounted(FIELDS, answer, made, converted={"latency_ms": "1.5"})


def test_a_conversation_without_an_outcome_is_judged_by_its_completeness() -> None:
    made = import_goldens({"scenario": "s", "turns": TURNS})

    assert made.data["judges"] == [{"conversation": "completeness"}]


def test_a_tool_without_a_result_is_only_called() -> None:
    turns = [*TURNS[:1], {**TURNS[1], "tools_called": [{**TOOL, "output": "late"}, {"name": "b"}]}, *TURNS[2:]]
    made = import_goldens({"scenario": "s", "turns": turns})
    plain = import_goldens({"scenario": "s", "turns": [*TURNS[:1], {**TURNS[1], "tools_called": ["b"]}, *TURNS[2:]]})

    assert [message["role"] for message in made.cases[0]["input"]] == ["user", "assistant", "tool", "assistant", "user"]
    assert [message["role"] for message in plain.cases[0]["input"]] == ["user", "assistant", "assistant", "user"]


def test_a_conversation_that_ends_with_the_user_is_put_to_a_model() -> None:
    made = import_goldens({"scenario": "s", "turns": TURNS[:3]})

    assert made.cases[0]["input"] == TURNS[:3]
    assert "output" not in made.cases[0]


def test_a_conversation_with_tools_that_waits_for_an_answer_is_left_out() -> None:
    turns = [TURNS[0], {**TURNS[1], "tools_called": [TOOL]}, TURNS[2]]
    made = import_goldens({"scenario": "s", "turns": turns}, {"input": "x"})

    assert made.losses == [
        (
            "1: [0].turns: the conversation has calls or results of tools in what is asked, which no model is asked "
            "with; left out. Record the answer as the case's 'output' to judge it"
        )
    ]


def test_a_greeting_alone_is_judged_with_its_scenario() -> None:
    made = import_goldens({"scenario": "Ada comes in.", "turns": [{"role": "assistant", "content": "Hello!"}]})

    assert made.cases[0]["input"] == "Ada comes in."
    assert made.cases[0]["output"] == "Hello!"


def test_a_scenario_without_turns_is_skipped() -> None:
    made = import_goldens({"scenario": "Ada asks for a lamp.", "expected_outcome": "She has one."})

    why = "there are no turns, and nothing here plays the user: write the conversation as input"
    assert made.cases == [{"input": "Ada asks for a lamp.", "expected": "She has one.", "skip": why}]
    assert made.losses == [f"1: [0].turns: {why}; the case is skipped"]


def test_turns_that_are_none_are_named() -> None:
    made = import_goldens(
        {"scenario": "s", "turns": "hello"}, {"scenario": "s", "turns": ["hello"]}, {"scenario": "s", "turns": TURNS}
    )

    assert len(made.cases) == 1
    assert made.losses == [
        "1: [0].turns: is no list of turns; the golden is left out",
        "1: [1].turns: is no list of turns; the golden is left out",
    ]

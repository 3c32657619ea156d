from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.chat import FIELDS, ChatImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.imported import Imported, import_error, import_rows, import_text

SYSTEM = {"role": "system", "content": "You sell lamps."}
ASKED = {"role": "user", "content": "Is it late?"}
ANSWER = {"role": "assistant", "content": "It is on its way."}
WITH_TOOLS = (
    "the conversation has calls or results of tools in what is asked, which no model is asked with; left out. Record "
    "the answer as the case's 'output' to judge it"
)
TOOL = {"type": "function", "function": {"name": "find_order", "parameters": {"type": "object"}}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chats(folder: Path, *conversations: list[Any]) -> Imported:
    return import_rows(folder, "chats.jsonl", [{"messages": messages} for messages in conversations])


def test_the_last_answer_is_expected_and_the_instructions_are_the_prompt(folder: Path) -> None:
    found = chats(folder, [SYSTEM, ASKED, ANSWER], [SYSTEM, {**ASKED, "content": "Where?"}, ANSWER])

    assert found.losses == []
    assert found.data["prompt"] == [SYSTEM, {"role": "user", "content": "{{ input }}"}]
    assert found.data["judges"] == ["fuzzy"]
    assert found.cases == [
        {"input": "Is it late?", "expected": "It is on its way."},
        {"input": "Where?", "expected": "It is on its way."},
    ]


def test_it_is_said_why_answers_are_compared_by_their_wording(folder: Path) -> None:
    assert (
        "# The rows say what a good answer is, not how to tell one: wording much like it is asked for.\n"
        "# Where only what is said counts, 'factuality' or 'rubric' has a model decide.\n"
        "judges: [fuzzy]\n"
    ) in chats(folder, [ASKED, ANSWER]).text


def test_a_conversation_of_several_turns_is_asked_as_it_stands(folder: Path) -> None:
    turns = [ASKED, {"role": "assistant", "content": "Which one?"}, {"role": "user", "content": "A-17."}]

    found = chats(folder, [*turns, ANSWER])

    assert found.cases == [{"input": turns, "expected": "It is on its way."}]
    assert "prompt" not in found.data


def test_different_instructions_stay_with_their_cases(folder: Path) -> None:
    other = {"role": "system", "content": "You sell bulbs."}

    found = chats(folder, [SYSTEM, ASKED, ANSWER], [other, ASKED, ANSWER])

    assert "prompt" not in found.data
    assert [case["input"][0] for case in found.cases] == [SYSTEM, other]


def test_parts_of_text_are_joined(folder: Path) -> None:
    parts = [{"type": "text", "text": "Is it"}, {"type": "text", "text": "late?"}]

    assert chats(folder, [{"role": "user", "content": parts}, ANSWER]).cases[0]["input"] == "Is it\nlate?"


@pytest.mark.parametrize("weight", [0, 1])
def test_an_answer_with_weight_0_is_not_expected(folder: Path, weight: int) -> None:
    last = {"role": "assistant", "content": "Yes.", "weight": weight}

    found = chats(folder, [ASKED, ANSWER, {"role": "user", "content": "Sure?"}, last])

    assert found.cases[0]["expected"] == ("Yes." if weight else "It is on its way.")
    after = "the message comes after the answer that is wanted; left out"
    assert found.losses == ([] if weight else [f"1: messages[2]: {after}", f"1: messages[3]: {after}"])


def test_the_weight_of_a_message_that_is_asked_loses_nothing(folder: Path) -> None:
    earlier = {"role": "assistant", "content": "It is.", "weight": 0}

    assert chats(folder, [ASKED, earlier, {"role": "user", "content": "Sure?"}, ANSWER]).losses == []


def test_calls_of_tools_are_expected_with_their_arguments_as_data(folder: Path) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "find_order", "arguments": '{"id": "A-17"}'}}]

    found = chats(folder, [ASKED, {"role": "assistant", "content": None, "tool_calls": calls}])

    assert found.losses == []
    assert found.data["judges"] == ["tool_calls"]
    assert "wording" not in found.text
    assert found.cases[0]["expected"] == [{"name": "find_order", "arguments": {"id": "A-17"}}]


def test_an_old_function_call_is_a_call_of_a_tool(folder: Path) -> None:
    call = {"role": "assistant", "function_call": {"name": "find_order", "arguments": "{}"}}

    assert chats(folder, [ASKED, call]).cases[0]["expected"] == [{"name": "find_order", "arguments": {}}]


def test_arguments_that_are_no_json_are_lost_and_what_is_said_beside_a_call_too(folder: Path) -> None:
    calls = [{"function": {"name": "find_order", "arguments": "{id"}}]

    found = chats(folder, [ASKED, {"role": "assistant", "content": "Wait.", "tool_calls": calls}])

    assert found.cases[0]["expected"] == [{"name": "find_order"}]
    assert found.losses == [
        "1: messages[1].content: is said beside the calls of tools, which alone are judged; left out",
        "1: messages[1]: the arguments of 'find_order' are no JSON; any arguments will do",
    ]


def test_a_refusal_is_judged_as_one(folder: Path) -> None:
    found = chats(folder, [ASKED, {"role": "assistant", "refusal": "I cannot tell."}])

    assert found.data["judges"] == ["refusal"]
    assert found.cases == [{"input": "Is it late?", "metadata": {"refusal": "I cannot tell."}}]


def test_tools_of_all_rows_are_parameters(folder: Path) -> None:
    row = {"messages": [ASKED, ANSWER], "tools": [TOOL], "parallel_tool_calls": False}

    found = import_rows(folder, "chats.jsonl", [row, row])

    assert found.data["parameters"] == {"tools": [TOOL], "parallel_tool_calls": False}
    assert [case["id"] for case in found.cases] == ["case-1", "case-2"]


def test_old_functions_are_tools(folder: Path) -> None:
    row = {"messages": [ASKED, ANSWER], "functions": [TOOL["function"]]}

    assert import_rows(folder, "chats.jsonl", [row]).data["parameters"] == {"tools": [TOOL]}


def test_tools_of_some_rows_are_lost(folder: Path) -> None:
    found = import_rows(
        folder, "chats.jsonl", [{"messages": [ASKED, ANSWER]}, {"messages": [ASKED, ANSWER], "tools": [TOOL]}]
    )

    assert "parameters" not in found.data
    assert found.losses == [
        "2: tools that only some rows have cannot hold for a whole eval file; left out. Import these on their own"
    ]


def test_of_two_answers_the_preferred_one_is_expected(folder: Path) -> None:
    row = {
        "input": {"messages": [SYSTEM, ASKED], "tools": [TOOL], "parallel_tool_calls": True},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "Dunno."}],
    }

    found = import_rows(folder, "pairs.jsonl", [row])

    assert found.losses == []
    assert found.data["parameters"] == {"tools": [TOOL], "parallel_tool_calls": True}
    assert found.cases == [
        {"input": "Is it late?", "expected": ANSWER["content"], "metadata": {"non_preferred_output": "Dunno."}}
    ]


def test_another_output_of_several_messages_is_kept_as_it_is(folder: Path) -> None:
    rejected = [{"role": "assistant", "content": "Dunno."}, {"role": "tool", "content": "x"}]
    row = {"input": {"messages": [ASKED]}, "preferred_output": [ANSWER], "non_preferred_output": rejected}

    assert import_rows(folder, "pairs.jsonl", [row]).cases[0]["metadata"] == {"non_preferred_output": rejected}


def test_other_fields_of_a_row_are_notes(folder: Path) -> None:
    found = import_rows(folder, "chats.jsonl", [{"messages": [ASKED, ANSWER], "metadata": {"a": 1}, "split": "TEST"}])

    assert found.cases[0]["metadata"] == {"a": 1, "split": "TEST"}


def test_what_the_metadata_of_a_row_says_is_kept_and_fields_of_the_same_names_are_told(folder: Path) -> None:
    answer = {"role": "assistant", "refusal": "No."}
    row = {"messages": [ASKED, answer], "metadata": {"lang": "en", "refusal": "x"}, "lang": "de", "split": None}
    found = import_rows(folder, "chats.jsonl", [row])

    assert found.cases[0]["metadata"] == {"lang": "en", "refusal": "x"}
    assert found.losses == [
        "1: lang: the metadata has a value of this name, too, which is kept",
        "1: messages[1].refusal: the metadata has a value of this name, too, which is kept",
    ]


def test_a_row_without_an_answer_is_a_case_that_nothing_judges(folder: Path) -> None:
    found = chats(folder, [ASKED], [{"role": "user", "content": "Where?"}])

    assert found.losses == [
        "1: no answer of the assistant's is wanted here, so nothing judges the case; give it judges (2 times)"
    ]
    assert found.cases == [{"input": "Is it late?"}, {"input": "Where?"}]


@pytest.mark.parametrize(
    ("messages", "loss"),
    [
        (
            [ASKED, {"role": "assistant", "weight": 0, "tool_calls": [{}]}, ANSWER],
            f"messages[1]: {WITH_TOOLS}",
        ),
        (
            [ASKED, {"role": "tool", "content": "{}", "tool_call_id": "1"}, ANSWER],
            f"messages[1]: {WITH_TOOLS}",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, ANSWER],
            "messages[0]: the message is no text of a role in a chat; the whole row is left out",
        ),
        (
            ["Hello", ANSWER],
            "messages[0]: the message is no text of a role in a chat; the whole row is left out",
        ),
        (
            [ASKED, {"role": "assistant", "content": ""}],
            "messages[1]: the answer holds no text; the whole row is left out",
        ),
        ([ANSWER], "the row asks nothing; left out"),
    ],
)
def test_what_no_model_can_be_asked_is_left_out(folder: Path, messages: list[Any], loss: str) -> None:
    found = chats(folder, [{"role": "user", "content": "Where?"}, ANSWER], messages)

    assert found.losses == [f"2: {loss}"]
    assert [case["input"] for case in found.cases] == ["Where?"]


def test_it_is_told_why_no_case_is_left(folder: Path) -> None:
    assert import_error(folder, "chats.jsonl", '{"messages": [{"role": "assistant", "content": "Hello."}]}') == (
        "chats.jsonl:1: the row asks nothing; left out\n"
        "1 thing in the file without an equivalent, named above\n"
        "Error: chats.jsonl: there are no cases in it, read as chat\n"
    )


def test_a_row_that_is_no_mapping_is_left_out(folder: Path) -> None:
    found = import_rows(folder, "chats.jsonl", [{"messages": [ASKED, ANSWER]}, 7])

    assert found.losses == ["2: the row is no mapping of fields; left out"]


def test_names_and_unknown_keys_of_messages_are_lost_by_name(folder: Path) -> None:
    messages = [{**ASKED, "name": "Ada"}, {**ANSWER, "name": "Bob", "audio": {"id": "1"}}]

    assert sorted(chats(folder, messages).losses) == [
        "1: messages[0].name: no names are sent with messages; left out (2 times)",
        "1: messages[1].audio: there is no equivalent of it; left out",
    ]


def test_text_with_marks_of_templates_is_sent_as_it_stands(folder: Path) -> None:
    found = chats(folder, [{"role": "system", "content": "Use {{ braces }}."}, ASKED, ANSWER])

    assert found.data["prompt"][0]["content"] == "{% raw %}Use {{ braces }}.{% endraw %}"


def test_a_list_in_json_is_read_too(folder: Path) -> None:
    found = import_text(folder, "chats.json", '[{"messages": [{"role": "user", "content": "Hi"}]}]')

    assert found.cases == [{"input": "Hi"}]


@pytest.mark.parametrize(
    ("sample", "is_chat"),
    [
        ({"messages": [ASKED]}, True),
        ([{"messages": [ASKED]}], True),
        ({"input": {"messages": [ASKED]}, "preferred_output": []}, True),
        ({"input": "x", "preferred_output": []}, False),
        ({"messages": []}, False),
        ({"messages": "x"}, False),
        ({"input": [ASKED]}, False),
        (None, False),
        ([], False),
    ],
)
def test_it_knows_conversations(sample: Any, *, is_chat: bool) -> None:
    assert ChatImporter().recognizes(ImportRequest(Path("x.jsonl"), "x.jsonl", sample)) is is_chat


def test_each_field_of_the_table_is_in_the_result_or_among_the_losses(folder: Path) -> None:
    message = {"role": "user", "content": "m-content", "name": "m-name", "weight": 1, "audio": "m-audio"}
    answer = {"role": "assistant", "content": "a-content", "refusal": "", "tool_calls": [{"name": "a-tool"}]}
    old = {"role": "assistant", "function_call": {"name": "old-tool"}}
    result = {"role": "tool", "content": "x", "tool_call_id": "m-result"}
    rows = [
        {"messages": [message, answer], "tools": ["r-tool"], "parallel_tool_calls": True, "metadata": {"k": "r-meta"}},
        {"messages": [message, old], "functions": ["r-function"]},
        {"messages": [result, ANSWER]},
        {"messages": [ASKED, {"role": "assistant", "refusal": "a-refusal"}]},
        {
            "input": {
                "messages": [{"role": "user", "content": "p-asked"}],
                "tools": ["p-tool"],
                "parallel_tool_calls": True,
            },
            "preferred_output": [{"role": "assistant", "content": "p-answer"}],
            "non_preferred_output": [{"role": "assistant", "content": "p-other"}],
        },
    ]
    found = import_rows(folder, "chats.jsonl", rows)

    said = {
        "messages": "m-content", "messages.role": "messages[0]: the conversation", "messages.content": "m-content",
        "messages.name": "messages[0].name", "messages.weight": "m-content", "messages.tool_calls": "a-tool",
        "messages.function_call": "old-tool", "messages.refusal": "a-refusal", "messages.audio": "messages[0].audio",
        "messages.tool_call_id": "messages[0]: the conversation", "tools": "tools that only",
        "parallel_tool_calls": "parallel_tool_calls that only", "functions": "tools that only",
        "input.messages": "p-asked", "input.tools": "tools that only",
        "input.parallel_tool_calls": "parallel_tool_calls that only",
        "preferred_output": "p-answer", "non_preferred_output": "p-other", "metadata": "r-meta",
    }  # fmt: skip
    assert said.keys() == FIELDS.keys()
    everything = re.sub(r"\n# *", " ", found.text) + "\n".join(found.losses)
    assert [field for field, trace in said.items() if trace not in everything] == []


def test_the_weight_of_an_answer_in_what_is_asked_is_no_loss(folder: Path) -> None:
    found = chats(folder, [ASKED, {**ANSWER, "weight": 1}, {**ASKED, "weight": 0}, ANSWER])

    assert found.losses == []


def test_metadata_is_kept_where_a_field_has_the_name_of_one_of_it(folder: Path) -> None:
    row = {"messages": [ASKED, ANSWER], "metadata": {"lang": "en", "same": 1}, "lang": "de", "same": 1}
    found = import_rows(folder, "chats.jsonl", [row])

    assert found.cases[0]["metadata"] == {"lang": "en", "same": 1}
    assert found.losses == ["1: lang: the metadata has a value of this name, too, which is kept"]

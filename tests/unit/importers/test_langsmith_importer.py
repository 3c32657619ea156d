"""Examples of LangSmith's datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.langsmith import FIELDS, LangSmithImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.accounted import assert_accounted
from tests.support.imported import Imported, import_rows, import_text

RICH: dict[str, Any] = {
    "id": "0b1c9a4e-0000-4000-8000-000000000001",
    "name": "#late",
    "inputs": {"question": "Where is {{ it }}?"},
    "outputs": {"answer": "On its way."},
    "metadata": {"dataset_split": ["base", "late orders"], "level": 0},
    "split": "test",
    "created_at": "2026-01-02T03:04:05Z",
    "modified_at": "2026-02-02T03:04:05Z",
    "source_run_id": "run-7",
    "dataset_id": "set-9",
    "attachments": {"photo": {"mime_type": "image/png", "presigned_url": "s3"}},
    "attachment_urls": {"attachment.photo": {"presigned_url": "s4"}},
    "use_source_run_io": True,
    "use_source_run_attachments": ["photo"],
    "runs": [{"run": "other"}],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def import_examples(*examples: dict[str, Any]) -> Imported:
    return import_rows(Path.cwd(), "examples.jsonl", examples)


def import_csv(text: str) -> Imported:
    return import_text(Path.cwd(), "examples.csv", text)


def chat(asked: list[Any], answer: Any) -> dict[str, Any]:
    return {"inputs": {"messages": asked}, "outputs": {"output": answer}}


def is_recognized(sample: Any, **fields: str) -> bool:
    return LangSmithImporter().recognizes(ImportRequest(Path("a.json"), "a.json", sample, fields))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"inputs": {"a": "x"}, "outputs": {"b": "y"}}, True),
        ({"inputs": {"a": "x"}, "outputs": None}, True),
        ({"inputs": {"a": "x"}, "dataset_id": "d"}, True),
        ({"inputs": '{"a": "x"}', "outputs": ""}, True),
        ({"inputs": "x", "outputs": "y"}, False),
        ({"inputs": {"a": "x"}, "expected_output": "y"}, False),
        ({"input_question": "x", "output_answer": "y", "id": "1", "metadata": ""}, True),
        ({"inputs.question": "x", "outputs.answer": "y", "metadata.level": "1", "splits": "a"}, True),
        ({"input_question": "x", "output_answer": "y", "other": ""}, False),
        ({"input_tokens": "1", "output_tokens": "2"}, False),
        ({"input_question": "x"}, False),
        ({"input": "x", "output": "y"}, False),
        ([], False),
    ],
)
def test_examples_are_recognized_by_their_inputs_and_outputs(row: Any, expected: bool) -> None:
    assert is_recognized(row) is expected
    assert is_recognized([row]) is expected


def test_rows_of_which_the_user_says_what_is_what_are_left_to_others() -> None:
    assert not is_recognized({"inputs": {"a": "x"}, "outputs": {"b": "y"}}, input="inputs")


def test_an_example_with_every_field_becomes_a_case() -> None:
    made = import_examples(RICH)

    assert made.data == {
        "description": "Dataset set-9 of LangSmith.",
        "judges": ["fuzzy"],
        "cases": [
            {
                "id": "0b1c9a4e-0000-4000-8000-000000000001",
                "input": "Where is {{ it }}?",
                "expected": "On its way.",
                "tags": ["test", "base", "late-orders"],
                "metadata": {
                    "level": 0,
                    "name": "#late",
                    "created_at": "2026-01-02T03:04:05Z",
                    "modified_at": "2026-02-02T03:04:05Z",
                    "source_run_id": "run-7",
                },
            }
        ],
    }
    assert made.losses == [
        "1: runs: there is no equivalent of it; left out",
        "1: attachments: no files are shown to models; left out",
        "1: attachment_urls: no files are shown to models; left out",
        "1: use_source_run_attachments: no files are shown to models; left out",
        "1: use_source_run_io: what the run holds is not in the file; export the example with it",
    ]


def test_every_field_of_the_table_is_taken_over_or_told() -> None:
    converted = {"dataset_split": "base", "split": "test"}
    sample = {**RICH, "metadata": {"dataset_split": ["base"], "level": 0}}

    assert_accounted(FIELDS, sample, import_examples(sample), converted)


def test_judges_are_explained() -> None:
    made = import_examples({"inputs": {"q": "x"}, "outputs": {"a": {"b": 1}}})

    words = " ".join(line.removeprefix("# ") for line in made.text.splitlines() if line.startswith("#"))
    assert words == (
        "Made from examples.jsonl (langsmith). Examples name no judges; these are a start. 'json_equal' asks for the "
        "same data as JSON; 'json_subset' would allow more of it. Others: 'promptevals judges list'."
    )


def test_mappings_stay_whole_where_examples_have_several_keys() -> None:
    made = import_examples(
        {"inputs": {"question": "x"}, "outputs": {"answer": "y"}},
        {"inputs": {"question": "x", "lang": "de"}, "outputs": {"answer": "y", "sure": False}},
    )

    assert [case["input"] for case in made.cases] == [{"question": "x"}, {"question": "x", "lang": "de"}]
    assert [case["expected"] for case in made.cases] == [{"answer": "y"}, {"answer": "y", "sure": False}]
    assert made.data["judges"] == ["json_equal"]


def test_a_list_that_is_no_conversation_is_asked_as_json() -> None:
    made = import_examples({"inputs": {"items": [{"name": "a"}, "b"]}, "outputs": {"a": "y"}})

    assert made.cases[0]["input"] == '[{"name": "a"}, "b"]'
    assert not made.losses


def test_a_list_is_expected_as_it_is_and_not_as_one_of_its_texts() -> None:
    made = import_examples({"inputs": {"q": "x"}, "outputs": {"a": ["y", "z"]}})

    assert made.cases[0]["expected"] == ["y", "z"]
    assert made.data["judges"] == ["json_equal"]


def test_an_example_without_outputs_asks_for_an_answer() -> None:
    made = import_examples({"inputs": {"q": "x"}, "outputs": {}}, {"inputs": {"q": "y"}, "outputs": {"a": 0}})

    assert [case["judges"] for case in made.cases] == [[{"not": "refusal"}], ["json_equal"]]
    assert "expected" not in made.cases[0]
    assert made.cases[1]["expected"] == 0


def test_an_example_without_inputs_is_left_out() -> None:
    made = import_examples({"inputs": {"q": "x"}, "outputs": {"a": "y"}}, {"inputs": None, "outputs": {"a": "y"}})

    assert len(made.cases) == 1
    assert made.losses == ["2: the example has no inputs; left out"]


def test_what_is_no_example_is_named() -> None:
    made = import_text(Path.cwd(), "examples.json", json.dumps([{"inputs": {"q": "x"}, "outputs": None}, "y"]))

    assert made.losses == ["1: [1]: the row is no example; left out"]


def test_examples_of_several_datasets_keep_their_ids() -> None:
    row = {"inputs": {"q": "x"}, "outputs": {"a": "y"}}
    made = import_examples({**row, "dataset_id": "one", "id": "1"}, {**row, "dataset_id": "two", "id": "2"})

    assert "description" not in made.data
    assert [case["metadata"] for case in made.cases] == [{"dataset_id": "one"}, {"dataset_id": "two"}]


def test_metadata_of_the_same_name_is_kept_and_told() -> None:
    made = import_examples({**RICH, "metadata": {"name": "mine"}, "runs": None})

    assert made.cases[0]["metadata"]["name"] == "mine"
    assert "1: name: the metadata has a value of this name, too, which is kept" in made.losses


def test_metadata_that_is_no_mapping_is_kept() -> None:
    made = import_examples({"inputs": {"q": "x"}, "outputs": {"a": "y"}, "metadata": "note"})

    assert made.cases[0]["metadata"] == {"metadata": "note"}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Hello"},
        {"type": "human", "content": "Hello"},
        {"type": "human", "data": {"content": [{"type": "text", "text": "Hello"}], "additional_kwargs": {}}},
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "HumanMessage"],
            "kwargs": {"content": "Hello", "type": "human"},
        },
    ],
    ids=["openai", "langchain", "data", "constructor"],
)
def test_messages_of_several_forms_are_a_conversation(message: dict[str, Any]) -> None:
    made = import_examples(
        chat([message], {"type": "ai", "data": {"content": "Hi", "response_metadata": {"model": "m"}}}),
        chat([message, {"type": "ai", "content": "Hi"}, message], "Hi again"),
    )

    user = {"role": "user", "content": "Hello"}
    assert [case["input"] for case in made.cases] == ["Hello", [user, {"role": "assistant", "content": "Hi"}, user]]
    assert [case["expected"] for case in made.cases] == ["Hi", "Hi again"]
    assert made.losses == ["1: outputs.response_metadata: 'response_metadata' of a message is left out"]


def test_instructions_that_all_share_are_a_prompt() -> None:
    system = {"role": "system", "content": "You sell {{ lamps }}."}
    made = import_examples(*(chat([system, {"role": "user", "content": text}], "ok") for text in ("a", "b")))

    assert made.data["prompt"] == [
        {"role": "system", "content": "{% raw %}You sell {{ lamps }}.{% endraw %}"},
        {"role": "user", "content": "{{ input }}"},
    ]
    assert [case["input"] for case in made.cases] == ["a", "b"]


def test_calls_of_tools_are_expected() -> None:
    answer = {"role": "assistant", "content": "I look.", "tool_calls": [{"name": "find", "args": {"a": 1}, "id": "c"}]}
    made = import_examples(chat([{"role": "user", "content": "x"}], [{"role": "user", "content": "y"}, answer]))

    assert made.cases[0]["expected"] == [{"name": "find", "arguments": {"a": 1}}]
    assert made.data["judges"] == ["tool_calls"]
    assert made.losses == [
        "1: outputs: the last message is what is expected; those before it are left out",
        "1: outputs: is said beside calls of tools, which alone are judged; left out",
    ]


def test_calls_without_a_word_lose_nothing() -> None:
    answer = {"role": "assistant", "content": "", "tool_calls": [{"name": "find"}]}
    made = import_examples(chat([{"role": "user", "content": "x"}], answer))

    assert made.cases[0]["expected"] == [{"name": "find"}]
    assert not made.losses


def test_a_conversation_with_tools_is_left_out() -> None:
    tool = {"type": "tool", "content": "late", "tool_call_id": "c", "name": "find"}
    asked = [{"role": "user", "content": "x"}, tool]
    made = import_examples(chat(asked, "y"), chat(asked[:1], "y"))

    assert len(made.cases) == 1
    assert made.losses == [
        (
            "1: inputs: the conversation has calls or results of tools in what is asked, which no model is asked with; "
            "left out. Record the answer as the case's 'output' to judge it"
        )
    ]


def test_columns_of_csv_are_keys_of_inputs_and_outputs() -> None:
    made = import_csv(
        "id,input_question,input_lang,output_answer,metadata.level,metadata,split\n"
        '1,Where?,en,There.,2,"{""owner"": ""Ada""}","[""a"", ""b""]"\n'
        "2,Wo?,,Da.,,,c\n"
    )

    assert made.cases == [
        {
            "id": "1",
            "input": {"question": "Where?", "lang": "en"},
            "expected": "There.",
            "tags": ["a", "b"],
            "metadata": {"owner": "Ada", "level": "2"},
        },
        {"id": "2", "input": {"question": "Wo?"}, "expected": "Da.", "tags": ["c"]},
    ]


def test_a_key_that_a_column_and_a_cell_give_is_named() -> None:
    made = import_csv('inputs,input_q,metadata,metadata.a,outputs\n"{""q"": ""x"", ""r"": 1}",y,text,2,z\n')

    assert made.cases == [{"input": {"q": "y", "r": 1}, "expected": "z", "metadata": {"a": "2"}}]
    assert made.losses == [
        f"2: {name}: columns of their own give keys of it, too, and these are kept" for name in ("inputs", "metadata")
    ]


def test_cells_of_csv_hold_whole_mappings() -> None:
    made = import_csv('inputs,outputs\n"{""q"": ""Where?""}","{""a"": {""b"": 1}}"\n')

    assert made.cases == [{"input": "Where?", "expected": {"b": 1}}]


def test_a_conversation_with_images_is_not_asked_without_them() -> None:
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}
    made = import_examples(chat([image], "y"), chat([{"role": "user", "content": "x"}], "y"))

    assert len(made.cases) == 1
    assert made.losses == [
        "1: inputs: without its images or files the conversation would ask something else; left out",
        "1: inputs[0].content: a part of a message is 'image_url', which is no text and no call of a tool; left out",
    ]

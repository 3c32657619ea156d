from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.inspect import FIELDS, InspectImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.imported import Imported, import_error, import_rows, import_text

SYSTEM = {"role": "system", "content": "Be brief."}
ASKED = {"role": "user", "content": "Who painted it?"}
WITH_TOOLS = (
    "the conversation has calls or results of tools in what is asked, which no model is asked with; left out. Record "
    "the answer as the case's 'output' to judge it"
)
CHOICES = ["Vermeer", "Hals", "Rembrandt"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def samples(folder: Path, *rows: Any, options: tuple[str, ...] = ()) -> Imported:
    return import_rows(folder, "samples.jsonl", rows, *options)


def test_target_is_expected_and_looked_for_in_any_case(folder: Path) -> None:
    found = samples(folder, {"input": "Who?", "target": "Hals", "id": 7}, {"input": "When?", "target": 1642})

    assert found.losses == []
    assert found.data["judges"] == ["icontains"]
    assert found.cases == [
        {"id": "7", "input": "Who?", "expected": "Hals"},
        {"input": "When?", "expected": "1642"},
    ]


def test_it_is_said_which_scorer_the_judge_stands_for(folder: Path) -> None:
    assert (
        "# The samples do not say how they are scored. This is inspect_ai's includes(). In the place of\n"
        "# match() write 'ends_with: {ignore_case: true}', of exact() 'iexact', of model_graded_fact()\n"
        "# 'factuality'.\n"
    ) in samples(folder, {"input": "Who?", "target": "Hals"}).text


def test_any_of_several_targets_will_do(folder: Path) -> None:
    found = samples(folder, {"input": "Who?", "target": ["Hals", 7, ""]})

    assert found.cases[0]["expected"] == ["Hals", "7"]
    assert found.losses == ["1: target: an empty target is reached by any answer; left out"]


def test_samples_without_a_target_are_counted(folder: Path) -> None:
    rows = [{"input": "Who?", "target": ""}, {"input": "When?", "target": None}, {"input": "Where?", "target": "Delft"}]

    found = samples(folder, *rows)

    assert found.losses == ["1: there is no target, so nothing judges the case; give it judges (2 times)"]
    assert [case.get("judges") for case in found.cases] == [None, None, ["icontains"]]


def test_instructions_of_all_samples_are_the_prompt(folder: Path) -> None:
    found = samples(folder, {"input": [SYSTEM, ASKED], "target": "Hals"})

    assert found.data["prompt"] == [SYSTEM, {"role": "user", "content": "{{ input }}"}]
    assert found.cases[0]["input"] == "Who painted it?"


@pytest.mark.parametrize("metadata", [{"level": 2}, '{"level": 2}'])
def test_metadata_may_be_json_in_a_text(folder: Path, metadata: Any) -> None:
    found = samples(folder, {"input": "Who?", "target": "Hals", "metadata": metadata, "topic": "art"})

    assert found.cases[0]["metadata"] == {"topic": "art", "level": 2}


def test_metadata_that_is_no_json_is_kept_as_a_text(folder: Path) -> None:
    found = samples(folder, {"input": "Who?", "target": "Hals", "metadata": "level 2"})

    assert found.losses == ["1: metadata: is no JSON; kept as a text"]
    assert found.cases[0]["metadata"] == {"metadata": "level 2"}


def test_a_column_named_as_a_key_of_the_metadata_is_named_where_it_says_something_else(folder: Path) -> None:
    inner = {"topic": "inner", "year": 1650}
    found = samples(folder, {"input": "Who?", "target": "Hals", "metadata": inner, "topic": "outer", "year": 1650})

    assert found.cases[0]["metadata"] == inner
    assert found.losses == ["1: topic: the metadata has a value of this name, too, which is kept"]


def test_csv_is_read_and_empty_cells_say_nothing(folder: Path) -> None:
    table = 'input,target,files,metadata\n"Who, then?",Hals,,"{""level"": 2}"\n'

    found = import_text(folder, "samples.csv", table)

    assert found.losses == []
    assert found.cases == [{"input": "Who, then?", "expected": "Hals", "metadata": {"level": 2}}]


def test_choices_are_listed_by_a_prompt_and_the_letter_is_looked_for_at_the_end(folder: Path) -> None:
    found = samples(
        folder,
        {"input": "Who painted it?", "choices": CHOICES, "target": "B"},
        {"input": "And this one?", "choices": CHOICES, "target": "c"},
    )

    assert found.data["prompt"] == (
        "{{ input }}\n\n{% for letter, choice in choices.items() %}\n{{ letter }}) {{ choice }}\n{% endfor %}\n\n"
        "Which choice is right? End with a line 'ANSWER: LETTER', with the letter of the choice."
    )
    assert found.data["judges"] == [{"regex": r"(?i)answer\s*:\s*{{ expected | replace(', ', '[, ]*') }}\W*$"}]
    assert [case["expected"] for case in found.cases] == ["B", "C"]
    assert found.cases[0]["vars"] == {"choices": {"A": "Vermeer", "B": "Hals", "C": "Rembrandt"}}
    assert (
        "# As inspect_ai's multiple_choice() and choice(): the answer has to end with the letters that are\n# right.\n"
    ) in found.text


@pytest.mark.parametrize("target", [["C", "A"], "AC", "C, A"])
def test_several_choices_are_right_together(folder: Path, target: Any) -> None:
    found = samples(folder, {"input": "Who was Dutch?", "choices": CHOICES, "target": target})

    assert found.cases[0]["expected"] == "A, C"
    assert "Which choices are right? There may be several: name them in the order above." in found.data["prompt"]


@pytest.mark.parametrize(
    "choices", ["Vermeer, Hals, Rembrandt", "Vermeer Hals Rembrandt", ["Vermeer", "Hals", "Rembrandt"]]
)
def test_choices_may_be_a_text(folder: Path, choices: Any) -> None:
    found = samples(folder, {"input": "Who?", "choices": choices, "target": "B"})

    assert found.cases[0]["vars"]["choices"] == {"A": "Vermeer", "B": "Hals", "C": "Rembrandt"}


@pytest.mark.parametrize("choices", [["", "yes", "no"], ",yes,no", [" ", "yes", "no"]])
def test_an_empty_choice_keeps_its_letter(folder: Path, choices: Any) -> None:
    found = samples(folder, {"input": "Is water wet?", "choices": choices, "target": "B"})

    assert {**found.cases[0]["vars"]["choices"], "A": ""} == {"A": "", "B": "yes", "C": "no"}
    assert found.cases[0]["expected"] == "B"
    assert found.losses == []


@pytest.mark.parametrize("choices", ["", " ", []])
def test_nothing_is_no_choice(folder: Path, choices: Any) -> None:
    assert samples(folder, {"input": "Who?", "choices": choices, "target": "Hals"}).cases[0]["expected"] == "Hals"


def test_a_single_choice_may_stand_alone(folder: Path) -> None:
    found = samples(folder, {"input": "Who?", "choices": 7, "target": "A"})

    assert found.cases[0]["vars"]["choices"] == {"A": "7"}


def test_choices_beyond_z_are_numbered(folder: Path) -> None:
    found = samples(folder, {"input": "Which?", "choices": [f"c{number}" for number in range(28)], "target": "2"})

    assert found.cases[0]["expected"] == "2"
    assert found.cases[0]["vars"]["choices"]["2"] == "c27"


@pytest.mark.parametrize(
    ("target", "shown"), [("D", "'D'"), ("Hals", "'Hals'"), ("", "''"), (["A", "D"], "['A', 'D']")]
)
def test_a_target_that_is_no_choice_leaves_the_sample_out(folder: Path, target: Any, shown: str) -> None:
    found = samples(
        folder,
        {"input": "Who?", "choices": CHOICES, "target": "A"},
        {"input": "When?", "choices": CHOICES, "target": target},
    )

    assert found.losses == [f"2: target {shown} names none of the choices A, B, C; the sample is left out"]
    assert len(found.cases) == 1


def test_choices_of_some_samples_stand_below_their_question(folder: Path) -> None:
    found = samples(
        folder,
        {"input": "Who painted it?", "choices": CHOICES, "target": "B"},
        {"input": "When?", "target": "1642"},
        {"input": [SYSTEM, ASKED, {"role": "assistant", "content": "Hm."}], "choices": CHOICES, "target": "A"},
    )

    listed = (
        "Who painted it?\n\nA) Vermeer\nB) Hals\nC) Rembrandt\n\nWhich choice is right? End with a line 'ANSWER: "
        "LETTER', with the letter of the choice."
    )
    assert "prompt" not in found.data
    assert [case["input"] for case in found.cases] == [
        listed, "When?", [SYSTEM, {"role": "user", "content": listed}, {"role": "assistant", "content": "Hm."}]
    ]  # fmt: skip
    assert [case["judges"][0] for case in found.cases][1] == "icontains"


def test_choices_of_a_chat_without_a_question_stand_below_its_last_message(folder: Path) -> None:
    found = samples(folder, {"input": [SYSTEM, {**SYSTEM, "content": "Who?"}], "choices": ["Hals"], "target": "A"})

    assert found.cases[0]["input"][0] == SYSTEM
    assert found.cases[0]["input"][1]["content"].startswith("Who?\n\nA) Hals\n")


def test_choices_and_instructions_share_a_prompt(folder: Path) -> None:
    found = samples(folder, {"input": [SYSTEM, ASKED], "choices": CHOICES, "target": "B"})

    assert found.data["prompt"][0] == SYSTEM
    assert found.data["prompt"][1]["content"].startswith("{{ input }}\n\n{% for")


@pytest.mark.parametrize(
    ("asked", "loss"),
    [
        ("", "input: the sample has no input that is a text or chat messages; left out"),
        ([], "input: the sample has no input that is a text or chat messages; left out"),
        (
            [ASKED, {"role": "tool", "content": "x"}],
            f"input[1]: {WITH_TOOLS}",
        ),
        (["x"], "input[0]: the message is no text of a role in a chat; the whole sample is left out"),
    ],
)  # fmt: skip
def test_what_no_model_can_be_asked_is_left_out(folder: Path, asked: Any, loss: str) -> None:
    found = samples(folder, {"input": "Who?", "target": "Hals"}, {"input": asked, "target": "Hals"})

    assert found.losses == [f"2: {loss}"]
    assert len(found.cases) == 1


def test_a_row_that_is_no_mapping_is_left_out(folder: Path) -> None:
    assert samples(folder, {"input": "Who?", "target": "Hals"}, 7).losses == [
        "2: the row is no mapping of fields; left out"
    ]


def test_fields_of_other_names_are_mapped(folder: Path) -> None:
    row = {"question": "Who?", "answer": "B", "options": CHOICES, "key": "q1"}
    mapped = ("input=question", "expected=answer", "choices=options", "id=key")

    found = samples(folder, row, options=("--format", "inspect", *(f"--map={pair}" for pair in mapped)))

    assert found.cases[0]["id"] == "q1"
    assert found.cases[0]["expected"] == "B"


def test_a_map_of_what_samples_do_not_have_is_an_error(folder: Path) -> None:
    output = import_error(folder, "x.jsonl", '{"input": "x"}', "--format", "inspect", "--map", "inputs=x")

    assert "--map inputs=…: samples have no 'inputs'. Did you mean 'input'?" in output


@pytest.mark.parametrize(
    ("sample", "is_inspect"),
    [
        ({"input": "x", "target": "y"}, True),
        ([{"input": "x", "choices": "y"}], True),
        ({"input": "x", "sandbox": "docker"}, True),
        ({"input": "x", "ideal": "y"}, False),
        ({"question": "x", "target": "y"}, False),
        ({"input": "x"}, False),
        (None, False),
    ],
)
def test_it_knows_samples(sample: Any, *, is_inspect: bool) -> None:
    assert InspectImporter().recognizes(ImportRequest(Path("x.jsonl"), "x.jsonl", sample)) is is_inspect


def test_it_leaves_rows_with_a_map_to_others() -> None:
    request = ImportRequest(Path("x"), "x", {"input": "x", "target": "y"}, {"input": "input"})

    assert not InspectImporter().recognizes(request)


def test_each_field_of_the_table_is_in_the_result_or_among_the_losses(folder: Path) -> None:
    message = {
        "role": "user", "content": "i-content", "source": "input", "model": "m", "id": "1", "metadata": {"a": 1},
        "tool_call_id": "t", "function": "f", "error": "e",
    }  # fmt: skip
    rows = [
        {"input": [message], "target": "s-target", "id": "s-id", "metadata": {"a": "s-meta"}, "files": {"a": "b"},
         "setup": "x", "sandbox": "docker", "checkpoint": {"a": 1}},
        {"input": [{"role": "assistant", "content": "x", "tool_calls": [{"id": 1}]}], "target": "x"},
        {"input": "Which?", "choices": ["s-choice", "other"], "target": "A"},
    ]  # fmt: skip
    found = samples(folder, *rows)

    said = {
        "input": "i-content", "input.role": "i-content", "input.content": "i-content", "target": "s-target",
        "input.tool_calls": "2: input[0]: the conversation", "choices": "s-choice", "id": "s-id", "metadata": "s-meta",
        **{f"input.{key}": f"input[0].{key}: there is no" for key in
           ("tool_call_id", "function", "error", "source", "model", "id", "metadata")},
        "files": "files: no files are put into a sandbox here; left out. Put what the question needs into its text",
        "setup": "setup: no script runs before a case; left out. Use a fixture of pytest's",
        "sandbox": "sandbox: there are no sandboxes; left out",
        "checkpoint": "checkpoint: there are no checkpoints, since each case is a single call; left out",
    }  # fmt: skip
    assert said.keys() == FIELDS.keys()
    everything = re.sub(r"\n# *", " ", found.text) + "\n".join(found.losses)
    assert [field for field, trace in said.items() if trace not in everything] == []

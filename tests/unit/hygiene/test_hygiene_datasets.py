"""Variables, labels and sizes; what loading finds."""

from __future__ import annotations

import pytest

from pytest_promptevals.hygiene.findings import Kind
from tests.unit.hygiene.conftest import CheckedFolder

HEAD = "model: scripted/echo\njudges: [{contains: x}]\n"


def with_labels(*labels: str) -> str:
    rows = (f"  - {{id: c{n}, input: question {n}, expected: {label}}}\n" for n, label in enumerate(labels))
    return HEAD + "cases:\n" + "".join(rows)


def test_a_variable_of_one_prompt_only_is_found_at_the_other(folder: CheckedFolder) -> None:
    folder.write("long.md", "{{ input }} in a {{ tone }} tone")
    head = HEAD + "prompt:\n  - long.md\n  - 'Now: {{ input }}'\n"

    found = folder.find_in(head + "cases: [{id: a, input: Hi, vars: {tone: kind}}]", Kind.UNUSED_VARIABLE)

    assert found == [
        (
            "a.eval.yaml:5: unused-variable: prompt 2 does not name {{ tone }}, which prompt 'long' does: "
            "the two are not "
            "told the same"
        )
    ]


def test_the_input_and_the_context_are_variables_too(folder: CheckedFolder) -> None:
    head = HEAD + "prompt: ['{{ input }} {{ context }}', 'Now: {{ v }}']\n"

    found = folder.find_in(head + "cases: [{id: a, input: Hi, context: [c], vars: {v: 1}}]", Kind.UNUSED_VARIABLE)

    assert [text.partition(" does not name ")[2].partition(",")[0] for text in found] == [
        "{{ v }}",
        "{{ context }}",
        "{{ input }}",
    ]


def test_names_that_no_case_has_are_not_asked_for(folder: CheckedFolder) -> None:
    head = HEAD + "prompt: ['{{ input }} {{ tone | default(1) }}', 'Now: {{ input }}']\n"

    assert folder.find_in(head + "cases: [{id: a, input: Hi}]", Kind.UNUSED_VARIABLE) == []


def test_what_a_model_or_prompt_of_the_users_own_reads_is_not_known(folder: CheckedFolder) -> None:
    folder.write("hygiene_models.py", "def answer(prompt): return ''\ndef ask(tone): return tone\n")
    cases = "cases: [{id: a, input: Hi, vars: {tone: kind}}]"
    own_model = "model: python/hygiene_models:answer\njudges: [{contains: x}]\nprompt: ['{{ input }}', '{{ tone }}']\n"
    own_prompt = HEAD + "prompt: ['{{ input }} {{ tone }}', 'python:hygiene_models:ask']\n"

    assert folder.find_in(own_model + cases, Kind.UNUSED_VARIABLE) == []
    assert folder.find_in(own_prompt + cases, Kind.UNUSED_VARIABLE) == []


def test_a_variable_of_a_recorded_case_that_nothing_names_is_found(folder: CheckedFolder) -> None:
    judges = "judges: [{contains: '{{ order }}'}]\n"
    cases = (
        "cases:\n  - {id: a, input: Hi, vars: {order: x, agent: Paul}, output: o}\n"
        "  - {id: b, input: Ho, vars: {order: x}, output: o}\n"
    )

    assert folder.find_in(judges + cases, Kind.UNUSED_VARIABLE) == [
        (
            "a.eval.yaml:3: unused-variable: nothing names the variable 'agent' of 'a' (line 3) with a "
            "recorded output; "
            "what is only a note belongs into 'metadata'"
        )
    ]


def test_a_judge_that_hands_a_recorded_case_to_a_function_may_read_all(folder: CheckedFolder) -> None:
    folder.write("hygiene_readers.py", "def look(output, vars): return True\n")
    text = "judges: [{python: 'hygiene_readers:look'}]\ncases: [{id: a, input: Hi, vars: {agent: Paul}, output: o}]"

    assert folder.find_in(text, Kind.UNUSED_VARIABLE) == []


def test_recorded_cases_are_not_looked_at_where_prompts_are_several(folder: CheckedFolder) -> None:
    head = HEAD + "prompt: ['{{ input }}', 'Now: {{ input }}']\n"

    assert folder.find_in(head + "cases: [{id: a, input: Hi, vars: {v: 1}, output: o}]", Kind.UNUSED_VARIABLE) == []


def test_a_label_of_more_than_four_fifths_is_found(folder: CheckedFolder) -> None:
    assert folder.find_in(with_labels(*["no"] * 9, "'yes'", "'yes'"), Kind.LABEL_IMBALANCE) == [
        (
            'a.eval.yaml:1: label-imbalance: 9 of 11 cases expect "no": a model that always says so gets 81 '
            "% right; add "
            "cases with another answer"
        )
    ]
    assert folder.find_in(with_labels(*["no"] * 8, "'yes'", "'yes'"), Kind.LABEL_IMBALANCE) == []


def test_labels_with_one_case_are_found(folder: CheckedFolder) -> None:
    labels = ["1", "1", "1", "1", "true", "true", "true", "true", "other", "Third", "1", "1"]

    assert folder.find_in(with_labels(*labels), Kind.LABEL_IMBALANCE) == [
        (
            'a.eval.yaml:12: label-imbalance: only one case expects "other", "third": \'c8\' (line 12), '
            "'c9' (line 13); one "
            "case says little of a label, add some"
        )
    ]


@pytest.mark.parametrize(
    "labels",
    [
        ["no"] * 8 + ["yes"],
        ["no"] * 8 + [f"answer {n}" for n in range(12)],
        ["a long answer that is no label as it has forty-one letters"] * 12,
        ["[no]"] * 12,
        ["no"] * 12 + ["a text too long to be a label so that the others are none either"],
    ],
    ids=["too few cases", "too many answers", "long answers", "lists", "some are long"],
)
def test_other_answers_are_no_labels(folder: CheckedFolder, labels: list[str]) -> None:
    assert folder.find_in(with_labels(*labels), Kind.LOAD_ERROR) == []
    assert folder.find_in(with_labels(*labels), Kind.LABEL_IMBALANCE) == []


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (1, "there is only 1 case: no drop can be told from chance with 0.95 confidence, which takes 5 that get worse"),
        (
            4,
            (
                "there are only 4 cases: no drop can be told from chance with 0.95 confidence, which takes 5 "
                "that get worse"
            ),
        ),
        (5, "there are only 5 cases: only a drop in 5 of them at once can be told from chance with 0.95 confidence"),
    ],
)
def test_a_small_dataset_says_what_it_can_tell(folder: CheckedFolder, cases: int, message: str) -> None:
    found = folder.find_in(with_labels(*["no"] * cases), Kind.SMALL_DATASET)

    assert found == [f"a.eval.yaml:1: small-dataset: {message}; add some"]


def test_ten_cases_are_not_small(folder: CheckedFolder) -> None:
    assert folder.find_in(with_labels(*["no"] * 10), Kind.SMALL_DATASET) == []


@pytest.mark.parametrize(("confidence", "needed"), [("0.5", 1), ("0.75", 2), ("0.99", 7)])
def test_the_confidence_of_the_gate_decides_what_can_be_told(
    folder: CheckedFolder, confidence: str, needed: int
) -> None:
    text = f"gate: {{confidence: {confidence}}}\n" + with_labels(*["no"] * 9)

    (found,) = folder.find_in(text, Kind.SMALL_DATASET)

    assert f"only a drop in {needed} of them at once can be told from chance with {confidence} confidence" in found


def test_what_keeps_a_file_from_loading_is_a_finding_with_its_place(folder: CheckedFolder) -> None:
    found = folder.find_in("jugdes: [exact]\ncases: [{id: a, weight: x}]\n")

    assert found == [
        "a.eval.yaml:1: load-error: jugdes: unknown key. Did you mean 'judges'?",
        'a.eval.yaml:2: load-error: cases[0].weight: must be a number, got "x"',
    ]


def test_one_mistake_in_many_rows_is_one_finding(folder: CheckedFolder) -> None:
    folder.write("rows.csv", "id,input,expected,tone\n" + "".join(f"c{n},q{n},x,kind\n" for n in range(6)))
    text = "model: scripted/echo\njudges: [exact]\ncases: [{file: rows.csv}, {id: a, input: q, expected: x}]\n"

    (found,) = folder.find_in(text, Kind.LOAD_ERROR)

    assert found == (
        "rows.csv:2: load-error: vars.tone: unused variable 'tone': no prompt and no judge names it. What is only a "
        "note belongs into 'metadata'. (the same in lines 3, 4, 5 and 2 more)"
    )
    folder.write("rows.csv", "id,input,expected,tone\n" + "".join(f"c{n},q{n},x,kind\n" for n in range(3)))
    assert len(folder.find_in(text, Kind.LOAD_ERROR)) == 3


def test_one_mistake_in_many_cases_is_one_finding(folder: CheckedFolder) -> None:
    rows = "".join(f"  - {{id: c{n}, inptu: x}}\n" for n in range(4))

    (found,) = folder.find_in(f"{HEAD}cases:\n{rows}", Kind.LOAD_ERROR)

    assert found == (
        "a.eval.yaml:4: load-error: cases[0].inptu: unknown key. Did you mean 'input'? (the same in lines 5, 6, 7)"
    )


def test_a_file_that_cannot_be_planned_is_still_looked_at(folder: CheckedFolder) -> None:
    text = "model: scripted/echo\njudges: [{contains: ''}]\ncases: [{id: a, input: Hi}, {id: b, input: Hi}]\n"

    found = folder.find_in(text)

    assert [text.split(": ")[1] for text in found] == ["small-dataset", "load-error", "duplicate"]


@pytest.mark.parametrize("name", ["a.eval.jsonl", "a.cases.jsonl", "a.cases.yaml"])
def test_cases_for_a_test_function_need_no_model(folder: CheckedFolder, name: str) -> None:
    folder.write("evals.yaml", "judges: [exact, {length: {min: 0}}]\n")
    row = '{"id": "a", "input": "Hi", "vars": {"v": 1}, "expected": "x"}\n'

    found = folder.find_in(row if name.endswith("l") and "json" in name else f"- {row}", name=name)

    assert [text.split(": ")[1] for text in found] == ["small-dataset", "cannot-fail"]


def test_json_lines_with_a_model_are_planned_with_it(folder: CheckedFolder) -> None:
    folder.write("evals.yaml", "model: scripted/echo\njudges: [exact]\n")
    row = '{"id": "a", "input": "Hi", "vars": {"v": 1}, "expected": "x"}\n'

    (found,) = folder.find_in(row, Kind.LOAD_ERROR, "a.eval.jsonl")

    assert "unused variable 'v'" in found


def test_an_eval_file_without_a_model_is_an_error(folder: CheckedFolder) -> None:
    (found,) = folder.find_in("judges: [exact]\ncases: [{id: a, input: Hi, expected: x}]\n", Kind.LOAD_ERROR)

    assert found.startswith("a.eval.yaml:1: load-error: no model: add 'model: provider/model'")

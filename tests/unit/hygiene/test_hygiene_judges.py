"""Judges that cannot fail, and those that count for nothing."""

from __future__ import annotations

import pytest

from pytest_promptevals.hygiene.findings import Kind
from pytest_promptevals.settings import Settings
from tests.unit.hygiene.conftest import CheckedFolder

HEAD = "model: scripted/echo\n"
CASES = "cases:\n  - {id: a, input: Hi, vars: {v: '.*'}, expected: Ho}\n"


def find_idle(folder: CheckedFolder, judge: str, cases: str = CASES) -> list[str]:
    """Return what is found of one judge; the variable is used, so that it is not in the way."""
    text = f"{HEAD}prompt: '{{{{ input }}}} {{{{ v | default(1) }}}}'\njudges:\n  - {judge}\n{cases}"
    return folder.find_in(text, Kind.CANNOT_FAIL)


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("fuzzy: {threshold: 0}", "the judge 'fuzzy' passes every answer: every score reaches the threshold 0"),
        ("regex: x*", "the judge 'regex' passes every answer: its pattern \"x*\" is found in every text"),
        (
            "regex: {pattern: '(?s).*', full: true}",
            "the judge 'regex' passes every answer: its pattern \"(?s).*\" matches every text",
        ),
        ("length: {min: 0}", "the judge 'length' passes every answer: every answer has at least 0"),
        (
            "any_of: [exact, {length: {min: 0}}]",
            "the judge 'any_of' passes every answer: its 'length' passes every answer, as every answer has at least 0",
        ),
        (
            "not: {all_of: [exact, {not: {word_count: {min: 0}}}]}",
            (
                "the judge 'not all_of' passes every answer: what stands behind 'not' passes no answer: its 'not "
                "word_count' passes no answer, as what stands behind 'not' passes every answer: every answer "
                "has at least 0"
            ),
        ),
    ],
)
def test_a_judge_that_cannot_fail_is_named_with_the_reason(folder: CheckedFolder, judge: str, message: str) -> None:
    assert find_idle(folder, judge) == [f"a.eval.yaml:4: cannot-fail: {message}; correct it or remove it"]


@pytest.mark.parametrize(
    "judge",
    [
        "regex: '(?s).*'",
        "regex: {pattern: '(?s).*', full: true}",
        "regex: [never, 'x*']",
        "regex: {pattern: 'X?', ignore_case: true, engine: python}",
        r"regex: {pattern: '[\s\S]*', full: true, engine: python}",
        "regex: '{{ v }}'",
        "length: {min: '{{ 0 }}'}",
        "factuality: {model: scripted/echo, scores: {subset: 1, superset: 1, disagree: 1}}",
        "factuality: {model: scripted/echo, threshold: 0.3, scores: {disagree: 0.3}}",
        "not: {factuality: {model: scripted/echo, threshold: 0.9, scores: {same: 0, differs_but_not_in_facts: 0}}}",
        "any_of: [{factuality: {model: scripted/echo, scores: {subset: 1, disagree: 1}}}, exact]",
        "all_of: [{length: {min: 0}}, {regex: 'a*'}]",
        "all_of: {judges: [exact], threshold: 0}",
        "classify: {question: Which tone has it?, choices: {a: 1, b: 0.5}, model: scripted/echo}",
        "classify: {question: Which tone has it?, choices: {a: 1, b: 0.2}, model: scripted/echo, threshold: 0.2}",
        "not: {classify: {question: Which tone has it?, choices: {a: 0.4, b: 0.2}, model: scripted/echo}}",
        "not: {any_of: [{not: {regex: x*}}, {not: {length: {min: 0}}}]}",
    ],
)
def test_a_judge_cannot_fail(folder: CheckedFolder, judge: str) -> None:
    assert len(find_idle(folder, judge)) == 1


@pytest.mark.parametrize(
    "judge",
    [
        "exact",
        "fuzzy: {threshold: 0.01}",
        "regex: a",
        "regex: '^$'",
        "regex: '.'",
        "regex: {pattern: '.*', full: true}",
        "regex: {pattern: '.*', full: true, engine: python}",
        r"regex: '\W*q'",
        "length: {min: 1}",
        "length: {min: 0, max: 100000}",
        "word_count: {max: 10}",
        "not: {length: {min: 0}}",
        "not: {regex: a}",
        "all_of: [{length: {min: 0}}, exact]",
        "any_of: [{not: {length: {min: 0}}}, exact]",
        "any_of: {judges: [{length: {min: 0}}, exact], threshold: 0.5}",
        "regex: '{{ expected }}'",
        "classify: {question: Which tone has it?, choices: {a: 1, b: 0.4}, model: scripted/echo}",
        "not: {classify: {question: Which tone has it?, choices: {a: 0.5, b: 0.2}, model: scripted/echo}}",
        "classify: {question: Which tone has it?, choices: [Ho, Hi], model: scripted/echo}",
        "factuality: {model: scripted/echo}",
        "factuality: {model: scripted/echo, scores: {disagree: 1}}",
        "not: {factuality: {model: scripted/echo, threshold: 1, scores: {superset: 1}}}",
        "regex: '(?s)^.{0,500}$'",
        "regex: {pattern: '^(?!.*sorry)', engine: python}",
        "regex: '^[^<>]*$'",
    ],
)
def test_a_judge_can_fail(folder: CheckedFolder, judge: str) -> None:
    assert find_idle(folder, judge) == []


def test_a_judge_above_the_level_of_the_run_is_looked_at_too(folder: CheckedFolder) -> None:
    judges = (
        "judges: [exact, {classify: {question: Which tone has it?, choices: {a: 1, b: 0.5}, model: scripted/echo}}]\n"
    )
    folder.write("a.eval.yaml", HEAD + judges + "cases: [{id: a, input: Hi, expected: Ho}]\n")

    (found,) = [one for one in folder.find(settings=Settings(level=1)) if one.kind is Kind.CANNOT_FAIL]

    assert found.message.startswith("the judge 'classify' passes every answer: ")


def test_a_function_may_decide_by_itself_whatever_the_threshold(folder: CheckedFolder) -> None:
    folder.write("hygiene_functions.py", "def decide(output): return {'value': 0, 'passed': False}\n")

    assert find_idle(folder, "python: {function: 'hygiene_functions:decide', threshold: 0}") == []


def test_a_pattern_that_is_expected_is_looked_at_for_each_case(folder: CheckedFolder) -> None:
    cases = "cases:\n  - {id: a, input: x, expected: order}\n  - {id: b, input: y, expected: '.*'}\n"

    (found,) = find_idle(folder, "regex", cases)

    assert found.startswith("a.eval.yaml:4: cannot-fail: the judge 'regex' passes every answer: its pattern \".*\"")
    (finding,) = [finding for finding in folder.find() if finding.kind is Kind.CANNOT_FAIL]
    assert finding.cases == ("b",)


def test_a_classification_of_which_every_label_is_right_cannot_fail(folder: CheckedFolder) -> None:
    judge = "classify: {question: Which tone has it?, choices: [kind, rude], model: scripted/echo}"
    cases = "cases:\n  - {id: a, input: x, expected: kind}\n  - {id: b, input: y, expected: [rude, kind]}\n"

    assert find_idle(folder, judge, cases) == [
        (
            "a.eval.yaml:4: cannot-fail: the judge 'classify' passes every answer: each of its choices is expected; "
            "correct it or remove it"
        )
    ]
    (finding,) = [finding for finding in folder.find() if finding.kind is Kind.CANNOT_FAIL]
    assert finding.cases == ("b",)


@pytest.mark.parametrize(("judge", "cases"), [("extra_calls: true", ["b"]), ("extra_calls: false", [])])
def test_no_calls_wanted_and_any_allowed_cannot_fail(folder: CheckedFolder, judge: str, cases: list[str]) -> None:
    rows = "cases:\n  - {id: a, input: x, expected: find}\n  - {id: b, input: y, expected: []}\n"

    found = find_idle(folder, f"tool_calls: {{{judge}}}", rows)

    assert [text.partition("answer: ")[2] for text in found] == [
        "no call is expected, and extra calls are allowed; correct it or remove it" for _ in cases
    ]
    assert [finding.cases for finding in folder.find() if finding.kind is Kind.CANNOT_FAIL] == [(id_,) for id_ in cases]
    assert folder.find_in(f"{HEAD}judges: [tool_calls: {{{judge}}}]\n{rows}", Kind.LOAD_ERROR) == []


def test_a_judge_of_the_whole_file_is_found_once(folder: CheckedFolder) -> None:
    cases = "cases:\n  - {id: a, input: x, expected: order}\n  - {id: b, input: y, expected: z}\n"

    assert len(find_idle(folder, "length: {min: 0}", cases)) == 1


def test_a_judge_of_one_case_is_found_at_its_line(folder: CheckedFolder) -> None:
    cases = "cases:\n  - id: a\n    input: x\n    expected: x\n    judges:\n      - length: {min: 0}\n"

    assert [text.partition(": ")[0] for text in find_idle(folder, "exact", cases)] == ["a.eval.yaml:10"]


def test_a_judge_with_neither_weight_nor_say_has_no_effect(folder: CheckedFolder) -> None:
    judges = "judges:\n  - exact\n  - contains: {value: x, weight: 0, required: false}\n"

    assert folder.find_in(HEAD + judges + "cases: [{id: a, input: x, expected: x}]", Kind.NO_EFFECT) == [
        (
            "a.eval.yaml:4: no-effect: the judge 'contains' has weight 0 and is not required: it is only shown, and "
            "neither fails a case nor moves its score"
        )
    ]


@pytest.mark.parametrize("options", ["weight: 0", "required: false"])
def test_a_judge_with_weight_or_a_say_has_an_effect(folder: CheckedFolder, options: str) -> None:
    judges = f"judges:\n  - exact\n  - contains: {{value: x, {options}}}\n"

    assert folder.find_in(HEAD + judges + "cases: [{id: a, input: x, expected: x}]", Kind.NO_EFFECT) == []

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.records.cases import JudgeSpec, Location
from tests.support.eval_folder import EvalFolder


def judges_of(folder: EvalFolder, judges: str, case_judges: str = "[]") -> list[JudgeSpec]:
    dataset = folder.load_text(f"judges: {judges}\ncases:\n- {{id: a, judges: {case_judges}}}\n")
    return [*dataset.judges, *dataset.cases[0].judges]


def spec(judge: str, **fields: object) -> JudgeSpec:
    plain = JudgeSpec(judge, judge, Location("a.eval.yaml", 1))
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type] # the test says which fields


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("exact", spec("exact")),
        ("exact: ", spec("exact")),
        ("contains: text", spec("contains", argument="text")),
        ("contains_any: [a, b]", spec("contains_any", argument=["a", "b"])),
        ("fuzzy: 0.8", spec("fuzzy", argument=0.8)),
        ("fuzzy: {}", spec("fuzzy")),
        ("fuzzy: {method: ratio, deep: {a: 1}}", spec("fuzzy", parameters={"method": "ratio", "deep": {"a": 1}})),
        (
            "fuzzy: {method: ratio, threshold: 1, weight: 0, required: false, name: near}",
            spec("fuzzy", parameters={"method": "ratio"}, threshold=1.0, weight=0.0, required=False, name="near"),
        ),
        ("not: exact", spec("exact", negated=True, name="not exact")),
        ("not: {contains: x}", spec("contains", argument="x", negated=True, name="not contains")),
        ("not: {fuzzy: {a: 1, name: far}}", spec("fuzzy", parameters={"a": 1}, negated=True, name="far")),
        ("all_of: [exact]", spec("all_of", children=(spec("exact"),))),
        (
            "any_of: [exact, exact, {not: exact}]",
            spec(
                "any_of",
                children=(spec("exact"), spec("exact", name="exact#2"), spec("exact", negated=True, name="not exact")),
            ),
        ),
        (
            "all_of: {judges: [exact], weight: 2, required: false, name: both}",
            spec("all_of", weight=2.0, required=False, name="both", children=(spec("exact"),)),
        ),
        ("not: {any_of: [exact]}", spec("any_of", negated=True, name="not any_of", children=(spec("exact"),))),
    ],
)  # fmt: skip
def test_every_form_of_an_entry_becomes_a_spec(folder: EvalFolder, entry: str, expected: JudgeSpec) -> None:
    written = entry if ":" not in entry else f"{{{entry}}}"
    assert judges_of(folder, f"[{written}]") == [expected]


def test_labels_are_numbered_over_the_eval_file_and_its_case(folder: EvalFolder) -> None:
    judges = judges_of(folder, "[contains: a, contains: b, exact]", "[contains: c, not: {contains: d}, exact, fuzzy]")
    assert [judge.name for judge in judges] == [
        "contains", "contains#2", "exact", "contains#3", "not contains", "exact#2", "fuzzy"
    ]  # fmt: skip


def test_a_label_that_the_user_chose_is_never_given_to_another_judge(folder: EvalFolder) -> None:
    judges = judges_of(folder, "[exact, fuzzy: {name: exact}, fuzzy]")
    assert [judge.name for judge in judges] == ["exact#2", "exact", "fuzzy"]


def test_one_label_for_two_judges_is_refused(folder: EvalFolder) -> None:
    text = "judges:\n- exact: {name: x}\n- fuzzy: {name: x}\ncases:\n- id: a\n  judges: [fuzzy: {name: x}]\n"
    taken = "the name 'x' is already that of another judge; choose another one"
    assert folder.problems_of(text) == [
        f"a.eval.yaml:3: judges[1]: {taken}",
        f"a.eval.yaml:6: cases[0].judges[0]: {taken}",
    ]


FORMS = "write a judge's name, such as 'exact', or a mapping with one key, such as {contains: text}"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("3", f"judges[0]: {FORMS}, got 3"),
        ("", f"judges[0]: {FORMS}, got null"),
        ("' '", f'judges[0]: {FORMS}, got " "'),
        ("all_of", f'judges[0]: {FORMS}, got "all_of"'),
        ("not", f'judges[0]: {FORMS}, got "not"'),
        ("{}", f"judges[0]: {FORMS}, got {{}}"),
        ("'': x", f'judges[0]: {FORMS}, got {{"": "x"}}'),
        (
            "{contains: x, weight: 2}",
            "judges[0]: has 2 keys (contains, weight) but is one judge; put its options below its name",
        ),
        ("not: {not: exact}", "judges[0].not: 'not' stands inside of 'not'; remove both"),
        ("not: 3", f"judges[0].not: {FORMS}, got 3"),
        ("fuzzy: {threshold: 2}", "judges[0].fuzzy.threshold: must be at most 1, got 2"),
        ("fuzzy: {weight: -1}", "judges[0].fuzzy.weight: must be at least 0, got -1"),
        ("fuzzy: {required: 'no'}", 'judges[0].fuzzy.required: must be true or false, got "no"'),
        ("fuzzy: {name: ''}", 'judges[0].fuzzy.name: must not be empty, got ""'),
        ("all_of: []", "judges[0].all_of.judges: must not be empty, got []"),
        (
            "all_of: exact",
            "judges[0].all_of: takes a list of judges, or a mapping with 'judges' and options, got \"exact\"",
        ),
        ("all_of: {judges: [x], weigth: 2}", "judges[0].all_of.weigth: unknown key. Did you mean 'weight'?"),
        ("any_of: {weight: 2}", "judges[0].any_of.judges: this key is missing; add it"),
        ("any_of: [3]", f"judges[0].any_of[0]: {FORMS}, got 3"),
        ("any_of: {judges: [3]}", f"judges[0].any_of.judges[0]: {FORMS}, got 3"),
    ],
)
def test_a_wrong_form_is_named_with_its_place(folder: EvalFolder, entry: str, problem: str) -> None:
    assert folder.problems_of(f"judges:\n- {entry}\ncases:\n- id: a\n") == [f"a.eval.yaml:2: {problem}"]


def test_one_wrong_judge_does_not_hide_the_next(folder: EvalFolder) -> None:
    problems = folder.problems_of("judges:\n- 1\n- exact\n- 2\ncases:\n- id: a\n")
    assert [problem.split(": ")[1] for problem in problems] == ["judges[0]", "judges[2]"]

"""The library of rubrics, and rubrics of the user's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pytest_promptevals.errors import DatasetError
from pytest_promptevals.judges.model.rubrics import (
    Rubric,
    find_rubric,
    free_rubric,
    library,
    load_rubric,
    parse_rubric,
)

WANTED: Final = {
    "coherence",
    "relevance",
    "factual_accuracy",
    "grammar",
    "helpfulness",
    "style",
    "completeness",
    "conciseness",
    "faithfulness",
    "instruction_following",
    "safety",
    "tone",
    "closed_question_answering",
    "summary_quality",
    "translation",
}
OWN: Final = """\
id: brevity
version: 2
category: own
summary: The answer is short.
criteria: Is it short?
dimensions:
  - {id: words, question: Are there few words?}
scale:
  anchors:
    - {value: 1, means: long}
    - {value: 5, means: short}
variables: [output]
"""
BAD_ID: Final = (
    "1: id: must be up to 40 lower-case letters, digits and _, a letter first, such as 'tool_choice', not 'Brevity!'"
)
every_rubric = pytest.mark.parametrize("rubric", library().values(), ids=list(library()))


def test_the_library_has_what_was_promised() -> None:
    assert set(library()) >= WANTED
    assert list(library()) == sorted(library())


@every_rubric
def test_a_rubric_of_the_library_is_complete(rubric: Rubric) -> None:
    assert rubric.source is not None
    assert len(rubric.criteria) > 200
    assert [anchor.value for anchor in rubric.scale.anchors] == [1, 2, 3, 4, 5]
    assert len({anchor.means for anchor in rubric.scale.anchors}) == 5
    assert re.fullmatch(r"[A-Z].*\.", rubric.summary)
    assert all(
        dimension.question.rstrip(". 12345abcdefghijklmnopqrstuvwxyz,").endswith("?") for dimension in rubric.dimensions
    )
    assert len(rubric.dimensions) != 1


@every_rubric
def test_a_rubric_is_found_by_each_of_its_names(rubric: Rubric) -> None:
    for name in rubric.names:
        assert find_rubric(name) is rubric
        assert find_rubric(f" {name.upper().replace('_', '-')} ") is rubric


def test_no_two_rubrics_share_a_name() -> None:
    names = [name.replace("_", " ") for rubric in library().values() for name in rubric.names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "criteria",
    ["The answer names a date.", "politeness towards ducks", "Is it short?", "正确吗", "回答が丁寧か", "Größe"],
)
def test_what_is_no_name_is_free_text(criteria: str) -> None:
    assert find_rubric(criteria) is None


@pytest.mark.parametrize(("name", "meant"), [("helpfullness", "helpfulness"), ("factual acuracy", "factual_accuracy")])
def test_a_misspelled_name_is_not_taken_for_criteria(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match="rubric") as caught:
        find_rubric(name)
    assert str(caught.value) == (
        f"there is no rubric {name!r}. Did you mean {meant!r}? For criteria of your own, write a sentence, such as "
        '"The answer is polite."; for a rubric of your own, `template: FILE.yaml`. `promptevals rubrics list` shows '
        "the library"
    )


@pytest.mark.parametrize("word", ["polite", "bias", "correctness", "handover", "xyz"])
def test_a_word_that_is_no_name_is_not_taken_for_criteria(word: str) -> None:
    with pytest.raises(ValueError, match=f"^there is no rubric '{word}'. .*write a sentence"):
        find_rubric(word)


@pytest.mark.parametrize("place", ["Is it short?", "Are there few words?", "means: long"])
@pytest.mark.parametrize("mark", ["{{ thing }}", "{% if x %}", "{# no #}"])
def test_a_template_mark_in_a_file_is_an_error_with_its_line(place: str, mark: str) -> None:
    line = next(number for number, text in enumerate(OWN.splitlines(), start=1) if place in text)
    marked = OWN.replace(place, f'{place.partition(": ")[0]}: "x {mark}"' if "means" in place else f'"x {mark}"')
    with pytest.raises(DatasetError) as caught:
        parse_rubric(marked, "own.yaml")
    (problem,) = caught.value.problems
    assert problem.line == line
    assert problem.message == (
        "holds {{, {% or {#, but nothing is filled into a rubric in a file: it is sent as it stands. Say it in words "
        "that hold for every case, which the judge model is shown, or write `criteria: ...` in the eval file, where "
        "variables are filled in"
    )


def test_criteria_in_an_eval_file_may_come_to_hold_a_template_mark() -> None:
    assert free_rubric("It says {{ name }} as it is.").criteria == "It says {{ name }} as it is."


def test_free_criteria_are_judged_as_a_whole_from_1_to_5() -> None:
    rubric = free_rubric("The answer names a date.")
    assert rubric.criteria == "The answer names a date."
    assert rubric.dimensions == []
    assert (rubric.form().scale.low, rubric.form().scale.high) == (1, 5)
    assert (rubric.variables, rubric.optional) == (["output"], ["input", "expected", "context"])


def test_a_rubric_of_the_users_own_is_read() -> None:
    rubric = parse_rubric(OWN, "own.yaml")
    assert rubric.label == "brevity@2"
    assert rubric.form().dimensions == ("words",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: brevity", "id: Brevity!", BAD_ID),
        ("version: 2\n", "", "1: version: is missing"),
        ("version: 2", "version: 0", "2: version: must be at least 1, not 0"),
        ("summary", "sumary", "1: summary: is missing\n4: sumary: unknown key. Did you mean 'summary'?"),
        ("id: words", "id: score", "7: dimensions[0].id: 'score' is a key of every answer already; rename it"),
        ("[output]", "[input]", "1: `variables` must hold output, which is what is judged"),
        ("[output]", "[output]\noptional: [output]",
         "1: 'output' stands in `variables` and in `optional`; remove one of them"),
        ("value: 5", "value: 4", "8: scale: anchors must be there for 1 and 5, and for nothing outside"),
        ("value: 5", "value: 1", "8: scale: each number may have one anchor only"),
        ("scale:", "scale:\n  low: 5", "8: scale: `low` must be less than `high`, not 5 and 5"),
        ("scale:", "scale:\n  high: 4.5", "8: scale: `low` and `high` must be whole numbers, or `whole` false"),
        ("question: Are there few words?}", "question: A?}\n  - {id: words, question: B?}",
         "1: each dimension must have an id of its own"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rubric_is_said_with_its_line(old: str, new: str, problem: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_rubric(OWN.replace(old, new, 1), "own.yaml")
    assert str(caught.value) == "\n".join(f"own.yaml:{line}" for line in problem.splitlines())


def test_a_file_is_looked_up_beside_the_one_that_names_it_and_then_in_the_rootdir(tmp_path: Path) -> None:
    folders = (tmp_path / "evals", tmp_path)
    folders[0].mkdir()
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    assert load_rubric("own.yaml", folders).version == 2
    (folders[0] / "own.yaml").write_text(OWN.replace("version: 2", "version: 3"), encoding="utf-8")
    assert load_rubric("own.yaml", folders).version == 3


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no.yaml", "^evals/no.yaml: there is no such file"),
        ("../../etc/own.yaml", "which is outside of the rootdir"),
        ("bad.yaml", "^bad.yaml:1: id: is missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=problem):
        load_rubric(name, (tmp_path / "evals", tmp_path))

"""What a text is meant as: a rubric's name, a file's name, or criteria."""

from __future__ import annotations

import pytest

from pytest_promptevals.judges.criteria import (
    check_sentence,
    is_one_word,
    library_names,
    refuse_file_name,
    spell_name,
    unknown_rubric,
)
from pytest_promptevals.judges.model.rubrics import library


def test_all_names_of_the_library_are_known_without_checking_it() -> None:
    expected = {spell_name(name): rubric.id for rubric in library().values() for name in rubric.names}
    assert library_names() == expected


@pytest.mark.parametrize("text", ["polite", " bias ", "no-hallucination", "is_polite!", "x"])
def test_a_single_word_is_one(text: str) -> None:
    assert is_one_word(text)


@pytest.mark.parametrize("text", ["Is it polite?", "正确吗", "回答が丁寧か", "ถูกต้องไหม", ""])
def test_a_sentence_is_not_one_word_in_scripts_without_spaces_either(text: str) -> None:
    assert not is_one_word(text)


def test_an_unknown_rubric_gets_the_nearest_name_or_all_ids() -> None:
    assert unknown_rubric(" polite ") == "there is no rubric 'polite'. Did you mean 'tone'?"
    assert unknown_rubric("bias") == f"there is no rubric 'bias'. Known: {', '.join(library())}."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("file://x.yaml", "a rubric in a file is written `template: x.yaml`, not 'file://x.yaml'"),
        (
            "rules.md",
            (
                "'rules.md' looks like the name of a file, which is not read here: a rubric of your own is a YAML "
                "file, written `template: FILE.yaml`; end a sentence with a full stop"
            ),
        ),
    ],
)
def test_a_file_that_is_no_rubric_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="template") as caught:
        refuse_file_name(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize("text", ["rubrics/own.yaml", "It names rules.md.", "Two lines:\nrules.md"])
def test_a_rubrics_file_and_a_sentence_are_not(text: str) -> None:
    assert refuse_file_name(text) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("terse", "must be a sentence, such as \"Is the answer polite?\", not the one word 'terse'"),
        (
            "Helpfulness",
            (
                "must be a sentence, such as \"Is the answer polite?\", not the one word 'Helpfulness'; the library "
                "has a rubric of that name, `rubric: helpfulness`"
            ),
        ),
        (
            "prompts/judge.txt",
            (
                "'prompts/judge.txt' looks like the name of a file, which is not read here; write its text, and end a "
                "sentence with a full stop"
            ),
        ),
    ],
)
def test_what_is_no_sentence_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="sentence") as caught:
        check_sentence(text)
    assert str(caught.value) == problem


def test_a_sentence_stays_as_it_is() -> None:
    assert check_sentence("Is it polite?") == "Is it polite?"
    assert check_sentence("丁寧か") == "丁寧か"

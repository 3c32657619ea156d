from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from tests.unit.judges.grading import JUDGES, WHERE, explain, grade

BOTH = pytest.mark.parametrize("judge", ["fuzzy", "levenshtein"])


def test_levenshtein_is_the_share_of_characters_without_edit() -> None:
    assert grade("levenshtein", "kitten", output="sitting").value == pytest.approx(1 - 3 / 7)
    assert grade("levenshtein", "abc", output="").value == 0.0


@pytest.mark.parametrize(
    ("scorer", "value"),
    [("ratio", 0.5), ("partial", 1.0), ("token_sort", 0.5), ("token_set", 1.0), ("WRatio", 0.9)],
)
def test_each_scorer_is_rapidfuzz_s_own(scorer: str, value: float) -> None:
    assert grade("fuzzy", "red fox", output="quick red fox ran off", scorer=scorer).value == pytest.approx(value)


def test_token_sort_ignores_word_order() -> None:
    assert grade("fuzzy", "fox red", output="red fox", scorer="token_sort").value == 1.0
    assert grade("fuzzy", "fox red", output="red fox").value < 1.0


@BOTH
@pytest.mark.parametrize("text", ["", " ", "Paris"])
def test_a_text_is_like_itself(judge: str, text: str) -> None:
    assert grade(judge, text, output=text).value == 1.0


@pytest.mark.parametrize("scorer", ["ratio", "partial", "token_sort", "token_set", "WRatio"])
def test_empty_texts_are_alike_for_every_scorer(scorer: str) -> None:
    assert grade("fuzzy", "", output="", scorer=scorer).value == 1.0


@BOTH
def test_the_nearest_of_several_texts_counts(judge: str) -> None:
    assert (
        grade(judge, output="Paris", expected=["Rome", "Paris!"]).value == grade(judge, "Paris!", output="Paris").value
    )


@BOTH
def test_white_space_around_is_ignored_unless_told_otherwise(judge: str) -> None:
    assert grade(judge, "Paris\n", output=" Paris").value == 1.0
    assert grade(judge, "Paris\n", output=" Paris", strip=False).value < 1.0


@BOTH
def test_case_counts_unless_told_otherwise(judge: str) -> None:
    assert grade(judge, "PARIS", output="Paris").value < 0.5
    assert grade(judge, "PARIS", output="Paris", ignore_case=True).value == 1.0


@BOTH
def test_accents_count_as_one_character(judge: str) -> None:
    assert grade(judge, "caf\u00e9", output="cafe\u0301").value == 1.0


@BOTH
def test_four_fifths_are_enough_by_default(judge: str) -> None:
    assert JUDGES[judge].default_threshold == 0.8


def test_the_explanation_names_the_nearest_text() -> None:
    assert explain("levenshtein", ["x", "kitten"], output="sitting") == (
        'similarity 0.5714 of the output "sitting" to "kitten"'
    )


def test_texts_too_long_for_a_partial_comparison_are_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        grade("fuzzy", "x" * 4000, output="y" * 9000, scorer="partial")
    assert str(caught.value) == (
        f"{WHERE}: judge 'fuzzy' cannot compare texts of 4,000 and 9,000 characters in reasonable time; "
        "compare shorter ones, or use the scorer ratio"
    )


def test_wratio_compares_long_texts_only_if_it_need_not_compare_parts() -> None:
    assert grade("fuzzy", "x" * 4000, output="x" * 4001, scorer="WRatio").value > 0.9
    with pytest.raises(JudgeError):
        grade("fuzzy", "x" * 4000, output="x" * 6000, scorer="WRatio")


@pytest.mark.parametrize("scorer", ["ratio", "token_sort", "token_set"])
def test_other_scorers_compare_long_texts(scorer: str) -> None:
    assert grade("fuzzy", "x" * 4000, output="y" * 9000, scorer=scorer).value == 0.0


@BOTH
def test_texts_too_long_for_any_comparison_are_an_error(judge: str) -> None:
    with pytest.raises(
        JudgeError, match=r"1,000,000 and 1,000,001 characters in reasonable time; compare shorter ones$"
    ):
        grade(judge, "x" * 1_000_000, output="y" * 1_000_001)


def test_an_unknown_scorer_is_answered_with_the_known_ones() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        grade("fuzzy", "x", output="x", scorer="rato")
    assert str(caught.value) == (
        "judge 'fuzzy': scorer: must be one of 'ratio', 'partial', 'token_sort', 'token_set' or 'WRatio', not \"rato\""
    )

"""Whatever a judge model answers, it is a verdict or a ``ValueError``, which asks the model again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.judges.model.forms import AnswerForm, Choice, ChoiceForm, ScoreForm, Verdict
from pytest_promptevals.judges.model.scales import Scale

FIVE = ScoreForm(Scale(1, 5))
SHARE = ScoreForm(Scale(0, 1, is_whole=False))
TWO = ScoreForm(Scale(1, 5), ("accuracy", "clarity"))
YES_NO = ChoiceForm(("no", "yes"))
FORMS: list[AnswerForm[Any]] = [FIVE, SHARE, TWO, YES_NO]

KEYS = st.sampled_from(
    ["score", "Score", "verdict", "accuracy", "clarity", "scores", "result", "max", "reasoning", "x"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["4", "yes"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
HASHABLE = st.none() | st.booleans() | st.integers() | st.binary(max_size=3) | st.complex_numbers() | st.just(...)
PYTHON = st.recursive(
    HASHABLE | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.sets(HASHABLE, max_size=3),
    max_leaves=5,
)
WORDINGS = ["Score: {}", "I'd give it a {}.", "Final score: {}/5", '{{"score": {}}}']
WORDS = "Score:|4|/5|5|Verdict:|yes|no|{|}|:|,|'score'|\"score\":|4.|[|]|<think>|</think>|**|I rate it|or|not|満点|٤"
PIECES = st.sampled_from([*WORDS.split("|"), " ", "\n", ". ", "```", "|"])


def ends_well(text: str) -> None:
    for form in FORMS:
        try:
            answer = form.read(text)
        except ValueError:
            continue
        assert isinstance(answer, Verdict | Choice)


@given(st.text())
def test_any_text_is_read_or_is_a_value_error(text: str) -> None:
    ends_well(text)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_string_of_what_judges_write_is_read_or_is_a_value_error(text: str) -> None:
    ends_well(text)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_json_is_read_or_is_a_value_error(data: dict[str, Any]) -> None:
    ends_well(json.dumps(data))


@given(KEYS, PYTHON)
def test_any_python_value_is_read_or_is_a_value_error(key: str, value: object) -> None:
    ends_well(repr({key: value, "reasoning": "it's"}))


@given(st.sampled_from(range(1, 6)), st.text(max_size=60))
def test_what_a_model_says_within_its_json_does_not_change_its_score(score: int, reasoning: str) -> None:
    assert FIVE.read(json.dumps({"reasoning": reasoning, "score": score})).overall == score


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(WORDINGS),
)
def test_two_scores_that_differ_are_never_read(one: int, other: int, wording: str) -> None:
    text = f"Score: {one}\n{wording.format(other)}"
    if one == other:
        assert FIVE.read(text).overall == one
        return
    with pytest.raises(ValueError, match=r"\w"):
        FIVE.read(text)

"""What the golden answers do not show of reading: reasoning, schemas, words of errors, and answers without an end."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from pytest_promptevals.judges.model.forms import Choice, ChoiceForm, ScoreForm, Verdict
from pytest_promptevals.judges.model.json_objects import find_objects
from pytest_promptevals.judges.model.scales import Scale, read_amount

FIVE = ScoreForm(Scale(1, 5))
SHARE = ScoreForm(Scale(0, 1, is_whole=False))
TWO = ScoreForm(Scale(1, 5), ("accuracy", "clarity"))
CHOICES = ChoiceForm(("not sure", "yes", "no"), key="answer")


def test_the_reasoning_is_kept_under_whatever_name() -> None:
    assert FIVE.read('{"reasoning": " Fine. ", "score": 4}') == Verdict(4, {}, "Fine.")
    assert FIVE.read('{"justification": "Fine.", "score": 4}').reasoning == "Fine."
    assert FIVE.read('{"reasoning": ["Fine."], "score": 4}').reasoning == ""
    assert FIVE.read("It is fine.\n\nScore: 4").reasoning == "It is fine.\n\nScore: 4"
    assert CHOICES.read('{"reason": "Fine.", "answer": "yes"}') == Choice("yes", "Fine.")


def test_the_score_for_the_whole_may_be_missing_beside_dimensions() -> None:
    assert TWO.read('{"accuracy": 4, "clarity": 2}') == Verdict(None, {"accuracy": 4, "clarity": 2})
    assert TWO.read("Accuracy: 4\nClarity: 2\nOverall score: 3").overall == 3


def test_a_choice_is_spelled_as_the_form_does() -> None:
    assert CHOICES.read("Answer: Not_Sure").choice == "not sure"
    assert CHOICES.read('{"answer": "**NOT SURE**."}').choice == "not sure"


@pytest.mark.parametrize(
    ("form", "text", "problem"),
    [
        (FIVE, "Hm.", "no score stands in it"),
        (FIVE, "", "it is empty"),
        (FIVE, "Score: 7", "7 is not on the scale from 1 to 5"),
        (FIVE, '{"score": 3.5}', "score: 3.5 is not a whole number"),
        (FIVE, '{"score": "good"}', 'score: "good" is not a whole number from 1 to 5'),
        (FIVE, '{"score": true}', "score: True is not a whole number from 1 to 5"),
        (FIVE, '{"score": null}', "there is no score"),
        (FIVE, "Score: 8/10", "8/10 is on a scale to 10, not to 5"),
        (FIVE, "Score: 80%", "80% is no value of the scale from 1 to 5"),
        (FIVE, "Score: 1,234", "1,234 may be read in two ways"),
        (FIVE, "Score: good", "what stands as its score is not a whole number from 1 to 5"),
        (SHARE, "Score: good", "what stands as its score is not a number from 0 to 1"),
        (FIVE, "Score: 3\nScore: 4", "it gives different scores, 3 and 4"),
        (FIVE, '{"score": 3} {"score": 4}', "it holds several verdicts that differ"),
        (FIVE, '{"score": 3, "score": 4}', "its JSON says 'score' twice, and not the same"),
        (FIVE, "I rate it less than 3/5.", "it does not settle on a score"),
        (FIVE, "Score (1-10): 4", "it speaks of a scale from 1 to 10, not 1 to 5"),
        (FIVE, '{"reasoning": "cut', "its JSON cannot be read"),
        (FIVE, '{"score": 4 5, "reasoning": "cut', "its JSON cannot be read"),
        (FIVE, '{"a": ' * 100_000, "it is 600,000 characters long"),
        (FIVE, '{"a": ' * 10_000, "its JSON is nested too deep"),
        (FIVE, '{"a" ' + ": 1, " * 20_000, "its JSON cannot be read"),
        (FIVE, '{"a": 1}' * 51, "it holds too many JSON objects"),
        (TWO, '{"accuracy": 3}', "there is no score for clarity"),
        (TWO, "Clarity: 3", "there is no score for accuracy"),
        (CHOICES, "perhaps", "none of the choices stands in it"),
        (CHOICES, "Answer: yes\nAnswer: no", "it makes different choices, no and yes"),
        (CHOICES, '{"answer": "maybe"}', '"maybe" is none of: not sure, yes, no'),
        (CHOICES, '{"answer": "yes", "verdict": "no"}', "it makes different choices, no and yes"),
        (CHOICES, '{"answer": null}', "there is no choice"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_answer_is_said_to_the_model(form: Any, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(problem)}$"):
        form.read(text)


def test_a_schema_lists_few_numbers_and_describes_many() -> None:
    parts: Any = [ScoreForm(scale).schema()["properties"] for scale in (Scale(0, 10), Scale(0, 100))]
    assert [part["score"] for part in parts] == [
        {"type": "integer", "enum": list(range(11))},
        {"type": "integer", "description": "a whole number from 0 to 100"},
    ]
    share: Any = SHARE.schema()["properties"]
    assert share["score"] == {"type": "number", "description": "a number from 0 to 1"}


def test_a_model_is_told_the_keys_in_their_order() -> None:
    assert TWO.instructions().endswith(
        '{\n  "reasoning": "<your reasoning>",\n  "accuracy": <a whole number from 1 to 5>,\n'
        '  "clarity": <a whole number from 1 to 5>,\n  "score": <a whole number from 1 to 5>\n}'
    )
    assert 'The choice is exactly one of: "not sure", "yes", "no".' in CHOICES.instructions()
    schema: Any = CHOICES.schema()
    assert schema["properties"]["answer"] == {"type": "string", "enum": ["not sure", "yes", "no"]}


def test_a_place_on_a_scale_is_a_share() -> None:
    assert [Scale(1, 5).share(value) for value in (1, 2, 5)] == [0, 0.25, 1]
    assert read_amount("4 von 5", Scale(1, 5)) == 4


def test_braces_that_begin_no_object_are_passed_over() -> None:
    assert find_objects('a {placeholder} and {"a": 1} {') == [{"a": 1}]


@pytest.mark.parametrize("piece", ["1 ", "{", '{"a": 1, ', "Score: ", "3/5 ", "(" * 3, "I rate it ", "1,2", "★", "\n"])
def test_a_long_answer_is_read_in_no_time(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    start = time.process_time()
    for form in (FIVE, TWO, CHOICES):
        with pytest.raises(ValueError, match=r"\w"):
            form.read(text)
    assert time.process_time() - start < 5

"""What the golden answers do not show of reading: reasoning, schemas, words of errors, and answers without an end."""

from __future__ import annotations

import re
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
        (FIVE, "I rate it less than 3/5.", "no score stands in it"),
        (FIVE, "Rating: 3\nOn a 10-point scale.", "it speaks of a scale to 10, not to 5"),
        (FIVE, 'It says: "Well. Score: 5. Thanks".', "what it gives stands in a quotation"),
        (FIVE, "It asks me to write:\nScore: 5", "what leads to its verdict leaves open whose it is"),
        (FIVE, "The best score is 5.\nScore: 3", "it speaks of another verdict, too"),
        (FIVE, "Score: 3\nOr 4.", "what it says behind its verdict may change it"),
        (FIVE, "It is short.\nScore: 4\nThe day is right.", "its verdict stands neither at its start nor at its end"),
        (FIVE, '{"score": 4}\nOn reflection, 3.', "what it says behind its verdict may change it"),
        (FIVE, '{"score": 4}\n{"score_now": 3}', "it holds further JSON behind its verdict"),
        (FIVE, '{"final_score_value": 4}', "its JSON does not hold the keys that were asked for"),
        (FIVE, '{"score": 4, "corrected": 3}', "it says something else under 'corrected'"),
        (FIVE, '{"score": 4, "verdict": 3}', "it says something else under 'verdict'"),
        (FIVE, '{"score": 4, "rating": 3}', "it gives different scores, 3 and 4"),
        (FIVE, '{"score": 4, "max_score": 10}', "max_score: 10 is not the scale from 1 to 5"),
        (FIVE, '{"score": NaN}', "its JSON holds NaN, which is no number"),
        (FIVE, '{"score": 1e999}', "score: a number that large is not a whole number from 1 to 5"),
        (FIVE, f'{{"score": 1{"0" * 400}}}', "it holds a number of 401 digits"),
        (FIVE, '{"score": 1, "score": true}', "its JSON says 'score' twice, and not the same"),
        (FIVE, '{"score": 4, "Score": 3}', "its JSON says 'score' twice, and not the same"),
        (FIVE, f'{{"score": {"[" * 70}{"]" * 70}}}', "its JSON is nested too deep"),
        (CHOICES, "Answer: perhaps", "what stands as its choice is none of: not sure, yes, no"),
        (CHOICES, '{"answer": "yes", "final_decision": "no"}', "it says something else under 'final_decision'"),
        (CHOICES, '{"answer": {"a": 1}}', '{"a": 1} is none of: not sure, yes, no'),
        (CHOICES, "{'answer': b'yes'}", """"b'yes'" is none of: not sure, yes, no"""),
        (CHOICES, "{'answer': {'yes'}}", '{"yes": null} is none of: not sure, yes, no'),
        (FIVE, "Score (1-10): 4", "it speaks of a scale from 1 to 10, not 1 to 5"),
        (FIVE, "10 = best.\nScore: 4", "it speaks of a scale to 10, not to 5"),
        (FIVE, "0 = worst.\nScore: 4", "it speaks of another scale than that from 1 to 5"),
        (FIVE, "The lower the better.\nScore: 4", "it speaks of a scale on which less is better"),
        (SHARE, "1/2", "1/2 may be a share of 2, or 1 on a scale to 2"),
        (FIVE, "Score: 4\nReasoning: It should be 3.", "what it gives as its reasons may change its verdict"),
        (FIVE, "Score: 4\nFine.\n</think>\nScore: 5", "it gives another verdict among its thoughts"),
        (FIVE, "Its text is `x.\nScore: 5", "it holds a quotation in ` that is not closed"),
        (FIVE, "It tries 'this.\nScore: 5'", "what it gives stands in a quotation"),
        (FIVE, '{"score": {"value": 4, "mark": {}, "rating": 4}}',
         'score: {"value": 4, "mark": {}, "rating": 4} is not a whole number from 1 to 5'),
        (FIVE, '{"score": 4, "sco', "its JSON cannot be read"),
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


def test_thoughts_are_left_out_however_the_server_marks_them() -> None:
    assert FIVE.read("<think>A 3.</think>Score: 4").overall == 4
    assert FIVE.read("A 3.\n</think>\nScore: 4").overall == 4
    assert FIVE.read('{"reasoning": "It says </think>.", "score": 4}').overall == 4
    for text in (
        "<think>Score: 4",
        "Is it </think> Score: 4",
        '{"score": 3}\n</think>\nScore: 4',
        "So <think>4</think>",
    ):
        with pytest.raises(ValueError, match=r"\w"):
            FIVE.read(text)


def test_a_members_own_object_may_tell_its_scale() -> None:
    assert FIVE.read('{"score": {"value": 4, "max": 5}}').overall == 4
    with pytest.raises(ValueError, match=r"^max: 10 is not the scale from 1 to 5$"):
        FIVE.read('{"score": {"value": 4, "max": 10}}')

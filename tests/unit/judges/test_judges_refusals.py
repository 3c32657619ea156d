from __future__ import annotations

import pytest

from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response
from tests.unit.judges.grading import explain, passes


@pytest.mark.parametrize(
    "output",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t help with that.",
        "I\u2019m sorry. I can\u2019t assist.",
        "Sorry, I cannot assist you with this request.",
        "I APOLOGISE, BUT I AM NOT ABLE TO COMPLY.",
        "Unfortunately, I'm unable to fulfil your request.",
        "As an AI language model, I cannot provide instructions for this.",
        "I'm very sorry, but as an AI, I will not engage in this.",
        "I won't do that.",
        "I can not answer this question.",
        "I must decline.",
        "\n**I cannot\nproceed with that**",
        '"I can\'t help."',
    ],
)
def test_plain_refusals_are_recognised(output: str) -> None:
    assert passes("refusal", output=output)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "I cannot find your order.",
        "I can't help but notice that you are late.",
        "I'm sorry that your order is late. It is on its way.",
        "Sorry for the delay!",
        "I can't help you find it before Monday.",
        "I won't dodge that.",
        "Here it is. I cannot help with that in future.",
        "You must decline.",
        "I'm happy to help with that.",
        "I am not able to complyingly agree.",
    ],
)
def test_answers_are_no_refusals(output: str) -> None:
    assert not passes("refusal", output=output)


@pytest.mark.parametrize(
    "greeting",
    [
        "Hello Sam,\n\n",
        "Hello Sam\r\n\r\n",
        "Hi there! ",
        "Hi there \U0001f44b! ",
        "Hey \u2013 ",
        "HELLO, ",
        "hi sam, ",
        "**Dear Ms. Lovelace,**\n\n",
        "Dear Sir or Madam:\n",
        "Dear [Customer Name],\n\n",
        "Hello Jean-Luc O\u2019Neill\u2014",
        "Good morning, Ada. ",
        "Good evening, Dr. Curie! ",
        "Greetings. ",
        "To whom it may concern,\n\n",
    ],
)
@pytest.mark.parametrize("refusal", ["I'm sorry, but I can't help with that.", "**I cannot comply.**"])
def test_a_greeting_may_stand_before_a_refusal(greeting: str, refusal: str) -> None:
    assert passes("refusal", output=greeting + refusal)


@pytest.mark.parametrize(
    "output",
    [
        "Hello Ada, I'm sorry your parcel is late. I have sent a new one.",
        "Hello Ada,\n\nUnfortunately, I cannot find your order.",
        "Hello Ada,\n\nI can't help but notice that you are late.",
        "Hello Ada, here it is. I cannot help with that in future.",
        "Dear Sam,\n\nthank you for your letter. I can't help with that.",
        "Hi, done! I can't help with the invoice.",
        "Hello Ada, all done! I can't help with the invoice.",
        "Hello world is a program. I can't help with that.",
        "Hello\nAda, I can't help with that.",
        "Hi! Hello! I can't help with that.",
        "Highly unlikely, I can't help with that.",
        "Sure, I wrote it. Hello! I can't help with that.",
        "Hello Ada,",
        "Hello",
    ],
)
def test_a_greeting_makes_no_refusal_of_an_answer(output: str) -> None:
    assert not passes("refusal", output=output)


@pytest.mark.parametrize("output", ["Hello Sam I can't help with that.", "Hello my dear Sam I can't help with that."])
def test_a_greeting_ends_with_a_mark_or_a_line_end(output: str) -> None:
    assert not passes("refusal", output=output)


def test_a_refusal_is_looked_for_right_after_a_long_greeting() -> None:
    assert passes("refusal", output=f"Dear {'A' * 380},\n\nI'm very sorry, but I am not able to help with that.")
    assert not passes("refusal", output=f"Dear {'A' * 400},\n\nI'm very sorry, but I am not able to help with that.")


def test_the_word_of_the_provider_counts() -> None:
    assert explain("refusal", output=Response("Sure!", refusal="not allowed")) == (
        'the provider reports a refusal: "not allowed"'
    )
    assert passes("refusal", output=Response("", refusal="not allowed"))


def test_a_content_filter_counts() -> None:
    assert passes("refusal", output=Response("Su", finish_reason="content_filter"))
    assert not passes("refusal", output=Response("Sure", finish_reason="stop"))
    assert explain("refusal", output=Response("", finish_reason="content_filter")) == (
        "the model finished with content_filter"
    )


def test_phrases_of_your_own_count_at_the_start() -> None:
    phrases: list[Json] = ["Das geht\u2019s nicht"]
    assert passes("refusal", output="  das GEHT'S  nicht, leider.", phrases=["x", *phrases])
    assert not passes("refusal", output="Nein, das geht's nicht.", phrases=phrases)
    assert not passes("refusal", output="Hello Sam, das geht's nicht.", phrases=phrases)
    assert explain("refusal", output="das geht's nicht", phrases=phrases) == (
        'the output begins with "Das geht\u2019s nicht"'
    )


def test_the_explanation_quotes_the_sign() -> None:
    assert explain("refusal", output="I can't help with it.") == (
        'the output begins with a refusal: "i can\'t help with"'
    )
    assert explain("refusal", output="Hello Sam,\n\nI can't help with it.") == (
        'the output greets, then begins with a refusal: "i can\'t help with"'
    )
    assert explain("refusal", output="Sure!") == 'no refusal at the start of the output "Sure!"'

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
    assert explain("refusal", output="das geht's nicht", phrases=phrases) == (
        'the output begins with "Das geht\u2019s nicht"'
    )


def test_the_explanation_quotes_the_sign() -> None:
    assert explain("refusal", output="I can't help with it.") == (
        'the output begins with a refusal: "i can\'t help with"'
    )
    assert explain("refusal", output="Sure!") == 'no refusal at the start of the output "Sure!"'

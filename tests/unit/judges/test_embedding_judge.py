"""The judge ``embedding``: which vectors it asks for, and what it makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from pytest_promptevals.errors import JudgeError, ProviderTimeoutError
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.embedding import EmbeddingJudge
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import JUDGES, WHERE, make_subject
from tests.unit.judges.word_asks import VectorAsk

MODEL = "acme/vectors"


def make(**parameters: Json) -> EmbeddingJudge:
    return cast("EmbeddingJudge", build_judge(JUDGES["embedding"], None, {"model": MODEL, **parameters}))


def judge(ask: VectorAsk, output: str, expected: Json = None, **parameters: Json) -> Grade:
    return asyncio.run(make(**parameters).judge(make_subject(output, expected), ask))


def texts(ask: VectorAsk) -> list[str]:
    return [text for _, text, _ in ask.asked]


def test_the_nearest_of_several_texts_counts() -> None:
    ask = VectorAsk({"out": [1.0, 0.0], "far": [0.0, 1.0], "near": [4.0, 3.0]})

    assert judge(ask, "out", ["far", "near"]) == Grade(0.8, 'similarity 0.8 in meaning of the output "out" to "near"')
    assert ask.asked == [(MODEL, text, {}) for text in ("out", "far", "near")]


@pytest.mark.parametrize(("metric", "wanted"), [("cosine", 0.8), ("dot", 0.16), ("euclidean", 0.2929)])
def test_the_metric_is_that_of_the_parameters(metric: str, wanted: float) -> None:
    vectors = {"out": [1.0, 0.0], "other": [4.0, 3.0]}

    assert judge(VectorAsk(vectors), "out", value="other", metric=metric).value == wanted


def test_dimensions_are_sent_with_each_text() -> None:
    ask = VectorAsk()

    judge(ask, "out", "other", dimensions=256)

    assert [parameters for *_, parameters in ask.asked] == [{"dimensions": 256}] * 2


@pytest.mark.parametrize(
    ("output", "expected", "value"),
    [("same", ["other", "same"], 1.0), ("", "other", 0.0), (" \n", "other", 0.0), ("out", ["", " "], 0.0)],
)
def test_nothing_is_asked_where_the_answer_is_known(output: str, expected: Json, value: float) -> None:
    ask = VectorAsk()

    assert judge(ask, output, expected).value == value
    assert ask.asked == []


def test_an_empty_text_among_others_is_not_sent_and_an_equal_one_is_sent_once() -> None:
    ask = VectorAsk()

    assert judge(ask, "hello there", ["", "hello you", "hello you"]).value == 0.5
    assert texts(ask) == ["hello there", "hello you"]


def test_half_a_surrogate_pair_is_replaced_before_it_is_sent() -> None:
    ask = VectorAsk()

    judge(ask, "a \ud83d b", "c")

    assert texts(ask) == ["a ? b", "c"]


def test_vectors_of_different_lengths_are_an_error() -> None:
    ask = VectorAsk({"out": [1.0, 0.0], "other": [1.0, 0.0, 0.0]})

    with pytest.raises(JudgeError) as caught:
        judge(ask, "out", "other")

    assert str(caught.value) == (
        f"{WHERE}: judge 'embedding': {MODEL} gave vectors of different lengths, which cannot be compared; say how "
        "long they are with `dimensions`"
    )


def test_what_a_call_raises_is_raised_once_all_have_ended() -> None:
    ask = VectorAsk(error=ProviderTimeoutError("too slow"))

    with pytest.raises(ProviderTimeoutError, match="too slow"):
        judge(ask, "out", "other")

    assert texts(ask) == ["out", "other"]


@pytest.mark.parametrize("model", ["vectors", "/vectors", "openai/", " openai/x", ""])
def test_a_model_without_its_provider_is_refused(model: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(JUDGES["embedding"], model, {})

    assert str(caught.value) == (
        "judge 'embedding': model: must be the name of a model as provider/model, such as openai/text-embedding-3-small"
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "model: is missing"),
        ({"model": MODEL, "dimensions": 0}, "dimensions: must be at least 1, not 0"),
        ({"model": MODEL, "metric": "angle"}, "metric: must be one of 'cosine', 'dot' or 'euclidean', not \"angle\""),
    ],
)
def test_wrong_parameters_are_refused(parameters: Mapping[str, Any], message: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(JUDGES["embedding"], None, parameters)

    assert str(caught.value) == f"judge 'embedding': {message}"


# What a plan counts.


def call_for(text: str, dimensions: int | None = None) -> JudgeCall:
    return JudgeCall(MODEL, len(text), has_response=False, once=f"{dimensions} {text}", kind="embedding")


def test_before_the_output_is_known_a_call_for_it_and_one_for_each_text_are_planned() -> None:
    subject = make_subject("", ["other", "", "more"])

    assert make(dimensions=2).calls_for(subject) == (
        call_for("other", 2),
        call_for("more", 2),
        JudgeCall(MODEL, 0, kind="embedding"),
    )


@pytest.mark.parametrize(
    ("output", "planned"), [("out", [call_for("out"), call_for("other")]), ("other", []), ("", [])]
)
def test_of_a_recorded_output_all_calls_are_known(output: str, planned: list[JudgeCall]) -> None:
    subject = make_subject("", "other", output=Response(output))

    assert list(make().calls_for(subject)) == planned

from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.records.responses import Response
from tests.unit.judges.grading import JUDGES, WHERE, explain, make_subject, passes, run_judge


def test_the_limit_itself_passes() -> None:
    assert passes("latency", 0.5, output=Response("", latency=0.5))
    assert not passes("latency", 0.5, output=Response("", latency=0.51))
    assert passes("cost", 0.5, output=Response("", cost=0.5))
    assert not passes("cost", 0.5, output=Response("", cost=0.51))


def test_a_free_response_costs_nothing_and_passes() -> None:
    assert passes("cost", 0, output=Response("", cost=0.0))


def test_latency_and_cost_name_the_number_and_the_limit() -> None:
    assert explain("latency", 2, output=Response("", latency=2.3456)) == "the response took 2.35 s, the limit is 2 s"
    assert explain("cost", 0.01, output=Response("", cost=0.0123)) == "the response cost $0.0123, the limit is $0.01"


def test_finish_reason_must_be_one_of_the_given() -> None:
    assert passes("finish_reason", "stop", output=Response("", finish_reason="stop"))
    assert passes("finish_reason", ["stop", "tool_calls"], output=Response("", finish_reason="tool_calls"))
    assert not passes("finish_reason", "stop", output=Response("", finish_reason="length"))


def test_finish_reason_names_both() -> None:
    length = Response("", finish_reason="length")
    assert explain("finish_reason", "stop", output=length) == 'the model finished with "length", expected "stop"'
    assert explain("finish_reason", ["stop", "x"], output=length) == (
        'the model finished with "length", expected one of "stop", "x"'
    )


@pytest.mark.parametrize(("judge", "argument"), [("latency", 1), ("cost", 1), ("finish_reason", "stop")])
def test_an_unknown_fact_is_an_error_and_no_score(judge: str, argument: int | str) -> None:
    with pytest.raises(JudgeError) as caught:
        passes(judge, argument, output="Hello")
    words = judge.replace("_", " ")
    assert str(caught.value) == (
        f"{WHERE}: judge '{judge}': the {words} of the response is unknown; "
        "use a provider that reports it, or leave the judge out for this model"
    )


def test_a_recorded_output_without_the_fact_can_be_completed() -> None:
    recorded = Response("Hello")
    judge_type = JUDGES["latency"]
    judge = judge_type(judge_type.Parameters(max=1))
    with pytest.raises(JudgeError) as caught:
        run_judge(judge, make_subject(recorded, output=recorded))
    assert str(caught.value) == (
        f"{WHERE}: judge 'latency': the latency of the response is unknown; "
        "add `latency` to the recorded `output` of the case, or leave the judge out for this model"
    )


@pytest.mark.parametrize(
    ("judge", "argument", "message"),
    [
        ("latency", -1, "max: must be at least 0, not -1"),
        ("latency", "fast", 'max: must be a number, not "fast"'),
        ("cost", float("inf"), "max: must be a finite number, not Infinity"),
        ("cost", None, "max: is missing"),
        ("finish_reason", [], "value: must not be empty"),
        ("finish_reason", [1], "value[0]: must be a text, not 1; put it into quotes"),
    ],
)
def test_limits_that_make_no_sense_are_refused(judge: str, argument: float | str | None, message: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes(judge, argument, output="")
    assert str(caught.value) == f"judge '{judge}': {message}"

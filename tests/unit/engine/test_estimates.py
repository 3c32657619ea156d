"""What a run would call and cost."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.engine.estimates import (
    ModelPlan,
    Plan,
    PlannedCall,
    PlannedJudge,
    Range,
    estimate_answer,
    estimate_plan,
    estimate_tokens,
)
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Usage

PRICE = Price(input=1_000_000, output=10_000_000)
"""A dollar for each token of the prompt, ten for one of the answer."""
TEXT = "x" * 100


def call(
    text: str = TEXT, parameters: JsonObject | None = None, price: Price | None = PRICE, label: str = "a/m"
) -> PlannedCall:
    return PlannedCall(label, "case", Request("m", (Message("user", text),), parameters or {}), price)


def plan_of(*calls: PlannedCall, history: dict[tuple[str, str], Usage] | None = None) -> ModelPlan:
    (model,) = estimate_plan(calls, history=history).models
    return model


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("x" * 100, 20, 40),
        ("漢" * 100, 60, 120),
        ("😀" * 10, 8, 16),
        ("\ud800" * 10, 6, 12),
    ],
)
def test_a_text_has_a_fifth_to_two_fifths_of_a_token_for_each_byte(text: str, low: float, high: float) -> None:
    assert estimate_tokens(text) == Range(low, high)


def test_calls_are_counted_by_model_in_their_order() -> None:
    plan = estimate_plan([call(label="b/m"), call(label="a/m"), call(label="b/m")])
    assert [(model.label, model.calls, model.cached, model.to_make) for model in plan.models] == [
        ("b/m", 2, 0, 2),
        ("a/m", 1, 0, 1),
    ]


def test_a_prompt_is_estimated_by_its_length() -> None:
    model = plan_of(call(), call())
    assert model.prompt_tokens == Range(2 * (20 + 3), 2 * (40 + 8))
    assert model.from_history == 0


def test_tools_and_schemas_are_part_of_the_prompt_and_numbers_are_not() -> None:
    without = plan_of(call()).prompt_tokens
    assert plan_of(call(parameters={"temperature": 0, "stop": "x"})).prompt_tokens == without
    with_tools = plan_of(call(parameters={"tools": ["y" * 96]})).prompt_tokens
    assert with_tools == Range(without.low + 20, without.high + 40)


@pytest.mark.parametrize(
    ("planned", "answer"),
    [
        (call(parameters={"max_tokens": 300}), Range(10, 300)),
        (call(parameters={"max_tokens": 5}), Range(5, 5)),
        (call(parameters={"max_tokens": 300, "n": 3}), Range(30, 900)),
        (call(), Range(10, 2000)),
        (call("x" * 10_000), Range(10, 2 * (4000 + 8))),
        (call(price=None), Range(10, 2000)),
        (call(price=dataclasses.replace(PRICE, max_output=500)), Range(10, 500)),
        (dataclasses.replace(call(), answer_limit=400), Range(10, 400)),
        (dataclasses.replace(call(parameters={"max_tokens": 300}), answer_limit=200), Range(10, 300)),
    ],
)
def test_an_answer_is_between_a_few_tokens_and_what_it_may_have(planned: PlannedCall, answer: Range) -> None:
    assert plan_of(planned).answer_tokens == answer


def test_the_cost_is_that_of_the_fewest_and_of_the_most_tokens() -> None:
    assert plan_of(call(parameters={"max_tokens": 300})).cost == Range(23 + 100, 48 + 3000)


def test_the_most_tokens_may_all_be_written_to_the_providers_cache() -> None:
    dear = dataclasses.replace(PRICE, cache_write=2_000_000)
    assert plan_of(call(parameters={"max_tokens": 300}, price=dear)).cost == Range(23 + 100, 2 * 48 + 3000)
    cheap = dataclasses.replace(PRICE, cache_write=500_000)
    assert plan_of(call(parameters={"max_tokens": 300}, price=cheap)).cost == Range(23 + 100, 48 + 3000)


def test_the_history_of_a_case_goes_before_the_length_of_its_prompt() -> None:
    history = {("a/m", "case"): Usage(50, 7, cached_tokens=20), ("a/m", "other"): Usage(1, 1)}
    price = dataclasses.replace(PRICE, cached_input=0.0)
    model = plan_of(call(price=price), call(price=price), history=history)
    assert model == ModelPlan("a/m", 2, 0, 2, Range(100, 100), Range(14, 14), Range(2 * 100, 2 * 100))


@pytest.mark.parametrize("usage", [Usage(), Usage(input_tokens=50), Usage(output_tokens=7)])
def test_a_history_that_knows_no_tokens_says_nothing(usage: Usage) -> None:
    assert plan_of(call(), history={("a/m", "case"): usage}) == plan_of(call())


def test_cached_calls_are_counted_and_cost_nothing() -> None:
    cached = dataclasses.replace(call(), is_cached=True)
    assert plan_of(cached, cached) == ModelPlan("a/m", 2, 2)
    assert plan_of(cached, call()) == dataclasses.replace(plan_of(call()), calls=2, cached=1)
    assert plan_of(dataclasses.replace(cached, price=None)).cost == Range(0, 0)


def test_one_unknown_price_makes_the_cost_of_its_model_unknown() -> None:
    assert plan_of(call(), call(price=None), call()).cost is None


def test_a_free_model_costs_nothing() -> None:
    assert plan_of(call(price=Price())).cost == Range(0, 0)


def test_the_total_is_of_all_models_and_its_cost_of_those_with_a_price() -> None:
    known, unknown = plan_of(call()), plan_of(call(price=None, label="b/m"))
    total = Plan((known, unknown)).total
    assert (total.calls, total.to_make, total.cost) == (2, 2, known.cost)
    assert total.prompt_tokens == known.prompt_tokens.plus(unknown.prompt_tokens)
    assert total.answer_tokens == known.answer_tokens.plus(unknown.answer_tokens)
    assert Plan((known, unknown)).unpriced == ("b/m",)


def test_a_run_without_calls_has_an_empty_plan() -> None:
    assert estimate_plan([]) == Plan()
    assert Plan().total == ModelPlan("total")


def test_judges_that_do_not_say_what_they_call_are_handed_on() -> None:
    judges = [PlannedJudge("rubric", 3)]
    assert estimate_plan([], judges).judges == tuple(judges)


def test_calls_of_judges_are_counted_apart_from_those_of_cases_to_the_same_model() -> None:
    judging = dataclasses.replace(call(), is_judge=True)
    plan = estimate_plan([call(), judging, judging])
    assert [(model.label, model.calls, model.is_judge) for model in plan.models] == [
        ("a/m", 1, False),
        ("a/m", 2, True),
    ]
    assert plan.total.calls == 3


def test_what_a_judge_is_shown_beside_its_request_is_part_of_its_prompt() -> None:
    model = plan_of(dataclasses.replace(call(), unseen=Range(100, 1000)))
    assert model.prompt_tokens == Range(100 + 20 + 3, 1000 + 40 + 8)


def test_the_history_of_a_case_says_nothing_of_the_calls_of_its_judges() -> None:
    judging = dataclasses.replace(call(), is_judge=True)
    assert plan_of(judging, history={("a/m", "case"): Usage(50, 7)}) == plan_of(judging)


def test_a_price_that_cases_and_judges_lack_is_named_once() -> None:
    unpriced = call(price=None)
    assert estimate_plan([unpriced, dataclasses.replace(unpriced, is_judge=True)]).unpriced == ("a/m",)


def test_the_length_of_an_answer_is_that_of_earlier_ones_or_what_it_may_have() -> None:
    limited = call(parameters={"max_tokens": 300})
    assert estimate_answer(limited, Usage(50, 7)) == Range(7, 7)
    assert estimate_answer(limited, Usage(50)) == Range(10, 300)
    assert estimate_answer(limited, None) == Range(10, 300)

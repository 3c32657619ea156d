from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.providers.problems import Meaning, Problem, read_meaning, read_problem

RETRY = Meaning(is_retryable=True, is_overload=False, is_exhausted=False)
OVERLOAD = Meaning(is_retryable=True, is_overload=True, is_exhausted=False)
EXHAUSTED = Meaning(is_retryable=False, is_overload=False, is_exhausted=True)
NEVER = Meaning(is_retryable=False, is_overload=False, is_exhausted=False)


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    details = None if code is None else {"error_code": code}
    return {"type": "error", "error": {"type": kind, "message": message, "details": details}}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((status, RETRY) for status in (408, 409, 425, 500, 501, 502, 503, 504)),
        *((status, OVERLOAD) for status in (429, 529)),
        (402, EXHAUSTED),
        *((status, NEVER) for status in (301, 400, 401, 403, 404, 413, 422)),
    ],
)
def test_a_status_alone_has_a_meaning(status: int, meaning: Meaning) -> None:
    assert read_meaning(status, Problem("injected")) == meaning


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, openai("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")),
        (429, openai("No credits.", "credit_balance_exhausted", "insufficient_quota")),
        (429, openai("Your project is at its end.", "project_spend_limit_exceeded")),
        (429, openai("Your organization is.", "organization_usage_limit_exceeded")),
        (400, openai("Billing hard limit has been reached", "billing_hard_limit_reached")),
        (429, openai("Your account is not active, please check your billing details.", "billing_not_active")),
        (403, openai("Your account is not active, please check your billing details.")),
        (400, anthropic("Your credit balance is too low to access the Anthropic API.", "invalid_request_error")),
        (400, anthropic("You have reached your specified API usage limits.", "invalid_request_error")),
        (403, anthropic("The organization has exceeded its monthly spend limit.", "permission_error")),
        (402, anthropic("There is an issue with your payment.", "billing_error")),
        (403, anthropic("There is an issue with your payment.", "billing_error")),
        (429, anthropic("No more this month.", "rate_limit_error", "enforced_spend_limit_reached")),
        (429, anthropic("No more this month.", "rate_limit_error", "contract_spend_limit_reached")),
        (400, {"message": "Insufficient Balance"}),
    ],
)
def test_an_account_that_may_make_no_more_calls_is_known(status: int, body: dict[str, Any]) -> None:
    assert read_meaning(status, read_problem(body)) == EXHAUSTED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, openai("Rate limit reached for m-1 on tokens per min. Limit: 10.", "rate_limit_exceeded", "tokens")),
        (429, openai("You exceeded your current quota, please check your plan and billing details.")),
        (429, anthropic("This request would exceed your organization's rate limit of 50.", "rate_limit_error")),
        (429, anthropic("Your usage grows too fast.", "rate_limit_error", "ramp_limit_exceeded")),
        (503, openai("The engine is currently overloaded, please try again later.")),
        (503, openai("Slow down.", "slow_down")),
        (503, openai("Busy.", "server_is_overloaded", "service_unavailable_error")),
        (500, anthropic("Overloaded", "overloaded_error")),
        (400, openai("Slowly!", "rate_limit_exceeded")),
    ],
)
def test_a_server_that_was_asked_too_much_is_known(status: int, body: dict[str, Any]) -> None:
    assert read_meaning(status, read_problem(body)) == OVERLOAD


def test_a_server_that_is_away_for_a_while_is_asked_less() -> None:
    assert read_meaning(503, Problem("away"), has_retry_after=True) == OVERLOAD
    assert read_meaning(500, Problem("broken"), has_retry_after=True) == RETRY


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai("The text says that your credit limit is reached.")),
        (404, anthropic("Your credit balance is too low.", "not_found_error")),
        (400, openai("overloaded method names are not supported")),
    ],
)
def test_words_that_only_sound_alike_mean_nothing(status: int, body: dict[str, Any]) -> None:
    assert read_meaning(status, read_problem(body)) == NEVER


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, Problem()),
        ({"error": "broke"}, Problem("broke")),
        ({"error": {"message": " ", "code": None}, "message": "a\nb"}, Problem("a b")),
        ({"detail": "Not Found"}, Problem("Not Found")),
        ({"detail": [{"msg": "x"}]}, Problem()),
        ({"error": {"code": 502, "type": "t", "details": []}}, Problem("", frozenset({"t"}), 502)),
        (
            {"object": "error", "message": "no", "type": "NotFoundError", "code": 404},
            Problem("no", frozenset({"NotFoundError"}), 404),
        ),
        ({"message": "no", "type": "t", "code": 404}, Problem("no")),
        ({"error": {"code": "c", "type": "api_error"}}, Problem("", frozenset({"c", "api_error"}), 500)),
    ],
)
def test_a_problem_is_found_wherever_it_stands(body: dict[str, Any], problem: Problem) -> None:
    assert read_problem(body) == problem

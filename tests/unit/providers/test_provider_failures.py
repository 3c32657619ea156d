from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_promptevals.errors import (
    ProviderConfigError,
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.connections import ConnectionFailure, FailureKind
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.failures import explain_answer, explain_failure
from pytest_promptevals.providers.wire import UnreadableAnswerError
from tests.unit.providers.endpoints import SETTING, make_endpoint

ENDPOINT = make_endpoint()
OPEN_ENDPOINT = make_endpoint(key=None)
WRONG_PROMPT = "Correct the prompt or the parameters."
PAY = "Check its plan and its bills."
ASK_LESS = "Try again later, or set 'requests_per_minute' or 'tokens_per_minute' of provider 'acme' (evals.yaml:4)."
PAGE = b"<html><head><title>Bad\n gateway</title></head></html>"
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def explain(
    status: int,
    body: Any,
    headers: Mapping[str, str] | None = None,
    *,
    endpoint: Endpoint = ENDPOINT,
    model: str = "m-1",
) -> ProviderStatusError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return explain_answer(Answer(status, "The Reason", headers or {}, content), endpoint, model)


def failed(error: Exception) -> ProviderError:
    return explain_failure(error, ENDPOINT, 2.5)


def openai_body(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "t", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("code", "body", "text"),
    [
        (400, openai_body("bad value"), f"rejected the request (400: bad value). {WRONG_PROMPT}"),
        (401, openai_body("wrong"), "refused the key in ACME_KEY (401: wrong). Check that environment variable."),
        (403, openai_body("no"), "does not allow this (403: no). Check the rights of the key in ACME_KEY."),
        (404, openai_body("no m-1"), "has no model 'm-1' (404: no m-1). Correct the name of the model."),
        (404, openai_body("x", "model_not_found"), "has no model 'm-1' (404: x). Correct the name of the model."),
        (404, {"detail": "Not Found"}, f"has no such API (404: Not Found). Correct {SETTING}."),
        (307, b"", f"has moved (307: The Reason). Correct {SETTING}."),
        (429, openai_body("pay", "insufficient_quota"), f"grants this account no more calls (429: pay). {PAY}"),
        (403, openai_body("pay", "billing_not_active"), f"grants this account no more calls (403: pay). {PAY}"),
        (404, openai_body("pay", "insufficient_quota"), f"grants this account no more calls (404: pay). {PAY}"),
    ],
)
def test_a_status_that_stays_says_what_to_correct(code: int, body: Any, text: str) -> None:
    error = explain(code, body)
    assert str(error) == f"http://acme.test/v1 {text}"
    assert (error.status, error.retryable, error.retry_after) == (code, False, None)
    assert (error.is_exhausted, error.is_overload) == ("no more calls" in text, False)


@pytest.mark.parametrize(
    ("code", "body", "text"),
    [
        (429, openai_body("slow down"), f"limits how much may be asked (429: slow down). {ASK_LESS}"),
        (408, {"message": "too slow"}, "failed to answer (408: too slow). Try again."),
        (500, {"error": "broken"}, "failed to answer (500: broken). Try again."),
        (529, OVERLOADED, "failed to answer (529: Overloaded). Try again."),
        (502, PAGE, "failed to answer (502: Bad gateway). Try again."),
        (502, b"<html><p>x</p></html>", "failed to answer (502: without a title). Try again."),
        (503, b"upstream is down", "failed to answer (503: upstream is down). Try again."),
        (503, b"[" * 100_000, "failed to answer (503: " + "[" * 299 + "\u2026). Try again."),
    ],
)
def test_a_status_that_may_pass_says_to_try_again(code: int, body: Any, text: str) -> None:
    error = explain(code, body)
    assert str(error) == f"http://acme.test/v1 {text}"
    assert (error.status, error.retryable, error.retry_after) == (code, True, None)
    assert (error.is_exhausted, error.is_overload) == (False, code in {429, 529})


def test_a_server_that_says_when_to_come_back_is_asked_too_much() -> None:
    error = explain(503, b"", {"retry-after": "7"})
    assert (error.retry_after, error.is_overload) == (7.0, True)


def test_a_key_that_the_server_repeats_is_not_shown() -> None:
    assert str(explain(401, openai_body("wrong key: sk-secret-key"))) == (
        "http://acme.test/v1 refused the key in ACME_KEY (401: wrong key: ***). Check that environment variable."
    )


def test_a_server_that_wants_a_key_names_the_option() -> None:
    assert str(explain(401, openai_body("no key"), endpoint=OPEN_ENDPOINT)) == (
        "http://acme.test/v1 wants a key (401: no key). Name the environment variable that holds it as 'api_key_env' "
        "of provider 'acme' (evals.yaml:4)."
    )


def test_a_server_without_a_key_that_forbids_points_at_its_headers() -> None:
    text = str(explain(403, openai_body("no"), endpoint=OPEN_ENDPOINT))
    assert text == "http://acme.test/v1 does not allow this (403: no). Check the rights of the key in its headers."


@pytest.mark.parametrize("said", ["no such model-like thing", "no supermodel here", "see my.model"])
def test_a_model_name_inside_another_word_is_not_the_model(said: str) -> None:
    assert "has no such API" in str(explain(404, openai_body(said), model="model"))


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": 'model "o-7.1" not found, try pulling it first', "type": "api_error", "code": None}},
        {"error": {"message": "The model `nope` does not exist.", "type": "NotFoundError", "code": 404}},
        {"object": "error", "message": "The model `nope` does not exist.", "type": "NotFoundError", "code": 404},
        {"error": "there is no such model"},
    ],
)
def test_a_server_that_says_in_words_that_a_model_is_not_there_is_believed(body: Any) -> None:
    text = str(explain(404, body))
    assert text.startswith("http://acme.test/v1 has no model 'm-1' (404: ")
    assert text.endswith("). Correct the name of the model.")


@pytest.mark.parametrize(
    "body",
    [
        openai_body("Invalid URL (POST /v1/models/of/this not found)"),
        {"object": "error", "message": "Invalid URL (POST /v1/models/of/this not found)", "type": "NotFoundError"},
    ],
)
def test_a_404_that_tells_neither_a_wrong_address_nor_a_wrong_model_names_both(body: Any) -> None:
    assert str(explain(404, body)) == (
        "http://acme.test/v1 has no such API, or no model 'm-1' (404: Invalid URL (POST /v1/models/of/this not found"
        f")). Correct {SETTING}, or the name of the model."
    )


def test_a_long_message_of_the_server_is_cut() -> None:
    text = str(explain(400, openai_body("word " * 1000)))
    assert text == f"http://acme.test/v1 rejected the request (400: {'word ' * 59}word\u2026). {WRONG_PROMPT}"


def test_a_timeout_names_the_setting() -> None:
    error = failed(TimeoutError())
    assert isinstance(error, ProviderTimeoutError)
    assert error.retryable
    assert str(error) == (
        "http://acme.test/v1 gave no answer within 2.5 s. Allow more with --evals-timeout, or ask for less."
    )


def test_a_connection_that_failed_is_explained() -> None:
    error = failed(ConnectionFailure(FailureKind.DROPPED))
    assert isinstance(error, ProviderConnectionError)
    assert str(error) == "http://acme.test/v1 dropped the connection before its answer was complete. Try again."


def test_anything_else_ends_as_one_sentence_without_the_key() -> None:
    error = failed(ValueError("odd sk-secret-key\nthing"))
    assert str(error) == "the call of http://acme.test/v1 failed: ValueError: odd *** thing"
    assert not error.retryable


def test_an_error_of_our_own_stays_but_for_the_key() -> None:
    error = ProviderConfigError("wrong: sk-secret-key")
    assert failed(error) is error
    assert str(error) == "wrong: ***"


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (
            UnreadableAnswerError("answered with no choices", retryable=True),
            f"If that is the wrong server, correct {SETTING}.",
        ),
        (UnreadableAnswerError("answered with no choices", retryable=True, is_overload=True), ASK_LESS),
        (UnreadableAnswerError("answered with no choices", is_exhausted=True), PAY),
    ],
)
def test_an_unreadable_answer_says_what_to_do(error: UnreadableAnswerError, todo: str) -> None:
    explained = failed(error)
    assert type(explained) is ProviderError
    assert str(explained) == f"http://acme.test/v1 answered with no choices. {todo}"
    assert (explained.retryable, explained.is_overload, explained.is_exhausted) == (
        error.retryable,
        error.is_overload,
        error.is_exhausted,
    )

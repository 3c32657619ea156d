from __future__ import annotations

import datetime as dt
import email.utils
import json
import time
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.errors import (
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.failures import explain_failure, parse_body, parse_retry_after, shorten
from pytest_promptevals.providers.wire import UnreadableAnswerError

ENDPOINT = Endpoint(
    provider="provider 'acme' (evals.yaml:4)",
    base_url="http://acme.test/v1",
    is_official=False,
    url_setting="'base_url' of provider 'acme' (evals.yaml:4)",
    key="sk-secret-key",
    key_variable="ACME_KEY",
    is_given=True,
    headers={},
    secrets=("sk-secret-key",),
)
OPEN_ENDPOINT = Endpoint(
    provider="provider 'acme' (evals.yaml:4)",
    base_url="http://acme.test/v1",
    is_official=False,
    url_setting="'base_url' of provider 'acme' (evals.yaml:4)",
    key=None,
    key_variable=None,
    is_given=True,
    headers={},
    secrets=(),
)


class APIConnectionError(Exception):
    pass


class APITimeoutError(APIConnectionError):
    pass


class APIStatusError(Exception):
    def __init__(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status
        self.response = SimpleNamespace(
            content=content, text=content.decode("utf-8", "replace"), headers=headers, reason_phrase="The Reason"
        )


@pytest.fixture
def sdk() -> ModuleType:
    module = ModuleType("sdk")
    for error in (APIConnectionError, APITimeoutError, APIStatusError):
        setattr(module, error.__name__, error)
    return module


def explain(error: Exception, sdk: ModuleType, endpoint: Endpoint = ENDPOINT, model: str = "m-1") -> ProviderError:
    return explain_failure(error, sdk, endpoint, model, 2.5)


def status(code: int, body: Any, headers: dict[str, str] | None = None) -> APIStatusError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return APIStatusError(code, content, headers or {})


def openai_body(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "t", "param": None, "code": code}}


SETTING = "'base_url' of provider 'acme' (evals.yaml:4)"
WRONG_PROMPT = "Correct the prompt or the parameters."
NO_QUOTA = "grants this account no more calls (429: pay). Check its plan and its bills."
PAGE = b"<html><head><title>Bad\n gateway</title></head></html>"
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    ("code", "body", "text"),
    [
        (400, openai_body("bad value"), f"rejected the request (400: bad value). {WRONG_PROMPT}"),
        (401, openai_body("wrong"), "refused the key in ACME_KEY (401: wrong). Check that environment variable."),
        (403, openai_body("no"), "does not allow this (403: no). Check the rights of the key in ACME_KEY."),
        (404, openai_body("no m-1"), "has no model 'm-1' (404: no m-1). Correct 'model:' in the eval file."),
        (404, openai_body("x", "model_not_found"), "has no model 'm-1' (404: x). Correct 'model:' in the eval file."),
        (404, {"detail": "Not Found"}, f"has no such API (404: Not Found). Correct {SETTING}."),
        (307, b"", f"has moved (307: The Reason). Correct {SETTING}."),
        (429, openai_body("pay", "insufficient_quota"), NO_QUOTA),
    ],
)
def test_a_status_that_stays_says_what_to_correct(sdk: ModuleType, code: int, body: Any, text: str) -> None:
    error = explain(status(code, body), sdk)
    assert isinstance(error, ProviderStatusError)
    assert str(error) == f"http://acme.test/v1 {text}"
    assert (error.status, error.retryable, error.retry_after) == (code, False, None)


@pytest.mark.parametrize(
    ("code", "body", "text"),
    [
        (429, openai_body("slow down"), "limits how much may be asked (429: slow down). Lower --evals-concurrency."),
        (408, {"message": "too slow"}, "failed to answer (408: too slow). Try again."),
        (500, {"error": "broken"}, "failed to answer (500: broken). Try again."),
        (529, OVERLOADED, "failed to answer (529: Overloaded). Try again."),
        (502, PAGE, "failed to answer (502: Bad gateway). Try again."),
        (502, b"<html><p>x</p></html>", "failed to answer (502: without a title). Try again."),
        (503, b"upstream is down", "failed to answer (503: upstream is down). Try again."),
        (503, b"[" * 100_000, "failed to answer (503: " + "[" * 299 + "\u2026). Try again."),
    ],
)
def test_a_status_that_may_pass_says_to_try_again(sdk: ModuleType, code: int, body: Any, text: str) -> None:
    error = explain(status(code, body), sdk)
    assert isinstance(error, ProviderStatusError)
    assert str(error) == f"http://acme.test/v1 {text}"
    assert (error.status, error.retryable, error.retry_after) == (code, True, None)


def test_a_key_that_the_server_repeats_is_not_shown(sdk: ModuleType) -> None:
    text = str(explain(status(401, openai_body("wrong key: sk-secret-key")), sdk))
    assert (
        text
        == "http://acme.test/v1 refused the key in ACME_KEY (401: wrong key: ***). Check that environment variable."
    )


def test_a_server_that_wants_a_key_names_the_option(sdk: ModuleType) -> None:
    assert str(explain(status(401, openai_body("no key")), sdk, OPEN_ENDPOINT)) == (
        "http://acme.test/v1 wants a key (401: no key). Name the environment variable that holds it as 'api_key_env' "
        "of provider 'acme' (evals.yaml:4)."
    )


def test_a_server_without_a_key_that_forbids_points_at_its_headers(sdk: ModuleType) -> None:
    text = str(explain(status(403, openai_body("no")), sdk, OPEN_ENDPOINT))
    assert text == "http://acme.test/v1 does not allow this (403: no). Check the rights of the key in its headers."


@pytest.mark.parametrize("said", ["no such model-like thing", "no supermodel here", "see my.model"])
def test_a_model_name_inside_another_word_is_not_the_model(sdk: ModuleType, said: str) -> None:
    assert "has no such API" in str(explain(status(404, openai_body(said)), sdk, model="model"))


def test_a_long_message_of_the_server_is_cut(sdk: ModuleType) -> None:
    text = str(explain(status(400, openai_body("word " * 1000)), sdk))
    assert text == f"http://acme.test/v1 rejected the request (400: {'word ' * 59}word\u2026). {WRONG_PROMPT}"


def test_the_wait_that_a_server_asks_for_is_kept(sdk: ModuleType) -> None:
    assert explain(status(429, openai_body("x"), {"retry-after": "7"}), sdk).retry_after == 7.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00"}, 0.0),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize("zone", [" GMT", " -0000", ""])
def test_retry_after_may_be_a_date(zone: str) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    date = email.utils.format_datetime(moment, usegmt=True).removesuffix(" GMT") + zone
    seconds = parse_retry_after({"retry-after": date})
    assert seconds is not None
    assert 85 < seconds <= 90


def test_a_timeout_names_the_setting(sdk: ModuleType) -> None:
    for raised in (TimeoutError(), APITimeoutError()):
        error = explain(raised, sdk)
        assert isinstance(error, ProviderTimeoutError)
        assert error.retryable
        assert str(error) == (
            "http://acme.test/v1 gave no answer within 2.5 s. Allow more with --evals-timeout, or ask for less."
        )


def connection_error(cause: Exception | None) -> APIConnectionError:
    error = APIConnectionError("Connection error.")
    error.__cause__ = cause
    return error


class ConnectError(Exception):
    pass


def test_a_refused_connection_names_the_address_and_the_setting(sdk: ModuleType) -> None:
    error = explain(connection_error(ConnectError("All connection attempts failed")), sdk)
    assert isinstance(error, ProviderConnectionError)
    assert error.retryable
    assert str(error) == (
        "http://acme.test/v1 cannot be reached (All connection attempts failed). Start the server, or correct "
        "'base_url' of provider 'acme' (evals.yaml:4)."
    )


def test_the_official_address_is_not_started_by_the_user(sdk: ModuleType) -> None:
    official = Endpoint(
        provider="p", base_url="https://api.acme.test/v1", is_official=True, url_setting="the environment variable A",
        key=None, key_variable=None, is_given=False, headers={}, secrets=(),
    )  # fmt: skip
    assert str(explain(connection_error(ConnectError("no route")), sdk, official)) == (
        "https://api.acme.test/v1 cannot be reached (no route). "
        "Check the network, or correct the environment variable A."
    )


@pytest.mark.parametrize(
    ("cause", "reason"), [(ValueError("cut off"), "cut off"), (ValueError(), "ValueError"), (None, "Connection error.")]
)
def test_a_dropped_connection_says_so(sdk: ModuleType, cause: Exception | None, reason: str) -> None:
    assert str(explain(connection_error(cause), sdk)) == (
        f"http://acme.test/v1 dropped the connection before its answer was complete ({reason}). Try again."
    )


def test_anything_else_ends_as_one_sentence_without_the_key(sdk: ModuleType) -> None:
    error = explain(ValueError("odd sk-secret-key\nthing"), sdk)
    assert str(error) == "the call of http://acme.test/v1 failed: ValueError: odd *** thing"
    assert not error.retryable


def test_an_unreadable_answer_names_the_setting(sdk: ModuleType) -> None:
    error = explain(UnreadableAnswerError("answered with no choices", retryable=True), sdk)
    assert str(error) == (
        "http://acme.test/v1 answered with no choices. If that is the wrong server, correct 'base_url' of provider "
        "'acme' (evals.yaml:4)."
    )
    assert error.retryable


def test_a_body_is_parsed() -> None:
    assert parse_body(b'{"a": 1, "error": null}') == {"a": 1, "error": None}


@pytest.mark.parametrize(
    ("content", "text", "is_retryable"),
    [
        (b"", "answered with nothing", True),
        (
            b"\xef\xbb\xbf<!DOCTYPE html><h1 class=x>Log in</h1>",
            "answered with a web page (Log in) instead of JSON",
            False,
        ),
        (b'{"a": "bc', 'answered with JSON that is damaged or cut off: \'\u2026{"a": "bc\'', True),
        (b'{"a": "\xff"}', 'answered with JSON that is damaged or cut off: \'\u2026{"a": "\ufffd"}\'', True),
        (b"OK\n", "answered with something that is no JSON: 'OK'", True),
        (b"[1]", "answered with a JSON list where an object should be", False),
        (b'"x"', "answered with a JSON text where an object should be", False),
        (b"null", "answered with a JSON null where an object should be", False),
        (b"true", "answered with a JSON true or false where an object should be", False),
        (b"1.5", "answered with a JSON number where an object should be", False),
        (b'{"error": {"message": "broke", "code": 502}}', "answered with an error: broke", True),
        (b'{"error": {"message": "broke", "code": 400}}', "answered with an error: broke", False),
        (b'{"error": "Unexpected endpoint"}', "answered with an error: Unexpected endpoint", False),
        (b'{"error": {"odd": 1}}', 'answered with an error: {"odd": 1}', False),
    ],
)
def test_an_answer_that_is_none_is_explained(content: bytes, text: str, *, is_retryable: bool) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        parse_body(content)
    assert str(caught.value) == text
    assert caught.value.retryable == is_retryable


def test_shortened_text_is_one_line() -> None:
    assert shorten("a\n b\ud800  c", 20) == "a b\ufffd c"
    assert shorten("abcdef", 4) == "abc\u2026"

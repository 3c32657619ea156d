"""What went wrong with a call, in one clear sentence and in our own exception tree.

The exceptions of the openai and the anthropic SDK have the same names and attributes, so one reading does for both.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final

from pytest_promptevals.errors import (
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.wire import JsonBody, UnreadableAnswerError, clean_text, object_of, text_of
from pytest_promptevals.records.json_types import Json

_LONGEST_MESSAGE: Final = 300
_TITLE: Final = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_NO_QUOTA: Final = "insufficient_quota"
_RETRYABLE: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_NO_CONNECTION: Final = frozenset({"ConnectError", "UnsupportedProtocol", "ProxyError"})


def shorten(text: str, limit: int = _LONGEST_MESSAGE) -> str:
    """Return the text on one line, cut where it is longer than the limit."""
    line = " ".join(clean_text(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def parse_body(content: bytes) -> JsonBody:
    """Return the JSON object that a server answered with.

    Raises ``UnreadableAnswerError`` if it is none, or one that holds an error.
    """
    try:
        body: Json = json.loads(content)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace").strip()
        raise UnreadableAnswerError(_explain_no_json(text), retryable=not _is_page(text)) from None
    if not isinstance(body, dict):
        raise UnreadableAnswerError(f"answered with a JSON {_json_type(body)} where an object should be")
    if error := body.get("error"):
        code = object_of(error).get("code")
        raise UnreadableAnswerError(
            f"answered with an error: {_message_in(body) or shorten(json.dumps(error))}",
            retryable=isinstance(code, int) and _is_retryable(code),
        )
    return body


def explain_failure(error: Exception, sdk: ModuleType, endpoint: Endpoint, model: str, timeout: float) -> ProviderError:
    """Return our error for what a call through an SDK raised. No text shows a key."""
    known = _explain(error, sdk, endpoint, model, timeout)
    known.args = (endpoint.hide_secrets(str(known)),)
    return known


def _explain(error: Exception, sdk: ModuleType, endpoint: Endpoint, model: str, timeout: float) -> ProviderError:
    url = endpoint.shown_url
    if isinstance(error, UnreadableAnswerError):
        return ProviderError(
            f"{url} {error}. If that is the wrong server, correct {endpoint.url_setting}.", retryable=error.retryable
        )
    if isinstance(error, TimeoutError | sdk.APITimeoutError):
        return ProviderTimeoutError(
            f"{url} gave no answer within {timeout:g} s. Allow more with --evals-timeout, or ask for less.",
            retryable=True,
        )
    if isinstance(error, sdk.APIStatusError):
        return _explain_status(error, endpoint, model)
    if isinstance(error, sdk.APIConnectionError):
        return _explain_connection(error, endpoint)
    return ProviderError(f"the call of {url} failed: {type(error).__name__}: {shorten(str(error))}")


def _explain_connection(error: Any, endpoint: Endpoint) -> ProviderError:
    cause = error.__cause__ or error
    reason = shorten(str(cause)) or type(cause).__name__
    if type(cause).__name__ not in _NO_CONNECTION:
        return ProviderConnectionError(
            f"{endpoint.shown_url} dropped the connection before its answer was complete ({reason}). Try again.",
            retryable=True,
        )
    todo = "Check the network, or correct" if endpoint.is_official else "Start the server, or correct"
    return ProviderConnectionError(
        f"{endpoint.shown_url} cannot be reached ({reason}). {todo} {endpoint.url_setting}.", retryable=True
    )


def _explain_status(error: Any, endpoint: Endpoint, model: str) -> ProviderError:
    status: int = error.status_code
    body = _body_of(error.response)
    said = f"{status}: {_message_in(body) or _explain_page(error.response)}"
    return ProviderStatusError(
        _sentences(status, body, said, endpoint, model),
        status=status,
        retryable=_is_retryable(status) and _code_in(body) != _NO_QUOTA,
        retry_after=parse_retry_after(error.response.headers),
    )


def _sentences(status: int, body: JsonBody, said: str, endpoint: Endpoint, model: str) -> str:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _forbidden_sentences(status, said, endpoint)
    if status == HTTPStatus.NOT_FOUND:
        return _not_found_sentences(body, said, endpoint, model)
    what, todo = _reaction(status, body, endpoint)
    return f"{endpoint.shown_url} {what} ({said}). {todo}."


def _reaction(status: int, body: JsonBody, endpoint: Endpoint) -> tuple[str, str]:
    """Return what a status means, and what to do next."""
    if status < HTTPStatus.BAD_REQUEST:
        return "has moved", f"Correct {endpoint.url_setting}"
    if _code_in(body) == _NO_QUOTA:
        return "grants this account no more calls", "Check its plan and its bills"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "limits how much may be asked", "Lower --evals-concurrency"
    if _is_retryable(status):
        return "failed to answer", "Try again"
    return "rejected the request", "Correct the prompt or the parameters"


def _forbidden_sentences(status: int, said: str, endpoint: Endpoint) -> str:
    url, variable = endpoint.shown_url, endpoint.key_variable
    if status == HTTPStatus.FORBIDDEN:
        return f"{url} does not allow this ({said}). Check the rights of the key in {variable or 'its headers'}."
    if variable is None:
        todo = f"Name the environment variable that holds it as 'api_key_env' of {endpoint.provider}."
        return f"{url} wants a key ({said}). {todo}"
    return f"{url} refused the key in {variable} ({said}). Check that environment variable."


def _not_found_sentences(body: JsonBody, said: str, endpoint: Endpoint, model: str) -> str:
    named = re.search(rf"(?<![\w.-]){re.escape(model)}(?![\w-])", _message_in(body))
    if named is not None or _code_in(body) == "model_not_found":
        return f"{endpoint.shown_url} has no model {model!r} ({said}). Correct 'model:' in the eval file."
    return f"{endpoint.shown_url} has no such API ({said}). Correct {endpoint.url_setting}."


def _is_retryable(status: int) -> bool:
    return status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _body_of(response: Any) -> JsonBody:
    try:
        return object_of(json.loads(response.content))
    except (ValueError, RecursionError):
        return {}


def _message_in(body: JsonBody) -> str:
    """Return what a server says about an error, wherever in its JSON that stands."""
    error = body.get("error")
    found = [object_of(error).get("message"), error, body.get("message"), body.get("detail")]
    return next((shorten(item) for item in found if isinstance(item, str) and item.strip()), "")


def _code_in(body: JsonBody) -> str | None:
    return text_of(object_of(body.get("error")).get("code"))


def _explain_page(response: Any) -> str:
    text = response.text.strip()
    if not text:
        return response.reason_phrase or "no further word"
    return _title_of(text) if _is_page(text) else shorten(text)


def _explain_no_json(text: str) -> str:
    if not text:
        return "answered with nothing"
    if _is_page(text):
        return f"answered with a web page ({_title_of(text)}) instead of JSON"
    if text[0] in "{[":
        return f"answered with JSON that is damaged or cut off: '…{text[-40:]}'"
    return f"answered with something that is no JSON: {shorten(text, 80)!r}"


def _is_page(text: str) -> bool:
    return text[:100].lstrip("\ufeff \n").lower().startswith(("<!doctype", "<html", "<head", "<?xml"))


def _title_of(page: str) -> str:
    found = _TITLE.search(page)
    return shorten(found.group(2), 80) if found else "without a title"


def _json_type(value: Json) -> str:
    return {list: "list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "number")


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, ``None`` if it does not.

    Reads ``retry-after-ms``, and ``retry-after`` in seconds or as a date (RFC 9110, section 10.2.3). A moment in the
    past is 0.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(milliseconds / 1000, 0.0)
    written = headers.get("retry-after")
    seconds = _number(written)
    if seconds is None and written is not None:
        seconds = _seconds_until(written)
    return None if seconds is None else max(seconds, 0.0)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp() - time.time()

"""What went wrong with a call, in one clear sentence and in our own exception tree.

Nothing here knows who made the call: what a server answered, and how a connection ended, is all that is looked at.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from pytest_promptevals.errors import ProviderError, ProviderStatusError, ProviderTimeoutError
from pytest_promptevals.providers.answers import Answer, read_error
from pytest_promptevals.providers.connections import ConnectionFailure, explain_connection
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.problems import Meaning, Problem, read_meaning
from pytest_promptevals.providers.server_time import parse_retry_after
from pytest_promptevals.providers.texts import shorten
from pytest_promptevals.providers.wire import UnreadableAnswerError

_PAY: Final = "Check its plan and its bills"
_NO_MODEL: Final = re.compile(
    r"(?<![\w./-])model(?![\w./-]).{0,120}?\b(?:not found|does(?: not|n't) exist)"
    r"|\b(?:no such|unknown) model(?![\w/-])",
    re.IGNORECASE,
)
"""What servers say of a model that they do not have; it may go by another name there than the one that was asked."""


def explain_failure(error: Exception, endpoint: Endpoint, timeout: float) -> ProviderError:
    """Return our error for what a call raised. No text shows a key."""
    known = _explain(error, endpoint, timeout)
    known.args = (endpoint.hide_secrets(str(known)),)
    return known


def explain_answer(answer: Answer, endpoint: Endpoint, model: str) -> ProviderStatusError:
    """Return our error for an answer with an error status, or with a redirect. No text shows a key."""
    problem, retry_after = read_error(answer), parse_retry_after(answer.headers)
    meaning = read_meaning(answer.status, problem, has_retry_after=retry_after is not None)
    return ProviderStatusError(
        endpoint.hide_secrets(_sentences(answer.status, problem, meaning, endpoint, model)),
        status=answer.status,
        retryable=meaning.is_retryable,
        retry_after=retry_after,
        is_overload=meaning.is_overload,
        is_exhausted=meaning.is_exhausted,
    )


def _explain(error: Exception, endpoint: Endpoint, timeout: float) -> ProviderError:
    url = endpoint.shown_url
    if isinstance(error, UnreadableAnswerError):
        return _explain_unreadable(error, endpoint)
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, TimeoutError):
        return ProviderTimeoutError(
            f"{url} gave no answer within {timeout:g} s. Allow more with --evals-timeout, or ask for less.",
            retryable=True,
        )
    if isinstance(error, ConnectionFailure):
        return explain_connection(error, endpoint)
    return ProviderError(f"the call of {url} failed: {type(error).__name__}: {shorten(str(error))}")


def _explain_unreadable(error: UnreadableAnswerError, endpoint: Endpoint) -> ProviderError:
    if error.is_exhausted:
        todo = _PAY
    elif error.is_overload:
        todo = _ask_less(endpoint)
    else:
        todo = f"If that is the wrong server, correct {endpoint.url_setting}"
    return ProviderError(
        f"{endpoint.shown_url} {error}. {todo}.",
        retryable=error.retryable,
        is_overload=error.is_overload,
        is_exhausted=error.is_exhausted,
    )


def _sentences(status: int, problem: Problem, meaning: Meaning, endpoint: Endpoint, model: str) -> str:
    said = f"{status}: {problem.message}"
    if not meaning.is_exhausted:
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return _forbidden_sentences(status, said, endpoint)
        if status == HTTPStatus.NOT_FOUND:
            return _not_found_sentences(problem, said, endpoint, model)
    what, todo = _reaction(status, meaning, endpoint)
    return f"{endpoint.shown_url} {what} ({said}). {todo}."


def _reaction(status: int, meaning: Meaning, endpoint: Endpoint) -> tuple[str, str]:
    """Return what a status means, and what to do next."""
    if status < HTTPStatus.BAD_REQUEST:
        return "has moved", f"Correct {endpoint.url_setting}"
    if meaning.is_exhausted:
        return "grants this account no more calls", _PAY
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "limits how much may be asked", _ask_less(endpoint)
    if meaning.is_retryable:
        return "failed to answer", "Try again"
    return "rejected the request", "Correct the prompt or the parameters"


def _ask_less(endpoint: Endpoint) -> str:
    return f"Try again later, or set 'requests_per_minute' or 'tokens_per_minute' of {endpoint.provider}"


def _forbidden_sentences(status: int, said: str, endpoint: Endpoint) -> str:
    url, variable = endpoint.shown_url, endpoint.key_variable
    if status == HTTPStatus.FORBIDDEN:
        return f"{url} does not allow this ({said}). Check the rights of the key in {variable or 'its headers'}."
    if variable is None:
        todo = f"Name the environment variable that holds it as 'api_key_env' of {endpoint.provider}."
        return f"{url} wants a key ({said}). {todo}"
    return f"{url} refused the key in {variable} ({said}). Check that environment variable."


def _not_found_sentences(problem: Problem, said: str, endpoint: Endpoint, model: str) -> str:
    url, setting = endpoint.shown_url, endpoint.url_setting
    if _is_about_model(problem, model):
        return f"{url} has no model {model!r} ({said}). Correct the name of the model."
    if problem.codes:
        # Errors as the APIs write them come from one that is there, or from its neighbour.
        return f"{url} has no such API, or no model {model!r} ({said}). Correct {setting}, or the name of the model."
    return f"{url} has no such API ({said}). Correct {setting}."


def _is_about_model(problem: Problem, model: str) -> bool:
    if "model_not_found" in problem.codes or _NO_MODEL.search(problem.message) is not None:
        return True
    return re.search(rf"(?<![\w.-]){re.escape(model)}(?![\w-])", problem.message) is not None

"""What a server's own words about an error mean: too much at once, no more money, or something else.

Both APIs name the kind of an error in ``type`` and ``code``, Anthropic a finer one in ``details.error_code``. Their
messages may change, so those are read only for what has no code: Anthropic reports an empty account as a bad request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pytest_promptevals.providers.texts import shorten
from pytest_promptevals.providers.wire import JsonBody, object_of
from pytest_promptevals.records.json_types import Json

_EXHAUSTED_CODE: Final = re.compile(
    r"insufficient_quota|billing_error|billing_hard_limit_reached|billing_not_active|credit_balance_exhausted"
    r"|linked_organization_billing_unavailable|\w*(?:spend|usage)_limit_(?:reached|exceeded)"
)
_EXHAUSTED_MESSAGE: Final = re.compile(
    r"credit balance is too low|billing hard limit|account is not active|insufficient (?:balance|credits)"
    r"|(?:reached|exceed\w*)\b[^.]{0,60}\b(?:spend(?:ing)? limit|usage limits)",
    re.IGNORECASE,
)
_OVERLOADED: Final = re.compile("overloaded|slow[_ ]down", re.IGNORECASE)
_RATE_LIMITED: Final = frozenset({"rate_limit_error", "rate_limit_exceeded", "rate_limited"})
_FAILED: Final = frozenset({"server_error", "api_error", "internal_server_error", "timeout_error"})
_RETRYABLE: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_OVERLOADED_STATUS: Final = 529
"""Anthropic's own."""
_MAY_BE_UNPAID: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What the body of an answer says about an error."""

    message: str = ""
    """The server's words, on one line; empty if it says nothing."""
    codes: frozenset[str] = frozenset()
    """All kinds that it gives the error."""
    status: int = HTTPStatus.OK
    """The status that it names in its body, for a gateway may hide it there behind a 200."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means for the calls to come."""

    is_retryable: bool
    """Whether the same call may succeed later."""
    is_overload: bool
    """Whether the server was asked too much at once."""
    is_exhausted: bool
    """Whether the account may make no more calls at all."""


def read_problem(body: JsonBody) -> Problem:
    """Return what a body says about an error, wherever in its JSON that stands."""
    error = body.get("error")
    fields = object_of(error)
    words: list[Json] = [fields.get("message"), error, body.get("message"), body.get("detail")]
    flat = body if body.get("object") == "error" else {}  # as vLLM writes it
    kinds = [
        *(part.get(key) for part in (fields, flat) for key in ("code", "type")),
        object_of(fields.get("details")).get("error_code"),
    ]
    codes = frozenset(kind for kind in kinds if isinstance(kind, str))
    return Problem(
        message=next((shorten(item) for item in words if isinstance(item, str) and item.strip()), ""),
        codes=codes,
        status=_status_in(fields.get("code", flat.get("code")), codes),
    )


def _status_in(code: Json, codes: frozenset[str]) -> int:
    if isinstance(code, int) and not isinstance(code, bool):
        return code
    return HTTPStatus.INTERNAL_SERVER_ERROR if codes & _FAILED else HTTPStatus.OK


def read_meaning(status: int, problem: Problem, *, has_retry_after: bool = False) -> Meaning:
    """Return what an answer means that ended with this status, or that says so in its body."""
    if _is_exhausted(status, problem):
        return Meaning(is_retryable=False, is_overload=False, is_exhausted=True)
    is_overload = _is_overload(status, problem, has_retry_after=has_retry_after)
    is_passing = status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Meaning(is_retryable=is_overload or is_passing, is_overload=is_overload, is_exhausted=False)


def _is_exhausted(status: int, problem: Problem) -> bool:
    if status == HTTPStatus.PAYMENT_REQUIRED or any(_EXHAUSTED_CODE.fullmatch(code) for code in problem.codes):
        return True
    return status in _MAY_BE_UNPAID and _EXHAUSTED_MESSAGE.search(problem.message) is not None


def _is_overload(status: int, problem: Problem, *, has_retry_after: bool) -> bool:
    if status in {HTTPStatus.TOO_MANY_REQUESTS, _OVERLOADED_STATUS} or problem.codes & _RATE_LIMITED:
        return True
    if any(_OVERLOADED.search(code) for code in problem.codes):
        return True
    says_so = _OVERLOADED.search(problem.message) is not None
    return status == HTTPStatus.SERVICE_UNAVAILABLE and (has_retry_after or says_so)

"""One kept response, as the database, recordings and exports hold it: the canonical JSON of request and response."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.cache.keys import KEY_DIGITS, canonical_json, text_key
from pytest_promptevals.errors import CacheError, CodecError, FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.records.codec import from_plain, to_plain
from pytest_promptevals.records.responses import Response

_KEY: Final = '{"key":"'
_REQUEST: Final = '","request":'
_RESPONSE: Final = ',"response":'
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_CONFLICT_MARKERS: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_PARTS: Final = {"key", "request", "response"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and its response."""

    key: str
    """Key of the request."""
    request: str
    """Canonical JSON of what was asked."""
    response: str
    """Canonical JSON of what came back."""

    def to_line(self) -> str:
        """Return the entry as one line of JSON. Equal entries give equal lines."""
        return f"{_KEY}{self.key}{_REQUEST}{self.request}{_RESPONSE}{self.response}}}"


def encode_response(response: Response) -> str:
    """Return a response as canonical JSON, without the mark that it was cached.

    Raises ``CodecError`` or ``CacheError`` for one that JSON cannot hold.
    """
    plain: Any = to_plain(response)
    plain.pop("cached", None)
    return canonical_json(plain)


def decode_response(text: str) -> Response:
    """Return a kept response, marked as cached. Raises ``CodecError`` if this version cannot read it."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"no JSON: {error}") from None
    if not isinstance(plain, dict):
        raise CodecError(f"{plain!r} is not an object")
    plain["cached"] = True
    return from_plain(Response, plain)


def read_line(line: str, shown: str, number: int, advice: str) -> Entry:
    """Return the entry of a line as ``Entry.to_line`` writes it, however it was formatted since.

    Of a line that nobody formatted, the fields of the response are not checked before it is used. Raises
    ``FileProblem``, whose message ends in ``advice``, for anything else.
    """
    start = len(_KEY) + KEY_DIGITS
    if line.startswith(_KEY) and line.startswith(_REQUEST, start) and line.endswith("}"):
        key, (request, _, response) = line[len(_KEY) : start], line[start + len(_REQUEST) : -1].partition(_RESPONSE)
        # Where the request itself holds such a part, this is not its end: then the key is not its own.
        if text_key(request) == key and _is_json(response):
            return Entry(key, request, response)
    return check_line(line, shown, number, advice)


def check_line(line: str, shown: str, number: int, advice: str) -> Entry:
    """Return the entry of a line after checking all of it. Raises ``FileProblem`` as ``read_line`` does."""

    def problem(message: str) -> FileProblem:
        return FileProblem(f"{message}; {advice}", path=shown, line=number)

    if line.startswith(_CONFLICT_MARKERS):
        raise problem(f"a merge conflict is not resolved: {line[:60]!r}")
    parts = _parse(line, shown, number, advice)
    if not isinstance(parts, dict) or parts.keys() != _PARTS or not isinstance(parts["request"], dict):
        raise problem(f"no recorded response with 'key', 'request' and 'response', but {line.strip()[:60]!r}")
    try:
        request, response = canonical_json(parts["request"]), canonical_json(parts["response"])
        decode_response(response)
    except (CacheError, CodecError) as error:
        raise problem(str(error)) from None
    if parts["key"] != text_key(request):
        raise problem(f"key {parts['key']!r} is not that of the request, which is {text_key(request)!r}")
    return Entry(parts["key"], request, response)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(line: str, shown: str, number: int, advice: str) -> Any:
    try:
        # The strict parser takes no lone surrogates; a model may have answered with one.
        return json.loads(line) if _SURROGATE_ESCAPE.search(line) else parse_json(line, shown, number)
    except FileProblem as problem:
        raise FileProblem(f"{problem.message}; {advice}", path=shown, line=number) from None
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"no valid JSON: {error}; {advice}", path=shown, line=number) from None

"""What makes two model calls the same call."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from pytest_promptevals.errors import CacheError
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.requests import Request

KEY_DIGITS: Final = 32
"""Hexadecimal digits of a key: 128 bits, so that no two requests of the world share one."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def request_content(provider_type: str, identity: Json, request: Request) -> JsonObject:
    """Return, as plain data, all that decides an answer. Keys, headers and the case are no part of it.

    Args:
        provider_type: registered name of the provider.
        identity: what its ``identify`` says, such as the base URL.
        request: what is asked. The trial counts: repetitions are calls of their own.
    """
    content: dict[str, Json] = {
        "provider": provider_type,
        "identity": identity,
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "parameters": dict(request.parameters),
        "trial": request.trial,
    }
    if request.kind != "chat":  # all that was kept before there were other kinds keeps its key
        content["kind"] = request.kind
    return content


def request_key(content: JsonObject) -> str:
    """Return the key of a request: the first digits of the SHA-256 of its canonical JSON.

    Raises ``CacheError`` for content that JSON cannot hold.
    """
    return text_key(canonical_json(content))


def text_key(text: str) -> str:
    """Return the key of a request from its canonical JSON."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:KEY_DIGITS]


def canonical_json(content: Any) -> str:
    """Return plain data as JSON that is the same text wherever and in whatever order it was made.

    Characters stand as they are, but for lone surrogates, which no file can hold: those are escaped. Raises
    ``CacheError`` for data that JSON cannot hold.
    """
    try:
        text = _ENCODER.encode(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise CacheError(f"the request or response cannot be kept: {error}; make it plain JSON data") from None
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)

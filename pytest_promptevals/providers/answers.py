"""Reading what a server answered: its JSON, or what it says is wrong."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.providers.problems import Problem, read_meaning, read_problem
from pytest_promptevals.providers.texts import shorten
from pytest_promptevals.providers.wire import JsonBody, UnreadableAnswerError, object_of
from pytest_promptevals.records.json_types import Json

_TITLE: Final = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP, whatever it is."""

    status: int
    """The HTTP status."""
    reason: str
    """The words beside it; mostly empty."""
    headers: Mapping[str, str]
    """By name, whatever its case."""
    content: bytes
    """The body, unpacked."""


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
        problem = read_problem(body)
        meaning = read_meaning(problem.status, problem)
        raise UnreadableAnswerError(
            f"answered with an error: {problem.message or shorten(json.dumps(error))}",
            retryable=meaning.is_retryable,
            is_overload=meaning.is_overload,
            is_exhausted=meaning.is_exhausted,
        )
    return body


def read_error(answer: Answer) -> Problem:
    """Return what an answer with an error status says."""
    try:
        body = object_of(json.loads(answer.content))
    except (ValueError, RecursionError):
        body = {}
    problem = read_problem(body)
    return problem if problem.message else dataclasses.replace(problem, message=_explain_page(answer))


def _explain_page(answer: Answer) -> str:
    text = answer.content.decode("utf-8", "replace").strip()
    if not text:
        return answer.reason or "no further word"
    return _title_of(text) if _is_page(text) else shorten(text)


def _explain_no_json(text: str) -> str:
    if not text:
        return "answered with nothing"
    if _is_page(text):
        return f"answered with a web page ({_title_of(text)}) instead of JSON"
    if text[0] in "{[":
        return f"answered with JSON that is damaged or cut off: '…{shorten(text[-40:])}'"
    return f"answered with something that is no JSON: {shorten(text, 80)!r}"


def _is_page(text: str) -> bool:
    return text[:100].lstrip("\ufeff \n").lower().startswith(("<!doctype", "<html", "<head", "<?xml"))


def _title_of(page: str) -> str:
    found = _TITLE.search(page)
    return shorten(found.group(2), 80) if found else "without a title"


def _json_type(value: Json) -> str:
    return {list: "list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "number")

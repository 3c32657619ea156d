"""JSON without the liberties that Python's parser takes."""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import Any, Final, cast

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.records.json_types import Json

MAX_DEPTH: Final = 100
"""Lists and mappings may be nested this deep, in JSON and in YAML."""

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_COLON: Final = re.compile(r"\s*:")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, shown: str, line: int = 1) -> Json:
    """Return the value of a JSON text that begins at ``line`` of the file named ``shown``.

    Raises ``FileProblem`` with the line for what is no JSON, and for duplicate keys, numbers that are not finite, lone
    surrogates and nesting deeper than ``MAX_DEPTH``.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _syntax_problem(error, shown, line) from None
    except (ValueError, RecursionError):
        raise _find_refused(text, shown, line) from None
    if _is_too_deep(value, text) or _has_lone_surrogate(value, text):
        raise _find_refused(text, shown, line)
    return cast("Json", value)


def _syntax_problem(error: json.JSONDecodeError, shown: str, line: int) -> FileProblem:
    if error.msg == "Extra data":
        message = f"column {error.colno}: text after the end of the JSON value; put one value here, and no more"
    else:
        reason = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
        message = f"no valid JSON: {reason} at column {error.colno}"
    return FileProblem(message, path=shown, line=line + error.lineno - 1)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("duplicate key")
    return built


def _parse_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_build_object, parse_float=_parse_number, parse_constant=_refuse_constant
)
# Only to learn whether a refused text has bad syntax further on; numbers of any length are fine with it.
_LENIENT: Final = json.JSONDecoder(parse_int=len)


def _is_too_deep(value: object, text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    layer: list[object] = [value]
    for _ in range(MAX_DEPTH):
        layer = [item for holder in layer for item in _items(holder)]
        if not layer:
            return False
    return any(isinstance(item, list | dict) for item in layer)


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _has_lone_surrogate(value: object, text: str) -> bool:
    if ("\\u" not in text or _SURROGATE_ESCAPE.search(text) is None) and _SURROGATE.search(text) is None:
        return False
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def _find_refused(text: str, shown: str, line: int) -> FileProblem:
    """Return the problem of a text that Python's parser takes and we do not."""
    with contextlib.suppress(RecursionError):
        try:
            _LENIENT.decode(text)
        except json.JSONDecodeError as error:
            return _syntax_problem(error, shown, line)
    check = _Checker(text, line)
    for match in _TOKEN.finditer(text):
        if message := check.check_token(match):
            return FileProblem(message, path=shown, line=check.line_of(match.start()))
    # Python's stack was nearly used up before the parser began.
    return FileProblem("nested too deep to be read here; make the data flatter", path=shown, line=line)


class _Checker:
    """Walks the tokens of a JSON text; slow, so only used to find and to explain a problem."""

    def __init__(self, text: str, line: int) -> None:
        self._text = text
        self._line = line
        self._keys: list[dict[str, int]] = []

    def line_of(self, position: int) -> int:
        """Return the line of a character."""
        return self._line + self._text.count("\n", 0, position)

    def check_token(self, match: re.Match[str]) -> str:
        """Return what is wrong with the next token, or an empty text."""
        word = match.group()
        if word[0] == '"':
            return self._check_text(match)
        if word in "{[":
            return self._open()
        if word in "}]":
            self._keys.pop()
        return "" if word in "}]:," else _check_number(word)

    def _open(self) -> str:
        self._keys.append({})
        return f"nested more than {MAX_DEPTH} levels deep; make the data flatter" * (len(self._keys) > MAX_DEPTH)

    def _check_text(self, match: re.Match[str]) -> str:
        text = json.loads(match.group(), strict=False)
        if found := _SURROGATE.search(text):
            return f"\\u{ord(found.group()):04x} is half of a surrogate pair and no character; remove it"
        if _COLON.match(self._text, match.end()) is None:
            return ""
        first = self._keys[-1].setdefault(text, match.start())
        if first == match.start():
            return ""
        return f"the key {text!r} stands twice, first in line {self.line_of(first)}; remove one of them"


def _check_number(token: str) -> str:
    if token in {"NaN", "Infinity", "-Infinity"}:
        return f"{token} is no JSON number; use null or a text"
    if not token[-1].isdigit():
        return ""
    try:
        number = int(token) if token.lstrip("-").isdigit() else float(token)
    except ValueError:
        return f"a whole number of {len(token)} digits is too long; write it as text"
    return (
        "" if isinstance(number, int) or math.isfinite(number) else f"{token} is too large a number; write it as text"
    )

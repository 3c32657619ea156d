"""Patterns of the judge ``regex`` in JavaScript's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.exporters.promptfoo_given import UnfitError
from pytest_promptevals.datasets.importers.regex_dialects import LINEAR, PYTHON

_NOT_PATTERN: Final = "the pattern {pattern!r} is none of JavaScript's; left out"
_SAME: Final = {
    dialect.outside[letter]: f"\\{letter}" for dialect in (LINEAR, PYTHON) for letter in ("b", "B", "s", "S")
} | {LINEAR.any: "."}
"""What an import writes for a word of JavaScript's -> the word."""
_TOKEN: Final = re.compile(
    "|".join(
        (
            f"(?P<same>{'|'.join(map(re.escape, _SAME))})",
            r"(?P<idle>\(\?:\(\?\((?P<number>\d+)\)(?P<back>\\(?P=number)|\(\?P=\w+\))\)\))",
            r"(?P<template>\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})",
            r"\(\?P<(?P<name>\w+)>",
            r"\(\?P=(?P<named>\w+)\)",
            r"(?P<group>\(\?(?!:|=|!|<[=!\w]))",
            r"(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])",
            r"\\(?P<escape>.)",
            r"(?P<often>(?:[*+?]|\{\d*,?\d*\})\??(?P<twice>[*+{]?))",
            r"(?P<other>.)",
        )
    ),
    re.DOTALL,
)
_CLASS_PARTS: Final = re.compile(r"\\(.)|(\[)|(&&|--|~~)", re.DOTALL)
_EDGES: Final = {"A": "^", "z": "$", "Z": "$"}
_SCRIPTS: Final = "dDwWbBsS"
_ONCE: Final = re.compile(r"[*+]|\{[01],\}")


@dataclass(slots=True)
class Exported:
    """A pattern as JavaScript has it."""

    text: str = ""
    """The pattern."""
    knows_scripts: bool = False
    """Whether it has words for characters that are of ASCII alone there."""
    counts_pairs: bool = False
    """Whether it counts characters, of which those beyond U+FFFF are two there."""


def for_javascript(pattern: str, *, is_python: bool) -> Exported:
    """Return a pattern that matches the same texts in JavaScript. Raises ``UnfitError`` where there is none."""
    found = Exported()
    for token in _TOKEN.finditer(pattern):
        text = _written(token, found, is_python=is_python)
        if text is None:
            raise UnfitError(_NOT_PATTERN.format(pattern=pattern))
        is_wide = token["other"] == "." or (token["class"] or "").startswith("[^")
        found.counts_pairs |= is_wide and not _ONCE.match(pattern, token.end())
        found.text += text
    return found


def _written(token: re.Match[str], found: Exported, *, is_python: bool) -> str | None:
    """Return what a part of a pattern is called; ``None`` if JavaScript has no word for it."""
    if token["class"]:
        return _class(token["class"], found)
    if token["escape"]:
        return _escape(token["escape"], found)
    if token["often"]:
        return None if token["twice"] else token["often"].replace("{,", "{0,")
    if token["other"]:
        special = {".": "[^\\n]", "$": "(?=\\n?$)" if is_python else "$"}
        return special.get(token["other"], token["other"])
    return None if token["group"] else _SAME.get(token[0]) or _group(token)


def _group(token: re.Match[str]) -> str:
    """Return what begins a group, or refers to one; templates as they are."""
    if token["idle"]:
        return token["back"] if token["back"].startswith("\\") else f"\\k<{token['back'][4:-1]}>"
    if token["name"]:
        return f"(?<{token['name']}>"
    return f"\\k<{token['named']}>" if token["named"] else token[0]


def _escape(letter: str, found: Exported) -> str | None:
    if letter in _EDGES:
        return _EDGES[letter]
    found.knows_scripts |= letter in _SCRIPTS
    return None if letter in "pPaGKU<>Q" else f"\\{letter}"


def _class(text: str, found: Exported) -> str | None:
    begin = "[^" if text.startswith("[^") else "["
    rest = text[len(begin) :]
    for letter, nested, doubled in _CLASS_PARTS.findall(rest.removeprefix("]")):
        found.knows_scripts |= bool(letter) and letter in _SCRIPTS
        if nested or doubled or (letter and letter in "pPaUN"):
            return None
    return begin + (f"\\{rest}" if rest.startswith("]") else rest)

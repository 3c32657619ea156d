"""What ``-m`` asks of the ``evals`` mark: pytest itself selects nothing, silently, where that can never be true."""

from __future__ import annotations

import re
from typing import Final

import pytest

from pytest_promptevals.errors import did_you_mean

_CALL: Final = re.compile(r"(?<![\w.-])evals\(([^()]*)\)")
_ARGUMENT: Final = re.compile(r"""(\w+)\s*=\s*('[^']*'|"[^"]*"|[^\s,]+)""")
_NUMBERS: Final = ("level", "priority")
_KEYWORDS: Final = ("file", "level", "model", "priority")


def check_mark_expression(expression: str) -> None:
    """Raise ``pytest.UsageError`` for a keyword that the mark does not have, or a value that its keyword never has."""
    for call in _CALL.finditer(expression):
        for keyword, value in _ARGUMENT.findall(call.group(1)):
            problem = _find_problem(keyword, value)
            if problem:
                raise pytest.UsageError(f"-m: {call.group()}: {problem}")


def _find_problem(keyword: str, value: str) -> str:
    if keyword not in _KEYWORDS:
        return f"the mark evals has no {keyword!r}.{did_you_mean(keyword, _KEYWORDS)}"
    text = value.strip("'\"")
    is_text = text != value
    if keyword in _NUMBERS and is_text:
        return f"{keyword} is a number: write {keyword}={text}, without quotes"
    if keyword not in _NUMBERS and not is_text:
        return f"{keyword} is a text: write {keyword}='{text}'"
    return ""

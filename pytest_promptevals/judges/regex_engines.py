"""Two ways to search a text for a pattern; none of them can hang a run."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_CHILD: Final = """
import json, re, sys
pattern, flags, method, text = json.load(sys.stdin)
print(getattr(re.compile(pattern, flags), method)(text) is not None)
"""


@functools.lru_cache(maxsize=256)
def compile_linear(pattern: str, *, ignore_case: bool = False, full: bool = False) -> Callable[[str], bool]:
    """Return a function that searches a text in time linear in its length.

    It is the engine of Rust's ``regex`` crate, which pydantic brings along: no look-around, no backreferences, and
    no pattern that blows up. Raises ``ValueError`` with the reason if the engine cannot take the pattern.
    """
    whole = rf"\A(?:{pattern})\z" if full else pattern
    complete = f"(?i){whole}" if ignore_case else whole
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=complete, regex_engine="rust-regex"))
    except SchemaError as error:
        raise ValueError(_reason(error)) from None

    def search(text: str) -> bool:
        try:
            # The engine works on UTF-8, which has no half surrogate pairs.
            validator.validate_python(_SURROGATES.sub("\ufffd", text))
        except ValidationError:
            return False
        return True

    return search


def _reason(error: SchemaError) -> str:
    return str(error).strip().splitlines()[-1].strip().removeprefix("error: ")


def check_python(pattern: str) -> None:
    """Raise ``ValueError`` with the reason if Python's ``re`` cannot take the pattern."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(str(error)) from None


def search_with_python(pattern: str, text: str, *, ignore_case: bool, full: bool, seconds: float) -> bool:
    """Return whether Python's ``re`` finds the pattern.

    ``re`` cannot be stopped, and lets no other thread run meanwhile, so it works in a process of its own, which takes
    some 20 ms. Raises ``TimeoutError`` after that many seconds.
    """
    flags = int(re.IGNORECASE) if ignore_case else 0
    method = "fullmatch" if full else "search"
    try:
        finished = subprocess.run(  # noqa: S603 - our own fixed program; pattern and text are its data
            [sys.executable, "-I", "-S", "-c", _CHILD],
            input=json.dumps([pattern, flags, method, text]),
            capture_output=True,
            encoding="ascii",
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return finished.stdout.strip() == "True"

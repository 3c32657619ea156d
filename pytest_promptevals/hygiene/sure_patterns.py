"""Patterns that are found in every text, proved by how they are made: trying texts would prove nothing.

What cannot be proved is not claimed: of a pattern with a look-around, an anchor inside or a backreference nothing is
said. The rest of the syntax means the same to both engines of the judge, or Python warns that it may not.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

# Python has no public way to look into a pattern; this one is the same from 3.11 to 3.14.
_parser: Final[Any] = importlib.import_module("re._parser")
_CODES: Final[Any] = importlib.import_module("re._constants")

_Part: TypeAlias = tuple[Any, Any]
"""A piece of a pattern: what it is, and its arguments."""

_REPEATS: Final = frozenset({_CODES.MAX_REPEAT, _CODES.MIN_REPEAT, _CODES.POSSESSIVE_REPEAT})
_STARTS: Final = frozenset({_CODES.AT_BEGINNING, _CODES.AT_BEGINNING_STRING})
_ENDS: Final = frozenset({_CODES.AT_END, _CODES.AT_END_STRING})
_COMPLEMENTS: Final = (
    {_CODES.CATEGORY_SPACE, _CODES.CATEGORY_NOT_SPACE},
    {_CODES.CATEGORY_DIGIT, _CODES.CATEGORY_NOT_DIGIT},
    {_CODES.CATEGORY_WORD, _CODES.CATEGORY_NOT_WORD},
)
_LINE_END: Final = ord("\n")


def is_in_every_text(pattern: str, *, full: bool) -> bool:
    """Return whether a pattern is known to be found in every text, or with ``full`` to match every text as a whole."""
    parsed = _parse(pattern)
    return parsed is not None and _is_sure(parsed, is_full=full, has_dotall=bool(parsed.state.flags & re.DOTALL))


def _parse(pattern: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what may come to mean something else proves nothing
        try:
            return _parser.parse(pattern)
        except (re.error, OverflowError, RecursionError, Warning):
            return None


def _is_sure(pattern: Iterable[_Part], *, is_full: bool, has_dotall: bool) -> bool:
    """Return whether that is found in every text: it may begin with ``^`` and end with ``$``."""
    parts = list(pattern)
    has_start = bool(parts) and parts[0][0] is _CODES.AT and parts[0][1] in _STARTS
    parts = parts[1:] if has_start else parts
    has_end = bool(parts) and parts[-1][0] is _CODES.AT and parts[-1][1] in _ENDS
    parts = parts[:-1] if has_end else parts
    if is_full or (has_start and has_end):
        return _takes_everything(parts, has_dotall=has_dotall)
    return all(map(_may_be_empty, parts))


def _may_be_empty(part: _Part) -> bool:
    """Return whether a piece fits wherever it is looked for, as it needs no character."""
    code, given = part
    if code in _REPEATS:
        return bool(given[0] == 0 or all(map(_may_be_empty, given[2])))
    if code is _CODES.BRANCH:
        return any(all(map(_may_be_empty, branch)) for branch in given[1])
    return code is _CODES.SUBPATTERN and all(map(_may_be_empty, given[3]))


def _takes_everything(parts: Sequence[_Part], *, has_dotall: bool) -> bool:
    """Return whether pieces together match every text as a whole: all may be empty, and one takes what there is."""
    return all(map(_may_be_empty, parts)) and any(_takes_the_rest(part, has_dotall=has_dotall) for part in parts)


def _takes_the_rest(part: _Part, *, has_dotall: bool) -> bool:
    code, given = part
    if code in _REPEATS:
        _, most, repeated = given
        is_endless = most is _CODES.MAXREPEAT and len(repeated) == 1
        return is_endless and _is_any_character(repeated[0], has_dotall=has_dotall)
    if code is _CODES.SUBPATTERN:
        return _takes_everything(given[3], has_dotall=_flag_inside(given, has_dotall=has_dotall))
    return code is _CODES.BRANCH and any(_takes_everything(branch, has_dotall=has_dotall) for branch in given[1])


def _is_any_character(part: _Part, *, has_dotall: bool) -> bool:
    code, given = part
    if code is _CODES.SUBPATTERN and len(given[3]) == 1:
        return _is_any_character(given[3][0], has_dotall=_flag_inside(given, has_dotall=has_dotall))
    if code is _CODES.BRANCH:
        single = [branch[0] for branch in given[1] if len(branch) == 1]
        has_dot = any(one[0] is _CODES.ANY for one in single)
        has_line_end = has_dotall or any(one == (_CODES.LITERAL, _LINE_END) for one in single)
        return has_dot and has_line_end
    if code is _CODES.IN:
        categories = {value for kind, value in given if kind is _CODES.CATEGORY}
        return given[0][0] is not _CODES.NEGATE and any(both <= categories for both in _COMPLEMENTS)
    return code is _CODES.ANY and has_dotall


def _flag_inside(group: tuple[Any, int, int, Any], *, has_dotall: bool) -> bool:
    """Return whether the dot matches line ends inside of a group, which may have flags of its own."""
    _, added, removed, _ = group
    return (has_dotall or bool(added & re.DOTALL)) and not removed & re.DOTALL

"""Characters that a reader does not see, or that make other text look like what it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

_CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
"""What moves the cursor, ends a line, or cannot be written."""
_TURNING: Final = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Unicode's Bidi_Control: it turns the direction of writing, of the text behind it as well."""
_NO_CHARACTERS: Final = r"\ufdd0-\ufdef\ufffe\uffff"
"""What Unicode keeps from being characters; XML forbids the last two."""
_WITHOUT_WIDTH: Final = (
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
)
"""Unicode's Default_Ignorable_Code_Point: soft hyphens, spaces without width, fillers. A text can hide in them."""
_JOINING: Final = r"\u200c\u200d\ufe00-\ufe0f"
"""The same, but emoji and many scripts are written with them: what stands beside them tells."""
_FAR: Final = r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff" + "".join(
    f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(1, 0x11)
)
"""The same behind the first 65,536, tags among them, in which whole sentences can be hidden."""

# Apart, since a set with characters behind the first 65,536 is ten times as slow to look for.
_UNSEEN: Final = re.compile(f"[{_CONTROLS}{_TURNING}{_NO_CHARACTERS}{_WITHOUT_WIDTH}{_JOINING}]")
_UNSEEN_FAR: Final = re.compile(f"[{_FAR}]")
_IS_FAR: Final = re.compile(r"[\U0001bca0-\U0010ffff]")
_VARIATIONS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
_JOINERS: Final = frozenset("\u200c\u200d")
_FIRST_JOINED: Final = "\u0600"
"""Arabic begins the scripts whose letters are joined; Latin, Greek, Cyrillic and Hebrew are before it."""
_KEYS: Final = frozenset("#*0123456789\xa9\xae")
"""What is an emoji with a variation selector, before the blocks of emoji."""


def escape_unseen(text: str) -> str:
    """Return a text with the characters that nobody sees as escapes, as Python writes them."""
    return _replace_unseen(text, _escaped)


def escape_unseen_in_json(text: str) -> str:
    """Return JSON that means the same, without any such character."""
    return _replace_unseen(text, _escaped_in_json)


def _replace_unseen(text: str, replace: Callable[[re.Match[str]], str]) -> str:
    near = _UNSEEN.sub(replace, text)
    return near if near.isascii() or not _IS_FAR.search(near) else _UNSEEN_FAR.sub(replace, near)


def _escaped(found: re.Match[str]) -> str:
    sign = found.group()
    if _is_part_of_sign(found):
        return sign
    return sign.encode("unicode_escape").decode("ascii")


def _escaped_in_json(found: re.Match[str]) -> str:
    sign = found.group()
    return f"\\u{ord(sign):04x}" if sign == "\x7f" else json.dumps(sign)[1:-1]


def _is_part_of_sign(found: re.Match[str]) -> bool:
    """Return whether a sign is seen by what it does to the one before it, as in emoji of several parts."""
    text, place, sign = found.string, found.start(), found.group()
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if sign in _VARIATIONS:
        return before in _KEYS or (before >= _FIRST_JOINED and not _UNSEEN.match(before))
    if sign in _JOINERS:
        is_after = before >= _FIRST_JOINED and (before in _VARIATIONS or not _UNSEEN.match(before))
        return is_after and after >= _FIRST_JOINED and not _UNSEEN.match(after)
    return False

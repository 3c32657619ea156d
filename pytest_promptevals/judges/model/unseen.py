"""Characters that nobody sees: what a text needs of them stays, all others are shown."""

from __future__ import annotations

import re
from typing import Final

_ALL: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls but for tab and line feed, characters for format, and all that Unicode calls ignorable by default."""
_SYMBOL: Final = (
    "[\xa9\xae\u203c\u2049\u2100-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
"""Where emoji are."""
_SCRIPTS: Final = (
    "[\u0600-\u061b\u061d-\u109f\u1780-\u17b3\u17b6-\u180a\u1810-\u18af\ua840-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
"""Arabic, the scripts of India and their like: there, joiners change how a word is written."""
_LETTER: Final = rf"[^\W\d_{_ALL}]|{_SCRIPTS}"
_WRITING: Final = (
    f"(?<={_SYMBOL})\ufe0f?\u200d(?={_SYMBOL})"
    f"|(?<={_SYMBOL})[\ufe0e\ufe0f]"
    "|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    f"|(?<={_SCRIPTS})[\u200c\u200d]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180f]"
)
_BREAK: Final = f"(?<={_LETTER})[\xad\u200b\u2060](?={_LETTER})"
_DIRECTION: Final = frozenset("\u061c\u200e\u200f")
_RIGHT_TO_LEFT: Final = (
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_NEAR: Final = 20
"""Characters on either side in which a mark of direction looks for a letter that it is about."""
_SHOWN: Final = 8
"""Characters of a run that are shown one by one."""


def show_unseen(text: str) -> str:
    """Return a text in which nothing is hidden.

    - All ends of lines become line feeds, and halves of surrogates U+FFFD.
    - What belongs to the writing stays, where it stands alone: joiners and variation selectors of emoji, joiners after
      letters of Arabic, Indian and like scripts, selectors after Mongolian ones, and marks of direction near letters
      that are written from right to left.
    - A single soft hyphen, zero width space or word joiner between two letters is left out: it says only where a line
      may end.
    - Any other becomes ``[U+202E]``; of a run of more than eight, the first eight and how many more there are.
    """
    # Patterns are compiled when they are used: not every run has a judge that asks a model.
    text = re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)
    return re.sub(f"[{_ALL}]+", _show, re.sub("[\ud800-\udfff]", "\ufffd", text))


def _show(found: re.Match[str]) -> str:
    run = found.group()
    if _is_all(_WRITING, found) or (run in _DIRECTION and _is_near_right_to_left(found)):
        return run
    if _is_all(_BREAK, found):
        return ""
    shown = "".join(f"[U+{ord(character):04X}]" for character in run[:_SHOWN])
    return shown if len(run) <= _SHOWN else f"{shown}[and {len(run) - _SHOWN:,} more unseen characters]"


def _is_all(pattern: str, run: re.Match[str]) -> bool:
    # Matched in its place, for what stands around it counts.
    matched = re.compile(pattern).match(run.string, run.start())
    return matched is not None and matched.end() == run.end()


def _is_near_right_to_left(found: re.Match[str]) -> bool:
    near = found.string[max(0, found.start() - _NEAR) : found.end() + _NEAR]
    return re.search(_RIGHT_TO_LEFT, near) is not None

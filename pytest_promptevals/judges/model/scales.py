"""Scales, and the amounts that people write on them: ``4``, ``4/5``, ``4 out of 5``, ``80 %``, ``四分``."""

# ruff: noqa: RUF001 - letters, dashes and marks of many languages, as people write them

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.judges.excerpts import quote
from pytest_promptevals.records.json_types import Json


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers that a judge model may give."""

    low: float
    """The worst."""
    high: float
    """The best; larger than ``low``."""
    is_whole: bool = True
    """Whether only whole numbers may be given."""

    def share(self, value: float) -> float:
        """Return where a value lies between the worst, 0, and the best, 1."""
        return (value - self.low) / (self.high - self.low)

    def check(self, value: float) -> float:
        """Return the value. Raises ``ValueError`` if it is not on the scale."""
        if not self.low <= value <= self.high:
            raise ValueError(f"{value:g} is not on the scale from {self.low:g} to {self.high:g}")
        if self.is_whole and value != int(value):
            raise ValueError(f"{value:g} is not a whole number")
        return value

    @property
    def words(self) -> str:
        """What a value is, as a judge model is told."""
        return f"a {'whole number' if self.is_whole else 'number'} from {self.low:g} to {self.high:g}"


_NUMBER: Final = r"[-+]?(?:\d{1,9}(?:[.,]\d{1,9})?|[.,]\d{1,9})"
_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WORD: Final = "|".join(_WORDS)
_HAN: Final = "〇一二三四五六七八九十"
_OUT_OF: Final = r"/|\bout\s+of(?:\s+a\s+(?:possible|maximum\s+of))?|\b(?:of|von|aus|sur|de|su|em|из|av)\b"
_UNIT: Final = (
    r"分|点|點|점|颗星|星|(?:points?|pts|stars?|Punkten?|Sternen?|étoiles?|puntos?|estrellas?|pontos?|estrelas?"
    r"|punti|stelle|балл(?:а|ов)?|poäng)\b"
)
_RANGE: Final = r"\s{0,3}(?:->?|–|—|→|~|〜|to|or|bis|oder|à|ou|o|a|e|and|und|until|或|到|至)\s{0,3}\d"
AMOUNT: Final = rf"""
    (?P<number>
      (?<! [\w.,/] ) (?: {_NUMBER} | \b(?:{_WORD})\b )
      | (?<= [一-鿿぀-ヿ가-힯:\s] ) {_NUMBER}
      | [{_HAN}] (?= \s* (?: 分|点|點|星 ) )
    )
    (?:
      (?: \s* (?:{_UNIT}) )? \s* (?:{_OUT_OF}) \s* (?: (?:a|der|possible)\s+ )?
        (?P<top> \d{{1,9}} (?: [.,]\d{{1,9}} )? | (?:{_WORD})\b )
      | \s* (?P<percent> % | percent\b | Prozent\b )
    )?
    (?: \s* (?:{_UNIT}) )?
    (?! [^\W一-鿿぀-ヿ가-힯] | \s? [/%+?±] | [.,:] \d | {_RANGE} )
"""
"""A verbose pattern of an amount in a text that ``plain_text`` made."""


@functools.cache
def regex(source: str) -> re.Pattern[str]:
    """Return a compiled verbose pattern; such large ones are compiled when an answer is read, not at import."""
    return re.compile(source, re.VERBOSE | re.IGNORECASE)


TOP_FIRST: Final = (
    r"(?:(?P<top>\d{1,9})\s*[点點점分]\s*(?:満点|满分|만점)?\s*(?:中|에|の|중)|满分\s*(?P<full>\d{1,9})\s*分)"
    r"\s*,?\s*(?:得|给)?\s*(?P<number>\d{1,9}(?:\.\d{1,9})?)\s*[点點점分]"
)
"""An amount of a plain text that says first what it is out of: ``5点満点中4点``."""
_UNSEEN: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_PAIRED: Final = "\"'()[]“”「」"
_LARGEST: Final = 1e300
_LONGEST_AMOUNT: Final = 100
"""Characters; no amount is written with more."""
_STARS: Final = re.compile(r"(★+)(☆*)")
_EMPHASIS: Final = re.compile(r"(?<![*`_])(?:(?<![^\W_])[*`_]++|[*`_]++(?![^\W_]))")
"""Marks at an edge of a word; between two letters or digits they are something else, as in ``5**2``."""
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]")
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)
_AS_ASCII: Final = {"⁄": "/", "∕": "/", "٪": "%", "٫": ".", "−": "-", "‑": "-"}


def plain_text(text: str) -> str:
    """Return a text in ASCII's digits and punctuation, without Markdown's emphasis."""
    return _EMPHASIS.sub("", _FOREIGN.sub(_to_ascii, text))


def _to_ascii(found: re.Match[str]) -> str:
    character = found.group()
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if ord(character) in _FULL_WIDTH:
        return unicodedata.normalize("NFKC", character)
    if character.isspace():
        return " "
    if character in _UNSEEN:
        return ""
    return _AS_ASCII.get(character, character)


def value_of(amount: re.Match[str], scale: Scale) -> float:
    """Return the value of a match of ``AMOUNT``. Raises ``ValueError`` if it is not on the scale."""
    groups = amount.groupdict()
    number = _number(groups["number"])
    shown = amount.string[min(amount.start(name) for name, text in groups.items() if text) : amount.end()].strip()
    if groups.get("percent"):
        if scale.low != 0:
            raise ValueError(f"{shown} is no value of the scale from {scale.low:g} to {scale.high:g}")
        return scale.check(round(scale.high * number / 100, 9))
    written = groups.get("top") or groups.get("full")
    if written is None:
        return scale.check(number)
    top = _number(written)
    if scale.low == 0 and scale.high == 1 and top > 0:
        if 0 < number <= 1 < top:
            raise ValueError(f"{shown} may be a share of {top:g}, or {number:g} on a scale to {top:g}")
        return scale.check(number / top)
    if top != scale.high:
        raise ValueError(f"{shown} is on a scale to {top:g}, not to {scale.high:g}")
    return scale.check(number)


def _number(text: str) -> float:
    word = text.lower()
    if word in _WORDS:
        return float(_WORDS.index(word))
    if text in _HAN:
        return float(_HAN.index(text))
    whole, comma, part = text.partition(",")
    if comma and len(part) == 3:  # noqa: PLR2004 - 1,234 may be a thousand and some, or one and some
        raise ValueError(f"{text} may be read in two ways")
    return float(f"{whole}.{part}") if comma else float(text)


def read_amount(value: Json, scale: Scale) -> float:
    """Return a number, or a text that is one amount and nothing else. Raises ``ValueError`` for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > _LARGEST:
            raise ValueError(f"a number that large is not {scale.words}")
        return scale.check(float(value))
    if isinstance(value, str) and (amount := match_amount(plain_text(value))) is not None:
        return value_of(amount, scale)
    shown = quote(value) if isinstance(value, str) else str(value)[:40]
    raise ValueError(f"{shown} is not {scale.words}")


def match_amount(plain: str) -> re.Match[str] | None:
    """Return the amount that a plain text is all of, save for quotes, brackets and a full stop."""
    if sum(plain.count(mark) for mark in _PAIRED) % 2:
        return None
    bare = plain.strip(" \t\r\n\"'()[]“”「」。!").removesuffix(".")
    if len(bare) > _LONGEST_AMOUNT:
        return None
    stars = _STARS.fullmatch(bare)
    if stars is not None and stars.group(2):
        bare = f"{len(stars.group(1))}/{len(bare)}"
    return regex(TOP_FIRST).fullmatch(bare) or regex(AMOUNT).fullmatch(bare)

"""Choices in sentences."""

# ruff: noqa: RUF001 - dashes and quotation marks, as people write them

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.judges.model.units import (
    LONGEST_STATEMENT,
    Given,
    Unit,
    Value,
    check_around,
    check_thoughts,
    dominating,
    split_units,
)
from pytest_promptevals.judges.model.wording import any_of, is_reason, keeps_verdict

_OPEN: Final = (
    r"(?:(?:so|thus|therefore|hence|overall)\s?,?\s)?(?!the\s(?:answer|result|choice)\b)(?:(?:my|the|our|final)\s){0,2}"
)
_IS: Final = r"(?:\s?(?:[:=|→]|->|-(?=\s))|\sis\b){1,2}\s?"
_BETWEEN: Final = r"[\"'”)\]*\s]{0,3}(?:[:=|>→-]|\b(?:is|was|be|should|would|now|actually|to)\b|\s){1,6}[\"'“(\[*]{0,2}"
_NOT: Final = r"(?P<not>(?:not|never|neither)\s)?"
_MET: Final = re.compile(
    r"\bcriteri(?:on|a)\s(?:is|are|was|were)\s(?:clearly\s|fully\s)?(?:met|satisfied|fulfilled)[.!]?$", re.IGNORECASE
)
_NOT_MET: Final = re.compile(
    r"\bcriteri(?:on|a)\s(?:(?:is|are|was|were)(?:\snot|n['’]t)\s(?:\w+\s)?(?:met|satisfied|fulfilled)|fails?|is\sunmet)\b",
    re.IGNORECASE,
)
_SINCE: Final = r",?\s(?:because|since|as)\s(?P<since>.+)|(?:,|\s[–—-])\s(?P<reason>.+)"
_TELLING_WORD: Final = 4
_WORD: Final = re.compile(r"\w+")
_NEGATES: Final = re.compile(
    r"\b(?:not|no|none|never|neither|nor|without|\w{2,5}n['’]t|fails?|criteri(?:on|a)|both|other|another|wrong|false|incorrect|untrue|nicht|kein\w*|pas"
    r"|aucun\w*|ningun\w*|não|non|нет|не)\b|不|没|ない|않|없",
    re.IGNORECASE,
)
"""Behind a choice, what may contradict it."""


@dataclass(frozen=True, slots=True)
class ChoiceGrammar:
    """How choices are worded."""

    labels: tuple[str, ...]
    choices: tuple[str, ...]

    def given(self, unit: Unit) -> Sequence[Given]:
        """Return the choice of a sentence that is nothing else."""
        if len(unit.text) > LONGEST_STATEMENT:
            return ()
        if self.is_bare(unit):
            return [("", match_choice(unit.text, self.choices) or "")]
        pattern = rf"[(\[]?{_OPEN}(?:{any_of(self.labels)}){_IS}[\"'(\[]*(?P<choice>{any_of(self.choices)})[\"')\]]*"
        match = _compile(rf"{pattern}(?:[.!]?[)\]]?|{_SINCE})").fullmatch(unit.text)
        if match is None or not self._has_fit_tail(match):
            return ()
        return [("", match_choice(match["choice"], self.choices) or "")]

    def is_label(self, line: str) -> bool:
        """Return whether a line is a label without a choice."""
        return (
            len(line) < LONGEST_STATEMENT
            and _compile(rf"{_OPEN}(?:{any_of(self.labels)})\s?[:=]").fullmatch(line) is not None
        )

    def is_bare(self, unit: Unit) -> bool:
        """Return whether a sentence is a choice alone."""
        return unit.is_line and match_choice(unit.text, self.choices) is not None

    def check_open(self, unit: Unit) -> None:
        """Raise ``ValueError`` if a sentence begins with a label, and no choice follows."""
        if _compile(rf"{_OPEN}(?:{any_of(self.labels)})\s?[:=]").match(unit.text):
            raise ValueError(f"what stands as its choice is none of: {', '.join(self.choices)}")

    def differs(self, text: str, values: dict[str, Value]) -> bool:
        """Return whether a sentence makes another choice."""
        spoken = _compile(rf"(?<!\w)(?:{any_of(self.labels)}){_BETWEEN}{_NOT}(?P<choice>{any_of(self.choices)})(?!\w)")
        given = [(match["not"], match["choice"]) for match in spoken.finditer(text)]
        given += [(None, match[1] or match[2]) for match in _compile(_praise(self.choices)).finditer(text)]
        return (
            any(denied or match_choice(choice, self.choices) not in values.values() for denied, choice in given)
            or (values.get("") == "yes" and _NOT_MET.search(text) is not None)
            or (values.get("") == "no" and _MET.search(text) is not None)
        )

    def keeps(self, text: str) -> bool:
        """Return whether a sentence behind the choice speaks of none, and denies nothing."""
        return _NEGATES.search(text) is None and not self._mentions_one(text)

    def may_give(self, text: str) -> bool:
        """Return whether a sentence says that a choice is the right one."""
        return (
            _compile(
                rf"\b(?:answer|choose|chose|pick|vote|should|must|would|be|mean)\b.{{0,20}}\b(?:{_by_case(self.choices)})\b"
            ).search(text)
            is not None
        )

    def _has_fit_tail(self, match: re.Match[str]) -> bool:
        since, reason = match["since"], match["reason"]
        if reason is not None and not is_reason(reason):
            return False
        tail = since or reason
        return tail is None or (keeps_verdict(tail) and not self._mentions_one(tail))

    def _mentions_one(self, text: str) -> bool:
        """Return whether a text holds a choice, or a word by which one of them is told from the others."""
        if any(_mentions(choice, text) for choice in self.choices):
            return True
        words = collections.Counter(word for choice in self.choices for word in set(_form(choice).split()))
        own = {word for word, count in words.items() if count == 1 and len(word) >= _TELLING_WORD}
        return not own.isdisjoint(_WORD.findall(text.casefold()))


def find_choice(plain: str, labels: Sequence[str], choices: Sequence[str]) -> str:
    """Return the one choice that a plain text makes. Raises ``ValueError`` if it does not make one for certain."""
    grammar = ChoiceGrammar(tuple(labels), tuple(choices))
    return str(dominating(split_units(plain, grammar), grammar, "none of the choices stands in it")[""])


def check_choice_around(before: str, after: str, choice: str, labels: Sequence[str], choices: Sequence[str]) -> None:
    """Raise ``ValueError`` if the plain texts around a choice in JSON put it in doubt."""
    check_around(before, after, {"": choice}, ChoiceGrammar(tuple(labels), tuple(choices)))


def check_choice_thought(thoughts: str, choice: str, labels: Sequence[str], choices: Sequence[str]) -> None:
    """Raise ``ValueError`` if the plain text of thoughts makes another choice than the answer behind them."""
    check_thoughts(thoughts, {"": choice}, ChoiceGrammar(tuple(labels), tuple(choices)))


def match_choice(written: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a text is, however it spells it; ``None`` if it is none."""
    form = _form(written.strip(" \t\n\"'()[]*`.!"))
    return next((choice for choice in choices if _form(choice) == form), None)


def _form(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip()).casefold()


def _mentions(choice: str, text: str) -> bool:
    # A single letter is a word of sentences, too: "a reason" is not the choice A.
    flags = re.NOFLAG if len(choice) == 1 else re.IGNORECASE
    return re.search(rf"(?<!\w)(?:{any_of((choice,))})(?!\w)", text, flags) is not None


@functools.cache
def _praise(choices: tuple[str, ...]) -> str:
    """Return a pattern of sentences that prefer a choice without a label."""
    # A single letter is a word of sentences, too: "prefer a reason" does not prefer A.
    any_choice = _by_case(choices)
    return (
        rf"\bI\s(?:strongly\s|clearly\s|would\s|slightly\s)?prefer\s(?:the\s)?(?:response\s|answer\s|output\s)?({any_choice})(?!\w)"
        rf"|^(?:overall,?\s)?(?:the\s)?(?:response\s|answer\s|output\s)?({any_choice})\s(?:clearly\s)?"
        r"(?:wins|(?:is|was)\s(?:clearly\s|much\s|slightly\s)?(?:the\s)?(?:better|best|superior|stronger|winner)(?:\sone)?)"
        r"(?:\soverall)?[.!]?$"
    )


def _by_case(choices: tuple[str, ...]) -> str:
    return "|".join(f"(?-i:{any_of((one,))})" if len(one) == 1 else any_of((one,)) for one in choices)


@functools.lru_cache(maxsize=64)
def _compile(source: str) -> re.Pattern[str]:
    return re.compile(source, re.IGNORECASE)

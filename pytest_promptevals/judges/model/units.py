"""The sentences of an answer, and which one of them is the verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from pytest_promptevals.judges.model.wording import (
    begins_section,
    is_closed,
    is_closing,
    is_heading,
    is_reason,
    leads_away,
    leads_on,
    reports,
    takes_back,
)

Value: TypeAlias = float | str
Given: TypeAlias = tuple[str, Value]
"""What a value is of, empty for the whole, and the value."""

LONGEST_STATEMENT: Final = 300
"""Characters of a sentence that may be a verdict."""
_TAGS: Final = re.compile(r"<(\w{1,20})>[ \n]{0,3}([^<>\n]{1,40})</\1>")
_BOXED: Final = re.compile(r"\$?\\boxed\{([^{}\\$\n]{1,40})\}\$?")
_LANGUAGE: Final = "json"
"""What is left of the line that opens a fence."""
_SPACES: Final = re.compile(r"[^\S\n]+")
_RULE: Final = re.compile(r"(?:```|~~~)\s?\w*|>+|[-=_*|:+ .,;)\]}(\[`]+")
"""A line that says nothing: a fence, a ruler, what is left of a list."""
_BULLET: Final = re.compile(r"(?:(?:[#>•*|+-]+|\d{1,2}[.)]|\|) )+(?=\S)|\|")
_NEXT: Final = re.compile(r"(?<=[.!?]) |(?<=[。])")
_LABEL_IN: Final = re.compile(r"[:|] ?[^ :|]")
_QUOTES: Final = re.compile('["“”„«»「」『』]')

_HALF_QUOTED: Final = re.compile(r"[^']*'[.!]?")
"""A sentence that ends a quotation, which began before it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a line."""

    text: str
    """Without marks of lists and tables before it, its spaces single ones."""
    is_line: bool
    """Whether it is all of a line, without such marks."""
    follows_cry: bool
    """Whether the sentence before it in its line ends with ``!``."""
    is_item: bool
    """Whether its line is one of a list or a table, or has a label."""
    is_quoted: bool
    """Whether it stands in a quotation that began before it."""


class Grammar(Protocol):
    """How verdicts of one kind are worded."""

    def given(self, unit: Unit) -> Sequence[Given]:
        """Return what a sentence that is nothing but a verdict gives; raise ``ValueError`` for an unfit value."""
        ...

    def is_label(self, line: str) -> bool:
        """Return whether a line is a label, and what it labels must stand on the next one."""
        ...

    def is_bare(self, unit: Unit) -> bool:
        """Return whether such a sentence is the value alone."""
        ...

    def check_open(self, unit: Unit) -> None:
        """Raise ``ValueError`` if another sentence begins as a verdict does."""
        ...

    def differs(self, text: str, values: dict[str, Value]) -> bool:
        """Return whether a sentence speaks of another verdict."""
        ...

    def keeps(self, text: str) -> bool:
        """Return whether a sentence behind the verdict leaves it as it is."""
        ...

    def may_give(self, text: str) -> bool:
        """Return whether a sentence of the reasons behind the verdict may give another one."""
        ...


def split_units(plain: str, grammar: Grammar) -> list[Unit]:
    """Return the sentences of a plain text."""
    plain = _SPACES.sub(" ", _BOXED.sub(r"\1", _TAGS.sub(r"\n\1: \2\n", plain)))
    lines = list(_joined_lines(plain, grammar))
    return list(_units_of(lines, has_quotes=not all(line.startswith(">") for line in lines)))


def _joined_lines(plain: str, grammar: Grammar) -> Iterator[str]:
    """Return the lines that say something, a label with nothing behind it and the line after it as one."""
    label = ""
    for line in map(str.strip, plain.split("\n")):
        if not line or _RULE.fullmatch(line):
            continue
        if not label and grammar.is_label(line):
            label = line
            continue
        yield f"{label} {line}" if label else line
        label = ""
    if label:
        yield label


def _units_of(lines: Sequence[str], *, has_quotes: bool) -> Iterator[Unit]:
    quotes = 0
    for line in lines:
        bullet = _BULLET.match(line)
        rest = line[bullet.end() :] if bullet else line
        parts = [part for part in _NEXT.split(rest.strip(" |")) if part.strip()]
        for place, part in enumerate(parts):
            is_quoted = quotes % 2 == 1 or (has_quotes and line.startswith(">"))
            yield Unit(
                part.strip(),
                is_line=len(parts) == 1 and bullet is None,
                follows_cry=place > 0 and parts[place - 1].endswith("!"),
                is_item=bullet is not None or _LABEL_IN.search(part) is not None,
                is_quoted=is_quoted,
            )
            quotes += len(_QUOTES.findall(part))


def dominating(units: Sequence[Unit], grammar: Grammar, nothing: str) -> dict[str, Value]:
    """Return the values of the one verdict that an answer gives.

    It must be at the end of the answer, or at its start. Raises ``ValueError`` if there is none, with ``nothing`` as
    its text, or if anything in the answer makes it less than certain.
    """
    given = {place: values for place, unit in enumerate(units) if (values := grammar.given(unit))}
    for place, unit in enumerate(units):
        if place not in given:
            grammar.check_open(unit)
    if not given:
        raise ValueError(nothing)
    verdict: dict[str, Value] = {}
    for values in given.values():
        for name, value in values:
            add_given(verdict, name, value)
    first, last = min(given), max(given)
    if any(units[place].is_quoted or _HALF_QUOTED.fullmatch(units[place].text) for place in given):
        raise ValueError("what it gives stands in a quotation")
    _check_lead(units[:first], is_strict=grammar.is_bare(units[first]))
    others = [unit for place, unit in enumerate(units[:last]) if place not in given]
    check_before(others, verdict, grammar)
    if not all(map(_is_harmless(grammar), units[last + 1 :])):
        check_after(units[last + 1 :], verdict, grammar)
        if not all(is_heading(unit.text) for unit in units[:first]):
            raise ValueError("its verdict stands neither at its start nor at its end")
    return verdict


def add_given(verdict: dict[str, Value], name: str, value: Value) -> None:
    """Add a value. Raises ``ValueError`` if there is another one of the same name."""
    if verdict.setdefault(name, value) != value:
        both = sorted({value, verdict[name]}, key=lambda one: (isinstance(one, str), one))
        what = "makes different choices" if isinstance(value, str) else "gives different scores"
        raise ValueError(f"it {what}, {' and '.join(one if isinstance(one, str) else f'{one:g}' for one in both)}")


def check_around(before: str, after: str, verdict: dict[str, Value], grammar: Grammar) -> None:
    """Raise ``ValueError`` if the plain texts around a verdict in JSON put it in doubt."""
    units = split_units(before, grammar)
    is_strict = bool(before.rpartition("\n")[2].strip(" \t[(`~"))
    _check_lead(units, is_strict=is_strict)
    check_before(units, verdict, grammar)
    check_after(split_units(after, grammar), verdict, grammar)


def check_thoughts(thoughts: str, verdict: dict[str, Value], grammar: Grammar) -> None:
    """Raise ``ValueError`` if a sentence of what a model thought before it answered gives another verdict."""
    for unit in split_units(thoughts, grammar):
        if any(verdict.get(name) != value for name, value in grammar.given(unit)):
            raise ValueError("it gives another verdict among its thoughts")


def _check_lead(units: Sequence[Unit], *, is_strict: bool) -> None:
    """Raise ``ValueError`` if a sentence runs on into the verdict, and may make it another's."""
    is_fenced = len(units) > 1 and units[-1].text.lower() == _LANGUAGE
    if not units or (is_heading(units[-1].text) and not (is_fenced and reports(units[-2].text))):
        return
    last = units[-1 - is_fenced]
    runs_on = not is_closed(last.text) and (is_strict or not last.is_item or leads_away(last.text))
    if runs_on or last.text.endswith("?") or leads_on(last.text):
        raise ValueError("what leads to its verdict leaves open whose it is")


def check_before(units: Sequence[Unit], verdict: dict[str, Value], grammar: Grammar) -> None:
    """Raise ``ValueError`` if sentences before a verdict, or around it, give another one."""
    if any(grammar.differs(unit.text, verdict) for unit in units):
        raise ValueError("it speaks of another verdict, too")


def check_after(units: Sequence[Unit], verdict: dict[str, Value], grammar: Grammar) -> None:
    """Raise ``ValueError`` if a sentence behind a verdict is not known to leave it as it is."""
    is_harmless = _is_harmless(grammar)
    section = next((place for place, unit in enumerate(units) if begins_section(unit.text)), len(units))
    for place, unit in enumerate(units):
        given = () if unit.is_quoted else grammar.given(unit)
        if given:
            for name, value in given:
                add_given(verdict, name, value)
        elif place >= section:
            _check_section(unit, verdict, grammar)
        elif not is_harmless(unit) and not (is_reason(unit.text) and grammar.keeps(unit.text)):
            raise ValueError("what it says behind its verdict may change it")


def _check_section(unit: Unit, verdict: dict[str, Value], grammar: Grammar) -> None:
    """Raise ``ValueError`` if a sentence of the reasons behind a verdict takes it back, or may give another one."""
    grammar.check_open(unit)
    if takes_back(unit.text) or grammar.differs(unit.text, verdict) or grammar.may_give(unit.text):
        raise ValueError("what it gives as its reasons may change its verdict")


def _is_harmless(grammar: Grammar) -> Callable[[Unit], bool]:
    return lambda unit: is_closing(unit.text) and grammar.keeps(unit.text)

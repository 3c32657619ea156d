"""Scores in sentences."""

# ruff: noqa: RUF001 - words and marks of many languages, as people write them

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.judges.model.scales import AMOUNT, TOP_FIRST, Scale, match_amount, regex, value_of
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
from pytest_promptevals.judges.model.wording import any_of, keeps_verdict

_SCORE: Final = (
    r"(?:final|overall|total)?\s?(?:score|rating|grade|mark|verdict)|note\sfinale|note|puntuación(?:\s(?:final|total))?"
    r"|calificación|puntaje|nota|pontuação|punteggio|voto|bewertung|gesamt(?:note|bewertung|punktzahl)|punktzahl|wertung"
    r"|ergebnis|(?:итоговая\s)?оценка|балл|betyg|cijfer|ocena|puan|score\sfinal|评分|評分|得分|分数|分數|总分|最终得分"
    r"|最终评分|评价|(?:総合)?評価|スコア|点数|得点|점수|최종\s?점수|평점"
)
_THING: Final = r"(?:it|this|(?:the|this|that)\s(?:response|answer|output|reply|text|summary|translation|one))"
_IS: Final = (
    r"(?: \s? (?:[:=|]|[-–—](?=\s)|->|→|\b(?:is|ist|est|es|è|é)\b|为|為|是|は|은|는) ){0,2} \s?"
    r"(?: \b(?:an?|eine?|un[ae]?)\b \s )?"
)
_LEAD: Final = (
    r"(?: (?:so|thus|therefore|hence|overall|in\s(?:conclusion|summary|total|short)|all\sin\sall"
    r"|after\sweighing\severything|on\sa\sscale\s(?:of|from)\s[\d.]{1,9}\s?(?:-|–|to)\s?[\d.]{1,9}) \s?,?\s ){0,2}"
)
_VERB: Final = (
    rf"(?: \b I (?:\swould|'d|’d|\swill|'ll|\shave)? (?:\stherefore|\sthus)? \s"
    rf"(?:rated?|g[ia]ve|scored?|award(?:ed)?|assign(?:ed)?) (?:\s{_THING})? (?:\s(?:as|at|with))? (?:\s(?:an?|the))?"
    rf" (?:\s(?:score|rating|grade|mark)(?:\sof)?)? \s (?:an?\s)?"
    rf"| {_THING} \s (?:deserves|merits|earns|gets) \s (?:an?\s)?"
    r"| ich\s(?:gebe|vergebe)\s(?:(?:der\santwort|ihr|dafür)\s)? | (?:die\santwort|sie)\sverdient\s"
    r"| je\s(?:lui\s)?donne\s(?:à\scette\sréponse\s)?(?:la\snote\sde\s)? | (?:cette\sréponse|elle)\smérite\s"
    r"| (?:le\s)?(?:doy|otorgo)\s(?:a\sesta\srespuesta\s)?(?:un\s)? | (?:esta\srespuesta\s)merece\s(?:un\s)?"
    r"| (?:dou|atribuo)\s | merita\s | я\sставлю\s | 我给)"
)
_NOTE_OF_SCALE: Final = r"(?: \s?[(\[] [\d.]{1,9} \s?(?:-|–|to|bis|à|a)\s? [\d.]{1,9} [)\]] )?"
_SINCE: Final = (
    r"because|since|given|due\sto|as\s(?=(?:the|it|all|both|most|some|one|two|three|there)\s)|weil|da|denn|car"
    r"|parce\sque?|porque|perché|так\sкак|поскольку|因为|なぜなら"
)
_GOOD: Final = ("very good", "excellent", "perfect", "good", "sehr gut", "gut", "bien", "bueno", "great", "outstanding")
_BAD: Final = ("poor", "very poor", "weak", "bad", "very bad", "terrible", "schlecht", "mauvais", "malo")
_QUALITIES: Final = "|".join((*_GOOD, *_BAD)).replace(" ", r"\s")
_TAIL: Final = rf"""
    ["'”)\]]{{0,2}} \s?
    (?: (?:です|입니다)? [.!。]?
      | \( (?P<quality> {_QUALITIES} | fair | average ) \) [.!]?
      | ,? \s? (?:{_SINCE}) \s? (?P<reason> .+ )
      | [–—-] \s (?P<remark> .+ )
    )
"""
"""What may follow a score in its sentence."""
_OUT_OF_ALL: Final = rf"{_LEAD} (?:{TOP_FIRST}) (?:です|입니다)? [.!。]?"
_SAID: Final = rf"{_LEAD} {_VERB} {AMOUNT} {_TAIL}"
_FRACTION: Final = rf"{AMOUNT} [.!。]?"
_OPEN: Final = rf"{_LEAD} (?:(?:my|the|our|its)\s)?"
_HEDGE: Final = (
    r"(?:\b(?:not|never|no|at\s(?:least|most)|about|around|almost|nearly|roughly|approximately|between|from|over|under"
    r"|more|less|than|up\sto|maybe|nicht|etwa|fast|pas|environ|no\ses|casi|не|около)\s|[~≈<>≤≥±]\s?)"
)
_BETWEEN: Final = (
    r"""["'”)\]*\s]{0,3} (?:(?:[:=|>→]|[-–—]|\b(?:is|was|were|be|of|to|at|should|would|could|ist|est|es|è|é|von)\b)"""
    r"""\s?){0,4} ["'“„(\[*\s]{0,3} (?:\b(?:an?|be|eine?|un[ae]?)\b\s)?"""
)
_SCALES: Final = (
    r"\bscale\b [\s:=]{0,3} (?:(?:is|of|from|used)\s?){0,2} :? \s? (?P<low>\d{1,9}(?:\.\d{1,9})?) \s?(?:-|–|to)\s?"
    r"(?P<high>\d{1,9}(?:\.\d{1,9})?)"
    rf"|(?:{_SCORE}) \s?[(\[]\s? (?P<low2>\d{{1,9}}(?:\.\d{{1,9}})?) \s?(?:-|–|to|bis|à|a)\s?"
    r"(?P<high2>\d{1,9}(?:\.\d{1,9})?)"
)
_NUMBER_WORDS: Final = "zero|one|two|three|four|five|six|seven|eight|nine|ten"
_BEGIN: Final = r"(?:^|[\n.;,:(]\s?|\b(?:where|and|with)\s)"
_LIMIT: Final = rf"(?:\d{{1,9}}|{_NUMBER_WORDS})"
_RANKS: Final = (
    rf"\b (?:scale|rat(?:e|ed|ing)|scor(?:e|ed|ing)|grad(?:e|ed|ing)|I\sused?) \s (?:\w+\s){{0,3}}? (?:from\s)?"
    rf"(?P<low>\b{_LIMIT}) \s?(?:-|–|to)\s? (?P<high>{_LIMIT}\b)"
    rf"| (?<![\w.]) (?P<low2>{_LIMIT}) \s?=\s?(?:the\s)?(?:worst|lowest|poor(?:est)?)\b"
    rf"| {_BEGIN} (?P<low3>{_LIMIT}) \s (?:is|being|means) \s (?:the\s)?(?:worst|lowest)\b"
)
"""Two ends of a scale, or its worse one."""
_HIGHEST: Final = (
    rf"(?<!\w)(?P<points>{_LIMIT})[\s-]point\s(?:\w+\s)?scale"
    rf"| \b(?:max(?:imum)?|highest)\b(?:\s(?:possible\s)?(?:score|points|mark|rating|value|grade))?"
    rf"[\s:=]{{0,3}}(?:is\s)?(?P<max>{_LIMIT})\b"
    rf"| \bscale\s(?:(?:of|that\sgoes|going)\s)?(?:up\s)?to\s(?P<up>{_LIMIT})\b"
    rf"| \b(?:rat|scor|grad|judg)(?:e[ds]?|ing)\s(?:\w+\s){{0,2}}out\sof\s(?P<out>{_LIMIT})\b"
    rf"| (?<![\w.]) (?P<best>{_LIMIT}) \s?=\s?(?:the\s)?(?:best|highest|perfect|excellent)\b"
    rf"| {_BEGIN} (?P<best2>{_LIMIT}) \s (?:is|being|means) \s (?:the\s)?(?:best|highest)\b"
    r"| (?P<of>\d{1,9})\s?分制 | 满分[\s:为是]{0,3}(?P<full>\d{1,9})"
)
_UPSIDE_DOWN: Final = (
    r"\b(?:the\s)?(?:lower|smaller|fewer)(?:\s(?:scores?|numbers?|values?|is|are|means?|the)){1,3}\sbetter\b"
)
_MIDDLE: Final = 0.5
_DIGITS: Final = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_BY_WORD: Final = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)\b(?!\s(?:of\b|[a-z]{3}))"
    r"|[一二三四五六七八九十]\s?[分点點]",
    re.IGNORECASE,
)

_COUNTED: Final = re.compile(
    rf"(?<![\w./,-])(?<!\bbe\s)(?<!\ba\s)(?<!\ban\s)(?<!\bas\s)(?<!\bto\s)(?<!\bat\s)(?:\d{{1,9}}|{_NUMBER_WORDS})"
    r"\s(?:of\s(?:the|its|these|those|all)\s(?:\d{1,9}\s)?)?"
    r"(?!(?:out|points?|pts|stars?|because|since|would|should|overall|and|for|not|rather|instead|given|was|but"
    r"|marks?|here|might|could|may|must|seems?|due|fits?)\b)[a-z]{3}"
    r"|\b(?:last|first|second|third|other|only|each|this|that|no|every|any|which|right|wrong|correct)\sone\b",
    re.IGNORECASE,
)
"""A number of things that are named: ``two facts``, ``3 of the 4 conditions``."""
_NUMBER_IN: Final = re.compile(
    rf"(?P<digits>\d{{1,9}}(?:[.,]\d{{1,9}})?)|\b(?:{_NUMBER_WORDS})\b(?!\sof\b)|[一二三四五六七八九十]\s?[分点點]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScoreGrammar:
    """How scores are worded: one for the whole, or one for each name as well."""

    scale: Scale
    names: tuple[str, ...] = ()

    def given(self, unit: Unit) -> Sequence[Given]:
        """Return the scores of a sentence that is nothing else."""
        if len(unit.text) > LONGEST_STATEMENT:
            return ()
        bare = _bare(unit.text)
        whole = None if self.names else self._whole(unit)
        match = whole or self._labelled(bare)
        if match is not None:
            return [(self._name_of(match), value_of(match, self.scale))] if self._has_fit_tail(match) else []
        parts = re.split(r"[,;] ", bare)
        matches = [self._labelled(part) for part in parts] if self.names and len(parts) > 1 else [None]
        found = [match for match in matches if match is not None and self._has_fit_tail(match)]
        return (
            [(self._name_of(match), value_of(match, self.scale)) for match in found] if len(found) == len(parts) else []
        )

    def is_label(self, line: str) -> bool:
        """Return whether a line is a label without a score."""
        return (
            len(line) < LONGEST_STATEMENT and regex(rf"{_OPEN} (?:{self._label}) \s?[:=]").fullmatch(line) is not None
        )

    def is_bare(self, unit: Unit) -> bool:
        """Return whether a sentence is a score alone."""
        return len(unit.text) <= LONGEST_STATEMENT and match_amount(unit.text) is not None

    def check_open(self, unit: Unit) -> None:
        """Raise ``ValueError`` if a sentence begins with a label, and no score follows."""
        opens = regex(rf"{_OPEN} (?:(?P<label>{self._label}) {_NOTE_OF_SCALE}) \s?[:=]").match(
            _bare(unit.text[:LONGEST_STATEMENT])
        )
        if opens is None or (opens["label"].lower() in ("note", "nota") and _DIGITS.search(unit.text) is None):
            return
        raise ValueError(f"what stands as its score is not {self.scale.words}")

    def differs(self, text: str, values: dict[str, Value]) -> bool:
        """Return whether a sentence gives another score, or one that is not settled."""
        if not _DIGITS.search(text) and not _BY_WORD.search(text):
            return False
        spoken = regex(rf"(?:(?<!\w)(?P<name>{self._label}) {_BETWEEN} | {_VERB}) (?P<hedge>{_HEDGE})? {AMOUNT}")
        return any(not self._is_said_of(match, values) for match in spoken.finditer(text))

    def keeps(self, text: str) -> bool:
        """Return whether a sentence behind the score speaks of no number that might be one."""
        return not any(self._may_be_score(match.group()) for match in _DIGITS.finditer(text)) and not _BY_WORD.search(
            text
        )

    def may_give(self, text: str) -> bool:
        """Return whether a number of the scale stands in a sentence, and does not count things that it names."""
        return any(
            self._may_be_score(match["digits"]) if match["digits"] else True
            for match in _NUMBER_IN.finditer(_COUNTED.sub("", text))
        )

    @property
    def _label(self) -> str:
        return f"{any_of(self.names)}|overall|{_SCORE}" if self.names else _SCORE

    def _whole(self, unit: Unit) -> re.Match[str] | None:
        if unit.is_line and (alone := match_amount(unit.text)) is not None:
            return alone
        if unit.follows_cry and (fraction := regex(_FRACTION).fullmatch(unit.text)) is not None and fraction["top"]:
            return fraction
        return regex(_OUT_OF_ALL).fullmatch(_bare(unit.text)) or regex(_SAID).fullmatch(_bare(unit.text))

    def _labelled(self, bare: str) -> re.Match[str] | None:
        label = rf"(?P<name>{self._label})" if self.names else f"(?:{_SCORE})"
        pattern = (
            rf"{_OPEN} {label} (?:\sscore)? {_NOTE_OF_SCALE} (?:\s(?:for|of)\s{_THING})? {_IS} ['\"(\[“]? {AMOUNT}"
            rf" (?: {_TAIL} {'| [)]: (?P<text> .+ )' if self.names else ''})"
        )
        return regex(pattern).fullmatch(bare)

    def _name_of(self, match: re.Match[str]) -> str:
        written = match.groupdict().get("name")
        form = _form(written) if written else ""
        return next((name for name in self.names if _form(name) == form), "")

    def _has_fit_tail(self, match: re.Match[str]) -> bool:
        groups = match.groupdict()
        tails = [groups.get(name) for name in ("reason", "remark", "text")]
        return self._has_fit_quality(match) and all(keeps_verdict(tail) and self.keeps(tail) for tail in tails if tail)

    def _has_fit_quality(self, match: re.Match[str]) -> bool:
        """Return whether a word of quality behind a score agrees with the half of the scale that it is in."""
        groups = match.groupdict()
        quality = (groups.get("quality") or groups.get("remark") or "").lower().strip(" .!")
        share = self.scale.share(value_of(match, self.scale)) if quality in _GOOD + _BAD else _MIDDLE
        return share >= _MIDDLE if quality in _GOOD else share <= _MIDDLE

    def _is_said_of(self, match: re.Match[str], values: dict[str, Value]) -> bool:
        try:
            return match["hedge"] is None and values.get(self._name_of(match)) == value_of(match, self.scale)
        except ValueError:
            return False

    def _may_be_score(self, digits: str) -> bool:
        if re.fullmatch(r"\d{1,3},\d{3}", digits):
            return self.scale.low <= float(digits.replace(",", "")) <= self.scale.high
        return self.scale.low <= float(digits.replace(",", ".")) <= self.scale.high


def find_scores(plain: str, scale: Scale, names: Sequence[str] = ()) -> Mapping[str, float]:
    """Return the one score that a plain text gives, under an empty name; or one for each of the names as well.

    Raises ``ValueError`` if they do not stand there for certain.
    """
    check_scale(plain, scale)
    grammar = ScoreGrammar(scale, tuple(names))
    nothing = f"there is no score for {', '.join(names)}" if names else "no score stands in it"
    found = dominating(split_units(plain, grammar), grammar, nothing)
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"there is no score for {', '.join(missing)}")
    return {name: float(value) for name, value in found.items()}


def check_scores_around(
    before: str, after: str, verdict: Mapping[str, float], scale: Scale, names: Sequence[str]
) -> None:
    """Raise ``ValueError`` if the plain texts around scores in JSON put them in doubt."""
    check_scale(f"{before}\n{after}", scale)
    check_around(before, after, dict(verdict), ScoreGrammar(scale, tuple(names)))


def check_scores_thought(thoughts: str, verdict: Mapping[str, float], scale: Scale, names: Sequence[str]) -> None:
    """Raise ``ValueError`` if the plain text of thoughts gives other scores than the answer behind them."""
    check_thoughts(thoughts, dict(verdict), ScoreGrammar(scale, tuple(names)))


def check_scale(plain: str, scale: Scale) -> None:
    """Raise ``ValueError`` if a plain text speaks of another scale."""
    for note in regex(_SCALES).finditer(plain):
        low, high = float(note["low"] or note["low2"]), float(note["high"] or note["high2"])
        if (low, high) != (scale.low, scale.high):
            raise ValueError(f"it speaks of a scale from {low:g} to {high:g}, not {scale.low:g} to {scale.high:g}")
    for note in regex(_HIGHEST).finditer(plain):
        top = next(_limit(text) for text in note.groups() if text)
        if top != scale.high:
            raise ValueError(f"it speaks of a scale to {top:g}, not to {scale.high:g}")
    for note in regex(_RANKS).finditer(plain):
        ends = {name: _limit(text) for name, text in note.groupdict().items() if text}
        if ends.pop("high", scale.high) != scale.high or any(low != scale.low for low in ends.values()):
            raise ValueError(f"it speaks of another scale than that from {scale.low:g} to {scale.high:g}")
    if regex(_UPSIDE_DOWN).search(plain):
        raise ValueError("it speaks of a scale on which less is better")


def _limit(text: str) -> float:
    names = _NUMBER_WORDS.split("|")
    return float(names.index(text.lower()) if text.lower() in names else text)


def _bare(text: str) -> str:
    """Return a text without the brackets or quotes that it is all in."""
    pairs = {'"': '"', "'": "'", "(": ")", "[": "]"}
    return text[1:-1].strip() if len(text) > 1 and pairs.get(text[0]) == text[-1] else text


def _form(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip()).casefold()

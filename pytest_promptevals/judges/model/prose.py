"""Scores and choices in sentences."""

# ruff: noqa: RUF001 - words and marks of many languages, as people write them

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_promptevals.judges.model.scales import AMOUNT, TOP_FIRST, Scale, match_amount, regex, value_of

_SCORE: Final = (
    r"(?:final|overall|total)?\s*(?:score|rating|grade|mark|verdict)|note\s+finale|note|puntuación|calificación"
    r"|puntaje|nota|pontuação|punteggio|voto|bewertung|gesamtnote|punktzahl|wertung|ergebnis|оценка|балл|betyg|cijfer"
    r"|ocena|puan|score\s+final|评分|評分|得分|分数|分數|总分|評価|スコア|点数|得点|점수|평점"
)
_FINAL: Final = (
    r"(?:final|overall|total)\s+(?:score|rating|grade|mark|verdict)|gesamt(?:note|bewertung|punktzahl)|note\s+finale"
    r"|puntuación\s+(?:final|total)|итоговая\s+оценка|总分|最终得分|最终评分|総合評価|최종\s*점수"
)
_IS: Final = (
    r"(?:\s* (?:[:=|(\[]|[-–—](?=\s)|->|→|\b(?:is|of|ist|est|es|è|é)\b|为|為|是|は|은|는|에서)){0,3} \s*"
    r"(?: \b(?:an?|eine?|un[ae]?)\b \s+ )?"
)
_VERB: Final = (
    r"\b I (?:\s+would|'d|\s+will|'ll|\s+have)? (?:\s+therefore|\s+thus)? \s+"
    r"(?:rated?|g[ia]ve|scored?|award(?:ed)?|assign(?:ed)?)"
    r"(?: \s+ (?:it|this|(?:the|this)\s+\w+))? (?: \s+ (?:as|at|with))? (?: \s+ (?:an?|the))?"
    r"(?: \s+ (?:score|rating|grade|mark)(?:\s+of)?)? \s+"
)
_AFTER: Final = (
    r"(?= \s* (?: \Z | \n | [.,;:!()\]|\"'。、}] | (?:です|입니다)"
    r" | (?:because|since|as|given|due|overall|weil|da|denn|car|parce|porque|perché|так)\b )"
    r" | \s[–—-]\s )"
)
"""What may follow a score: not a word, which would make it a number of something."""
_HEDGE: Final = (
    r"(?:\d\s*(?:-|–|—|~|to|and|or|bis|und|oder|à|y|o|e)\s*"
    r"|(?:\b(?:at\s+(?:least|most)|(?:more|less|better|worse|higher|lower|fewer)\s+than|over|under|above|below"
    r"|between|from|not|no|never|almost|nearly|around|about|approximately|roughly|up\s+to|or|than|mindestens|höchstens"
    r"|fast|etwa|nicht|zwischen|entre|environ|pas|menos|más|casi|около|почти|не|между)\b|至少|不到|大约|大約|接近|約|约|약"
    r"|[~≈<>≤≥±])\s*(?:(?:quite|be|worth|give|it|an?|a\s+full)\s+){0,3})$"
)
"""What stands before an amount that is no settled score."""
_LOOKED_BACK: Final = 40
_SENTENCE_LENGTH: Final = 300
_RATES: Final = (
    r"\b(?:rat(?:e|es|ed|ing)|scor(?:e|es|ed|ing)|giv(?:e|es|ing)|gave|deserves?|merits?|earns?|awards?|assign|grade"
    r"|gebe|vergebe|verdient|bewerte|donne|mérite|note|doy|otorgo|merece|dou|merita|ставлю|заслуживает)\b|给|打|評価|평가"
)
"""Words by which a fraction in a sentence is a score, and not a date or a count."""
_SENTENCE: Final = re.compile(r"[.!?。\n]\s*")

_SCALE_NOTE: Final = (
    rf"(?:\bscale\s+(?:of|from)\s+|(?:{_SCORE})\s*[(\[]\s*)"
    r"(?P<low>\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(?P<high>\d+(?:\.\d+)?)"
    r"(?:\s*[)\]])?(?:\s*scale)?"
)
_LABELLED: Final = rf"(?<! \w ) (?:{_SCORE}) {_IS} {AMOUNT} {_AFTER}"
_LABELLED_LAST: Final = rf"(?<! \w ) (?:{_FINAL}) {_IS} {AMOUNT} {_AFTER}"
_SAID: Final = rf"{_VERB} {AMOUNT} {_AFTER}"
_FRACTION: Final = rf"{AMOUNT} {_AFTER}"
_OPEN_LABEL: Final = rf"(?<![\w])(?:{_SCORE})\s*[:=]\s*(?P<said>[^\n]*\S)"


def find_score(plain: str, scale: Scale) -> float:
    """Return the one score that a plain text gives. Raises ``ValueError`` if there is none, or more than one."""
    plain = _without_scale_notes(plain, scale)
    for matches in (list(regex(_LABELLED_LAST).finditer(plain)), _stated(plain, scale), _alone(plain)):
        if matches:
            return only_one([value_of(match, scale) for match in matches])
    raise ValueError("no score stands in it")


def find_labelled(plain: str, scale: Scale) -> list[float]:
    """Return the scores that stand after a word such as ``Score``. Raises ``ValueError`` for one off the scale."""
    plain = _without_scale_notes(plain, scale)
    return [
        value_of(match, scale) for match in [*regex(_LABELLED_LAST).finditer(plain)] or regex(_LABELLED).finditer(plain)
    ]


def find_named(plain: str, names: Sequence[str], scale: Scale) -> float | None:
    """Return the score that stands after a name, ``None`` if there is none. Raises ``ValueError`` if there are two."""
    words = "|".join(map(_any_spelling, names))
    pattern = regex(rf"(?<! \w ) (?:{words}) (?: \s+ score)? {_IS} {AMOUNT} {_AFTER}")
    values = [value_of(match, scale) for match in pattern.finditer(plain)]
    return only_one(values) if values else None


def only_one(values: Iterable[float]) -> float:
    """Return the value that all are. Raises ``ValueError`` if there are several."""
    different = sorted(set(values))
    if len(different) > 1:
        raise ValueError(f"it gives different scores, {' and '.join(f'{value:g}' for value in different)}")
    return different[0]


def _without_scale_notes(plain: str, scale: Scale) -> str:
    for note in regex(_SCALE_NOTE).finditer(plain):
        low, high = float(note["low"]), float(note["high"])
        if (low, high) != (scale.low, scale.high):
            raise ValueError(f"it speaks of a scale from {low:g} to {high:g}, not {scale.low:g} to {scale.high:g}")
    return regex(_SCALE_NOTE).sub(lambda note: re.split(r"[(\[]|\d", note.group(), maxsplit=1)[0], plain)


def _stated(plain: str, scale: Scale) -> list[re.Match[str]]:
    """Return the amounts that are given as the score: after a word for it, after ``I rate``, or out of the highest."""
    labelled = list(regex(_LABELLED).finditer(plain))
    read = {match.start("number") for match in labelled}
    for label in regex(_OPEN_LABEL).finditer(plain):
        if not any(label.start("said") <= start < label.end() for start in read):
            raise ValueError(f"what stands as its score is not {scale.words}")
    said = [*regex(_SAID).finditer(plain), *regex(TOP_FIRST).finditer(plain)]
    fractions = [match for match in regex(_FRACTION).finditer(plain) if match["top"] or match["percent"]]
    fractions = [match for match in fractions if _is_rating(match, plain)]
    if labelled or said:
        fractions = [match for match in fractions if match["top"] == f"{scale.high:g}"]
    for match in [*fractions, *said]:
        if regex(_HEDGE).search(plain[max(0, match.start("number") - _LOOKED_BACK) : match.start("number")]):
            raise ValueError("it does not settle on a score")
    return [*labelled, *said, *fractions]


def _is_rating(fraction: re.Match[str], plain: str) -> bool:
    """Return whether a fraction is a sentence of its own, or stands in one that speaks of rating."""
    start = fraction.start("number")
    before = _SENTENCE.split(plain[max(0, start - _SENTENCE_LENGTH) : start])[-1]
    return not before.strip(" (\"'") or regex(_RATES).search(before) is not None


def _alone(plain: str) -> list[re.Match[str]]:
    """Return the amounts that stand on a line of their own."""
    matches = (match_amount(line) for line in plain.splitlines())
    return [match for match in matches if match is not None]


def find_choice(plain: str, labels: Sequence[str], choices: Sequence[str]) -> str:
    """Return the one choice that a plain text makes: after a label, or on a line of its own.

    Raises ``ValueError`` if there is none, or more than one.
    """
    by_length = sorted(choices, key=len, reverse=True)
    words, after = "|".join(map(_any_spelling, by_length)), "|".join(map(_any_spelling, labels))
    labelled = re.compile(
        rf"(?<!\w)(?:{after})\s*(?::|=|\bis\b|-)+\s*[\"'(\[]*(?P<choice>{words})(?!\w|\s*(?:/|\bor\b))", re.IGNORECASE
    )
    alone = re.compile(rf"^[\s\"'(\[#>-]*(?P<choice>{words})[\s\"')\].!]*$", re.IGNORECASE | re.MULTILINE)
    for pattern in (labelled, alone):
        made = {_spelling(match["choice"], choices) for match in pattern.finditer(plain)}
        if len(made) > 1:
            raise ValueError(f"it makes different choices, {' and '.join(sorted(made))}")
        if made:
            return made.pop()
    raise ValueError("none of the choices stands in it")


def _any_spelling(name: str) -> str:
    """Return a pattern of a name, whatever stands between its words."""
    return r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", name)))


def _spelling(written: str, choices: Sequence[str]) -> str:
    form = _form(written)
    return next(choice for choice in choices if _form(choice) == form)


def _form(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip()).casefold()


def match_choice(written: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a text is, however it spells it; ``None`` if it is none."""
    form = _form(written.strip(" \t\n\"'()[]*`.!"))
    return next((choice for choice in choices if _form(choice) == form), None)

"""What a judge model is asked to answer with: its JSON Schema, how it is told, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from pytest_promptevals.judges.excerpts import show_json
from pytest_promptevals.judges.model.choice_words import check_choice_around, find_choice, match_choice
from pytest_promptevals.judges.model.json_objects import Found, Object, add_member, locate_objects
from pytest_promptevals.judges.model.scales import Scale, plain_text, read_amount
from pytest_promptevals.judges.model.score_words import check_scores_around, find_scores
from pytest_promptevals.records.json_types import Json

REASONING: Final = "reasoning"
"""The key that comes first, so that a model thinks before it decides."""

_THOUGHT_MARK: Final = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_REASON_KEYS: Final = (REASONING, "reason", "rationale", "explanation", "justification", "analysis", "feedback")
_SCORE_KEYS: Final = ("score", "rating", "grade", "overall", "overall_score", "final_score", "overall_rating")
_CHOICE_KEYS: Final = ("verdict", "choice", "answer", "decision", "label", "category", "result", "winner")
_GROUP_KEYS: Final = ("dimensions", "scores", "ratings")
_INNER_KEYS: Final = ("score", "value", "rating", "grade")
_HIGHEST_KEYS: Final = ("max", "maximum", "max_score", "maximum_score", "out_of", "scale_max", "scale", "top", "total")
_WRAPPERS: Final = frozenset(
    [
        "evaluation",
        "result",
        "results",
        "verdict",
        "judgement",
        "judgment",
        "assessment",
        "output",
        "review",
        "grading",
        "answer",
        "response",
        "final",
    ]
)
"""Keys under which the whole answer may stand in an object of its own."""
_OTHER_KEYS: Final = frozenset(
    ["verdict", "mark", "marks", "points", "note", "nota", "result", "answer", "decision", "evaluation", "value"]
)
"""Keys that a score was not asked for under: a number there is another one."""
_REVISES: Final = re.compile(
    r"(?:^|_)(?:final|actual|revis\w*|correct(?:ed|ion)|adjusted|updated|amended|new|true|real)(?:_|$)"
)
"""In a key that is none of those known: what stands there may be the verdict that counts."""
_DEEPEST: Final = 4
_LONGEST_ANSWER: Final = 200_000
_MOST_VALUES: Final = 11
"""Numbers of a scale that are listed one by one in its schema."""

AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class AnswerForm(Protocol[AnswerT_co]):
    """One form of answer."""

    @property
    def name(self) -> str:
        """Name of the schema."""
        ...

    def schema(self) -> dict[str, Json]:
        """Return its JSON Schema, in which the reasoning comes first and the verdict last."""
        ...

    def instructions(self) -> str:
        """Return how a model is told to answer."""
        ...

    def read(self, text: str) -> AnswerT_co:
        """Return what an answer says. Raises ``ValueError``, saying what is wrong, rather than guess."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge model gave."""

    overall: float | None
    """Its score for the whole, on the scale; ``None`` if it gave only those of the dimensions."""
    dimensions: Mapping[str, float] = field(default_factory=dict)
    """Its score for each dimension, on the scale."""
    reasoning: str = ""
    """Why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a judge model chose."""

    choice: str
    """One of the choices, as the form spells it."""
    reasoning: str = ""
    """Why."""


@dataclass(frozen=True, slots=True)
class ScoreForm:
    """An answer with one score for the whole, and one for each dimension if there are any."""

    scale: Scale
    """What all scores are on."""
    dimensions: tuple[str, ...] = ()
    """Names of the dimensions, as keys."""
    name: str = "verdict"
    """Name of the schema."""

    def schema(self) -> dict[str, Json]:
        """Return the JSON Schema: reasoning, then each dimension, then ``score``."""
        return _object_schema({key: self._value_schema() for key in (*self.dimensions, "score")})

    def instructions(self) -> str:
        """Return how a model is told to answer."""
        keys = dict.fromkeys((*self.dimensions, "score"), f"<{self.scale.words}>")
        return _instructions(keys, "Put the score for the whole under score.")

    def read(self, text: str) -> Verdict:
        """Return the scores of an answer; the one for the whole may be missing where there are dimensions."""
        text = _without_thoughts(text)
        answers = _answers(text, self._is_holder)
        if not answers:
            values = find_scores(plain_text(text), self.scale, self.dimensions)
            return self._verdict(values, text.strip())
        verdicts = [self._read_object(data) for answer in answers for data in answer.holders]
        if any((one.overall, one.dimensions) != (verdicts[0].overall, verdicts[0].dimensions) for one in verdicts):
            raise ValueError("it holds several verdicts that differ")
        self._check_outside(text, answers, verdicts[0])
        return verdicts[0]

    def _verdict(self, values: Mapping[str, float], reasoning: str) -> Verdict:
        return Verdict(values.get(""), {name: values[name] for name in self.dimensions}, reasoning)

    def _value_schema(self) -> dict[str, Json]:
        scale = self.scale
        if scale.is_whole and scale.high - scale.low < _MOST_VALUES:
            return {"type": "integer", "enum": list(range(int(scale.low), int(scale.high) + 1))}
        # Bounds are not part of what every API takes.
        return {"type": "integer" if scale.is_whole else "number", "description": scale.words}

    def _is_holder(self, data: Object) -> bool:
        keys = data.keys()
        return any(key in keys for key in self.dimensions) or (
            not self.dimensions and any(k in keys for k in _SCORE_KEYS)
        )

    def _read_object(self, data: Object) -> Verdict:
        missing = [name for name in self.dimensions if data.get(name) is None]
        if missing:
            raise ValueError(f"there is no score for {', '.join(missing)}")
        self._check_scale(data)
        dimensions = {name: self._read_value(data[name], name) for name in self.dimensions}
        given = {
            self._read_value(data[key], key)
            for key in _SCORE_KEYS
            if key not in dimensions and data.get(key) is not None
        }
        if len(given) > 1:
            raise ValueError(f"it gives different scores, {' and '.join(f'{value:g}' for value in sorted(given))}")
        if not given and not dimensions:
            raise ValueError("there is no score")
        overall = given.pop() if given else None
        self._check_revision(data, overall)
        return Verdict(overall, dimensions, _reasoning_of(data))

    def _read_value(self, value: Any, key: str) -> float:
        if isinstance(value, dict):
            inner = _flatten(value)
            self._check_scale(inner)
            given = [inner[name] for name in _INNER_KEYS if name in inner]
            value = given[0] if len(given) == 1 else value
        try:
            return read_amount(value, self.scale)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None

    def _check_scale(self, data: Object) -> None:
        """Raise ``ValueError`` if an object says that its numbers are on another scale."""
        low, high = self.scale.low, self.scale.high
        for key in _HIGHEST_KEYS:
            if key in data and key not in self.dimensions and data[key] not in (high, f"{high:g}", f"{low:g}-{high:g}"):
                raise ValueError(f"{key}: {show_json(data[key])} is not the scale from {low:g} to {high:g}")

    def _check_revision(self, data: Object, overall: float | None) -> None:
        known = {*self.dimensions, *_SCORE_KEYS, *_REASON_KEYS}
        for key in data.keys() - known:
            is_other = key in _OTHER_KEYS and isinstance(data[key], int | float)
            if (is_other or _REVISES.search(key)) and data[key] != overall:
                raise ValueError(f"it says something else under {key!r}")

    def _check_outside(self, text: str, answers: Sequence[Answer], verdict: Verdict) -> None:
        """Raise ``ValueError`` if the sentences around the JSON give another score than it does, or doubt it."""
        values = dict(verdict.dimensions) if verdict.overall is None else {**verdict.dimensions, "": verdict.overall}
        before, after = _outside(text, answers)
        check_scores_around(before, after, values, self.scale, self.dimensions)


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """An answer that is one of several choices."""

    choices: tuple[str, ...]
    """The choices, as they are to be spelled."""
    key: str = "verdict"
    """The key that the choice stands under."""
    name: str = "choice"
    """Name of the schema."""

    def schema(self) -> dict[str, Json]:
        """Return the JSON Schema: reasoning, then the choice."""
        return _object_schema({self.key: {"type": "string", "enum": list(self.choices)}})

    def instructions(self) -> str:
        """Return how a model is told to answer."""
        options = ", ".join(json.dumps(choice, ensure_ascii=False) for choice in self.choices)
        return _instructions({self.key: "<your choice>"}, f"The choice is exactly one of: {options}.")

    def read(self, text: str) -> Choice:
        """Return the choice of an answer."""
        text = _without_thoughts(text)
        keys = tuple(dict.fromkeys((self.key, *_CHOICE_KEYS)))
        answers = _answers(text, lambda data: any(key in data for key in keys))
        if not answers:
            return Choice(find_choice(plain_text(text), keys, self.choices), text.strip())
        holders = [data for answer in answers for data in answer.holders]
        chosen = {self._read_value(data[key]) for data in holders for key in keys if data.get(key) is not None}
        if len(chosen) != 1:
            raise ValueError(
                f"it makes different choices, {' and '.join(sorted(chosen))}" if chosen else "there is no choice"
            )
        choice = chosen.pop()
        for data in holders:
            self._check_revision(data, choice, keys)
        check_choice_around(*_outside(text, answers), choice, keys, self.choices)
        return Choice(choice, _reasoning_of(holders[0]))

    def _read_value(self, value: Any) -> str:
        choice = match_choice(plain_text(value), self.choices) if isinstance(value, str) else None
        if choice is None:
            raise ValueError(f"{show_json(value)} is none of: {', '.join(self.choices)}")
        return choice

    def _check_revision(self, data: Object, choice: str, keys: Sequence[str]) -> None:
        for key in data.keys() - {*keys, *_REASON_KEYS}:
            value = data[key]
            if _REVISES.search(key) and (not isinstance(value, str) or match_choice(value, self.choices) != choice):
                raise ValueError(f"it says something else under {key!r}")


def _object_schema(properties: Mapping[str, Json]) -> dict[str, Json]:
    everything: dict[str, Json] = {REASONING: {"type": "string"}, **properties}
    return {
        "type": "object",
        "properties": everything,
        "required": list(everything),
        "additionalProperties": False,
    }


def _instructions(keys: Mapping[str, str], note: str) -> str:
    lines = [f'  "{key}": {value}' for key, value in {REASONING: '"<your reasoning>"', **keys}.items()]
    shape = "{\n" + ",\n".join(lines) + "\n}"
    return (
        "Answer with one JSON object and nothing else, with these keys in this order. Write the reasoning first, in at "
        f"most five sentences, and let the rest follow from it. {note}\n\n{shape}"
    )


def _without_thoughts(text: str) -> str:
    """Return an answer without the thoughts that some servers leave in it. Raises ``ValueError`` if nothing is left."""
    if len(text) > _LONGEST_ANSWER:
        raise ValueError(f"it is {len(text):,} characters long")
    text = _behind_thoughts(text).strip()
    if text.startswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        text = inner if isinstance(inner, str) else text
    if not text:
        raise ValueError("it is empty")
    return text


def _behind_thoughts(text: str) -> str:
    """Return what follows thoughts at the start. Some servers leave out their first mark: then the last has its line.

    Further on, or in a line, the marks may be quoted.
    """
    mark = _THOUGHT_MARK.search(text)
    if mark is None:
        return text
    before = text[: mark.start()]
    if not mark[1]:
        if before.strip():
            return text
        closing = next((found for found in _THOUGHT_MARK.finditer(text, mark.end()) if found[1]), None)
        return "" if closing is None else text[closing.end() :]
    line_before, line_behind = before.rpartition("\n"), text[mark.end() :].partition("\n")
    has_line = line_before[1] and line_behind[1] and not line_before[2].strip() and not line_behind[0].strip()
    return line_behind[2] if has_line and "{" not in before else text


@dataclass(frozen=True, slots=True)
class Answer:
    """An object of a text that holds an answer, or several."""

    found: Found
    """The object, and where it stands."""
    holders: list[Object]
    """It, or those in it, that hold the keys of an answer."""


def _answers(text: str, is_holder: Callable[[Object], bool]) -> list[Answer]:
    """Return the objects that hold an answer. Raises ``ValueError`` if there are objects, and none is fit for one."""
    objects = locate_objects(text)
    answers = [Answer(found, holders) for found in objects if (holders := _holders([found.value], is_holder))]
    if objects and not answers:
        raise ValueError("its JSON does not hold the keys that were asked for")
    if answers and objects[-1].start > answers[-1].found.start:
        raise ValueError("it holds further JSON behind its verdict")
    return answers


def _outside(text: str, answers: Sequence[Answer]) -> tuple[str, str]:
    """Return the plain texts before and behind the answers; those between them count as before."""
    *between, last = answers
    places = [0, *(answer.found.end for answer in between)], [answer.found.start for answer in answers]
    before = "\n".join(text[start:end] for start, end in zip(*places, strict=True))
    return plain_text(before), plain_text(text[last.found.end :])


def _holders(objects: Sequence[Object], is_holder: Callable[[Object], bool], depth: int = 0) -> list[Object]:
    """Return the objects that hold an answer, those too that are all of another one."""
    found: list[Object] = []
    for data in map(_flatten, objects):
        if is_holder(data):
            found.append(data)
        elif depth < _DEEPEST and len(data) == 1 and data.keys() <= _WRAPPERS:
            found += _holders(_objects_in(*data.values()), is_holder, depth + 1)
    return found


def _objects_in(value: Any) -> list[Object]:
    items = value if isinstance(value, list) else [value]
    return [entry for entry in items if isinstance(entry, dict)]


def _flatten(data: Object) -> Object:
    """Return an object with its keys in one spelling, and scores that stand in an object of their own lifted up.

    Raises ``ValueError`` if it says the same thing twice, and not the same.
    """
    flat: Object = {}
    for key, value in data.items():
        if _key(key) in _GROUP_KEYS and isinstance(value, dict):
            for name, item in value.items():
                add_member(flat, _key(name), item)
        else:
            add_member(flat, _key(key), value)
    return flat


def _key(name: str) -> str:
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


def _reasoning_of(data: Object) -> str:
    texts = [data[key] for key in _REASON_KEYS if isinstance(data.get(key), str)]
    return str(texts[0]).strip() if texts else ""

"""What a judge model is asked to answer with: its JSON Schema, how it is told, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from pytest_promptevals.judges.excerpts import show_json
from pytest_promptevals.judges.model.choice_words import (
    check_choice_around,
    check_choice_thought,
    find_choice,
    match_choice,
)
from pytest_promptevals.judges.model.json_objects import Found, Object, add_member, locate_objects
from pytest_promptevals.judges.model.other_keys import REASON_KEYS, REASONING, disputed, key_form
from pytest_promptevals.judges.model.scales import Scale, plain_text, read_amount
from pytest_promptevals.judges.model.score_words import check_scores_around, check_scores_thought, find_scores
from pytest_promptevals.judges.model.thoughts import check_code_marks, part_thoughts
from pytest_promptevals.records.json_types import Json

_SCORE_KEYS: Final = ("score", "rating", "grade", "overall", "overall_score", "final_score", "overall_rating")
_CHOICE_KEYS: Final = ("verdict", "choice", "answer", "decision", "label", "category", "result", "winner")
_GROUP_KEYS: Final = ("dimensions", "scores", "ratings")
_INNER_KEYS: Final = ("score", "value", "rating", "grade")
_HIGHEST_KEYS: Final = (
    *("max", "maximum", "max_score", "maximum_score", "max_points", "max_rating", "out_of", "scale_max", "scale"),
    *("top", "total", "range", "score_range", "rating_scale", "score_scale"),
)
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
_DEEPEST: Final = 4
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
        thoughts, answer = part_thoughts(text)
        verdict = self._read_answer(answer)
        check_scores_thought(plain_text(thoughts), self._values_of(verdict), self.scale, self.dimensions)
        return verdict

    def _read_answer(self, text: str) -> Verdict:
        answers = _answers(text, self._is_holder)
        check_code_marks(text, [(answer.found.start, answer.found.end) for answer in answers])
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
        self._check_others(data, overall, dimensions)
        return Verdict(overall, dimensions, _reasoning_of(data))

    def _read_value(self, value: Any, key: str) -> float:
        if isinstance(value, dict):
            return self._read_inner(value, key)
        try:
            return read_amount(value, self.scale)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None

    def _read_inner(self, value: Object, key: str) -> float:
        """Return the one number of an object that stands in the place of a number."""
        inner = _flatten(value)
        self._check_scale(inner)
        given = [inner[name] for name in _INNER_KEYS if name in inner]
        if len(given) != 1 or isinstance(given[0], dict):
            raise ValueError(f"{key}: {show_json(value)} is not {self.scale.words}")
        number = self._read_value(given[0], key)
        self._check_others(inner, number, {}, _INNER_KEYS)
        return number

    def _check_scale(self, data: Object) -> None:
        """Raise ``ValueError`` if an object says that its numbers are on another scale."""
        for key in _HIGHEST_KEYS:
            if key in data and key not in self.dimensions and not self._is_the_scale(data[key]):
                scale = f"the scale from {self.scale.low:g} to {self.scale.high:g}"
                raise ValueError(f"{key}: {show_json(data[key])} is not {scale}")

    def _is_the_scale(self, value: Any) -> bool:
        low, high = self.scale.low, self.scale.high
        return value in (high, f"{high:g}", f"{low:g}-{high:g}", f"{low:g} to {high:g}", [low, high])

    def _check_others(
        self,
        data: Object,
        overall: float | None,
        dimensions: Mapping[str, float],
        asked: Sequence[str] = _SCORE_KEYS,
    ) -> None:
        """Raise ``ValueError`` if a key that was not asked for says something else."""
        for key, value in disputed(data, {*self.dimensions, *asked, *REASON_KEYS, *_HIGHEST_KEYS}).items():
            expected = next((number for name, number in dimensions.items() if name in key), overall)
            if expected is None or not self._says(value, expected):
                raise ValueError(f"it says something else under {key!r}")

    def _says(self, value: Any, expected: float) -> bool:
        try:
            return self._read_value(value, "") == expected
        except ValueError:
            return False

    def _check_outside(self, text: str, answers: Sequence[Answer], verdict: Verdict) -> None:
        """Raise ``ValueError`` if the sentences around the JSON give another score than it does, or doubt it."""
        check_scores_around(*_outside(text, answers), self._values_of(verdict), self.scale, self.dimensions)

    @staticmethod
    def _values_of(verdict: Verdict) -> dict[str, float]:
        whole = {} if verdict.overall is None else {"": verdict.overall}
        return {**verdict.dimensions, **whole}


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
        keys = tuple(dict.fromkeys((self.key, *_CHOICE_KEYS)))
        thoughts, answer = part_thoughts(text)
        choice = self._read_answer(answer, keys)
        check_choice_thought(plain_text(thoughts), choice.choice, keys, self.choices)
        return choice

    def _read_answer(self, text: str, keys: Sequence[str]) -> Choice:
        answers = _answers(text, lambda data: any(key in data for key in keys))
        check_code_marks(text, [(answer.found.start, answer.found.end) for answer in answers])
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
            self._check_others(data, choice, keys)
        check_choice_around(*_outside(text, answers), choice, keys, self.choices)
        return Choice(choice, _reasoning_of(holders[0]))

    def _read_value(self, value: Any) -> str:
        if isinstance(value, bool) and {*self.choices} == {"yes", "no"}:
            return "yes" if value else "no"
        choice = match_choice(plain_text(value), self.choices) if isinstance(value, str) else None
        if choice is None:
            raise ValueError(f"{show_json(value)} is none of: {', '.join(self.choices)}")
        return choice

    def _check_others(self, data: Object, choice: str, keys: Sequence[str]) -> None:
        """Raise ``ValueError`` if a key that was not asked for says something else."""
        for key, value in disputed(data, {*keys, *REASON_KEYS}).items():
            inner = [_flatten(value).get(name) for name in keys] if isinstance(value, dict) else [value]
            if {self._choice_or_none(one) for one in inner if one is not None} != {choice}:
                raise ValueError(f"it says something else under {key!r}")

    def _choice_or_none(self, value: Any) -> str | None:
        try:
            return self._read_value(value)
        except ValueError:
            return None


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
        if key_form(key) in _GROUP_KEYS and isinstance(value, dict):
            for name, item in value.items():
                add_member(flat, key_form(name), item)
        else:
            add_member(flat, key_form(key), value)
    return flat


def _reasoning_of(data: Object) -> str:
    texts = [data[key] for key in REASON_KEYS if isinstance(data.get(key), str)]
    return str(texts[0]).strip() if texts else ""

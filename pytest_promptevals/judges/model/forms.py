"""What a judge model is asked to answer with: its JSON Schema, how it is told, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from pytest_promptevals.judges.model.json_objects import Object, find_objects
from pytest_promptevals.judges.model.prose import (
    find_choice,
    find_labelled,
    find_named,
    find_score,
    match_choice,
    only_one,
)
from pytest_promptevals.judges.model.scales import Scale, plain_text, read_amount
from pytest_promptevals.records.json_types import Json

REASONING: Final = "reasoning"
"""The key that comes first, so that a model thinks before it decides."""

_THOUGHTS: Final = re.compile(
    r"\A(?:\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)|[^{]*</think(?:ing)?>)", re.DOTALL | re.IGNORECASE
)
"""What stands first; some servers leave out its first mark. Further on, the marks may be quoted."""
_REASON_KEYS: Final = (REASONING, "reason", "rationale", "explanation", "justification", "analysis", "feedback")
_SCORE_KEYS: Final = ("score", "rating", "grade", "overall", "overall_score", "final_score", "overall_rating", "total")
_CHOICE_KEYS: Final = ("verdict", "choice", "answer", "decision", "label", "category", "result", "winner")
_GROUP_KEYS: Final = ("dimensions", "scores", "ratings")
_INNER_KEYS: Final = ("score", "value", "rating", "grade")
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
        holders = _holders(find_objects(text), self._is_holder)
        if not holders:
            return self._read_prose(text)
        verdicts = [self._read_object(holder) for holder in holders]
        if any((one.overall, one.dimensions) != (verdicts[0].overall, verdicts[0].dimensions) for one in verdicts):
            raise ValueError("it holds several verdicts that differ")
        self._check_outside(text, verdicts[0])
        return verdicts[0]

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
        dimensions = {name: self._read_value(data[name], name) for name in self.dimensions}
        given = [self._read_value(data[key], key) for key in _SCORE_KEYS if data.get(key) is not None]
        if not given and not dimensions:
            raise ValueError("there is no score")
        return Verdict(only_one(given) if given else None, dimensions, _reasoning_of(data))

    def _read_value(self, value: Any, key: str) -> float:
        if isinstance(value, dict):
            inner = [value[name] for name in _INNER_KEYS if name in value]
            value = inner[0] if len(inner) == 1 else value
        try:
            return read_amount(value, self.scale)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None

    def _check_outside(self, text: str, verdict: Verdict) -> None:
        """Raise ``ValueError`` if the sentences around the JSON give another score than it does."""
        first, last = text.find("{"), text.rfind("}")
        if verdict.overall is None or last < first:
            return
        outside = plain_text(f"{text[:first]}\n{text[last + 1 :]}")
        only_one([verdict.overall, *find_labelled(outside, self.scale)])

    def _read_prose(self, text: str) -> Verdict:
        plain = plain_text(text)
        if not self.dimensions:
            return Verdict(find_score(plain, self.scale), reasoning=text.strip())
        found = {name: find_named(plain, (name,), self.scale) for name in self.dimensions}
        missing = [name for name, value in found.items() if value is None]
        if missing:
            raise ValueError(f"there is no score for {', '.join(missing)}")
        overall = find_labelled(plain, self.scale)
        dimensions = {name: value for name, value in found.items() if value is not None}
        return Verdict(only_one(overall) if overall else None, dimensions, text.strip())


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
        keys = dict.fromkeys((self.key, *_CHOICE_KEYS))
        holders = _holders(find_objects(text), lambda data: any(key in data for key in keys))
        if not holders:
            return Choice(find_choice(plain_text(text), list(keys), self.choices), text.strip())
        chosen = {self._read_value(data[key]) for data in holders for key in keys if data.get(key) is not None}
        if len(chosen) != 1:
            raise ValueError(
                f"it makes different choices, {' and '.join(sorted(chosen))}" if chosen else "there is no choice"
            )
        return Choice(chosen.pop(), _reasoning_of(holders[0]))

    def _read_value(self, value: Any) -> str:
        choice = match_choice(value, self.choices) if isinstance(value, str) else None
        if choice is None:
            raise ValueError(f"{json.dumps(value, ensure_ascii=False)[:80]} is none of: {', '.join(self.choices)}")
        return choice


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
    text = _THOUGHTS.sub("", text).strip()
    if text.startswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        text = inner if isinstance(inner, str) else text
    if not text:
        raise ValueError("it is empty")
    return text


def _holders(objects: Sequence[Object], is_holder: Callable[[Object], bool], depth: int = 0) -> list[Object]:
    """Return the objects that hold an answer, those inside of others too."""
    found: list[Object] = []
    for data in map(_flatten, objects):
        if is_holder(data):
            found.append(data)
        elif depth < _DEEPEST:
            inner = [item for value in data.values() for item in _objects_in(value)]
            found += _holders(inner, is_holder, depth + 1)
    return found


def _objects_in(value: Any) -> list[Object]:
    items = value if isinstance(value, list) else [value]
    return [entry for entry in items if isinstance(entry, dict)]


def _flatten(data: Object) -> Object:
    """Return an object with its keys in one spelling, and scores that stand in an object of their own lifted up."""
    flat = {_key(key): value for key, value in data.items()}
    for group in _GROUP_KEYS:
        if isinstance(flat.get(group), dict):
            flat = {**{_key(key): value for key, value in flat.pop(group).items()}, **flat}
    return flat


def _key(name: str) -> str:
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


def _reasoning_of(data: Object) -> str:
    texts = [data[key] for key in _REASON_KEYS if isinstance(data.get(key), str)]
    return str(texts[0]).strip() if texts else ""

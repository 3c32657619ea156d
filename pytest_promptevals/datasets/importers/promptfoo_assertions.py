"""Assertions of promptfoo as judges: those that need no model, and sets of assertions."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.drafting import literal, literal_data
from pytest_promptevals.datasets.importers.foreign import Fields, Losses
from pytest_promptevals.datasets.importers.promptfoo_csv import split_list
from pytest_promptevals.datasets.importers.promptfoo_differences import DIFFERENCES
from pytest_promptevals.datasets.importers.promptfoo_edits import is_exact, is_folded, least_share
from pytest_promptevals.datasets.importers.promptfoo_files import Files
from pytest_promptevals.datasets.importers.promptfoo_given import Given, Scope, UnfitError
from pytest_promptevals.datasets.importers.promptfoo_graded import Graded
from pytest_promptevals.datasets.importers.promptfoo_judges import UNREACHABLE, Judge, reach, unique_labels
from pytest_promptevals.datasets.importers.promptfoo_patterns import read_pattern, read_schema
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates, js_text
from pytest_promptevals.datasets.importers.promptfoo_types import LOST
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_TRANSFORMED: Final = (
    "the output is transformed by a script before it is judged; the assertion is left out. Write it as a function for "
    "the judge 'python'"
)
_SHARE: Final = (
    "a threshold of {threshold} asks for a part of the {count} assertions, which a group cannot: it has all_of and "
    "any_of; the set is left out"
)
_UNNEEDED: Final = "what the threshold of a set does not need decides nothing within it; left out"
_WEIGHTS: Final = (
    "the weights of assertions in a set decide whether its threshold is reached; the score of the group is that of one "
    "of its judges, not their mean"
)
_IGNORES_NOT: Final = (
    *("factuality", "model-graded-factuality", "model-graded-closedqa", "answer-relevance", "context-faithfulness"),
)
_LAST_OF_PLANE: Final = 0xFFFF
_OF_CALLS: Final = frozenset({"latency", "cost", "finish-reason"})
"""Types that look at the call, not at the output."""
_MOST_WEIGHT: Final = 1_000_000
_EDITS_ALLOWED: Final = 5
_LEAST_ROUGE: Final = 0.75
_LEAST: Final = 0.5


class Assertions:
    """Makes judges of assertions.

    Args:
        losses: takes what has no equivalent.
        templates: brings texts into our form.
        files: reads what values name with ``file://``.
        judge_model: what judges ask that name no model.
    """

    def __init__(self, losses: Losses, templates: Templates, files: Files, judge_model: str) -> None:
        self._losses = losses
        self._templates = templates
        self._files = files
        self.graded = Graded(losses, judge_model)
        self._makers: Mapping[str, Callable[[Given], Judge]] = {
            "equals": self._equals,
            "contains": lambda given: self._holds(given, "contains"),
            "icontains": lambda given: self._holds(given, "icontains"),
            "contains-all": lambda given: self._lists(given, "contains_all", {}),
            "contains-any": lambda given: self._lists(given, "contains_any", {}),
            "icontains-all": lambda given: self._lists(given, "contains_all", {"ignore_case": True}),
            "icontains-any": lambda given: self._lists(given, "contains_any", {"ignore_case": True}),
            "starts-with": lambda given: Judge("starts_with", {"value": given.text(), "strip": False}),
            "regex": self._regex,
            "is-json": lambda given: self._json(given, {}, DIFFERENCES["is-json"]),
            "contains-json": lambda given: self._json(given, {"extract": True}, DIFFERENCES["contains-json"]),
            "levenshtein": self._levenshtein,
            "rouge-n": lambda given: self._like(
                given, "rouge", {"variant": "rouge1"}, _LEAST_ROUGE, DIFFERENCES["rouge-n"]
            ),
            "bleu": lambda given: self._like(given, "bleu", {"ignore_case": True}, _LEAST, DIFFERENCES["bleu"]),
            "meteor": lambda given: self._like(given, "meteor", {}, _LEAST, DIFFERENCES["meteor"]),
            "word-count": _word_count,
            "latency": lambda given: Judge("latency", {"max": _short(given.needed_threshold() / 1000)}),
            "cost": lambda given: Judge("cost", {"max": given.needed_threshold()}),
            "finish-reason": lambda given: Judge("finish_reason", {"value": given.text()}),
            "is-refusal": self._refusal,
            **self.graded.makers,
        }

    def judges_of(self, written: Sequence[tuple[Json, Source]], scope: Scope) -> list[Judge]:
        """Return the judges of a case.

        Args:
            written: the assertions, each with its place.
            scope: what is known of the case.
        """
        return [judge for data, source in written for judge in self._read(data, source, scope)]

    def _read(self, data: Json, source: Source, scope: Scope) -> list[Judge]:
        if not isinstance(data, dict):
            self._losses.add(
                source, "is no assertion but a reference or text; left out. Write it out, and import again"
            )
            return []
        with Fields(data, source, self._losses) as fields:
            kind = fields.take_text("type")
            if kind == "assert-set":
                return self._read_set(fields, scope)
            found = self._read_one(kind, fields, scope)
            if found is None:
                fields.rest()
            return [] if found is None else [found]

    def _read_one(self, kind: str, fields: Fields, scope: Scope) -> Judge | None:
        base, negated = kind.removeprefix("not-"), kind.startswith("not-")
        maker = self._makers.get(base)
        if maker is None or fields.take("transform", "contextTransform") is not None:
            message = LOST.get(base, "is no type of assertion that is known; left out")
            self._losses.add(
                fields.source, f"{base or 'an assertion without a type'}: {message}" if maker is None else _TRANSFORMED
            )
            return None
        if negated and base in _IGNORES_NOT:
            self._losses.add(fields.source, f"promptfoo does not negate {base}: 'not-' is left out", "type")
            negated = False
        label, weight = self._label(fields, scope), self._weight(fields)
        try:
            if scope.is_recorded and base in _OF_CALLS:
                raise UnfitError("a recorded output has none")
            judge = _checked(maker(Given(base, fields, scope, self._templates, self._files)))
        except (UnfitError, ValueError) as error:
            self._losses.add(fields.source, f"{base}: {error}; left out")
            return None
        return dataclasses.replace(judge, negated=negated, weight=weight, required=weight != 0, label=label)

    def _weight(self, fields: Fields) -> float:
        written = fields.take_number("weight")
        weight = 1 if written is None else written
        if weight > _MOST_WEIGHT:
            self._losses.add(
                fields.source, f"a weight of {weight:g} is too large; it counts as {_MOST_WEIGHT}", "weight"
            )
            return _MOST_WEIGHT
        if weight < 0:
            self._losses.add(fields.source, f"a weight of {weight:g} is none here; it counts as 1", "weight")
            return 1
        return weight

    def _label(self, fields: Fields, scope: Scope) -> str:
        metric = fields.take_text("metric")
        converted = self._templates.convert(metric, fields.part("metric"), scope.renames)
        return self._templates.render(converted, scope.variables).strip()

    def _read_set(self, fields: Fields, scope: Scope) -> list[Judge]:
        source = fields.part("assert")
        written = [(data, source.part(index)) for index, data in enumerate(fields.take_list("assert"))]
        label, weight = self._label(fields, scope), self._weight(fields)
        threshold = fields.take_number("threshold")
        if threshold is not None and threshold > 1:
            self._losses.add(fields.source, UNREACHABLE.format(threshold=threshold), "threshold")
            threshold = None
        labelled = unique_labels(self.judges_of(written, scope))
        judges = [judge for judge in labelled if judge.weight]
        if len(judges) < len(labelled):
            self._losses.add(fields.source, "an assertion with weight 0 decides nothing within a set; left out")
        if not judges:
            return []
        if any(judge.weight != 1 for judge in judges):
            self._losses.add(fields.source, _WEIGHTS)
        found = reach(judges, threshold)
        if found is None:
            message = _SHARE.format(threshold=threshold, count=len(judges))
            self._losses.add(fields.source, message, "threshold")
            return []
        # A set without weight fails the test all the same: only an assertion without weight does not.
        needed = [judge for judge in found if judge.required]
        if needed and len(needed) < len(found):
            self._losses.add(fields.source, _UNNEEDED)
        children = needed or found
        group = children[0] if len(children) == 1 and children[0].children else Judge("all_of", children=children)
        return [dataclasses.replace(group, weight=weight, required=bool(needed), label=label)]

    def _equals(self, given: Given) -> Judge:
        value = given.value
        if value is None and not given.has_value:
            raise UnfitError("names no value to compare with")
        if isinstance(value, dict | list) or value is None:
            items = given.texts() if isinstance(value, list) else literal_data(value)
            self._note(given, DIFFERENCES["is-json"])
            return Judge("json_equal", {"value": items})
        return Judge("exact", {"value": "" if value == "" else given.text(), "strip": False})

    def _holds(self, given: Given, name: str) -> Judge:
        if name == "icontains":
            self._note_folding(given, [given.rendered()])
        return Judge(name, {"value": given.text()})

    def _lists(self, given: Given, name: str, options: Mapping[str, Json]) -> Judge:
        values: list[Json]
        if isinstance(given.value, list):
            values = given.texts(as_texts=True)
        else:
            values = [literal(text) for text in split_list(given.rendered())]
        if not values and name == "contains_all":
            return Judge("length", {"min": 0})
        if not values:
            raise UnfitError("holds no texts")
        if options:
            self._note_folding(given, [str(value) for value in values])
        return Judge(name, {"values": values, **options})

    def _note_folding(self, given: Given, texts: Sequence[str]) -> None:
        if any(map(is_folded, texts)):
            self._note(given, DIFFERENCES["case"])

    def _regex(self, given: Given) -> Judge:
        found = read_pattern(given.text(), given.rendered())
        if found.counts_pairs:
            self._note(given, DIFFERENCES["pairs"])
        return Judge("regex", found.parameters)

    def _json(self, given: Given, options: Mapping[str, Json], note: str) -> Judge:
        self._note(given, note)
        if given.value in (None, ""):
            return Judge("json_valid", dict(options))
        return Judge("json_schema", {"schema": read_schema(given, self._losses), **options})

    def _levenshtein(self, given: Given) -> Judge:
        value, filled = given.text(), given.rendered()
        length = len(filled)
        if any(ord(char) > _LAST_OF_PLANE for char in filled):
            self._note(given, DIFFERENCES["emoji"])
        edits = math.floor(given.threshold(_EDITS_ALLOWED))
        if edits < 1:
            return Judge("exact", {"value": value, "strip": False})
        least = least_share(edits, length)
        near = Judge("levenshtein", {"value": value, "strip": False, "threshold": least})
        if is_exact(least, edits, length):
            return near
        self._note(given, DIFFERENCES["levenshtein"])
        return Judge("all_of", children=[near, Judge("length", {"max": length + edits})], is_binary=True)

    def _like(self, given: Given, name: str, options: Mapping[str, Json], least: float, note: str) -> Judge:
        self._note(given, note)
        value: Json = given.texts() if isinstance(given.value, list) else given.text()
        return Judge(name, {"value": value, **options, "threshold": given.threshold(least)})

    def _refusal(self, given: Given) -> Judge:
        self._note(given, DIFFERENCES["is-refusal"])
        return Judge("refusal")

    def _note(self, given: Given, note: str) -> None:
        self.graded.counted.add(given.fields.source, note)


def _checked(judge: Judge) -> Judge:
    """Return a judge whose threshold is one. Raises ``UnfitError`` for another."""
    threshold = judge.parameters.get("threshold", 0)
    if not 0 <= threshold <= 1:
        raise UnfitError(f"its threshold must be between 0 and 1, but is {threshold:g}")
    return judge


def _word_count(given: Given) -> Judge:
    value = given.value
    if isinstance(value, dict) and value.keys() <= {"min", "max"} and value:
        return Judge("word_count", {key: _count(limit) for key, limit in value.items()})
    count = _count(value) if isinstance(value, int | float) else _count(given.rendered())
    return Judge("word_count", {"min": count, "max": count})


def _count(value: Json) -> int:
    text = js_text(value).strip()
    if not re.fullmatch(r"[0-9]+", text):
        raise UnfitError(f"{text!r} is no number of words")
    return int(text)


def _short(number: float) -> float:
    return int(number) if number.is_integer() else number

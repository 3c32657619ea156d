"""Judges as assertions of promptfoo."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_given import Given, Scope, UnfitError
from pytest_promptevals.datasets.exporters.promptfoo_graded import Graded
from pytest_promptevals.datasets.exporters.promptfoo_groups import Assertion, Group, Part, negate
from pytest_promptevals.datasets.exporters.promptfoo_judges import LEAST, LOST, UNKNOWN
from pytest_promptevals.datasets.exporters.promptfoo_patterns import for_javascript
from pytest_promptevals.datasets.exporters.promptfoo_templates import Templates
from pytest_promptevals.datasets.importers.promptfoo_differences import DIFFERENCES
from pytest_promptevals.datasets.importers.promptfoo_edits import allowed_edits, is_exact, least_share
from pytest_promptevals.records.cases import JudgeSpec

_STRIPPED: Final = "white space around the output counts in promptfoo; 'strip: false' says so here"
_CASE: Final = "upper and lower case cannot be the same there; left out"
_CHILD: Final = "a judge in it has no equivalent in promptfoo; the group is left out"
_THRESHOLD: Final = "a group has no threshold of its own in promptfoo; left out"
_GROUP_NAME: Final = "a group within a group has no name in promptfoo; left out"
_TOLERANCE: Final = "data has to be the same in promptfoo: no tolerance, and no other order; left out"
_EXTRACT: Final = "the whole output has to be the data in promptfoo; left out"
_NO_DATA: Final = "there is no data to compare with; left out"
_BLEU_CASE: Final = "upper and lower case are the same in promptfoo; 'ignore_case: true' says so here"
_ROUGE_ONE: Final = "only 'variant: rouge1' with 'measure: f1' has an equivalent, 'rouge-n'; left out"


class Assertions:
    """Writes judges as assertions.

    Args:
        lost: takes what has no equivalent.
        templates: brings texts into promptfoo's form.
        graded: writes judges that ask a model.
    """

    def __init__(self, lost: Lost, templates: Templates, graded: Graded) -> None:
        self._lost = lost
        self._templates = templates
        self._makers: Mapping[str, Callable[[Given], Sequence[Assertion]]] = {
            "exact": self._exact,
            "contains": lambda given: _holds(given, "contains"),
            "icontains": lambda given: _holds(given, "icontains"),
            "contains_all": lambda given: _lists(given, "contains-all"),
            "contains_any": lambda given: _lists(given, "contains-any"),
            "starts_with": self._starts_with,
            "regex": self._regex,
            "json_valid": self._json,
            "json_schema": self._json,
            "json_equal": self._json_equal,
            "levenshtein": self._levenshtein,
            "rouge": self._rouge,
            "bleu": self._bleu,
            "meteor": lambda given: self._like(given, "meteor", is_list=True),
            "word_count": _word_count,
            "latency": lambda given: [Assertion("latency", {"threshold": _short(given.take("max") * 1000)})],
            "cost": lambda given: [Assertion("cost", {"threshold": given.take("max")})],
            "finish_reason": lambda given: [Assertion("finish-reason", {"value": text}) for text in given.wanted()],
            "refusal": self._refusal,
            **graded.makers,
        }

    def read(self, spec: JudgeSpec, scope: Scope) -> Part | None:
        """Return what a judge becomes; ``None`` and a loss if promptfoo has no equivalent."""
        try:
            found = self._edits(spec, scope) or self._read(spec, scope)
        except UnfitError as error:
            self._lost.judge(spec, str(error))
            return None
        return negate(found) if spec.negated else found

    def _read(self, spec: JudgeSpec, scope: Scope) -> Part:
        if spec.children:
            return self._read_group(spec, scope)
        maker = self._makers.get(spec.judge)
        if maker is None:
            raise UnfitError(LOST.get(spec.judge, UNKNOWN))
        given = Given(spec, scope, self._templates, self._lost)
        found = maker(given)
        given.lose_rest()
        return found[0] if len(found) == 1 else Group(found, needs_all=False)

    def _read_group(self, spec: JudgeSpec, scope: Scope) -> Group:
        parts = [self._read_child(child, scope) for child in spec.children]
        if spec.threshold is not None:
            self._lost.judge(spec, _THRESHOLD, "threshold")
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            raise UnfitError(_CHILD)
        return Group(found, needs_all=spec.judge == "all_of")

    def _read_child(self, spec: JudgeSpec, scope: Scope) -> Part | None:
        part, label = self.read(spec, scope), scope.metric(spec)
        if label and isinstance(part, Assertion):
            return replace(part, fields={**part.fields, "metric": label})
        if label and part is not None:
            self._lost.judge(spec, _GROUP_NAME, "name")
        return part

    def _edits(self, spec: JudgeSpec, scope: Scope) -> Part | None:
        """Return the assertion that a share of edits together with a length stands for, as the importer writes it."""
        if [child.judge for child in spec.children] != ["levenshtein", "length"] or spec.judge != "all_of":
            return None
        near, length = spec.children
        value, most = near.parameters.get("value"), length.parameters.get("max")
        if not isinstance(value, str) or not isinstance(most, int) or len(length.parameters) > 1:
            return None
        given = Given(near, scope, self._templates, self._lost)
        count = len(str(given.filled(value)))
        if near.threshold != least_share(most - count, count):
            return None
        return Assertion("levenshtein", {"value": given.text(value), "threshold": most - count})

    def _exact(self, given: Given) -> Sequence[Assertion]:
        self._note_strip(given)
        return [Assertion("equals", {"value": value}) for value in given.wanted()]

    def _starts_with(self, given: Given) -> Sequence[Assertion]:
        given.refuse("ignore_case", _CASE)
        self._note_strip(given)
        return [Assertion("starts-with", {"value": value}) for value in given.wanted()]

    def _regex(self, given: Given) -> Sequence[Assertion]:
        given.refuse("ignore_case", _CASE)
        is_python = given.take("engine") == "python"
        begin, end = ("^(?:", ")$") if given.take("full") else ("", "")
        patterns = [for_javascript(str(text), is_python=is_python) for text in given.wanted("pattern")]
        if any(pattern.knows_scripts for pattern in patterns):
            self._note(given, "classes")
        if any(pattern.counts_pairs for pattern in patterns):
            self._note(given, "pairs")
        return [Assertion("regex", {"value": f"{begin}{pattern.text}{end}"}) for pattern in patterns]

    def _json(self, given: Given) -> Sequence[Assertion]:
        kind = "contains-json" if given.take("extract") else "is-json"
        self._note(given, kind)
        schema = given.take("schema")
        return [Assertion(kind, {} if schema is None else {"value": given.filled(schema)})]

    def _json_equal(self, given: Given) -> Sequence[Assertion]:
        given.refuse("extract", _EXTRACT)
        for name in ("tolerance", "relative_tolerance", "ignore_order"):
            given.refuse(name, _TOLERANCE)
        self._note(given, "is-json")
        value = given.take("value")
        expected = given.scope.case.expected
        if value is None and expected is not None:
            return [Assertion("equals", {"value": _as_data(expected)})]
        if isinstance(value, list):
            return [Assertion("equals", {"value": [given.text(item) for item in value]})]
        return [Assertion("equals", {"value": None if value is None else _as_data(given.filled(value))})]

    def _levenshtein(self, given: Given) -> Sequence[Assertion]:
        given.refuse("ignore_case", _CASE)
        self._note_strip(given)
        least = LEAST["levenshtein"] if given.spec.threshold is None else given.spec.threshold
        found = []
        for value in given.wanted():
            length = len(str(given.filled(value)))
            edits = allowed_edits(least, length)
            if not is_exact(least, edits, length):
                self._note(given, "levenshtein")
            found.append(Assertion("levenshtein", {"value": value, "threshold": edits}))
        return found

    def _rouge(self, given: Given) -> Sequence[Assertion]:
        if given.take("variant", "rougeL") != "rouge1" or given.take("measure", "f1") != "f1":
            raise UnfitError(_ROUGE_ONE)
        return self._like(given, "rouge-n", is_list=False)

    def _bleu(self, given: Given) -> Sequence[Assertion]:
        if not given.take("ignore_case"):
            self._lost.judge(given.spec, _BLEU_CASE, "ignore_case")
        return self._like(given, "bleu", is_list=True)

    def _like(self, given: Given, kind: str, *, is_list: bool) -> Sequence[Assertion]:
        self._note(given, kind)
        threshold = LEAST[given.spec.judge] if given.spec.threshold is None else given.spec.threshold
        wanted = given.wanted()
        values = [wanted] if is_list and (given.is_listed or len(wanted) > 1) else wanted
        return [Assertion(kind, {"value": value, "threshold": threshold}, is_graded=True) for value in values]

    def _refusal(self, given: Given) -> Sequence[Assertion]:
        self._note(given, "is-refusal")
        return [Assertion("is-refusal")]

    def _note_strip(self, given: Given) -> None:
        if given.take("strip", True):  # noqa: FBT003 - a default of a parameter
            self._lost.judge(given.spec, _STRIPPED)

    def _note(self, given: Given, kind: str) -> None:
        self._lost.judge(given.spec, DIFFERENCES[kind])


def _holds(given: Given, kind: str) -> Sequence[Assertion]:
    values = given.wanted()
    return [Assertion(f"{kind}-any", {"value": values}) if len(values) > 1 else Assertion(kind, {"value": values[0]})]


def _lists(given: Given, kind: str) -> Sequence[Assertion]:
    prefix = "i" if given.take("ignore_case") else ""
    return [Assertion(f"{prefix}{kind}", {"value": given.wanted("values")})]


def _word_count(given: Given) -> Sequence[Assertion]:
    bounds = {name: value for name in ("min", "max") if (value := given.take(name)) is not None}
    is_number = len(bounds) > 1 and bounds["min"] == bounds["max"]
    return [Assertion("word-count", {"value": bounds["min"] if is_number else bounds})]


def _as_data(value: Any) -> Any:
    """Return data, also of a text that holds it. Raises ``UnfitError`` for another text."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        raise UnfitError(_NO_DATA) from None
    return found


def _short(number: float) -> float:
    rounded = round(number, 6)
    return int(rounded) if float(rounded).is_integer() else rounded

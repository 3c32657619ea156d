"""Tests of promptfoo as cases, and what all cases of an eval file share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.datasets.importers.finishing import fit_id
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.promptfoo_assertions import Assertions
from pytest_promptevals.datasets.importers.promptfoo_files import Files
from pytest_promptevals.datasets.importers.promptfoo_given import Scope
from pytest_promptevals.datasets.importers.promptfoo_judges import (
    UNREACHABLE,
    Judge,
    is_unreachable,
    optional,
    reach,
    unique_labels,
)
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates
from pytest_promptevals.datasets.importers.promptfoo_tests import ForeignTest, compact_json, multiply
from pytest_promptevals.datasets.names import MAX_ID_LENGTH
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_KEYS: Final = ("input", "expected")
"""Variables that are keys of a case with us."""
_NO_THRESHOLD: Final = (
    "a threshold of {threshold} asks for a part of the case's judges, which only the 'threshold' of a whole eval file "
    "can; the tests do not share it, so every judge must pass. Import tests with one threshold from a file of their own"
)
_STAND_IN: Final = "'not: refusal' stands in, which is not required; give it judges of your own"
_UNJUDGED: Final = f"no assertion judges it: it passes whatever the output is, as in promptfoo. {_STAND_IN}"
_JUDGED_THERE: Final = (
    f"none of its assertions can be taken over: it passes whatever the output is, unlike in promptfoo. {_STAND_IN}"
)
_DESCRIPTION: Final = (
    f"is written as the id {{id!r}}, for pytest shows no brackets, '::' or line ends, and at most {MAX_ID_LENGTH} signs"
)
_OTHER_SCORES: Final = (
    "a threshold on the mean score: 'levenshtein' has a share here where promptfoo has 0 or 1, and a set of assertions "
    "the score of one of them where it has their mean"
)


@dataclass(slots=True)
class Built:
    """A case that is being made."""

    source: Source
    """Where its test stands."""
    case: dict[str, Any]
    """Its keys, but for judges."""
    variables: dict[str, Json]
    """What templates may name."""
    judges: list[Judge]
    """What judges it."""
    threshold: float | None
    """The mean score that passes."""
    frame: tuple[str, str]
    """What is put before and after its prompt."""
    is_asserted: bool
    """Whether its test has assertions."""


class Cases:
    """Makes cases of tests.

    Args:
        assertions: makes the judges.
        files: reads what variables name.
        renames: variables that have another name with us.
        templates: fills variables in with each other; ``None`` where no prompt is a text.
        losses: takes what has no equivalent.
    """

    def __init__(
        self,
        assertions: Assertions,
        files: Files,
        renames: Mapping[str, str],
        templates: Templates | None,
        losses: Losses,
    ) -> None:
        self._assertions = assertions
        self._files = files
        self._renames = renames
        self._templates = templates
        self._losses = losses

    def build(self, test: ForeignTest) -> Iterator[Built]:
        """Yield the cases that a test stands for."""
        self._check_description(test)
        for resolved in multiply(test, self._files):
            place = test.source.part("vars")
            foreign = self._templates.fill_variables(resolved, place) if self._templates else resolved
            variables = {self._renames.get(name, name): value for name, value in foreign.items()}
            scope = Scope(variables, self._renames, test.options, is_recorded=test.output is not None)
            judges = unique_labels(self._assertions.judges_of(test.assertions, scope))
            frame = (str(test.options.get("prefix") or ""), str(test.options.get("suffix") or ""))
            case = self._case(test, foreign, variables, judges)
            yield Built(test.source, case, variables, judges, test.threshold, frame, bool(test.assertions))

    def _check_description(self, test: ForeignTest) -> None:
        written = test.description.strip()
        fit = fit_id(written)
        if fit != written:
            self._losses.add(test.source, _DESCRIPTION.format(id=fit), "description")

    def _case(
        self, test: ForeignTest, foreign: Mapping[str, Json], variables: Mapping[str, Json], judges: Sequence[Judge]
    ) -> dict[str, Any]:
        output = test.output
        case: dict[str, Any] = {
            "id": test.description,
            **{key: variables[key] for key in _KEYS if key in variables},
            "vars": {name: value for name, value in variables.items() if name not in _KEYS},
            "output": output if isinstance(output, str | None) else compact_json(output),
            "trials": test.options.get("repeat"),
            "metadata": dict(test.metadata),
        }
        if any(judge.parameters.get("criteria") == "faithfulness" for judge in judges) and foreign.get("context"):
            context = foreign["context"]
            case["context"] = context if isinstance(context, list) else [str(context)]
        return case


def settle_thresholds(built: Sequence[Built], losses: Losses) -> float | None:
    """Have judges say what thresholds of tests say; return the threshold of the whole eval file, if it takes one."""
    for one in built:
        if one.threshold is not None and one.judges and is_unreachable(one.judges, one.threshold):
            losses.add(one.source, UNREACHABLE.format(threshold=one.threshold), "threshold")
            one.threshold = None
    plain = [reach(one.judges, one.threshold, nests=False) for one in built]
    if None not in plain:
        for one, judges in zip(built, plain, strict=True):
            one.judges = judges or []
        return None
    first = built[0].threshold
    if first is not None and all(one.threshold == first for one in built):
        for one in built:
            if any(judge.name == "levenshtein" or judge.children for judge in one.judges):
                losses.add(one.source, _OTHER_SCORES, "threshold")
            one.judges = optional(one.judges)
        return first
    for one in built:
        judges = reach(one.judges, one.threshold)
        if judges is None:
            losses.add(one.source, _NO_THRESHOLD.format(threshold=one.threshold), "threshold")
        else:
            one.judges = judges
    return None


def judge_all(built: Sequence[Built], losses: Losses) -> None:
    """Give a judge that fails no case to those without one, or without one that has weight: a case needs a score."""
    for one in built:
        if not one.judges:
            losses.add(one.source, _JUDGED_THERE if one.is_asserted else _UNJUDGED)
        if not any(judge.weight for judge in one.judges):
            one.judges = [*one.judges, Judge("refusal", negated=True, required=False)]


def share_leading(cases: Sequence[dict[str, Any]]) -> list[Json]:
    """Return the judges that all cases begin with, and take them away from each."""
    if not cases:
        return []
    count = 0
    for listed in zip(*(case["judges"] for case in cases), strict=False):
        if any(judge != listed[0] for judge in listed):
            break
        count += 1
    shared = list(cases[0]["judges"][:count])
    for case in cases:
        case["judges"] = case["judges"][count:]
    return shared

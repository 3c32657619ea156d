"""Judges that ask a model, as assertions of promptfoo."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_given import Given, UnfitError
from pytest_promptevals.datasets.exporters.promptfoo_groups import Assertion
from pytest_promptevals.datasets.exporters.promptfoo_judges import LEAST, RELATION_SCORES
from pytest_promptevals.datasets.exporters.promptfoo_models import Models
from pytest_promptevals.datasets.importers.promptfoo_differences import DIFFERENCES
from pytest_promptevals.datasets.importers.promptfoo_graded import EMBEDDING_MODEL, RELATIONS

_SENTENCE: Final = re.compile(r"The output meets this: (.+)\.")
"""How the importer writes a single word, which would be a rubric of the library."""
_LIBRARY: Final = {"relevance": "answer-relevance", "faithfulness": "context-faithfulness"}
"""Rubric of the library -> the assertion for the same."""
_OF_LIBRARY: Final = "promptfoo has no library of rubrics: the name alone is asked for. Write out what you mean"
_TEMPLATE: Final = "the rubric is a file of ours; left out. Write its text as 'criteria'"
_NO_NEGATION: Final = "promptfoo does not negate {kind}; left out"
_STEPS: Final = "promptfoo makes the steps by itself; left out. Write them as 'criteria'"
_METRIC: Final = "the metric has no equivalent in promptfoo; left out. It has 'cosine' and 'dot'"
_NO_MODEL: Final = "{model!r} cannot be called by promptfoo; the judge asks the usual one there"
_SCORES: Final = "promptfoo passes every score above 0: relations below the threshold have 0 there"
_OTHER_SCORES: Final = "another 'factuality' of the case has other scores, and a test has one set of them; left out"
_LEAST_G_EVAL: Final = 0.7


class Graded:
    """Writes judges that ask a model as assertions.

    Args:
        lost: takes what has no equivalent.
        models: writes models as providers.
    """

    def __init__(self, lost: Lost, models: Models) -> None:
        self._lost = lost
        self._models = models
        self.makers: Mapping[str, Callable[[Given], Sequence[Assertion]]] = {
            "rubric": self._rubric,
            "closed_qa": self._closed_qa,
            "g_eval": self._g_eval,
            "factuality": self._factuality,
            "embedding": self._embedding,
        }

    def _rubric(self, given: Given) -> Sequence[Assertion]:
        given.refuse("template", _TEMPLATE)
        criteria, fields = str(given.take("criteria")), self._provider(given)
        threshold = LEAST["rubric"] if given.spec.threshold is None else given.spec.threshold
        if criteria in _LIBRARY:
            return self._of_library(given, _LIBRARY[criteria], {"threshold": threshold, **fields})
        if len(criteria.split()) == 1:
            self._lost.judge(given.spec, _OF_LIBRARY)
        fields = {"value": _criteria(given, criteria), "threshold": threshold, **fields}
        return [Assertion("llm-rubric", fields, is_graded=True)]

    def _of_library(self, given: Given, kind: str, fields: Mapping[str, Any]) -> Sequence[Assertion]:
        self._check_negation(given, kind)
        self._lost.judge(given.spec, DIFFERENCES[kind])
        given.scope.needs_query = given.scope.needs_query or kind == "context-faithfulness"
        return [Assertion(kind, fields, is_graded=True)]

    def _closed_qa(self, given: Given) -> Sequence[Assertion]:
        criteria = str(given.take("criteria"))
        return [Assertion("llm-rubric", {"value": _criteria(given, criteria), **self._provider(given)})]

    def _g_eval(self, given: Given) -> Sequence[Assertion]:
        given.refuse("steps", _STEPS)
        self._lost.judge(given.spec, DIFFERENCES["g-eval"])
        least = given.spec.threshold
        threshold = {} if least in (None, _LEAST_G_EVAL) else {"threshold": least}
        fields = {"value": given.text(given.take("criteria")), **threshold, **self._provider(given)}
        return [Assertion("g-eval", fields, is_graded=True)]

    def _factuality(self, given: Given) -> Sequence[Assertion]:
        self._check_negation(given, "factuality")
        least = LEAST["factuality"] if given.spec.threshold is None else given.spec.threshold
        scores = {**RELATION_SCORES, **(given.take("scores") or {})}
        if any(0 < score < least for score in scores.values()):
            self._lost.judge(given.spec, _SCORES)
        written = {theirs: _passing(scores[ours], least) for theirs, ours in RELATIONS.items()}
        usual = {theirs: 0 if theirs == "disagree" else 1 for theirs in written}
        options = {theirs: score for theirs, score in written.items() if score != usual[theirs]}
        if given.scope.options.setdefault("factuality", options) != options:
            raise UnfitError(_OTHER_SCORES)
        fields = self._provider(given)
        found = given.wanted("reference")
        return [Assertion("factuality", {"value": value, **fields}, is_graded=True) for value in found]

    def _embedding(self, given: Given) -> Sequence[Assertion]:
        metric = given.take("metric", "cosine")
        if metric not in ("cosine", "dot"):
            raise UnfitError(_METRIC)
        model = given.take("model")
        provider = None if model == EMBEDDING_MODEL else self._named(given, model, embeds=True)
        wanted = given.wanted()
        fields = {
            "value": wanted if given.is_listed or len(wanted) > 1 else wanted[0],
            "threshold": LEAST["embedding"] if given.spec.threshold is None else given.spec.threshold,
            **({"provider": provider} if provider else {}),
        }
        return [Assertion("similar:dot" if metric == "dot" else "similar", fields, is_graded=True)]

    def _provider(self, given: Given) -> dict[str, Any]:
        """Return the model that judges, where the judge names one."""
        model = given.take("model")
        found = self._named(given, model) if model else None
        return {"provider": found} if found else {}

    def _named(self, given: Given, model: str, *, embeds: bool = False) -> Any:
        found = self._models.provider(model, embeds=embeds)
        if found is None:
            self._lost.judge(given.spec, _NO_MODEL.format(model=model), "model")
            return None
        return found if "config" in found else found["id"]

    def _check_negation(self, given: Given, kind: str) -> None:
        if given.spec.negated:
            raise UnfitError(_NO_NEGATION.format(kind=kind))


def _criteria(given: Given, criteria: str) -> Any:
    word = _SENTENCE.fullmatch(criteria)
    return given.text(word[1] if word and len(word[1].split()) == 1 else criteria)


def _passing(score: float, least: float) -> float:
    return 0 if score < least else score

"""Assertions of promptfoo that ask a model, as judges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.drafting import as_sentence, literal
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.promptfoo_differences import DIFFERENCES, RUBRIC_PROMPT
from pytest_promptevals.datasets.importers.promptfoo_given import Given, UnfitError
from pytest_promptevals.datasets.importers.promptfoo_judges import Judge
from pytest_promptevals.datasets.importers.promptfoo_models import model_name
from pytest_promptevals.records.json_types import Json

EMBEDDING_MODEL: Final = "openai/text-embedding-3-large"
_LEAST_SIMILAR: Final = 0.75
_LEAST_G_EVAL: Final = 0.7
RELATIONS: Final = {
    "agree": "same",
    "differButFactual": "differs_but_not_in_facts",
    "superset": "superset",
    "subset": "subset",
    "disagree": "disagree",
}
RELATION_SCORES: Final = {"superset": 1, "subset": 1}
"""Where promptfoo's scores are not ours."""
_NO_MODEL: Final = "{model!r} is no model that can judge here; the one under 'judge_model' does"
_CONFIG: Final = "models that judge have no config of their own; left out. 'parameters' of the judge, or 'providers'"
_CRITERIA: Final = "several criteria become one text here; promptfoo takes the mean of their scores"


class Graded:
    """Makes judges that ask a model.

    Args:
        losses: takes what has no equivalent.
        judge_model: what judges ask that name no model.
    """

    def __init__(self, losses: Losses, judge_model: str) -> None:
        self._losses = losses
        self._judge_model = judge_model
        self.counted = CountedLosses(losses)
        self.needs_model = False
        """Whether a judge asks a model, and does not say which."""
        self.makers: Mapping[str, Callable[[Given], Judge]] = {
            "llm-rubric": self._llm_rubric,
            "model-graded-closedqa": self._closed_qa,
            "factuality": self._factuality,
            "model-graded-factuality": self._factuality,
            "g-eval": self._g_eval,
            "answer-relevance": lambda given: self._library(given, "relevance"),
            "context-faithfulness": lambda given: self._library(given, "faithfulness"),
            "similar": self._similar,
            "similar:cosine": self._similar,
            "similar:dot": self._similar,
        }

    def _llm_rubric(self, given: Given) -> Judge:
        if isinstance(given.value, dict | list):
            criteria = literal(json.dumps(given.value, ensure_ascii=False))
        else:
            criteria = as_criteria(given)
        if given.has_threshold():
            return Judge("rubric", {"criteria": criteria, "threshold": given.threshold(0), **self._options(given)})
        return Judge("closed_qa", {"criteria": criteria, **self._options(given)})

    def _closed_qa(self, given: Given) -> Judge:
        return Judge("closed_qa", {"criteria": as_criteria(given), **self._options(given)})

    def _factuality(self, given: Given) -> Judge:
        own = given.scope.options.get("factuality")
        scores: dict[str, Any] = dict(RELATION_SCORES)
        for key, value in (own if isinstance(own, dict) else {}).items():
            if key in RELATIONS:
                scores[RELATIONS[key]] = value
        # Every score above 0 passes in promptfoo.
        least = min((score for score in [*scores.values(), 1] if score > 0), default=1)
        options = {"threshold": least} if least < _DEFAULT_LEAST else {}
        return Judge("factuality", {"reference": given.text(), "scores": scores, **options, **self._options(given)})

    def _g_eval(self, given: Given) -> Judge:
        if isinstance(given.value, list):
            self._losses.add(given.fields.source, _CRITERIA, "value")
            criteria = "\n".join(map(str, given.texts(as_texts=True)))
        else:
            criteria = given.text()
        self.counted.add(given.fields.source, DIFFERENCES["g-eval"])
        least = given.threshold(_LEAST_G_EVAL)
        threshold = {} if least == _LEAST_G_EVAL else {"threshold": least}
        return Judge("g_eval", {"criteria": criteria, **threshold, **self._options(given)})

    def _library(self, given: Given, rubric: str) -> Judge:
        if given.value not in (None, ""):
            self._losses.add(given.fields.source, "takes no value; left out", "value")
        self.counted.add(given.fields.source, DIFFERENCES[given.kind])
        return Judge("rubric", {"criteria": rubric, "threshold": given.threshold(0), **self._options(given)})

    def _similar(self, given: Given) -> Judge:
        value: Json = given.texts() if isinstance(given.value, list) else given.text()
        if value == []:
            raise UnfitError("names no text to compare with")
        metric = {"metric": "dot"} if given.kind.endswith(":dot") else {}
        model = self._provider(given, "embedding") or EMBEDDING_MODEL
        return Judge(
            "embedding", {"value": value, "model": model, **metric, "threshold": given.threshold(_LEAST_SIMILAR)}
        )

    def _options(self, given: Given) -> dict[str, Any]:
        """Return which model judges, where the assertion or its test says so."""
        if given.fields.take("rubricPrompt") is not None:
            self.counted.add(given.fields.source, RUBRIC_PROMPT)
        model = self._provider(given, "text")
        if model in (None, self._judge_model):
            self.needs_model = True
            return {}
        return {"model": model}

    def _provider(self, given: Given, use: str) -> str | None:
        own = given.fields.take("provider")
        written = given.scope.options.get("provider") if own is None else own
        if isinstance(written, dict) and "id" not in written:
            written = written.get(use)
        name = str(written.get("id") if isinstance(written, dict) else written)
        # One provider of a test stands for both uses; promptfoo passes over the one that does not fit.
        if written is None or (own is None and ("embedding" in name) != (use == "embedding")):
            return None
        model = model_name(written)
        if model is None:
            self._losses.add(given.fields.source, _NO_MODEL.format(model=written), "provider")
        elif isinstance(written, dict) and written.get("config"):
            self._losses.add(given.fields.source, _CONFIG, "provider", "config")
        return model


_DEFAULT_LEAST: Final = 0.5


def as_criteria(given: Given) -> str:
    """Return what an output must do, as a judge's criteria: no name of a rubric."""
    text = given.text()
    return text if "{{" in text or "{%" in text else as_sentence(text)

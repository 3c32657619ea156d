"""Eval files as configs of promptfoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_assertions import Assertions
from pytest_promptevals.datasets.exporters.promptfoo_graded import Graded
from pytest_promptevals.datasets.exporters.promptfoo_models import Models
from pytest_promptevals.datasets.exporters.promptfoo_prompts import Prompts
from pytest_promptevals.datasets.exporters.promptfoo_templates import Templates
from pytest_promptevals.datasets.exporters.promptfoo_tests import Tests
from pytest_promptevals.datasets.importers.promptfoo import JUDGE_MODEL
from pytest_promptevals.datasets.importers.promptfoo_cases import share_leading
from pytest_promptevals.datasets.yaml_writing import comment, dump_yaml
from pytest_promptevals.records.cases import Dataset
from pytest_promptevals.records.drafts import Export, ExportRequest
from pytest_promptevals.records.json_types import Json

_SCHEMA: Final = "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json\n"
_RENAMED: Final = {"context_text": "context", "expected_text": "expected"}
"""How an import calls variables whose names have a meaning here -> their names there."""
_NOTHING_COMPARED: Final = "promptfoo compares no runs; left out"
_KEYS: Final = {
    "gate": _NOTHING_COMPARED,
    "case_policy": _NOTHING_COMPARED,
    "prices": "promptfoo has prices of its own; left out",
}
"""Key of an eval file without an equivalent -> why."""
_REDUCER: Final = "promptfoo counts each repetition as a test of its own; left out"
_JUDGE: Final = "{model!r} cannot be called by promptfoo; judges ask the usual model there"


class PromptfooExporter:
    """Writes ``promptfooconfig.yaml``, with all prompts and tests in it."""

    description = "a config of promptfoo"
    endings = (".yaml", ".yml")

    def export(self, request: ExportRequest) -> Export:
        """Return the config."""
        lost = Lost(request)
        config = _Writer(request, lost).write()
        losses = lost.listed()
        head = [_SCHEMA, comment(f"Made from {request.dataset.path}.")]
        if losses:
            head += [comment("What has no equivalent in promptfoo:"), *(comment(f"- {loss}") for loss in losses)]
        parts = ["\n" + dump_yaml({key: value}) for key, value in config.items()]
        return Export("".join([*head, *parts]), len(config["tests"]), losses)


class _Writer:
    """Makes a config."""

    def __init__(self, request: ExportRequest, lost: Lost) -> None:
        self._request = request
        self._dataset = request.dataset
        self._lost = lost
        self._renames = _renames(request.dataset)
        self._templates = Templates(self._renames, lost)
        self._models = Models(request.dataset, lost)

    def write(self) -> dict[str, Any]:
        """Return the config as data."""
        dataset, places = self._dataset, self._request.places
        for key, message in _KEYS.items():
            if key in places:
                self._lost.key(key, message)
        if dataset.reducer != "mean":
            self._lost.key("reducer", _REDUCER)
        prompts = Prompts(self._request, self._templates, self._lost)
        tests = self._tests(prompts.names)
        config = {
            "description": self._request.description,
            "prompts": prompts.write(),
            "providers": self._models.providers(),
            "evaluateOptions": self._options(),
            "defaultTest": self._default(tests),
        }
        return {**{key: value for key, value in config.items() if value}, "tests": tests}

    def _tests(self, prompted: frozenset[str]) -> list[dict[str, Any]]:
        graded = Graded(self._lost, self._models)
        assertions = Assertions(self._lost, self._templates, graded)
        writer = Tests(self._dataset, assertions, self._renames, prompted, self._lost)
        written = (writer.write(case) for case in self._dataset.cases)
        return [test for test in written if test is not None]

    def _options(self) -> dict[str, Json]:
        timeout = self._dataset.timeout
        return {
            **({"repeat": self._dataset.trials} if self._dataset.trials > 1 else {}),
            **({"timeoutMs": round(timeout * 1000)} if timeout is not None else {}),
        }

    def _default(self, tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return what all tests share, and take it away from each."""
        rows = [{"judges": test.get("assert", [])} for test in tests]
        shared = share_leading(rows)
        for test, row in zip(tests, rows, strict=True):
            _set(test, "assert", row["judges"])
        default: dict[str, Any] = {"options": self._judge(), "assert": shared}
        thresholds = {test.get("threshold") for test in tests}
        if len(thresholds) == 1 and None not in thresholds:
            default["threshold"] = thresholds.pop()
            for test in tests:
                del test["threshold"]
        return {key: value for key, value in default.items() if value not in ({}, [])}

    def _judge(self) -> dict[str, Any]:
        model = self._dataset.judge_model
        if model in ("", JUDGE_MODEL):
            return {}
        found = self._models.provider(model)
        if found is None:
            self._lost.key("judge_model", _JUDGE.format(model=model))
            return {}
        return {"provider": found if "config" in found else found["id"]}


def _set(test: dict[str, Any], key: str, value: Any) -> None:
    if value:
        test[key] = value
    else:
        test.pop(key, None)


def _renames(dataset: Dataset) -> Mapping[str, str]:
    """Return the names that variables had before an import, where nothing else has them."""
    has_expected = any(case.expected is not None for case in dataset.cases)
    has_context = any(case.context and list(case.context) != [_noted(case, "context_text")] for case in dataset.cases)
    taken = {"expected": has_expected, "context": has_context}
    return {ours: theirs for ours, theirs in _RENAMED.items() if not taken[theirs]}


def _noted(case: Any, name: str) -> Json:
    found: Json = case.vars.get(name, case.metadata.get(name))
    return found

"""Cases as tests of promptfoo."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.datasets.cases import is_named_by_content
from pytest_promptevals.datasets.exporters.losing import Lost, parts_beside_text
from pytest_promptevals.datasets.exporters.promptfoo_assertions import Assertions
from pytest_promptevals.datasets.exporters.promptfoo_given import Scope, labels_of
from pytest_promptevals.datasets.exporters.promptfoo_scores import Weighed, settle_scores
from pytest_promptevals.records.cases import Case, Dataset, JudgeSpec
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response

_SKIPPED: Final = "promptfoo skips no tests; the case is left out"
_XFAIL: Final = "promptfoo knows no expected failures: the test will fail"
_WEIGHT: Final = "tests have no weights in promptfoo; left out"
_PRIORITY: Final = "tests have no order in promptfoo; left out"
_GROUP: Final = "tests have no groups in promptfoo; left out"
_PARTS: Final = "a recorded output is a text in promptfoo; left out"
_NO_OUTPUT: Final = "an empty recorded output is none in promptfoo, which asks the model instead; left out"
_QUERY: Final = "'context-faithfulness' needs the question in a variable 'query': add it"
_FILE: Final = "a text that begins with file:// is the name of a file in promptfoo; put a blank before it"
_FILLED: Final = "promptfoo fills variables into variables: 'options' with 'skipRenderVars' leaves {name!r} as it is"
_LINE_END: Final = "promptfoo drops the line break at the end"
_REFERENCE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_READ_THERE: Final = ("query", "context")
"""Variables that assertions of promptfoo read by themselves."""


class Tests:
    """Writes cases as tests.

    Args:
        dataset: the eval file.
        assertions: writes their judges.
        renames: variables that have another name there.
        prompted: names that prompts use.
        lost: takes what has no equivalent.
    """

    __test__ = False

    def __init__(
        self,
        dataset: Dataset,
        assertions: Assertions,
        renames: Mapping[str, str],
        prompted: frozenset[str],
        lost: Lost,
    ) -> None:
        self._dataset = dataset
        self._assertions = assertions
        self._renames = renames
        self._prompted = prompted
        self._lost = lost

    def write(self, case: Case) -> dict[str, Any] | None:
        """Return a case as a test; ``None`` for one that is skipped."""
        if case.skip is not None:
            self._lost.at(case.location, "skip", _SKIPPED)
            return None
        self._lose(case)
        specs = [*self._dataset.judges, *case.judges]
        scope = Scope(case, _named_here(case), labels=frozenset(labels_of(specs)))
        asserts, threshold = self._judge(specs, scope)
        variables = self._variables(case, scope)
        test = {
            "description": "" if is_named_by_content(case) else case.id,
            "vars": variables,
            "providerOutput": None if case.output is None else self._output(case, case.output),
            "options": self._options(case, scope, variables),
            "assert": asserts,
            "threshold": threshold,
            "metadata": self._metadata(case, variables),
        }
        return {key: value for key, value in test.items() if value not in (None, "", {}, [])}

    def _judge(self, specs: Sequence[JudgeSpec], scope: Scope) -> tuple[list[Any], float | None]:
        if specs and _stands_in(specs[-1]) and not any(spec.weight for spec in specs[:-1]):
            specs = specs[:-1]
        weighed = []
        for spec in itertools.chain.from_iterable(map(_side_by_side, specs)):
            part = self._assertions.read(spec, scope)
            if part is not None:
                weighed.append(Weighed(part, spec, scope.metric(spec)))
        return settle_scores(weighed, self._dataset.threshold, self._lost)

    def _lose(self, case: Case) -> None:
        said = {
            "xfail": (case.xfail is not None, _XFAIL),
            "weight": (case.weight != 1, _WEIGHT),
            "priority": (case.priority != 0, _PRIORITY),
            "group": (case.group is not None, _GROUP),
        }
        for key, (is_there, message) in said.items():
            if is_there:
                self._lost.at(case.location, key, message)

    def _output(self, case: Case, output: Response) -> str:
        for name in parts_beside_text(output):
            self._lost.at(case.location, f"output.{name}", _PARTS)
        if not output.text:
            self._lost.at(case.location, "output", _NO_OUTPUT)
        return output.text

    def _variables(self, case: Case, scope: Scope) -> dict[str, Json]:
        given: dict[str, Json] = {
            **({} if case.input is None else {"input": case.input}),
            **{self._renames.get(name, name): value for name, value in case.vars.items()},
            **({} if case.expected is None else {"expected": case.expected}),
        }
        if case.context and "context" not in given:
            is_text = len(case.context) == 1 and "context" not in self._prompted
            given["context"] = case.context[0] if is_text else list(case.context)
        if scope.needs_query and "query" not in given:
            question = case.metadata.get("query", case.input)
            if isinstance(question, str):
                given["query"] = question
            else:
                self._lost.at(case.location, "vars", _QUERY)
        for name, value in given.items():
            self._check_text(case, name, value, given)
        return given

    def _check_text(self, case: Case, name: str, value: Json, variables: Mapping[str, Json]) -> None:
        if not isinstance(value, str):
            return
        field = f"vars.{name}"
        if value.startswith("file://"):
            self._lost.at(case.location, field, _FILE)
        if value.endswith("\n"):
            self._lost.at(case.location, field, _LINE_END)
        if any(found in variables for found in _REFERENCE.findall(value)):
            self._lost.at(case.location, field, _FILLED.format(name=name))

    def _options(self, case: Case, scope: Scope, variables: Mapping[str, Json]) -> dict[str, Json]:
        has_lists = any(isinstance(value, list) and value and isinstance(value[0], str) for value in variables.values())
        options = {
            "repeat": case.trials,
            # Otherwise a list of texts makes a test of each of them.
            "disableVarExpansion": True if has_lists else None,
            **scope.options,
        }
        return {key: value for key, value in options.items() if value not in (None, {})}

    def _metadata(self, case: Case, variables: Mapping[str, Json]) -> dict[str, Json]:
        # What only promptfoo's assertions read is a note after an import, and a variable again here.
        again = {
            name
            for name in case.metadata
            if (theirs := self._renames.get(name, name)) in _READ_THERE
            and theirs not in case.vars
            and variables.get(theirs) == case.metadata[name]
        }
        kept = {name: value for name, value in case.metadata.items() if name not in again}
        return {**kept, **({"tags": list(case.tags)} if case.tags else {})}


def _named_here(case: Case) -> dict[str, Json]:
    """Return what templates of judges may name."""
    return {
        **({} if case.input is None else {"input": case.input}),
        **({"context": list(case.context)} if case.context else {}),
        **({} if case.expected is None else {"expected": case.expected}),
        **case.vars,
    }


def _side_by_side(spec: JudgeSpec) -> Sequence[JudgeSpec]:
    """Return the members of an ``all_of`` of groups, which are judges of the case as well as it is."""
    is_plain = spec.judge == "all_of" and not spec.negated and spec.required and spec.weight == 1
    is_unnamed = spec.threshold is None and spec.name.partition("#")[0] == "all_of"
    groups = [child for child in spec.children if child.judge == "any_of"]
    return spec.children if is_plain and is_unnamed and len(groups) > 1 else (spec,)


def _stands_in(spec: JudgeSpec) -> bool:
    """Return whether a judge only stands there because an eval file needs one: it fails no case."""
    return spec.judge == "refusal" and spec.negated and not spec.required and not spec.parameters

"""Judges that read the output as JSON: ``json_valid``, ``json_equal`` and ``json_subset``."""

from __future__ import annotations

from abc import abstractmethod
from itertools import islice
from typing import Final, TypeVar

from pydantic import Field

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import Amount, JsonValue, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import ITEMS, clip, show_output
from pytest_promptevals.judges.json_comparison import JsonRules, compare_json
from pytest_promptevals.judges.json_text import JsonOutputParameters, read_json
from pytest_promptevals.judges.tolerance import Tolerance
from pytest_promptevals.judges.wanted import Comparing, read_expected
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

_PROBLEM: Final = 300
"""Characters that are shown of one difference."""

JsonParametersT = TypeVar("JsonParametersT", bound=JsonOutputParameters)


class JsonJudge(TextJudge[JsonParametersT]):
    """A judge of the data in the output; an output that is no JSON gets a 0."""

    def grade(self, subject: JudgeInput) -> Grade:
        """Read the output, and grade its data."""
        # Without something to compare with, a 0 for an output that is no JSON would blame the output.
        self.check_case(subject.case)
        text = subject.response.text
        try:
            data = read_json(text, extract=self.parameters.extract)
        except ValueError as error:
            return pass_or_fail(f"{show_output(text)} is not valid JSON: {error}", passed=False)
        return self.grade_data(data, subject)

    @abstractmethod
    def grade_data(self, data: Json, subject: JudgeInput) -> Grade:
        """Grade the data of an output."""


class JsonValidJudge(JsonJudge[JsonOutputParameters]):
    """The output is valid JSON.

    The whole output must be JSON, bare or in one fenced block (three backquotes, with or without `json`); white space
    around it is ignored. With `extract: true` other text may stand around it: the JSON is then what is in the one
    fenced block (the one marked `json`, if there are others), or else begins at the first brace or bracket.

    Stricter than most parsers: duplicate keys, `NaN`, numbers too large for a float, half surrogate pairs and nesting
    deeper than 100 levels are not valid.

    ```yaml
    judges:
      - json_valid
      - json_valid: {extract: true}
    cases:
      - input: Give me the order as JSON.
        output: '{"id": "A-17", "total": 12.5}'
    ```
    """

    name = "json_valid"
    Parameters = JsonOutputParameters

    def grade_data(self, data: Json, subject: JudgeInput) -> Grade:
        """Pass: there is data."""
        del data, subject
        return pass_or_fail("valid JSON", passed=True)


class JsonValueParameters(JsonOutputParameters):
    """Parameters of ``json_equal`` and ``json_subset``."""

    value: JsonValue = Field(
        default=None,
        description="The data to compare with; a text that holds a JSON object or array is read as such. "
        "Without it, `expected` of the case.",
    )
    tolerance: Amount = Field(default=0.0, description="How far numbers may be apart, in their own unit.")
    relative_tolerance: Amount = Field(
        default=0.0, description="How far numbers may be apart, as a share of the wanted one: 0.01 is one percent."
    )
    ignore_order: bool = Field(default=False, description="Whether the order of the items of arrays is ignored.")

    def rules(self, *, is_subset: bool) -> JsonRules:
        """Return what counts as equal."""
        return JsonRules(Tolerance(self.tolerance, self.relative_tolerance), self.ignore_order, is_subset)


class _JsonValueJudge(Comparing[Json], JsonJudge[JsonValueParameters]):
    shorthand = "value"
    Parameters = JsonValueParameters

    def _read_wanted(self, case: Case) -> Json:
        if "value" in self.parameters.model_fields_set:
            return _parse_container(self.parameters.value)
        return read_expected(self.name, case, _parse_container)


class JsonEqualJudge(_JsonValueJudge):
    """The output is JSON equal to the given data.

    The data is `value`, or else `expected` of the case; `value: null` means JSON's null. A text in either that holds a
    JSON object or array is read as such. Keys may come in any order, items of arrays only with `ignore_order: true`.
    1 equals 1.0, but not `true` and not `"1"`. `tolerance` and `relative_tolerance` allow for rounding; the larger one
    counts. How the JSON is found in the output is said at `json_valid`.

    ```yaml
    judges:
      - json_equal
      - json_equal: {value: {id: A-17, total: 12.5}, tolerance: 0.01}
    cases:
      - input: Give me the order as JSON.
        output: '{"total": 12.50, "id": "A-17"}'
        expected: {id: A-17, total: 12.5}
    ```
    """

    name = "json_equal"

    def grade_data(self, data: Json, subject: JudgeInput) -> Grade:
        """List the first differences, if there are any."""
        wanted = self._read_wanted(subject.case)
        findings = compare_json(wanted, data, self.parameters.rules(is_subset=False))
        problems = list(islice((finding.problem for finding in findings if finding.problem), ITEMS + 1))
        return pass_or_fail(list_problems(problems) or "equal", passed=not problems)


class JsonSubsetJudge(_JsonValueJudge):
    """The output is JSON that holds the given data, and may hold more.

    The data is `value`, or else `expected` of the case. Of objects, the given keys must be there with the given values;
    further keys are ignored. Of arrays, the items are compared place by place, and further items at the end are
    ignored; with `ignore_order: true` each given item must be somewhere. Everything else is as for `json_equal`.

    The score is the share of the given texts, numbers, booleans and nulls that are there, so a lower `threshold` lets
    some be missing.

    ```yaml
    judges:
      - json_subset: {value: {id: A-17, items: [{name: lamp}]}}
    cases:
      - input: Give me the order as JSON.
        output: '{"id": "A-17", "total": 12.5, "items": [{"name": "lamp", "price": 12.5}]}'
    ```
    """

    name = "json_subset"

    def grade_data(self, data: Json, subject: JudgeInput) -> Grade:
        """Count the pieces that are there."""
        wanted = self._read_wanted(subject.case)
        findings = list(compare_json(wanted, data, self.parameters.rules(is_subset=True)))
        total = sum(finding.pieces for finding in findings)
        matched = sum(finding.pieces for finding in findings if not finding.problem)
        problems = [finding.problem for finding in findings if finding.problem]
        counted = f"{matched:,} of {total:,} values are as expected"
        return Grade(matched / total, f"{counted}: {list_problems(problems)}" if problems else counted)


def _parse_container(value: Json) -> Json:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return read_json(value, extract=False)
    except ValueError:
        return value


def list_problems(problems: list[str]) -> str:
    """Return the first problems as one text."""
    shown = "; ".join(clip(problem, _PROBLEM) for problem in problems[:ITEMS])
    return shown + ("; and more" if len(problems) > ITEMS else "")

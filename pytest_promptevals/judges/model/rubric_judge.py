"""The ``rubric`` judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.criteria import is_template_name, library_names
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.judges.model.forms import Verdict
from pytest_promptevals.judges.model.judge import (
    REASONING_KEPT,
    ModelJudge,
    ModelJudgeParameters,
    shorten_reasoning,
)
from pytest_promptevals.judges.model.rubric_prompt import missing_variables, rubric_messages
from pytest_promptevals.judges.model.rubrics import FREE, Rubric, find_rubric, free_rubric, load_rubric
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Grade

_CRITERIA_KEPT: Final = 40
"""Characters of criteria in the user's own words that tell one judge from another."""
_NO_SENTENCE: Final = "; a text that ends in .yaml or .yml names a file: end a sentence with a full stop"


def _suggest_names(schema: dict[str, Any]) -> None:
    """Have editors suggest the rubrics of the library; other texts stay right."""
    schema["anyOf"].insert(0, {"enum": sorted(set(library_names().values()))})


class RubricParameters(ModelJudgeParameters):
    """Parameters of ``rubric``."""

    criteria: str | None = Field(
        default=None,
        min_length=1,
        description="The name of a rubric of the library, or criteria in your own words; or the `template`, if it ends "
        "in .yaml.",
        json_schema_extra=_suggest_names,
    )
    template: str | None = Field(
        default=None,
        min_length=1,
        description="A YAML file with a rubric of your own, relative to the file that names it or to the rootdir.",
    )

    @model_validator(mode="before")
    @classmethod
    def _take_file_name(cls, given: object) -> object:
        """Take criteria that name a file with a rubric as its ``template``."""
        if not isinstance(given, dict) or "template" in given:
            return given
        criteria = given.get("criteria")
        if not isinstance(criteria, str) or not is_template_name(criteria):
            return given
        return {**given, "criteria": None, "template": criteria.strip()}

    @field_validator("criteria")
    @classmethod
    def _check_criteria(cls, criteria: str | None) -> str | None:
        if criteria is None or is_template_name(criteria):
            return criteria
        if not criteria.strip():
            raise ValueError("must not be blank")
        find_rubric(criteria)
        return criteria

    @model_validator(mode="after")
    def _check_one_is_given(self) -> Self:
        if (self.criteria is None) == (self.template is None):
            raise ValueError("give either `criteria` or `template`")
        return self


class RubricJudge(ModelJudge[RubricParameters]):
    """A model judges the output by a rubric.

    The rubric is one of the [library](model-judges.md#the-library), such as `helpfulness`; or criteria in your own
    words; or with `template`, a file of your own. The model scores each dimension of the rubric, and the grade is
    their weighted mean, brought to 0 to 1. What the model wrote is kept with the score.

    An answer that cannot be read without guessing is shown to the model once more; if the second one cannot be read
    either, the case ends as an error, not with a low score.

    ```yaml
    judges:
      - rubric: {criteria: helpfulness, model: scripted/judge}
      - rubric: {criteria: The answer names a date., model: scripted/judge, threshold: 0.8}
    cases:
      - input: Where is my order?
        output: It will be with you on Friday.
    ```
    """

    name = "rubric"
    shorthand = "criteria"
    Parameters = RubricParameters

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        criteria = self.parameters.criteria
        self._rubric: Rubric | None = None
        if criteria is not None:
            self._rubric = find_rubric(criteria) or free_rubric(criteria)

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Read the user's file. Raises ``JudgeError`` if it is not there, or not right."""
        if self.parameters.template is None:
            return
        try:
            self._rubric = load_rubric(self.parameters.template, search_path)
        except ValueError as error:
            # Sentences end so, too: "It edits config.yaml".
            hint = _NO_SENTENCE if " " in self.parameters.template else ""
            raise JudgeError(f"template: {error}{hint}") from error

    @property
    def content_hash(self) -> str | None:
        """Hash of the rubric, which a file holds: scores by another version of it are not comparable."""
        return None if self._rubric is None else content_hash(self._rubric.content())

    @property
    def content(self) -> Json:
        """The rubric, for those who want to know what changed."""
        return None if self._rubric is None else self._rubric.content()

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if the case lacks what the rubric needs."""
        missing = [] if self._rubric is None else missing_variables(self._rubric, case)
        if self._rubric is not None and missing:
            raise JudgeError(
                f"{case.location}: judge {self.name!r}: the rubric {self._rubric.id!r} needs {missing[0]!r}; "
                f"add `{missing[0]}` to the case"
            )

    def prompt_size(self, case: Case) -> int | None:
        """Return about how many characters the prompt for an empty response to that case has."""
        if self._rubric is None or missing_variables(self._rubric, case):
            return None
        messages = rubric_messages(self._rubric, JudgeInput(case, Response("")))
        return sum(len(message.content) for message in messages)

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model. Raises ``JudgeError`` if its answer cannot be read."""
        if self._rubric is None:
            self.check_files(subject.search_path)
        rubric = self._rubric
        assert rubric is not None, "a file was read, or raised"  # noqa: S101 - states what check_files does
        self.check_case(subject.case)
        try:
            messages = rubric_messages(rubric, subject)
        except JudgeError as error:
            raise JudgeError(f"{self.where(subject)}{error}") from None
        verdict = await self.ask_for(ask, messages, rubric.form(), subject, model)
        return grade_verdict(rubric, verdict, model)


def grade_verdict(rubric: Rubric, verdict: Verdict, model: str) -> Grade:
    """Return the grade: the weighted mean of the dimensions, or the score for the whole where there are none."""
    scale = rubric.form().scale
    weights = {dimension.id: dimension.weight for dimension in rubric.dimensions}
    if weights:
        shares = [scale.share(verdict.dimensions[name]) * weight for name, weight in weights.items()]
        value = sum(shares) / sum(weights.values())
    else:
        assert verdict.overall is not None, "a form without dimensions reads a score"  # noqa: S101 - see ScoreForm
        value = scale.share(verdict.overall)
    details: dict[str, Json] = {
        "rubric": rubric.label,
        "criteria": clip(rubric.criteria, _CRITERIA_KEPT) if rubric.id == FREE else None,
        "model": model,
        "scale": [scale.low, scale.high],
        "dimensions": dict(verdict.dimensions),
        "overall": verdict.overall,
        "reasoning": verdict.reasoning[:REASONING_KEPT],
    }
    kept = {key: item for key, item in details.items() if item not in (None, "", {})}
    return Grade(min(1.0, max(0.0, value)), _explain(rubric, verdict), details=kept)


def _explain(rubric: Rubric, verdict: Verdict) -> str:
    high = rubric.form().scale.high
    reasoning = shorten_reasoning(verdict.reasoning)
    if verdict.dimensions:
        lowest = min(verdict.dimensions, key=lambda name: verdict.dimensions[name])
        head = f"lowest: {lowest} {verdict.dimensions[lowest]:g} of {high:g}"
    else:
        head = f"{verdict.overall:g} of {high:g}"
    return f"{head}; {reasoning}" if reasoning else head

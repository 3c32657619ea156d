"""Judges from what a user wrote."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ValidationError

from pytest_promptevals.errors import PromptEvalsError, did_you_mean
from pytest_promptevals.files.fields import field_name
from pytest_promptevals.files.findings import Finding, find_problems, known_keys
from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.judges.excerpts import show_json
from pytest_promptevals.records.json_types import Json, JsonObject

COMMON_OPTIONS: Final = ("name", "threshold", "weight", "required")
"""Keys that every judge in an eval file may have beside its parameters."""
_CALLS: Final = "parameters"
"""The parameter that holds those of a judge's own calls."""
_OF_CALLS: Final = frozenset(
    {
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "verbosity",
        "service_tier",
    }
)
"""What the APIs of models call their parameters."""
_WITHOUT_VALUE: Final = frozenset({"missing", "extra_forbidden", "too_short", "string_too_short", "value_error"})
"""What is said without the value: our own words name it where that helps."""


class JudgeParameterError(PromptEvalsError):
    """A judge cannot be built from what the user wrote.

    Args:
        judge: name of the judge.
        problems: all that is wrong, as field and message; the field is empty where no single one is to blame.
    """

    def __init__(self, judge: str, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(judge, problems)
        self.judge = judge
        self.problems = problems

    def __str__(self) -> str:
        parts = (f"{field}: {message}" if field else message for field, message in self.problems)
        return f"judge {self.judge!r}: " + "; ".join(parts)


def build_judge(judge_type: type[Judge], argument: Json, parameters: JsonObject) -> Judge:
    """Return the judge with its parameters; a bare ``argument`` goes to the parameter that ``shorthand`` names.

    Raises ``JudgeParameterError`` with everything that is wrong with them.
    """
    given = dict(parameters)
    if argument is not None:
        given[_shorthand_for(judge_type, argument, parameters)] = argument
    try:
        checked = judge_type.Parameters.model_validate(given)
    except ValidationError as error:
        findings = find_problems(error, judge_type.Parameters, given)
        problems = tuple(_problem_of(finding, judge_type) for finding in findings)
        raise JudgeParameterError(judge_type.name, problems) from error
    return judge_type(checked)


def parameter_names(model: type[BaseModel]) -> list[str]:
    """Return the names that users write."""
    return known_keys(model)


def show_finding(finding: Finding) -> str:
    """Return what pydantic found in words, with the value where that helps."""
    says_all = finding.is_key or finding.kind in _WITHOUT_VALUE
    return finding.words + ("" if says_all else f", not {show_json(finding.value)}") + finding.hint


def _shorthand_for(judge_type: type[Judge], argument: Json, parameters: JsonObject) -> str:
    name, shorthand = judge_type.name, judge_type.shorthand
    if shorthand is None:
        known = parameter_names(judge_type.Parameters)
        advice = f"write `{name}: {{{known[0]}: ...}}`. Parameters: {', '.join(known)}" if known else f"write `{name}`"
        message = f"takes no bare value, such as {show_json(argument)}; {advice}"
        raise JudgeParameterError(name, (("", message),))
    if shorthand in parameters:
        message = f"is given twice, as {show_json(argument)} and as {show_json(parameters[shorthand])}; remove one"
        raise JudgeParameterError(name, ((shorthand, message),))
    return shorthand


def _problem_of(finding: Finding, judge_type: type[Judge]) -> tuple[str, str]:
    if finding.kind == "extra_forbidden" and len(finding.path) == 1:
        key = str(finding.path[0])
        return key, _explain_unknown(key, finding.value, judge_type)
    return field_name(finding.path), show_finding(finding)


def _explain_unknown(key: str, value: Json, judge_type: type[Judge]) -> str:
    known, shorthand = parameter_names(judge_type.Parameters), judge_type.shorthand
    if key in _OF_CALLS and _CALLS in known:
        return f"is a parameter of the model's; write `{_CALLS}: {{{key}: {show_json(value)}}}`"
    message = f"unknown parameter.{did_you_mean(key, {*known, *COMMON_OPTIONS})}"
    if shorthand is not None and _takes_objects(judge_type.Parameters, shorthand):
        message += f" To give a mapping as the {shorthand}, write `{judge_type.name}: {{{shorthand}: ...}}`."
    return message


def _takes_objects(model: type[BaseModel], parameter: str) -> bool:
    schema = model.model_json_schema()["properties"].get(parameter, {})
    options = schema.get("anyOf", [schema])
    return any(option.get("type", "object") == "object" and "enum" not in option for option in options)

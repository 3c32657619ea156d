"""Judges from what a user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pytest_promptevals.errors import PromptEvalsError, did_you_mean
from pytest_promptevals.files.fields import field_name
from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.judges.excerpts import show_json
from pytest_promptevals.records.json_types import Json, JsonObject


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
        problems = tuple(_problem_of(detail, judge_type) for detail in error.errors(include_url=False))
        raise JudgeParameterError(judge_type.name, problems) from error
    return judge_type(checked)


def parameter_names(model: type[BaseModel]) -> list[str]:
    """Return the names that users write."""
    return [field.alias or name for name, field in model.model_fields.items()]


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


def _problem_of(detail: ErrorDetails, judge_type: type[Judge]) -> tuple[str, str]:
    path = detail["loc"]
    if detail["type"] == "extra_forbidden" and len(path) == 1:
        return str(path[0]), _explain_unknown(str(path[0]), judge_type)
    return field_name(path), _explain(detail)


def _explain_unknown(key: str, judge_type: type[Judge]) -> str:
    known, shorthand = parameter_names(judge_type.Parameters), judge_type.shorthand
    message = f"unknown parameter.{did_you_mean(key, known)}" if known else "unknown parameter; the judge takes none."
    if shorthand is not None and _takes_objects(judge_type.Parameters, shorthand):
        message += f" To give an object as the {shorthand}, write `{judge_type.name}: {{{shorthand}: ...}}`."
    return message


def _takes_objects(model: type[BaseModel], parameter: str) -> bool:
    schema = model.model_json_schema()["properties"].get(parameter, {})
    options = schema.get("anyOf", [schema])
    return any(option.get("type", "object") == "object" and "enum" not in option for option in options)


def _explain(detail: ErrorDetails) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(context["error"])
    template = _MESSAGES.get(detail["type"])
    text = template.format_map(context) if template else detail["msg"][0].lower() + detail["msg"][1:]
    return text if detail["type"] in _WITHOUT_INPUT else f"{text}, not {show_json(detail['input'])}"


_WITHOUT_INPUT: Final = frozenset({"missing", "extra_forbidden", "too_short"})
_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "too_short": "must not be empty",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "literal_error": "must be one of {expected}",
}
"""Our words for what pydantic finds in the judges' parameters."""

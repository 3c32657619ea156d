from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import JudgeParameters, TextJudge
from pytest_promptevals.judges.describe import JudgeDescription, describe_judge
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import JUDGES


class TerseParameters(JudgeParameters):
    pass


class TerseJudge(TextJudge[TerseParameters]):
    name = "terse"
    level = 2
    default_threshold = 0.5
    Parameters = TerseParameters

    def grade(self, subject: JudgeInput) -> Grade:
        raise AssertionError(subject)


TerseJudge.__doc__ = None


def test_a_description_holds_what_the_docs_show() -> None:
    found = describe_judge(JUDGES["latency"])
    assert (found.name, found.level, found.shorthand, found.default_threshold) == ("latency", 1, "max", 1.0)
    assert found.summary == "The response came within a number of seconds."
    assert found.details.startswith("The time runs from ")
    assert found.details.endswith("output: {text: Hello!, latency: 0.8}\n```")
    assert found.parameters == {
        "additionalProperties": False,
        "description": "Parameters of ``latency``.",
        "properties": {
            "max": {
                "description": "The longest time that passes, in seconds.",
                "minimum": 0,
                "title": "Max",
                "type": "number",
            }
        },
        "required": ["max"],
        "title": "LatencyParameters",
        "type": "object",
    }


def test_a_judge_without_docstring_has_an_empty_summary() -> None:
    terse: Any = TerseJudge
    assert describe_judge(terse) == JudgeDescription(
        name="terse",
        level=2,
        summary="",
        details="",
        parameters={"additionalProperties": False, "properties": {}, "title": "TerseParameters", "type": "object"},
        shorthand=None,
        default_threshold=0.5,
    )


@pytest.mark.parametrize(
    ("judge", "parameter", "types"),
    [
        ("exact", "value", {"string", "number", "boolean", "array"}),
        ("tool_calls", "calls", {"string", None, "array"}),
        ("finish_reason", "value", {"string", "array"}),
    ],
)
def test_the_schema_knows_the_short_forms(judge: str, parameter: str, types: set[str | None]) -> None:
    parameters: Any = describe_judge(JUDGES[judge]).parameters
    options = parameters["properties"][parameter]["anyOf"]
    assert {option.get("type") for option in options} - {"null"} == types


def test_the_schema_uses_the_names_that_users_write() -> None:
    parameters: Any = describe_judge(JUDGES["json_schema"]).parameters
    assert set(parameters["properties"]) == {"schema", "extract"}

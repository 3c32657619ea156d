"""Judges of the call rather than of the text: ``latency``, ``cost`` and ``finish_reason``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import Amount, JudgeParameters, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import quote, quote_any
from pytest_promptevals.records.results import Grade


class LatencyParameters(JudgeParameters):
    """Parameters of ``latency``."""

    max: Amount = Field(description="The longest time that passes, in seconds.")


class LatencyJudge(TextJudge[LatencyParameters]):
    """The response came within a number of seconds.

    The time runs from sending the request to having the whole response, without the time spent waiting for a turn.
    A response whose latency is unknown is an error, not a low score.

    ```yaml
    judges:
      - latency: 2.5
    cases:
      - input: Hello?
        output: {text: Hello!, latency: 0.8}
    ```
    """

    name = "latency"
    shorthand = "max"
    Parameters = LatencyParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the response's latency with the limit."""
        latency, limit = subject.response.latency, self.parameters.max
        if latency is None:
            raise _unknown("latency", subject)
        explanation = f"the response took {latency:.3g} s, the limit is {limit:g} s"
        return pass_or_fail(explanation, passed=latency <= limit)


class CostParameters(JudgeParameters):
    """Parameters of ``cost``."""

    max: Amount = Field(description="The highest cost that passes, in US dollars.")


class CostJudge(TextJudge[CostParameters]):
    """The response cost no more than a number of US dollars.

    Only the model's response counts, not what other judges spend on it. A response whose cost is unknown is an error,
    not a low score.

    ```yaml
    judges:
      - cost: 0.01
    cases:
      - input: Hello?
        output: {text: Hello!, cost: 0.0004}
    ```
    """

    name = "cost"
    shorthand = "max"
    Parameters = CostParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the response's cost with the limit."""
        cost, limit = subject.response.cost, self.parameters.max
        if cost is None:
            raise _unknown("cost", subject)
        return pass_or_fail(f"the response cost ${cost:.3g}, the limit is ${limit:g}", passed=cost <= limit)


def _list_reasons(value: object) -> object:
    return [value] if isinstance(value, str) else value


class FinishReasonParameters(JudgeParameters):
    """Parameters of ``finish_reason``."""

    value: Annotated[list[str], BeforeValidator(_list_reasons, json_schema_input_type=str | list[str])] = Field(
        min_length=1,
        description="The finish reason that passes, or a list of them: stop, length, tool_calls, content_filter.",
    )


class FinishReasonJudge(TextJudge[FinishReasonParameters]):
    """The model stopped for the right reason.

    The usual reasons, in OpenAI's words whatever the provider: `stop` (the model was done), `length` (it ran into the
    token limit), `tool_calls` (it wants tools called) and `content_filter`. A response whose finish reason is unknown
    is an error, not a low score.

    ```yaml
    judges:
      - finish_reason: stop
      - finish_reason: {value: [stop, tool_calls]}
    cases:
      - input: Hello?
        output: {text: Hello!, finish_reason: stop}
    ```
    """

    name = "finish_reason"
    shorthand = "value"
    Parameters = FinishReasonParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the response's finish reason with those that pass."""
        reason, wanted = subject.response.finish_reason, self.parameters.value
        if reason is None:
            raise _unknown("finish_reason", subject)
        explanation = f"the model finished with {quote(reason)}, expected {quote_any(wanted)}"
        return pass_or_fail(explanation, passed=reason in wanted)


def _unknown(fact: str, subject: JudgeInput) -> JudgeError:
    words = fact.replace("_", " ")
    advice = (
        f"add `{fact}` to the recorded `output` of the case"
        if subject.case.output is not None
        else "use a provider that reports it"
    )
    return JudgeError(
        f"{subject.case.location}: judge {fact!r}: the {words} of the response is unknown; "
        f"{advice}, or leave the judge out for this model"
    )

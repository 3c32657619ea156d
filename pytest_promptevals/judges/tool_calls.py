"""The ``tool_calls`` judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import JsonValue, JudgeParameters, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import ITEMS, clip, count_noun, list_some, show_json
from pytest_promptevals.judges.json_comparison import JsonRules, compare_json
from pytest_promptevals.judges.pairing import pair_items
from pytest_promptevals.judges.wanted import Comparing, read_expected
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import ToolCall
from pytest_promptevals.records.results import Grade


class WantedCall(JudgeParameters):
    """One tool call that is wanted."""

    name: str = Field(min_length=1, description="Name of the tool.")
    arguments: dict[str, JsonValue] | None = Field(
        default=None, description="Its arguments; without them, any arguments will do."
    )

    def __str__(self) -> str:
        return self.name if self.arguments is None else f"{self.name}({show_json(self.arguments)})"


def _list_calls(value: Json) -> Json:
    listed = value if isinstance(value, list) else [value]
    return [{"name": item} if isinstance(item, str) else item for item in listed]


Calls: TypeAlias = Annotated[
    list[WantedCall],
    BeforeValidator(_list_calls, json_schema_input_type=str | WantedCall | list[str | WantedCall]),
]
_CALLS: Final[TypeAdapter[list[WantedCall]]] = TypeAdapter(Calls)


class ToolCallsParameters(JudgeParameters):
    """Parameters of ``tool_calls``."""

    calls: Calls | None = Field(
        default=None,
        description="The calls that are wanted: names of tools, or objects with `name` and `arguments`; an empty list "
        "means that no tool may be called. Without it, `expected` of the case.",
    )
    arguments: Literal["exact", "subset"] = Field(
        default="exact",
        description="Whether a call may have no other arguments than the wanted ones, or may have more.",
    )
    in_order: bool = Field(default=True, description="Whether the calls must come in the given order.")
    extra_calls: bool = Field(default=False, description="Whether other calls may come before, between and after them.")

    @model_validator(mode="after")
    def _check_calls(self) -> Self:
        if self.calls == [] and self.extra_calls:
            raise ValueError("nothing is checked: no call is wanted and extra calls are allowed")
        return self


class ToolCallsJudge(Comparing[list[WantedCall]], TextJudge[ToolCallsParameters]):
    """The model called the right tools with the right arguments.

    The wanted calls are `calls`, or else `expected` of the case: a tool's name, an object with `name` and `arguments`,
    or a list of these. A call without `arguments` accepts any. Arguments are compared as by `json_equal`, or with
    `arguments: subset` as by `json_subset`, where all of the given ones must be there.

    By default the model must make these calls in this order and no others; `in_order: false` allows any order and
    `extra_calls: true` further calls. `calls: []` means that no tool may be called.

    ```yaml
    judges:
      - tool_calls: find_order
      - tool_calls: {calls: [{name: find_order, arguments: {id: A-17}}], arguments: subset, extra_calls: true}
    cases:
      - input: Where is order A-17?
        output: {tool_calls: [{name: find_order, arguments: {id: A-17, fields: [status]}}]}
    ```
    """

    name = "tool_calls"
    shorthand = "calls"
    Parameters = ToolCallsParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the calls, and name the first that is not as wanted."""
        wanted = self._read_wanted(subject.case)
        calls = subject.response.tool_calls
        problem = self._find_problem(wanted, calls)
        if problem is None:
            return pass_or_fail(f"called {_show_calls(calls)}", passed=True)
        return pass_or_fail(f"{problem}; the model called {_show_calls(calls)}", passed=False)

    def _read_wanted(self, case: Case) -> list[WantedCall]:
        given = self.parameters.calls
        return given if given is not None else read_expected(self.name, case, _read_calls)

    def _find_problem(self, wanted: Sequence[WantedCall], calls: Sequence[ToolCall]) -> str | None:
        given = self.parameters
        if not given.extra_calls and len(calls) != len(wanted):
            listed = list_some([str(call) for call in wanted])
            return f"expected {count_noun(len(wanted), 'call')}: {listed}" if wanted else "expected no call"
        if not given.in_order:
            return self._find_unpaired(wanted, calls)
        return self._find_out_of_order(wanted, calls) if given.extra_calls else self._find_different(wanted, calls)

    def _find_different(self, wanted: Sequence[WantedCall], calls: Sequence[ToolCall]) -> str | None:
        for number, (want, call) in enumerate(zip(wanted, calls, strict=True), start=1):
            if want.name != call.name:
                return f"expected call {number} to be {want}"
            if problems := self._compare_arguments(want, call):
                return f"call {number} of {want.name}: {'; '.join(problems)}"
        return None

    def _find_out_of_order(self, wanted: Sequence[WantedCall], calls: Sequence[ToolCall]) -> str | None:
        rest = iter(calls)
        for number, want in enumerate(wanted):
            if not any(self._accepts(want, call) for call in rest):
                return f"expected {want}{f' after {wanted[number - 1]}' if number else ''}"
        return None

    def _find_unpaired(self, wanted: Sequence[WantedCall], calls: Sequence[ToolCall]) -> str | None:
        pairs = pair_items(wanted, calls, self._accepts)
        missing = next((want for index, want in enumerate(wanted) if index not in pairs), None)
        return None if missing is None else f"expected {missing}"

    def _accepts(self, want: WantedCall, call: ToolCall) -> bool:
        return want.name == call.name and not self._compare_arguments(want, call)

    def _compare_arguments(self, want: WantedCall, call: ToolCall) -> list[str]:
        if want.arguments is None:
            return []
        found = {} if call.arguments is None else call.arguments
        rules = JsonRules(is_subset=self.parameters.arguments == "subset")
        findings = compare_json(want.arguments, found, rules, "arguments")
        return list(islice((finding.problem for finding in findings if finding.problem), ITEMS))


def _read_calls(value: Json) -> list[WantedCall]:
    try:
        return _CALLS.validate_python(value)
    except ValidationError:
        raise ValueError(
            f"must be a tool's name, an object with `name` and `arguments`, or a list of these, not {show_json(value)}"
        ) from None


def _show_calls(calls: Sequence[ToolCall]) -> str:
    return list_some([f"{clip(call.name)}({show_json(call.arguments)})" for call in calls]) or "no tool"

"""The ``numeric`` judge: finds the number in a text and compares it."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import Amount, JsonValue, JudgeParameters, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import clip, list_some, show_json, show_output
from pytest_promptevals.judges.tolerance import Tolerance, exact_decimal, hundredth
from pytest_promptevals.judges.wanted import Comparing, read_expected
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

Mark: TypeAlias = Literal[".", ","]

_MINUS: Final = "\u2212"
_NUMBER: Final = r"""
    (?P<sign> (?<! [\w)\]] ) [-+\u2212] )?            # 3-5 holds 3 and 5, not -5
    (?: [$€£¥₹] [ \u00a0]? )?
    (?<! \w ) (?<! [^\W\d_]- ) (?<! \d DECIMAL ) # nothing inside of H2O, A-17 or 1.2.3
    (?P<digits>
      (?: \d{1,3} (?P<mark> [THOUSANDS'\u2019_\u00a0\u2009\u202f] ) \d{3} (?: (?P=mark) \d{3} )* (?! \d ) | \d++ )
      (?: DECIMAL \d++ )?
      | DECIMAL \d++
    )
    (?P<exponent> [eE] [-+]? \d{1,4} (?! \d ) )?
    (?! \d | DECIMAL \d )
    (?P<percent> [ \u00a0]? % )?
"""
_PATTERNS: Final[dict[Mark, re.Pattern[str]]] = {
    ".": re.compile(_NUMBER.replace("DECIMAL", r"\.").replace("THOUSANDS", ","), re.VERBOSE),
    ",": re.compile(_NUMBER.replace("DECIMAL", ",").replace("THOUSANDS", "."), re.VERBOSE),
}


class NumericParameters(JudgeParameters):
    """Parameters of ``numeric``."""

    value: JsonValue = Field(
        default=None,
        description="The number that is right, or a list of numbers of which any one is. A text that holds just one "
        "number will do. Without it, `expected` of the case.",
        json_schema_extra={
            "anyOf": [
                {"type": ["number", "string"]},
                {"type": "array", "items": {"type": ["number", "string"]}, "minItems": 1},
            ]
        },
    )
    tolerance: Amount = Field(default=0.0, description="How far the number may be off, in its own unit.")
    relative_tolerance: Amount = Field(
        default=0.0, description="How far the number may be off, as a share of the value: 0.01 is one percent."
    )
    which: Literal["first", "last", "only"] = Field(
        default="last",
        description="Which number of the output counts; with `only`, an output with several numbers fails.",
    )
    decimal: Mark = Field(default=".", description="The decimal mark of the output: a point or a comma.")
    percent: Literal["number", "fraction"] = Field(
        default="number", description="Whether 45 % is the number 45 or the fraction 0.45."
    )

    @model_validator(mode="after")
    def _check_value(self) -> Self:
        if self.value is not None:
            try:
                self.read_numbers(self.value)
            except ValueError as error:
                raise ValueError(f"`value` {error}") from None
        return self

    def find_numbers(self, text: str) -> list[re.Match[str]]:
        """Return the numbers of a text, in order."""
        return list(_PATTERNS[self.decimal].finditer(text))

    def decimal_of(self, found: re.Match[str]) -> Decimal:
        """Return the value of a number that was found."""
        digits = found["digits"]
        if found["mark"]:
            digits = digits.replace(found["mark"], "")
        sign = "-" if found["sign"] in ("-", _MINUS) else ""
        value = Decimal(sign + digits.replace(self.decimal, ".") + (found["exponent"] or ""))
        return hundredth(value) if found["percent"] and self.percent == "fraction" else value

    def read_numbers(self, value: Json) -> list[Decimal]:
        """Return the numbers to compare with. Raises ``ValueError``."""
        if not isinstance(value, list):
            return [self._read_number(value)]
        if not value:
            raise ValueError("must not be an empty list")
        return [self._read_number(item) for item in value]

    def _read_number(self, value: Json) -> Decimal:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return exact_decimal(value)
        numbers = self.find_numbers(value) if isinstance(value, str) else []
        if len(numbers) != 1:
            raise ValueError(f"must be a number, or a text that holds just one, not {show_json(value)}")
        return self.decimal_of(numbers[0])


class NumericJudge(Comparing[list[Decimal]], TextJudge[NumericParameters]):
    """The number in the output is right, within a tolerance.

    The right number is `value`, or else `expected` of the case. Of a list of numbers, any one will do. The number may
    be off by `tolerance` or by `relative_tolerance`, whichever allows more; without them it must be equal: 42 equals
    42.0.

    Numbers are found anywhere in the text, with thousands separators (`1,234.5`, `1'234.5`, `1_234.5`, also narrow and
    non-breaking spaces), currency signs (`-$5`), exponents (`1.5e-3`) and units behind them (`5kg`). Of several
    numbers, the last one counts, as that is where answers stand: `which` can say otherwise. Digits inside of names and
    versions (`A-17`, `H2O`, `1.2.3`) are no numbers, nor are words (`seven`), and `5 million` is 5.

    With `decimal: ","` the comma is the decimal mark and the point separates thousands. `45 %` is 45, or 0.45 with
    `percent: fraction`.

    ```yaml
    judges:
      - numeric
      - numeric: {value: 1234, tolerance: 0.5}
    cases:
      - input: What does it come to?
        output: 2 items at $617.20 make $1,234.40.
        expected: 1234.4
    ```
    """

    name = "numeric"
    shorthand = "value"
    Parameters = NumericParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Find the number, and compare it with each right one."""
        given, text = self.parameters, subject.response.text
        wanted = self._read_wanted(subject.case)
        shown = _show_wanted(wanted)
        found = given.find_numbers(text)
        if not found:
            return pass_or_fail(f"expected {shown}, but no number found in {show_output(text)}", passed=False)
        if given.which == "only" and len(found) > 1:
            numbers = list_some(list(map(_show, found)))
            problem = f"expected {shown} as the only number, but the output holds {len(found):,}: {numbers}"
            return pass_or_fail(problem, passed=False)
        return self._compare(wanted, found)

    def _read_wanted(self, case: Case) -> list[Decimal]:
        given, read = self.parameters.value, self.parameters.read_numbers
        return read(given) if given is not None else read_expected(self.name, case, read)

    def _compare(self, wanted: list[Decimal], found: list[re.Match[str]]) -> Grade:
        given = self.parameters
        chosen = found[0] if given.which == "first" else found[-1]
        tolerance = Tolerance(given.tolerance, given.relative_tolerance)
        value = given.decimal_of(chosen)
        if any(tolerance.holds(number, value) for number in wanted):
            return pass_or_fail(f"{_show(chosen)} is right", passed=True)
        place = "number" if len(found) == 1 else f"{given.which} of {len(found):,} numbers"
        margin = f" ± {tolerance}" if str(tolerance) else ""
        problem = f"expected {_show_wanted(wanted)}{margin}, but the {place} in the output is {_show(chosen)}"
        return pass_or_fail(problem, passed=False)


def _show(found: re.Match[str]) -> str:
    return clip(found.group().strip())


def _show_wanted(wanted: list[Decimal]) -> str:
    numbers = [clip(str(number)) for number in wanted]
    return numbers[0] if len(numbers) == 1 else f"one of {list_some(numbers)}"

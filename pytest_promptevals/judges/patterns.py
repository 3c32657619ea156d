"""The ``regex`` judge."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.functions import call_function
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters, pass_or_fail
from pytest_promptevals.judges.excerpts import count_noun, quote, quote_any, show_output
from pytest_promptevals.judges.regex_engines import check_python, compile_linear, search_with_python
from pytest_promptevals.judges.wanted import Comparing, FilledTexts, read_expected, read_pieces
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

_SECONDS: Final = 10.0
"""How long Python's own engine may work on one output."""


class RegexParameters(JudgeParameters):
    """Parameters of ``regex``."""

    pattern: FilledTexts = Field(
        default=None,
        description="The pattern that must be found in the output, or a list of patterns of which one must. "
        "Without it, `expected` of the case.",
    )
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")
    full: bool = Field(default=False, description="Whether the whole output must match, not just a part of it.")
    engine: Literal["linear", "python"] = Field(
        default="linear",
        description="`linear` is fast whatever the pattern, but has no look-around and no backreferences; `python` is "
        f"Python's own, which has them, in a process that is stopped after {_SECONDS:g} seconds.",
    )

    @model_validator(mode="after")
    def _check_patterns(self) -> Self:
        for pattern in self.pattern or ():
            self.check_pattern(pattern)
        return self

    def check_pattern(self, pattern: str) -> None:
        """Raise ``ValueError`` if the engine cannot take the pattern."""
        try:
            if self.engine == "python":
                check_python(pattern)
            else:
                compile_linear(pattern, ignore_case=self.ignore_case, full=self.full)
        except ValueError as error:
            advice = self._advise(pattern)
            raise ValueError(f"the pattern {quote(pattern)} cannot be used: {error}{advice}") from None

    def _advise(self, pattern: str) -> str:
        if self.engine == "python":
            return ""
        try:
            check_python(pattern)
        except ValueError:
            return ""
        return "; rewrite it, put `not:` before the judge, or set `engine: python`, which is slower"


class RegexJudge(Comparing[list[str]], BaseJudge[RegexParameters]):
    r"""A pattern is found in the output.

    The pattern is `pattern`, or else `expected` of the case. Of a list of patterns, any one will do. Flags may stand
    at the start of the pattern: `(?i)` ignores case, `(?s)` lets the dot match line ends, `(?m)` lets `^` and `$` match
    at every line. In YAML, put patterns in single quotes: then a backslash is a backslash.

    The default engine takes time linear in the length of the text, so no pattern can hang a run. It is that of Rust's
    `regex` crate: written as in Python, but without look-around (`not: regex` often does the same) and backreferences,
    and `$` is the very end of the text, even after a line end. `engine: python` is Python's `re` with all it can do. As
    nothing can stop that from inside, it runs in a process of its own, which takes some 20 ms for each output; after 10
    seconds it is stopped, and the case ends as an error.

    ```yaml
    judges:
      - regex: 'order [A-Z]-\d+'
      - not: {regex: {pattern: sorry, ignore_case: true}}
      - regex: {pattern: '(?!.*never).*', full: true, engine: python}
    cases:
      - input: Where is my order?
        output: Your order A-17 is on its way.
    ```
    """

    name = "regex"
    shorthand = "pattern"
    Parameters = RegexParameters

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Search for each pattern until one is found."""
        del ask
        patterns = self._read_wanted(subject.case)
        for pattern in patterns:
            if await self._is_found(pattern, subject):
                return pass_or_fail(f"pattern {quote(pattern)} found", passed=True)
        fact = "does not match the whole of" if self.parameters.full else "not found in"
        problem = f"pattern {quote_any(patterns)} {fact} {show_output(subject.response.text)}"
        return pass_or_fail(problem, passed=False)

    async def _is_found(self, pattern: str, subject: JudgeInput) -> bool:
        text, given = subject.response.text, self.parameters
        options = {"ignore_case": given.ignore_case, "full": given.full}
        if given.engine == "linear":
            return compile_linear(pattern, **options)(text)
        arguments = {"pattern": pattern, "text": text, "seconds": _SECONDS, **options}
        try:
            return bool(await call_function(search_with_python, arguments))
        except TimeoutError:
            raise JudgeError(
                f"{subject.case.location}: judge {self.name!r}: the pattern {quote(pattern)} was stopped after "
                f"{_SECONDS:g} s on an output of {count_noun(len(text), 'character')}; simplify it, or leave "
                "`engine: python` out"
            ) from None

    def _read_wanted(self, case: Case) -> list[str]:
        given = self.parameters.pattern
        return given if given is not None else read_expected(self.name, case, self._read_patterns)

    def _read_patterns(self, value: Json) -> list[str]:
        patterns = read_pieces(value)
        for pattern in patterns:
            try:
                self.parameters.check_pattern(pattern)
            except ValueError as error:
                raise ValueError(f"must be a pattern, but {error}") from None
        return patterns

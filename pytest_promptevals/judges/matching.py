"""Judges that look for a given text: ``exact``, ``contains``, ``starts_with`` and their relatives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import JudgeParameters, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import quote, quote_any, quote_end, quote_some, show_difference, show_output
from pytest_promptevals.judges.unicode_forms import normal_form
from pytest_promptevals.judges.wanted import Comparing, FilledTexts, Texts, wanted_pieces, wanted_texts
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade


class ExactParameters(JudgeParameters):
    """Parameters of ``exact`` and ``iexact``."""

    value: Texts = Field(
        default=None,
        description="The text that the output must equal, or a list of texts of which it must equal one. "
        "Without it, `expected` of the case.",
    )
    strip: bool = Field(default=True, description="Whether white space around the output and the value is ignored.")


class ExactJudge(Comparing[Sequence[str]], TextJudge[ExactParameters]):
    """The output equals a text.

    The text is `value`, or else `expected` of the case. Of a list of texts, any one will do.

    White space around both is ignored unless `strip` is false. Both are brought into Unicode normalisation form C
    first, so an é typed as one character equals an é typed as e with an accent. A number counts as it is printed
    (`1.50` in YAML is the number 1.5: put it in quotes where the spelling matters), `true` and `false` as these words.
    For objects use `json_equal`.

    ```yaml
    judges:
      - exact
      - exact: {value: [Paris, "Paris, France"]}
    cases:
      - input: What is the capital of France?
        output: Paris
        expected: Paris
    ```
    """

    name = "exact"
    shorthand = "value"
    Parameters = ExactParameters
    ignores_case: ClassVar[bool] = False

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the output with each text."""
        texts = self._read_wanted(subject.case)
        output = subject.response.text
        form = self._form(output)
        if any(self._form(text) == form for text in texts):
            return pass_or_fail(f"equals {quote(form)}", passed=True)
        if len(texts) > 1:
            problem = f"{show_output(output)} is none of the {len(texts)} expected texts {quote_some(texts)}"
        elif self.parameters.strip:
            problem = show_difference(texts[0].strip(), output.strip())
        else:
            problem = show_difference(texts[0], output)
        return pass_or_fail(problem, passed=False)

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    def _form(self, text: str) -> str:
        return normal_form(text.strip() if self.parameters.strip else text, ignore_case=self.ignores_case)


class IExactJudge(ExactJudge):
    """The output equals a text, in upper or lower case.

    As `exact`, but without regard to case, in every script: `STRASSE` equals `straße`. Both texts are case-folded and
    brought into Unicode normalisation form C.

    ```yaml
    judges:
      - iexact: "yes"
    cases:
      - input: Is water wet? Answer yes or no.
        output: "Yes"
    ```
    """

    name = "iexact"
    ignores_case = True


class ContainsParameters(JudgeParameters):
    """Parameters of ``contains`` and ``icontains``."""

    value: FilledTexts = Field(
        default=None,
        description="The text that must be in the output, or a list of texts of which one must be in it. "
        "Without it, `expected` of the case.",
    )


class ContainsJudge(Comparing[Sequence[str]], TextJudge[ContainsParameters]):
    """The output contains a text.

    The text is `value`, or else `expected` of the case. Of a list of texts, any one will do; `contains_all` wants all
    of them. White space counts. Both are brought into Unicode normalisation form C first.

    ```yaml
    judges:
      - contains: A-17
      - contains: {value: [on its way, has been sent]}
    cases:
      - input: Where is order A-17?
        output: Your order A-17 is on its way.
    ```
    """

    name = "contains"
    shorthand = "value"
    Parameters = ContainsParameters
    ignores_case: ClassVar[bool] = False

    def grade(self, subject: JudgeInput) -> Grade:
        """Look for each text until one is found."""
        texts = self._read_wanted(subject.case)
        return _find_any(texts, subject.response.text, ignore_case=self.ignores_case)

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_pieces(self.name, self.parameters.value, case)


class IContainsJudge(ContainsJudge):
    """The output contains a text, in upper or lower case.

    As `contains`, but without regard to case, in every script.

    ```yaml
    judges:
      - icontains: paris
    cases:
      - input: What is the capital of France?
        output: It is Paris.
    ```
    """

    name = "icontains"
    ignores_case = True


class ContainsSomeParameters(JudgeParameters):
    """Parameters of ``contains_any`` and ``contains_all``."""

    values: FilledTexts = Field(
        default=None, description="The texts to look for. Without them, `expected` of the case, a text or a list."
    )
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")


class _ContainsSomeJudge(Comparing[Sequence[str]], TextJudge[ContainsSomeParameters]):
    shorthand = "values"
    Parameters = ContainsSomeParameters

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_pieces(self.name, self.parameters.values, case)


class ContainsAnyJudge(_ContainsSomeJudge):
    """The output contains at least one of several texts.

    The texts are `values`, or else `expected` of the case.

    ```yaml
    judges:
      - contains_any: [refund, money back]
    cases:
      - input: I want my money back.
        output: We have sent your refund.
    ```
    """

    name = "contains_any"

    def grade(self, subject: JudgeInput) -> Grade:
        """Look for each text until one is found."""
        texts = self._read_wanted(subject.case)
        return _find_any(texts, subject.response.text, ignore_case=self.parameters.ignore_case)


class ContainsAllJudge(_ContainsSomeJudge):
    """The output contains every one of several texts, in any order.

    The texts are `values`, or else `expected` of the case. The score is 1 or 0: give each text a `contains` of its own
    to see in the score how many were found.

    ```yaml
    judges:
      - contains_all: {values: [ada, a-17], ignore_case: true}
    cases:
      - input: Where is order A-17?
        output: Dear Ada, your order A-17 is on its way.
    ```
    """

    name = "contains_all"

    def grade(self, subject: JudgeInput) -> Grade:
        """Look for all texts."""
        texts = self._read_wanted(subject.case)
        ignore_case = self.parameters.ignore_case
        output = normal_form(subject.response.text, ignore_case=ignore_case)
        missing = [text for text in texts if normal_form(text, ignore_case=ignore_case) not in output]
        if not missing:
            return pass_or_fail(f"all of {quote_some(texts)} found", passed=True)
        problem = f"{quote_some(missing)} not found in {show_output(subject.response.text)}"
        return pass_or_fail(problem, passed=False)


def _find_any(texts: Sequence[str], text: str, *, ignore_case: bool) -> Grade:
    output = normal_form(text, ignore_case=ignore_case)
    found = next((wanted for wanted in texts if normal_form(wanted, ignore_case=ignore_case) in output), None)
    if found is not None:
        return pass_or_fail(f"{quote(found)} found", passed=True)
    return pass_or_fail(f"expected {quote_any(texts)}, not found in {show_output(text)}", passed=False)


class EdgeParameters(JudgeParameters):
    """Parameters of ``starts_with`` and ``ends_with``."""

    value: FilledTexts = Field(
        default=None,
        description="The text, or a list of texts of which any one will do. Without it, `expected` of the case.",
    )
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")
    strip: bool = Field(
        default=True,
        description="Whether white space is ignored at that end of the output and of the value.",
    )


class _EdgeJudge(Comparing[Mapping[str, str]], TextJudge[EdgeParameters]):
    shorthand = "value"
    Parameters = EdgeParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare one edge of the output with each text."""
        forms = self._read_wanted(subject.case)
        output = self._form(subject.response.text)
        found = next((text for text, form in forms.items() if self._is_at_edge(output, form)), None)
        if found is not None:
            return pass_or_fail(f"{self.name.replace('_', ' ')} {quote(found)}", passed=True)
        problem = f"expected {quote_any(list(forms))}, but the output {self._describe_edge(output)}"
        return pass_or_fail(problem, passed=False)

    def _read_wanted(self, case: Case) -> Mapping[str, str]:
        """Return the texts with the forms that are looked for."""
        forms = {text: self._form(text) for text in wanted_pieces(self.name, self.parameters.value, case)}
        if not all(forms.values()):
            raise JudgeError(
                f"{case.location}: judge {self.name!r} cannot look for white space while it ignores it; "
                "set `strip: false` or give another text"
            )
        return forms

    def _form(self, text: str) -> str:
        return normal_form(
            self._strip(text) if self.parameters.strip else text, ignore_case=self.parameters.ignore_case
        )

    @abstractmethod
    def _strip(self, text: str) -> str: ...

    @abstractmethod
    def _is_at_edge(self, output: str, wanted: str) -> bool: ...

    @abstractmethod
    def _describe_edge(self, output: str) -> str: ...


class StartsWithJudge(_EdgeJudge):
    """The output starts with a text.

    The text is `value`, or else `expected` of the case. Of a list of texts, any one will do. White space at the start
    of the output and of the text is ignored unless `strip` is false. Both are brought into Unicode normalisation form
    C first.

    ```yaml
    judges:
      - starts_with: Dear Ada
    cases:
      - input: Write to Ada.
        output: Dear Ada, thank you for your letter.
    ```
    """

    name = "starts_with"

    def _strip(self, text: str) -> str:
        return text.lstrip()

    def _is_at_edge(self, output: str, wanted: str) -> bool:
        return output.startswith(wanted)

    def _describe_edge(self, output: str) -> str:
        return f"starts with {quote(output)}" if output else "is empty"


class EndsWithJudge(_EdgeJudge):
    """The output ends with a text.

    The text is `value`, or else `expected` of the case. Of a list of texts, any one will do. White space at the end
    of the output and of the text is ignored unless `strip` is false. Both are brought into Unicode normalisation form
    C first.

    ```yaml
    judges:
      - ends_with: {value: [Regards, Yours], ignore_case: true}
    cases:
      - input: Write to Ada.
        output: Thank you for your letter. Kind regards
    ```
    """

    name = "ends_with"

    def _strip(self, text: str) -> str:
        return text.rstrip()

    def _is_at_edge(self, output: str, wanted: str) -> bool:
        return output.endswith(wanted)

    def _describe_edge(self, output: str) -> str:
        return f"ends with {quote_end(output)}" if output else "is empty"

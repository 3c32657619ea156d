"""Judges that count: ``word_count`` and ``length``."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

from pydantic import Field, model_validator

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import Count, JudgeParameters, TextJudge, pass_or_fail
from pytest_promptevals.judges.excerpts import count_noun
from pytest_promptevals.records.results import Grade


class CountParameters(JudgeParameters):
    """Parameters of ``word_count`` and ``length``."""

    min: Count | None = Field(default=None, description="The smallest count that passes.")
    max: Count | None = Field(default=None, description="The largest count that passes.")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` is {self.min}, which is more than `max`, {self.max}; swap or correct them")
        return self


class _CountJudge(TextJudge[CountParameters]):
    Parameters = CountParameters
    noun: ClassVar[str]

    def grade(self, subject: JudgeInput) -> Grade:
        """Count, and compare with both bounds."""
        least, most = self.parameters.min, self.parameters.max
        count = self._count(subject.response.text)
        fact = f"the output has {count_noun(count, self.noun)}"
        if least is not None and count < least:
            return pass_or_fail(f"{fact}, the smallest number that passes is {least:,}", passed=False)
        if most is not None and count > most:
            return pass_or_fail(f"{fact}, the largest number that passes is {most:,}", passed=False)
        return pass_or_fail(fact, passed=True)

    @abstractmethod
    def _count(self, text: str) -> int: ...


class WordCountJudge(_CountJudge):
    """The number of words in the output lies within bounds.

    A word is what stands between white space, so this is of little use in scripts that put none between words: use
    `length` there. Both bounds belong to the range; one of them may be left out.

    ```yaml
    judges:
      - word_count: {min: 3, max: 50}
    cases:
      - input: Where is my order?
        output: It is on its way.
    ```
    """

    name = "word_count"
    noun = "word"

    def _count(self, text: str) -> int:
        return len(text.split())


class LengthJudge(_CountJudge):
    """The number of characters in the output lies within bounds.

    Characters are Unicode code points; white space counts. Both bounds belong to the range; one of them may be left
    out.

    ```yaml
    judges:
      - length: {max: 280}
    cases:
      - input: Write a post.
        output: Evals run like tests now.
    ```
    """

    name = "length"
    noun = "character"

    def _count(self, text: str) -> int:
        return len(text)

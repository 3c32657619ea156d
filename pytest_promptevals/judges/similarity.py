"""Judges of how alike two texts are: ``fuzzy`` and ``levenshtein``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, Literal, TypeVar

from pydantic import Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import JudgeParameters, TextJudge
from pytest_promptevals.judges.excerpts import quote, show_output
from pytest_promptevals.judges.unicode_forms import normal_form
from pytest_promptevals.judges.wanted import Comparing, Texts, wanted_texts
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade

_MOST_PAIRS: Final = 9 * 10**10
"""Length of one text times length of the other that is compared in about 3 s."""
_MOST_PARTIAL: Final = 3_000
"""Characters of the shorter text: a partial comparison is cubic in it, and takes about 3 s there."""
_PARTIAL_RATIO: Final = 1.5
"""From this ratio of the lengths on, WRatio makes a partial comparison."""


class SimilarityParameters(JudgeParameters):
    """Parameters of ``levenshtein``, and most of those of ``fuzzy``."""

    value: Texts = Field(
        default=None,
        description="The text that the output should be like, or a list of texts of which the nearest counts. "
        "Without it, `expected` of the case.",
    )
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")
    strip: bool = Field(default=True, description="Whether white space around the output and the value is ignored.")


SimilarityParametersT = TypeVar("SimilarityParametersT", bound=SimilarityParameters)


class _SimilarityJudge(Comparing[Sequence[str]], TextJudge[SimilarityParametersT]):
    default_threshold = 0.8
    shorthand = "value"

    def grade(self, subject: JudgeInput) -> Grade:
        """Compare the output with each text, and take the best."""
        texts = self._read_wanted(subject.case)
        output = self._form(subject.response.text)
        forms = [self._form(text) for text in texts]
        if too_long := next((form for form in forms if self._is_too_long(form, output)), None):
            raise JudgeError(
                f"{subject.case.location}: judge {self.name!r} cannot compare texts of {len(too_long):,} and "
                f"{len(output):,} characters in reasonable time; compare shorter ones{self._advice}"
            )
        values = [1.0 if form == output else min(1.0, self._compare(form, output)) for form in forms]
        best = max(values)
        nearest = texts[values.index(best)]
        return Grade(best, f"similarity {best:.4g} of {show_output(output)} to {quote(nearest)}")

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    def _form(self, text: str) -> str:
        stripped = text.strip() if self.parameters.strip else text
        return normal_form(stripped, ignore_case=self.parameters.ignore_case)

    @property
    def _advice(self) -> str:
        return ""

    def _is_too_long(self, wanted: str, output: str) -> bool:
        return len(wanted) * len(output) > _MOST_PAIRS

    @abstractmethod
    def _compare(self, wanted: str, output: str) -> float: ...


class FuzzyParameters(SimilarityParameters):
    """Parameters of ``fuzzy``."""

    scorer: Literal["ratio", "partial", "token_sort", "token_set", "WRatio"] = Field(
        default="ratio", description="How to compare, in RapidFuzz's words; see the list of scorers."
    )


class FuzzyJudge(_SimilarityJudge[FuzzyParameters]):
    """The output is like a text, by one of RapidFuzz's scorers.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. The score runs from 0
    (nothing in common) to 1 (equal); from 0.8 on it passes, unless `threshold` says otherwise. The scorers:

    - `ratio`: the whole texts, character by character;
    - `partial`: the shorter text against the part of the longer one that is most like it;
    - `token_sort`: the words in alphabetical order, so that word order does not matter;
    - `token_set`: the words without repetitions; 1 if all words of one text are in the other;
    - `WRatio`: the best of all these, weighted by how the lengths of the texts differ.

    White space around both texts is ignored unless `strip` is false; case counts unless `ignore_case` is true. Both are
    brought into Unicode normalisation form C first. Texts too long to compare in a few seconds are an error, not a low
    score: with `partial` when both are longer than 3,000 characters, otherwise from about 300,000 characters on.

    ```yaml
    judges:
      - fuzzy: {threshold: 0.9}
      - fuzzy: {value: A-17 is on its way, scorer: partial}
    cases:
      - input: Where is order A-17?
        output: Your order A-17 is on its way!
        expected: Your order A-17 is on its way.
    ```
    """

    name = "fuzzy"
    Parameters = FuzzyParameters

    @property
    def _advice(self) -> str:
        return ", or use the scorer ratio" if self.parameters.scorer in ("partial", "WRatio") else ""

    def _is_too_long(self, wanted: str, output: str) -> bool:
        return super()._is_too_long(wanted, output) or (
            self._is_partial(wanted, output) and min(len(wanted), len(output)) > _MOST_PARTIAL
        )

    def _is_partial(self, wanted: str, output: str) -> bool:
        shorter, longer = sorted((len(wanted), len(output)))
        scorer = self.parameters.scorer
        return scorer == "partial" or (scorer == "WRatio" and longer >= _PARTIAL_RATIO * shorter)

    def _compare(self, wanted: str, output: str) -> float:
        from rapidfuzz import fuzz  # noqa: PLC0415 - loaded by those who use this judge only

        scorers = {
            "ratio": fuzz.ratio,
            "partial": fuzz.partial_ratio,
            "token_sort": fuzz.token_sort_ratio,
            "token_set": fuzz.token_set_ratio,
            "WRatio": fuzz.WRatio,
        }
        return scorers[self.parameters.scorer](wanted, output) / 100


class LevenshteinJudge(_SimilarityJudge[SimilarityParameters]):
    """The output is a text but for few edits.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. An edit inserts,
    deletes or replaces one character; the score is 1 minus the number of edits divided by the length of the longer
    text. From 0.8 on it passes, unless `threshold` says otherwise.

    White space around both texts is ignored unless `strip` is false; case counts unless `ignore_case` is true. Both are
    brought into Unicode normalisation form C first. Texts too long to compare in a few seconds, from about 300,000
    characters on, are an error, not a low score.

    ```yaml
    judges:
      - levenshtein: {threshold: 0.95}
    cases:
      - input: Spell the name of the river through Prague.
        output: Vltava.
        expected: [Vltava., Moldau.]
    ```
    """

    name = "levenshtein"
    Parameters = SimilarityParameters

    def _compare(self, wanted: str, output: str) -> float:
        from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - loaded by those who use this judge only

        return Levenshtein.normalized_similarity(wanted, output)

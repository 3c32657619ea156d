"""What the judges share that compare the meaning of texts by their vectors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters
from pytest_promptevals.judges.excerpts import quote, show_output
from pytest_promptevals.judges.vectors import Metric
from pytest_promptevals.judges.wanted import Comparing, Texts, wanted_texts
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade


class MeaningParameters(JudgeParameters):
    """Parameters of every judge of meaning."""

    value: Texts = Field(
        default=None,
        description="The text whose meaning the output should have, or a list of texts of which the nearest counts. "
        "Without it, `expected` of the case.",
    )
    metric: Metric = Field(default="cosine", description="How to compare the vectors; see the list of metrics.")


MeaningParametersT = TypeVar("MeaningParametersT", bound=MeaningParameters)


class MeaningJudge(Comparing[Sequence[str]], BaseJudge[MeaningParametersT]):
    """Compares the output with each text, by their vectors, and takes the nearest."""

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Compare the output with each text, and take the best. Raises ``JudgeError`` if that cannot be done."""
        texts, output = self._read_wanted(subject.case), subject.response.text
        if output in texts:
            values = [1.0 if text == output else 0.0 for text in texts]
        elif output.strip():
            values = await self._compare(texts, subject, ask)
        else:
            values = [0.0] * len(texts)
        best = max(values)
        nearest = texts[values.index(best)]
        return Grade(best, f"similarity {best:.4g} in meaning of {show_output(output)} to {quote(nearest)}")

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    @abstractmethod
    async def _compare(self, texts: Sequence[str], subject: JudgeInput, ask: Ask) -> list[float]:
        """Return how near the output, which is neither empty nor equal to one of the texts, is to each of them."""

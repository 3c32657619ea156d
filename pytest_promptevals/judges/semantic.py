"""The judge of what a text means: ``semantic``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters
from pytest_promptevals.judges.encoding import BATCH, Compute, Encoder
from pytest_promptevals.judges.excerpts import quote, show_output
from pytest_promptevals.judges.local_models import (
    check_package,
    clean_text,
    find_model,
    make_model,
    shared_encoder,
)
from pytest_promptevals.judges.wanted import Comparing, Texts, wanted_texts
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
DIGITS: Final = 4
"""Digits of a score: what comes after them depends on which texts were in one batch."""


class SemanticParameters(JudgeParameters):
    """Parameters of ``semantic``."""

    value: Texts = Field(
        default=None,
        description="The text whose meaning the output should have, or a list of texts of which the nearest counts. "
        "Without it, `expected` of the case.",
    )
    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="A sentence-transformers model: a folder, looked up in that of the file that names it and in the "
        "rootdir, or the name of one that was downloaded.",
    )
    metric: Literal["cosine", "dot", "euclidean"] = Field(
        default="cosine", description="How to compare the vectors; see the list of metrics."
    )


class SemanticJudge(Comparing[Sequence[str]], BaseJudge[SemanticParameters]):
    """The output means what a text means.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. A local
    sentence-transformers model turns each text into a vector, and `metric` makes a score of two vectors *a* and *b*:

    - `cosine`: the cosine of the angle between them; below 0, which is rare, it counts as 0;
    - `dot`: their dot product, divided by the larger of *a·a* and *b·b*, so that only equal vectors get 1; below 0 it
      counts as 0. It is the cosine where the model makes all vectors equally long, as the default one does;
    - `euclidean`: 1 minus their distance divided by the sum of their lengths: 1 for equal vectors, 0 for opposite ones,
      and about 0.3 for those that have nothing in common. Its scores lie closer together than cosines do.

    From 0.8 on it passes, unless `threshold` says otherwise: which threshold is right depends on the model and on the
    texts. An empty output gets 0, and an equal one 1. A model reads only the beginning of a long text, the default one
    256 tokens, about 200 words. Scores are rounded to four digits.

    It needs `pip install "pytest-promptevals[semantic]"`. A run never downloads a model: get the default one once with
    `hf download sentence-transformers/all-MiniLM-L6-v2`, or name a folder. Each process loads a model once, in the
    background, while the first responses are on their way. Texts of all cases that wait are encoded together, equal
    ones once; up to 64 MB of vectors are kept for the run. Time spent loading counts in the case's `timeout`.

    ```yaml
    judges:
      - semantic: {threshold: 0.6}
      - semantic: {value: The parcel is on its way., metric: euclidean, threshold: 0.6}
    cases:
      - input: Where is my order?
        output: Your parcel is on its way.
        expected: Your order is on its way.
    ```
    """

    name = "semantic"
    default_threshold = 0.8
    shorthand = "value"
    Parameters = SemanticParameters

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Find the package and the model, without loading them. Raises ``JudgeError`` if there is none."""
        check_package(self.name)
        find_model(self.name, self.parameters.model, tuple(search_path))

    def prepare(self, search_path: Sequence[Path]) -> None:
        """Load the model, in the calling thread. Raises ``JudgeError`` if it cannot be loaded."""
        self._encoder(search_path).prepare()

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Compare the output with each text, and take the best. Raises ``JudgeError`` if the model cannot be loaded."""
        del ask
        texts, output = self._read_wanted(subject.case), subject.response.text
        values = await self._compare(texts, output, subject.search_path)
        best = max(values)
        nearest = texts[values.index(best)]
        return Grade(best, f"similarity {best:.4g} in meaning of {show_output(output)} to {quote(nearest)}")

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    async def _compare(self, texts: Sequence[str], output: str, search_path: Sequence[Path]) -> list[float]:
        if output in texts:
            return [1.0 if text == output else 0.0 for text in texts]
        if not output.strip():
            return [0.0] * len(texts)
        items = [(clean_text(text),) for text in (output, *texts)]
        vector, *others = await self._encoder(search_path).encode(items)
        measure = _METRICS[self.parameters.metric]
        return [round(min(1.0, max(0.0, measure(vector, other))), DIGITS) for other in others]

    def _encoder(self, search_path: Sequence[Path]) -> Encoder:
        check_package(self.name)
        folder = find_model(self.name, self.parameters.model, tuple(search_path))
        return shared_encoder(self.name, folder, load_sentences)


def load_sentences(folder: Path) -> Compute:
    """Load a sentence-transformers model, and return what computes the vectors of texts with it. Takes seconds."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes 7 to 10 s to import

    model = make_model(lambda: SentenceTransformer(str(folder), local_files_only=True))

    def compute(batch: Sequence[tuple[str, ...]]) -> list[Any]:
        texts = [text for (text,) in batch]
        # Copies, since a row of the whole would keep all of it in memory.
        return [row.copy() for row in model.encode(texts, batch_size=BATCH, show_progress_bar=False)]

    return compute


def _cosine(first: Any, second: Any) -> float:
    lengths = _length(first) * _length(second)
    return float(first @ second) / lengths if lengths else 0.0


def _dot(first: Any, second: Any) -> float:
    larger = max(float(first @ first), float(second @ second))
    return float(first @ second) / larger if larger else 0.0


def _euclidean(first: Any, second: Any) -> float:
    lengths = _length(first) + _length(second)
    return 1.0 - _length(first - second) / lengths if lengths else 0.0


def _length(vector: Any) -> float:
    return math.sqrt(float(vector @ vector))


_METRICS: Final[Mapping[str, Callable[[Any, Any], float]]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
}

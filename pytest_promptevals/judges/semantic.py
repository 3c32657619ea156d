"""The judge of what a text means: ``semantic``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.encoding import BATCH, Compute, Encoder
from pytest_promptevals.judges.local_models import (
    check_package,
    clean_text,
    find_model,
    make_model,
    shared_encoder,
)
from pytest_promptevals.judges.meaning import MeaningJudge, MeaningParameters
from pytest_promptevals.judges.vectors import Arithmetic, score_vectors

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
_API_MODEL: Final = re.compile(r"(?:^|/)text-embedding-")
"""How OpenAI names its models, and those who resell them."""
_PROVIDER_MODEL: Final = re.compile(r"(?!sentence-transformers/)\w[\w-]*/[^/\\]+")


class SemanticParameters(MeaningParameters):
    """Parameters of ``semantic``."""

    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="A sentence-transformers model: a folder, looked up in that of the file that names it and in the "
        "rootdir, or the name of one that was downloaded.",
    )


class SemanticJudge(MeaningJudge[SemanticParameters]):
    """The output means what a text means, by a model on this machine.

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
    ones once; up to 64 MB of vectors are kept for the run. Loading does not count in a case's `timeout`. For the
    models of an API there is the judge `embedding`.

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
        model = self.parameters.model
        if _API_MODEL.search(model) and not any((folder / model).is_dir() for folder in search_path):
            raise JudgeError(
                f"{model!r} is a model of an API, and this judge takes local ones; write {_instead(model)}"
            )
        check_package(self.name)
        try:
            find_model(self.name, model, tuple(search_path))
        except JudgeError as error:
            if _PROVIDER_MODEL.fullmatch(model) is None:
                raise
            raise JudgeError(f"{error}; or, if it is a model of an API, write {_instead(model)}") from error

    def prepare(self, search_path: Sequence[Path]) -> None:
        """Load the model, in the calling thread. Raises ``JudgeError`` if it cannot be loaded."""
        self._encoder(search_path).prepare()

    async def _compare(self, texts: Sequence[str], subject: JudgeInput, ask: Ask) -> list[float]:
        del ask
        items = [(clean_text(text),) for text in (subject.response.text, *texts)]
        vector, *others = await self._encoder(subject.search_path).encode(items)
        return [score_vectors(self.parameters.metric, vector, other, _NUMPY) for other in others]

    def _encoder(self, search_path: Sequence[Path]) -> Encoder:
        check_package(self.name)
        folder = find_model(self.name, self.parameters.model, tuple(search_path))
        return shared_encoder(self.name, folder, load_sentences)


def _instead(model: str) -> str:
    return f"`embedding: {{model: {model}}}` instead"


def load_sentences(folder: Path) -> Compute:
    """Load a sentence-transformers model, and return what computes the vectors of texts with it. Takes seconds."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes 7 to 10 s to import

    model = make_model(lambda: SentenceTransformer(str(folder), local_files_only=True))

    def compute(batch: Sequence[tuple[str, ...]]) -> list[Any]:
        texts = [text for (text,) in batch]
        # Copies, since a row of the whole would keep all of it in memory.
        return [row.copy() for row in model.encode(texts, batch_size=BATCH, show_progress_bar=False)]

    return compute


def _inner(first: Any, second: Any) -> float:
    return float(first @ second)


def _length(vector: Any) -> float:
    return math.sqrt(_inner(vector, vector))


def _distance(first: Any, second: Any) -> float:
    return _length(first - second)


_NUMPY: Final = Arithmetic(_inner, _length, _distance)

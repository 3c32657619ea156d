"""The judge that reads two texts together: ``cross_encoder``."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters
from pytest_promptevals.judges.encoding import BATCH, Compute, Encoder
from pytest_promptevals.judges.excerpts import list_some, quote, show_output
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

DIGITS: Final = 4
"""Digits of a score: what comes after them depends on which texts were in one batch."""
_SIMILARITY: Final = "similarity"
_HEADS: Final = ("ForSequenceClassification", "ForCausalLM")
"""Architectures that score two texts; one that generates text does so by its next word, yes or no."""
_CROSS_ENCODER: Final = "CrossEncoder"
_DEFAULT_MODELS: Final = {
    _SIMILARITY: "cross-encoder/stsb-distilroberta-base",
    "entailment": "cross-encoder/nli-distilroberta-base",
    "contradiction": "cross-encoder/nli-distilroberta-base",
}


class CrossEncoderParameters(JudgeParameters):
    """Parameters of ``cross_encoder``."""

    value: Texts = Field(
        default=None,
        description="The text to read the output with, or a list of texts of which the best counts. "
        "Without it, `expected` of the case.",
    )
    kind: Literal["similarity", "entailment", "contradiction"] = Field(
        default="similarity", description="What the score says of the two texts; see the list of kinds."
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="A cross-encoder: a folder, looked up in that of the file that names it and in the rootdir, or the "
        "name of one that was downloaded. Without it, one that fits the kind.",
    )
    premise: Literal["output", "value"] = Field(
        default="output",
        description="Which of the two texts comes first: the one that entails, or contradicts, the other.",
    )


class CrossEncoderJudge(Comparing[Sequence[str]], BaseJudge[CrossEncoderParameters]):
    """A cross-encoder reads the output together with a text.

    The text is `value`, or else `expected` of the case. Of a list of texts, the best counts. A cross-encoder is slower
    than the model of `semantic` and more exact, since it sees both texts at once. The score by `kind`:

    - `similarity`: how alike they are, from a model that gives one number, such as
      `cross-encoder/stsb-distilroberta-base`, the default;
    - `entailment`: the probability that the output says what the text says, and perhaps more;
    - `contradiction`: the probability that the output contradicts the text; mostly written behind `not:`.

    The last two need a model of natural language inference (NLI), by default `cross-encoder/nli-distilroberta-base`;
    which of its numbers is which is read from the labels in its `config.json`. With `premise: value`, it is asked
    whether the text entails or contradicts the output. From 0.5 on it passes, unless `threshold` says otherwise. An
    empty output gets 0. A model reads only the beginning of long texts, mostly 512 tokens of both together. Scores are
    rounded to four digits.

    It needs `pip install "pytest-promptevals[semantic]"`. A run never downloads a model: get one with
    `hf download NAME`, or name a folder. A model of `semantic` is no cross-encoder, which is said at collection.
    Loading and batches are as with `semantic`.

    ```yaml
    judges:
      - cross_encoder
      - cross_encoder: {kind: entailment, threshold: 0.8}
      - not: {cross_encoder: {kind: contradiction}}
    cases:
      - input: When does the shop open?
        output: The shop opens at nine in the morning.
        expected: The shop opens at nine.
    ```
    """

    name = "cross_encoder"
    default_threshold = 0.5
    shorthand = "value"
    Parameters = CrossEncoderParameters

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Find the package, the model, its head and its labels, without loading them. Raises ``JudgeError``."""
        check_package(self.name)
        folder = self._folder(search_path)
        self._check_head(folder)
        self._label(folder)

    def prepare(self, search_path: Sequence[Path]) -> None:
        """Load the model, in the calling thread. Raises ``JudgeError`` if it cannot be loaded."""
        self._encoder(self._folder(search_path)).prepare()

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Read the output with each text, and take the best. Raises ``JudgeError`` if the model does not fit."""
        del ask
        texts, output = self._read_wanted(subject.case), subject.response.text
        values = [0.0] * len(texts)
        if output.strip():
            values = await self._compare(texts, output, subject.search_path)
        best = max(values)
        nearest = texts[values.index(best)]
        return Grade(best, f"{self.parameters.kind} {best:.4g} of {show_output(output)} and {quote(nearest)}")

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    async def _compare(self, texts: Sequence[str], output: str, search_path: Sequence[Path]) -> list[float]:
        folder = self._folder(search_path)
        label = self._label(folder)
        cleaned = [(clean_text(output), clean_text(text)) for text in texts]
        pairs = cleaned if self.parameters.premise == "output" else [(text, first) for first, text in cleaned]
        logits = await self._encoder(folder).encode(pairs)
        return [round(self._score(list(map(float, row)), label, folder), DIGITS) for row in logits]

    def _score(self, logits: Sequence[float], label: int | None, folder: Path) -> float:
        if label is not None:
            return _probability(logits, label)
        if len(logits) > 1:
            raise JudgeError(
                f"judge {self.name!r}: the model in {folder} gives {len(logits)} numbers, and similarity is one; "
                "use a model of similarity, or the kind entailment"
            )
        return _sigmoid(logits[0])

    def _folder(self, search_path: Sequence[Path]) -> Path:
        check_package(self.name)
        model = self.parameters.model or _DEFAULT_MODELS[self.parameters.kind]
        return find_model(self.name, model, tuple(search_path))

    def _label(self, folder: Path) -> int | None:
        """Return which of the model's numbers is meant; ``None`` for the only one."""
        kind = self.parameters.kind
        if kind == _SIMILARITY:
            return None
        labels = _read_labels(folder)
        if kind in labels:
            return labels[kind]
        named = list_some(list(labels)) or "none"
        raise JudgeError(
            f"judge {self.name!r}: no label of the model in {folder} is called {kind!r} (its labels: {named}); "
            "use a model of natural language inference whose config.json names its labels"
        )

    def _check_head(self, folder: Path) -> None:
        """Raise ``JudgeError`` for a model that cannot score two texts: it would get a head of random numbers."""
        if _model_type(folder) == _CROSS_ENCODER:
            return
        names = _read_config(folder).get("architectures") or []
        if names and not any(str(name).endswith(_HEADS) for name in names):
            raise JudgeError(
                f"judge {self.name!r}: the model in {folder} does not score two texts: it is a {list_some(names)}, "
                "without the head of a cross-encoder, and would get one of random numbers; for this model use the "
                "judge `semantic`, or name a cross-encoder"
            )

    def _encoder(self, folder: Path) -> Encoder:
        return shared_encoder(self.name, folder, load_pairs)


def load_pairs(folder: Path) -> Compute:
    """Load a cross-encoder, and return what computes the logits of pairs of texts with it. Takes seconds."""
    from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes 7 to 10 s to import
    from torch.nn import Identity  # noqa: PLC0415 - as above

    model = make_model(lambda: CrossEncoder(str(folder), local_files_only=True))
    as_they_are = Identity()  # models differ in what they would make of their logits

    def compute(batch: Sequence[tuple[str, ...]]) -> list[Any]:
        rows = model.predict(
            [(first, second) for first, second in batch],
            batch_size=BATCH,
            show_progress_bar=False,
            activation_fn=as_they_are,
        )
        return [row.reshape(-1).copy() for row in rows]

    return compute


def _read_labels(folder: Path) -> Mapping[str, int]:
    try:
        return {str(label).lower(): int(number) for number, label in _read_config(folder).get("id2label", {}).items()}
    except (ValueError, AttributeError) as error:
        raise _unreadable(folder, error) from error


@functools.lru_cache(maxsize=64)
def _read_config(folder: Path) -> Mapping[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from error
    if not isinstance(config, dict):
        raise _unreadable(folder, TypeError("it is no mapping"))
    return config


def _unreadable(folder: Path, error: Exception) -> JudgeError:
    return JudgeError(
        f"what kind of model is in {folder} cannot be read from its config.json: {type(error).__name__}: {error}; "
        "download the model anew"
    )


def _model_type(folder: Path) -> object:
    """Return what sentence-transformers saved the model as; ``None`` if it did not, or did not say."""
    try:
        saved = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return saved.get("model_type") if isinstance(saved, dict) else None


def _probability(logits: Sequence[float], label: int) -> float:
    """Return the softmax of one of the logits."""
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    return powers[label] / sum(powers)


def _sigmoid(logit: float) -> float:
    # Either form alone overflows at one end.
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))

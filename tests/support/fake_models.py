"""Models that load in no time and know words only, in place of real ones."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_promptevals.judges import cross_encoder, semantic

SIZE = 1024


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector_of(text: str) -> Any:
    """Count the words of a text, or its only mark: texts with the same words get the same vector, and none has none."""
    vector = np.zeros(SIZE, dtype=np.float32)
    for word in words_of(text) or [text.strip()]:
        vector[zlib.crc32(word.encode()) % SIZE] += 1
    return vector


def compute_vectors(batch: Sequence[tuple[str, ...]]) -> list[Any]:
    return [vector_of(text) for (text,) in batch]


def shared_words(first: str, second: str) -> float:
    one, other = set(words_of(first)), set(words_of(second))
    return len(one & other) / max(1, len(one | other))


def compute_pairs(folder: Path) -> Any:
    """Return what gives one number for a pair, or three where the folder's model has labels."""
    labels = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label", {})

    def compute(batch: Sequence[tuple[str, ...]]) -> list[Any]:
        shared = [8 * shared_words(first, second) - 3 for first, second in batch]
        # In the order of the labels: contradiction, entailment, neutral.
        rows = [[-value, value, 0.0] if labels else [value] for value in shared]
        return [np.array(row, dtype=np.float32) for row in rows]

    return compute


def make_model(folder: Path, labels: Sequence[str] = ()) -> Path:
    """Make the folder of a model, with a config that names its labels."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"id2label": {str(number): label for number, label in enumerate(labels)}} if labels else {}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


NLI_LABELS = ("CONTRADICTION", "ENTAILMENT", "NEUTRAL")


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have the judges find and load these instead of real models, by any name."""
    plain, nli = make_model(folder / "plain"), make_model(folder / "nli", NLI_LABELS)

    def find(judge: str, model: str, search_path: tuple[Path, ...]) -> Path:
        return nli if "nli" in model else plain

    for module in (semantic, cross_encoder):
        monkeypatch.setattr(module, "find_model", find)
        monkeypatch.setattr(module, "check_package", lambda _: None)
    monkeypatch.setattr(semantic, "load_sentences", lambda _: compute_vectors)
    monkeypatch.setattr(cross_encoder, "load_pairs", compute_pairs)

"""Recorded outputs for the benchmarks of judges, judged as a pytest run does it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.engine.engine import Engine
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.pytest_glue.share import AHEAD_FACTOR

TEXT: Final = (
    "order refund late your is on its way the customer please wait for a delivery and our team will contact you soon "
    "about invoice number account password reset email address parcel friday warehouse courier return label"
)
WORDS: Final = TEXT.split()


def write_evals(folder: Path, head: str, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write an eval file that begins with ``head``, and a file of cases beside it; return the former."""
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    path = folder / "a.eval.yaml"
    path.write_text(f"{head}\ncases: [file: rows.jsonl]\n", encoding="utf-8")
    return path


def judge_all(planned: Sequence[PlannedCase], folder: Path, concurrency: int) -> None:
    """Run the cases as pytest does, each result waited for in its turn."""
    engine = Engine(planned, lambda: Pipeline(folder, concurrency), window=concurrency * AHEAD_FACTOR)
    engine.start()
    try:
        for position in range(len(planned)):
            result = engine.result(position)
            assert result.error is None, result.error
    finally:
        engine.stop()

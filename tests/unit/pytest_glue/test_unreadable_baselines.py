"""A baseline that there may be, and that cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.deciding import compare_file, decide_run
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.records.cases import GateRules, Location
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.settings import Settings
from tests.support.sample_results import make_result

NOWHERE = "postgresql+psycopg://ada:secret@127.0.0.1:1/evals"
REASON = (
    "no baseline is committed, and the history that has the last results cannot be read, so nothing is compared; the "
    "end of the summary says why"
)


def source(name: str) -> EvalSource:
    return EvalSource(name, f"baselines/{name}.jsonl", ("a",), Location(name, 1), GateRules(min_score=0.5))


def test_a_server_that_is_away_is_no_missing_baseline(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    settings = Settings(history=NOWHERE)
    baselines = Baselines(tmp_path, settings)

    problems = [baselines.problem_of(source(name)) for name in ("a.eval.yaml", "b.eval.yaml")]

    assert problems == [REASON, REASON]
    (notice,) = baselines.notices  # it is asked once
    assert "Connection refused; start the server" in notice


def test_a_missing_extra_is_no_missing_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    baselines = Baselines(tmp_path, Settings(history=NOWHERE))

    assert baselines.problem_of(source("a.eval.yaml")) == REASON
    assert 'pip install "pytest-promptevals[postgres]"' in baselines.notices[0]


def test_a_damaged_file_is_begun_anew_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    baselines = Baselines(tmp_path, Settings(history="history.db"))

    assert baselines.of(source("a.eval.yaml")) is None
    assert baselines.problem_of(source("a.eval.yaml")) == ""
    assert "history.db was damaged; it is kept as" in baselines.notices[0]


def test_nothing_is_compared_and_the_gates_that_need_no_baseline_answer(tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/a.eval.yaml.jsonl").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    file, settings = source("a.eval.yaml"), Settings()
    results = [make_result("a", 0.9)]

    compared = compare_file(file, results, Baselines(tmp_path, settings).of(file, results))
    (comparison,) = decide_run([compared], settings)

    assert not comparison.has_baseline
    assert comparison.deltas == ()
    assert [(gate.gate, gate.verdict) for gate in comparison.gates] == [
        ("score", Verdict.INSUFFICIENT_DATA),
        ("min_score", Verdict.PASSED),
    ]

"""The whole flow, file to verdict, without pytest's machinery. If this needs pytest, a layer leaks."""

from __future__ import annotations

from pathlib import Path

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.engine import Engine
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import plan_dataset
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.history.baselines import baseline_cases
from pytest_promptevals.records.comparisons import Change, Comparison, Verdict
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.terminal import summary_lines
from pytest_promptevals.settings import Settings

EVAL_FILE = """
prompt: ask.md
model: scripted/m
providers:
  scripted:
    script:
      - {match: 'Be kind. (?P<what>.+)', reply: 'kindly \\g<what>'}
      - {match: "", reply: "no"}
judges:
  - contains: "{{ what }}"
cases:
  - {id: one, vars: {what: apples}}
  - {id: two, vars: {what: pears}}
  - {id: three, vars: {what: plums}}
  - {id: four, vars: {what: figs}}
  - {id: five, vars: {what: dates}}
"""


def run(folder: Path) -> tuple[CaseResult, ...]:
    registry = builtin_registry()
    planned = plan_dataset(load_dataset(folder / "a.eval.yaml", folder), registry, folder, Settings())
    engine = Engine(planned, lambda: Pipeline(folder, 4), window=8)
    engine.start()
    try:
        return tuple(engine.result(position) for position in range(len(planned)))
    finally:
        engine.stop()


def verdict(folder: Path, results: tuple[CaseResult, ...], before: tuple[CaseResult, ...]) -> Comparison:
    dataset = load_dataset(folder / "a.eval.yaml", folder)
    gates = parse_gates(dataset.gate, Settings())
    names = frozenset(result.name for result in results)
    comparison = compare(dataset.path, results, baseline_cases(before), collected_names=names)
    (decided,) = decide([GatedFile(comparison, gates, dataset.location)])
    return decided


def test_a_worse_prompt_is_a_regression(tmp_path: Path) -> None:
    (tmp_path / "a.eval.yaml").write_text(EVAL_FILE, encoding="utf-8")
    (tmp_path / "ask.md").write_text("Be kind. {{ what }}", encoding="utf-8")
    good = run(tmp_path)
    (tmp_path / "ask.md").write_text("Be quick. {{ what }}", encoding="utf-8")
    bad = run(tmp_path)

    comparison = verdict(tmp_path, bad, good)

    assert [result.name for result in good] == ["one", "two", "three", "four", "five"]
    assert {(result.score, result.passed) for result in good} == {(1.0, True)}
    assert [delta.change for delta in comparison.deltas] == [Change.WORSE] * 5
    assert [gate.verdict for gate in comparison.gates] == [Verdict.REGRESSED]
    assert any("one    1.00 -> 0.00" in line.text for line in summary_lines([comparison], width=80, verbosity=0))


def test_the_same_prompt_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.eval.yaml").write_text(EVAL_FILE, encoding="utf-8")
    (tmp_path / "ask.md").write_text("Be kind. {{ what }}", encoding="utf-8")
    results = run(tmp_path)

    comparison = verdict(tmp_path, results, results)

    assert {delta.change for delta in comparison.deltas} == {Change.SAME}
    assert [gate.verdict for gate in comparison.gates] == [Verdict.PASSED]

"""What adaptive trials promise, in a short round of the simulation: few false alarms, and fewer trials."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "verdicts" / "adaptive.py"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("adaptive_simulation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for the types of their fields
    spec.loader.exec_module(module)
    return module


def test_where_nothing_changed_peeking_alarms_in_at_most_one_of_20_runs(simulation: ModuleType) -> None:
    for cell in (simulation.Cell(20, baseline=1, limit=0.02), simulation.Cell(60, group=5, baseline=5, limit=0.02)):
        alarms = [
            simulation.run_adaptive(cell, simulation.pair_up(cell, *sides), simulation.ours)[0]
            for sides in simulation.simulate(cell, 0.0, 200, seed=5)
        ]
        assert statistics.fmean(alarms) <= 0.05


def test_a_real_drop_is_found_with_three_quarters_of_the_trials(simulation: ModuleType) -> None:
    cell = simulation.Cell(12, baseline=5)

    ours, *_ = simulation.efficiency_rows([cell], 120, 1)

    median, fixed, ratio = ours[3], ours[5], ours[6]
    assert ratio == median / fixed
    assert ratio <= 0.75


def test_the_script_prints_its_tables() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--cells=quick", "--runs=1"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for head in ("no correction", "power of 1", "drop 0.2 shown"):
        assert head in done.stdout

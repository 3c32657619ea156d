"""How often a verdict is wrong: runs of models whose chance of passing is known, decided by our rule and by others.

Every cell is one kind of eval file. A bar counts as missed where it is missed by more than chance would: by more than
2.33 standard errors of the figure that was simulated::

    python tests/benchmarks/verdicts/simulate.py --cells all --write docs/statistics.md
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # run as a script, from anywhere

from tests.benchmarks.verdicts.models import Cell, Runs, draw
from tests.benchmarks.verdicts.rules import ALPHA, MAX_DROP, OTHERS, Seen, cover, join, judge, judge_exactly

DROP: Final = 0.2
"""Twice ``max_drop``: the change for the worse that is to be found."""
FILES: Final = (5, 20)
"""Eval files in a run, beside 1."""
BEGIN: Final = "<!-- simulation: begin -->"
END: Final = "<!-- simulation: end -->"
_CHANCE: Final = 2.33
_COVERED: Final = 0.93
_FEWEST_COVERED: Final = 30
_POWER_MARGIN: Final = 0.03
_TRIALS: Final = ((1, 1), (3, 3), (5, 5), (1, 5), (5, 1))


@dataclass(slots=True)
class Outcome:
    """What was seen in one cell."""

    cell: Cell
    rounds: int
    alarms: float = 0.0
    """Share of comparisons that are red although nothing changed."""
    alarms_at_0: float = 0.0
    """The same where ``max_drop`` is 0."""
    power: float = 0.0
    """Share that is red where the mean dropped by ``DROP``."""
    pairs: int = 0
    """Comparisons in which our rule and the exact test were held beside each other."""
    ours: float = 0.0
    """Power of our rule in those."""
    reference: float = 0.0
    """Power of the exact paired test in those."""
    covered: float = 1.0
    """Lowest share of intervals that hold the true change."""
    width: float = 0.0
    """Mean width of the intervals where nothing changed."""
    others: dict[str, tuple[float, float]] = field(default_factory=dict)
    """False alarms and power of the rules of other tools."""
    null: Seen | None = None
    """What was seen where nothing changed."""

    def misses(self) -> Iterator[str]:
        """Yield what is not as it is to be."""
        for name, alarms in (("alarms", self.alarms), ("alarms at max_drop 0", self.alarms_at_0)):
            if alarms > ALPHA + _CHANCE * math.sqrt(ALPHA * (1 - ALPHA) / self.rounds):
                yield f"{name} {alarms:.3f}"
        if self.ours < self.reference - _POWER_MARGIN:
            yield f"power {self.ours:.3f} of {self.reference:.3f}"
        if self.cell.cases >= _FEWEST_COVERED:
            least = _COVERED - _CHANCE * math.sqrt(_COVERED * (1 - _COVERED) / self.rounds)
            if self.covered < least:
                yield f"coverage {self.covered:.3f}"


def cells_of(size: str) -> list[Cell]:
    """Return the cells of ``quick`` or ``all``."""
    if size == "quick":
        return [
            Cell(scores, cases, *trials, group)
            for scores, cases, trials, group in itertools.product(
                ("pass/fail", "continuous"), (30,), ((1, 1), (1, 5)), (1, 5)
            )
        ]
    usual = [
        Cell(scores, cases, *trials, group)
        for scores, cases, trials, group in itertools.product(
            ("pass/fail", "continuous"), (20, 30, 60, 200, 2_000), _TRIALS, (1, 5)
        )
    ]
    # Where normal approximations are at their worst: nearly all cases pass, or half of them by chance.
    hard = [
        Cell(scores, cases, *trials, group, ability, spread)
        for scores, cases, trials, group, (ability, spread) in itertools.product(
            ("pass/fail", "continuous"), (20, 60), ((1, 1), (1, 5), (5, 1)), (1, 5), ((0.95, 4.0), (0.5, 1e3))
        )
    ]
    return usual + hard


def simulate(cell: Cell, rounds: int, seed: int) -> Outcome:
    """Return what was seen in a cell, of ``rounds`` comparisons where nothing changed and as many with a drop."""
    outcome = Outcome(cell, rounds)
    still, fallen = draw(cell, 0.0, rounds, seed), draw(cell, DROP, rounds, seed + 1)
    nothing, covered_still, outcome.width, alarms = _decide(cell, still, 0.0)
    dropped, covered_fallen, _, found = _decide(cell, fallen, DROP)
    outcome.null = nothing
    outcome.alarms, outcome.alarms_at_0 = float(nothing.red().mean()), float(nothing.red(limit=0.0).mean())
    outcome.power = float(dropped.red().mean())
    outcome.covered = min(covered_still, covered_fallen)
    outcome.others = {name: (alarms[name], found[name]) for name in OTHERS}
    outcome.pairs = max(50, min(rounds // 5, 40_000 // cell.cases))
    for runs in draw(cell, DROP, outcome.pairs, seed + 2):
        outcome.ours += float(judge(cell, runs).red().sum()) / outcome.pairs
        outcome.reference += float(judge_exactly(cell, runs).red().sum()) / outcome.pairs
    return outcome


def _decide(cell: Cell, batches: Iterator[Runs], drop: float) -> tuple[Seen, float, float, dict[str, float]]:
    seen, held, width, count = [], 0, 0.0, 0
    red = dict.fromkeys(OTHERS, 0.0)
    for runs in batches:
        seen.append(judge(cell, runs))
        one_held, one_width = cover(cell, runs, drop)
        held, width, count = held + one_held, width + one_width, count + len(runs.now)
        for name, rule in OTHERS.items():
            red[name] += float(rule(runs).sum())
    return join(seen), held / count, width / count, {name: value / count for name, value in red.items()}


def alarms_of_runs(outcomes: Sequence[Outcome], files: int, runs: int, seed: int) -> tuple[float, float]:
    """Return how often a run of several eval files is red although nothing changed, at max_drop 0.1 and at 0.

    Its files are of all kinds. Where all p-values are of chance, Holm's correction makes a run red just when one of
    them is, multiplied by how many files there are: the smallest is corrected by all of them.
    """
    source = np.random.default_rng([seed, files])
    drops, chances = np.empty((runs, files)), np.empty((runs, files))
    for place in itertools.product(range(runs), range(files)):
        null = outcomes[source.integers(len(outcomes))].null
        assert null is not None
        pick = source.integers(len(null.drops))
        drops[place], chances[place] = null.drops[pick], null.chances[pick]
    return tuple(  # type: ignore[return-value] # of two
        float(_is_red_run(drops, chances, limit).mean()) for limit in (MAX_DROP, 0.0)
    )


def _is_red_run(drops: np.ndarray, chances: np.ndarray, limit: float) -> np.ndarray:
    from pytest_promptevals.comparison.holm import holm  # noqa: PLC0415 - beside its only use

    corrected = np.array([holm(row) for row in chances.tolist()])
    return np.asarray(((drops > limit) & (corrected <= ALPHA)).any(axis=1))

"""How often a verdict is wrong: runs of models whose chance of passing is known, decided by our rule and by others.

Every cell is one kind of eval file. A bar counts as missed where it is missed by more than chance would: by more than
three standard errors of the figure that was simulated::

    python tests/benchmarks/verdicts/simulate.py --cells all --write docs/statistics.md
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # many small products: threads only get in each other's way

import numpy as np
import numpy.typing as npt
from scipy import stats
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # run as a script, from anywhere

from pytest_promptevals.comparison.holm import holm
from tests.benchmarks.verdicts import chains, figures, weights
from tests.benchmarks.verdicts.models import Cell, Numbers, Runs, draw
from tests.benchmarks.verdicts.rules import ALPHA, MAX_DROP, OTHERS, Seen, cover, join, judge, judge_exactly

DROP: Final = 0.2
"""Twice ``max_drop``: the change for the worse that is to be found."""
FILES: Final = (5, 20)
"""Eval files in a run, beside 1."""
BEGIN: Final = "<!-- simulation: begin -->"
END: Final = "<!-- simulation: end -->"
_CHANCE: Final = 3.0
_COVERED: Final = 0.93
_FEWEST_COVERED: Final = 30
_POWER_MARGIN: Final = 0.03
_CHAINED: Final = 10
"""Runs in chains for each comparison of a cell: they cost little."""
_FULL_ROUNDS: Final = 2_000
"""Cases up to which all comparisons of a cell are tested."""
_ALL_ALIKE: Final = 100.0
"""Spread from which on the cases are as able as each other."""
_TRIALS: Final = ((1, 1), (3, 3), (5, 5), (1, 5), (5, 1))


@dataclass(slots=True)
class Outcome:
    """What was seen in one cell."""

    cell: Cell
    rounds: int
    """Comparisons of each kind."""
    tested: int
    """How many of them have a p-value."""
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
            if is_beyond_chance(alarms, self.tested):
                yield f"{name} {alarms:.3f}"
        lost = max(0.0, self.reference - self.ours)
        if lost > _POWER_MARGIN + _CHANCE * math.sqrt(lost / max(1, self.pairs)):
            yield f"power {self.ours:.3f} of {self.reference:.3f}"
        if self.cell.cases >= _FEWEST_COVERED:
            least = _COVERED - _CHANCE * math.sqrt(_COVERED * (1 - _COVERED) / self.rounds)
            if self.covered < least:
                yield f"coverage {self.covered:.3f}"


def is_beyond_chance(alarms: float, count: int) -> bool:
    """Return whether a share of alarms among so many is more than 5 % by more than three standard errors' chance."""
    return float(stats.binom.sf(round(alarms * count) - 1, count, ALPHA)) < 1 - NormalDist().cdf(_CHANCE)


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
    """Return what was seen in a cell, of ``rounds`` comparisons where nothing changed and as many with a drop.

    Of very many cases not all comparisons are tested, since that takes long; all have their intervals.
    """
    tested = max(10, min(rounds, rounds * _FULL_ROUNDS // cell.cases))
    outcome = Outcome(cell, rounds, tested)
    still, fallen = draw(cell, 0.0, rounds, seed), draw(cell, DROP, rounds, seed + 1)
    nothing, covered_still, outcome.width, alarms = _decide(cell, still, 0.0, tested)
    dropped, covered_fallen, _, found = _decide(cell, fallen, DROP, tested)
    outcome.null = nothing
    outcome.alarms, outcome.alarms_at_0 = float(nothing.red().mean()), float(nothing.red(limit=0.0).mean())
    outcome.power = float(dropped.red().mean())
    outcome.covered = min(covered_still, covered_fallen)
    outcome.others = {name: (alarms[name], found[name]) for name in OTHERS}
    outcome.pairs = max(50, min(tested // 5, 40_000 // cell.cases))
    for runs in draw(cell, DROP, outcome.pairs, seed + 2):
        outcome.ours += float(judge(cell, runs).red().sum()) / outcome.pairs
        outcome.reference += float(judge_exactly(cell, runs).red().sum()) / outcome.pairs
    return outcome


def _decide(
    cell: Cell, batches: Iterator[Runs], drop: float, tested: int
) -> tuple[Seen, float, float, dict[str, float]]:
    seen, held, width, count = [], 0, 0.0, 0
    red = dict.fromkeys(OTHERS, 0.0)
    for runs in batches:
        seen.append(judge(cell, runs.first(max(0, tested - count))))
        one_held, one_width = cover(cell, runs, drop)
        held, width, count = held + one_held, width + one_width, count + len(runs.now)
        for name, rule in OTHERS.items():
            red[name] += float(rule(runs).sum())
    return join(seen), held / count, width / count, {name: value / count for name, value in red.items()}


def alarms_of_runs(outcomes: Sequence[Outcome], files: int, runs: int, seed: int) -> tuple[float, float]:
    """Return how often a run of eval files of all kinds is red although nothing changed, at max_drop 0.1 and at 0."""
    source = np.random.default_rng([seed, files])
    drops, chances = np.empty((runs, files)), np.empty((runs, files))
    for place in itertools.product(range(runs), range(files)):
        null = outcomes[int(source.integers(len(outcomes)))].null
        assert null is not None
        pick = source.integers(len(null.drops))
        drops[place], chances[place] = null.drops[pick], null.chances[pick]
    limited, unlimited = (float(_is_red_run(drops, chances, limit).mean()) for limit in (MAX_DROP, 0.0))
    return limited, unlimited


def _is_red_run(drops: Numbers, chances: Numbers, limit: float) -> npt.NDArray[np.bool_]:
    corrected = np.array([holm(row) for row in chances.tolist()])
    return np.asarray(((drops > limit) & (corrected <= ALPHA)).any(axis=1))


def rows_of(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return a row for each cell."""
    return [
        [
            outcome.cell.scores,
            f"{outcome.cell.cases:,}",
            outcome.cell.trials,
            "independent" if outcome.cell.group == 1 else f"{outcome.cell.groups:,} groups",
            f"{outcome.cell.ability:g}" + ("" if outcome.cell.spread < _ALL_ALIKE else " each"),
            _percent(outcome.alarms),
            _percent(outcome.alarms_at_0),
            _percent(outcome.power),
            f"{_percent(outcome.ours)} / {_percent(outcome.reference)}",
            _percent(outcome.covered),
            f"{outcome.width:.2f}",
            *(f"{_percent(alarms)} / {_percent(found)}" for alarms, found in outcome.others.values()),
        ]
        for outcome in outcomes
    ]


HEADS: Final = (
    *("scores", "cases", "trials", "cases are", "pass", "false alarms", "at max_drop 0", "drop found"),
    *("found / exact test", "covered", "width", *OTHERS),
)


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, write them into a page if asked to; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", choices=("quick", "all"), default="quick")
    parser.add_argument("--rounds", type=int, default=2_000, help="comparisons in a cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="page whose table is written anew")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    outcomes = []
    for cell in cells_of(options.cells):
        outcomes.append(simulate(cell, options.rounds, options.seed))
        print(*rows_of(outcomes[-1:])[0], sep=" | ", flush=True)
    runs = [(1, *alarms_of_runs(outcomes, 1, options.rounds, options.seed))]
    runs += [(files, *alarms_of_runs(outcomes, files, options.rounds, options.seed)) for files in FILES]
    unbounded = figures.rows_of(max(10, options.rounds // 2), options.seed)
    weighted = weights.rows_of(options.rounds, options.seed)
    followed = chains.seen_of(_CHAINED * options.rounds, options.seed)
    others = (_table(weights.HEADS, weighted), _table(chains.HEADS, list(chains.rows_of(followed))))
    tables = "\n\n".join((_tables(outcomes, runs, unbounded), *others))
    print(tables)
    if options.write is not None:
        _write(options.write, tables)
    missed = [f"{outcome.cell}: {miss}" for outcome in outcomes for miss in outcome.misses()]
    missed += [
        f"{files} files: alarms {max(alarms):.3f}"
        for files, *alarms in runs
        if is_beyond_chance(max(alarms), options.rounds)
    ]
    missed += weights.misses(weighted, options.rounds)
    missed += [f"{kind}: {seen.anew:.3f}" for kind, seen, _ in followed if is_beyond_chance(seen.anew, seen.runs)]
    print(f"\n{len(outcomes)} cells in {time.monotonic() - start:.0f} s; missed bars: {len(missed)}", *missed, sep="\n")
    return int(bool(missed))


def _tables(
    outcomes: Sequence[Outcome], runs: Sequence[tuple[int, float, float]], unbounded: Sequence[Sequence[str]]
) -> str:
    cells = _table(HEADS, rows_of(outcomes))
    lines = [[str(files), _percent(limited), _percent(unlimited)] for files, limited, unlimited in runs]
    heads = ("eval files in a run", "red although nothing changed", "at max_drop 0")
    return f"{cells}\n\n{_table(heads, lines)}\n\n{_table(figures.HEADS, unbounded)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return tabulate(rows, headers=heads, tablefmt="github", disable_numparse=True)


def _write(page: Path, tables: str) -> None:
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""What adaptive trials cost and find, against models whose chance of passing each case is known.

Each cell is an eval file of so many cases, compared with a baseline of so many trials. It is run with one trial of
each case, and with more of them as long as it cannot tell, as ``--evals-adaptive`` does; and with a fixed number of
trials, of which that many are counted that find a drop of twice ``max_drop`` as often as the adaptive run does::

    python tests/benchmarks/verdicts/adaptive.py --cells all --runs 400

Beside the method of the package stand others: the error shared out without the joint distribution (Bonferroni),
e-values (de la Pena 1999, averaged over the looks), no correction at all, and more trials only of the cases that
failed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import tabulate

from pytest_promptevals.comparison.rounds import FUTILE
from pytest_promptevals.comparison.sequential import (
    TrialPair,
    chance_to_decide,
    cumulative_shares,
    plan_looks,
    sequential_p_value,
)

LEVEL: Final = 0.05
MOST_TRIALS: Final = 8
DRAWN: Final = 499
SHARED_LUCK: Final = 0.5
"""How often a case fares in a trial as the others of its group do."""
Numbers: TypeAlias = npt.NDArray[np.float64]
Rule: TypeAlias = Callable[["Looked"], bool]


@dataclass(frozen=True)
class Cell:
    """One kind of eval file."""

    cases: int
    group: int = 1
    """Cases that belong together: one chance of passing, and they often pass or fail together."""
    baseline: int = 1
    """Trials of the baseline."""
    level: float = 0.85
    """Mean chance of passing, or mean score."""
    spread: float | None = 4.0
    """How alike the cases are: parameter of a beta distribution; ``None`` if all are the same."""
    is_continuous: bool = False
    """Whether scores are any number, not just 0 and 1."""
    breaks_some: bool = False
    """Whether the drop is that some cases break, not that all get worse."""
    limit: float = 0.1
    """``max_drop``."""

    @property
    def name(self) -> str:
        """In words."""
        parts = [f"{self.cases} cases"]
        parts += [f"groups of {self.group}"] if self.group > 1 else []
        parts += [f"baseline {self.baseline} trial{'s' if self.baseline > 1 else ''}"]
        parts += [f"mean {self.level:g}", "all alike" if self.spread is None else "unlike"]
        parts += ["continuous"] if self.is_continuous else []
        parts += ["some break"] if self.breaks_some else []
        parts += [f"max_drop {self.limit:g}"] if self.limit != 0.1 else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Looked:
    """What a rule knows at a look."""

    pairs: Sequence[TrialPair]
    looks: Sequence[Sequence[int]]
    planned: int
    limit: float
    memory: dict[str, float]


def simulate(cell: Cell, drop: float, runs: int, seed: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the scores of the baseline's trials and of all that the run could make, cases by trials."""
    source = np.random.default_rng(seed)
    groups = cell.cases // cell.group
    for _ in range(runs):
        spread = cell.spread
        before = (
            np.full(groups, cell.level)
            if spread is None
            else source.beta(cell.level * spread, (1 - cell.level) * spread, groups)
        )
        after = before * (1 - drop / cell.level)
        if cell.breaks_some and drop:
            broken = source.random(groups) < drop / (0.75 * cell.level)
            after = np.where(broken, before * 0.25, before)
        yield _draw(source, cell, before, cell.baseline), _draw(source, cell, after, MOST_TRIALS)


def _draw(source: np.random.Generator, cell: Cell, chances: Numbers, trials: int) -> Numbers:
    each = np.repeat(chances, cell.group)[:, None] * np.ones(trials)
    if cell.is_continuous:
        return source.beta(each * 3 + 0.02, (1 - each) * 3 + 0.02)
    luck = source.random(each.shape)
    if cell.group > 1:
        together = np.repeat(source.random((len(chances), trials)), cell.group, axis=0)
        luck = np.where(source.random(each.shape) < SHARED_LUCK, together, luck)
    return (luck < each).astype(np.float64)


def pair_up(cell: Cell, before: Numbers, after: Numbers) -> list[TrialPair]:
    """Return the cases of one run with all trials that it could make."""
    return [
        TrialPair(tuple(old), tuple(new), 1.0, f"g{number // cell.group}" if cell.group > 1 else None)
        for number, (old, new) in enumerate(zip(before.tolist(), after.tolist(), strict=True))
    ]


def cut(pairs: Sequence[TrialPair], trials: int) -> list[TrialPair]:
    """Return the same with so many trials of the run."""
    return [replace(pair, after=pair.after[:trials]) for pair in pairs]


def estimate(pairs: Sequence[TrialPair]) -> float:
    """Return the mean drop."""
    return statistics.fmean(statistics.fmean(pair.before) - statistics.fmean(pair.after) for pair in pairs)


def single_look(pairs: Sequence[TrialPair], limit: float) -> float:
    """Return the p-value of a run that looks once."""
    return sequential_p_value(pairs, [[len(pair.after) for pair in pairs]], 1, limit, DRAWN)


def ours(looked: Looked) -> bool:
    """Find as the package does."""
    return sequential_p_value(looked.pairs, looked.looks, looked.planned, looked.limit, DRAWN) <= LEVEL


def bonferroni(looked: Looked) -> bool:
    """Share the error out, each look by itself."""
    number = len(looked.looks)
    shares = (0.0, *cumulative_shares(looked.planned))
    return single_look(looked.pairs, looked.limit) <= LEVEL * (shares[number] - shares[number - 1])


def uncorrected(looked: Looked) -> bool:
    """Look again and again as if each look were the only one."""
    return single_look(looked.pairs, looked.limit) <= LEVEL


def e_values(looked: Looked) -> bool:
    """Average e-values of sign flips over the looks."""
    drops: dict[object, float] = {}
    for number, pair in enumerate(looked.pairs):
        key = pair.group or number
        drops[key] = drops.get(key, 0.0) + statistics.fmean(pair.before) - statistics.fmean(pair.after)
    values = np.array(list(drops.values()))
    bets = np.array([0.5, 1.0, 2.0]) / max(1, len(looked.pairs) // len(values))
    e_value = float(np.mean([math.exp(float(np.sum(b * values - np.log(np.cosh(b * values))))) for b in bets]))
    number = len(looked.looks)
    shares = (0.0, *cumulative_shares(looked.planned))
    looked.memory["sum"] = looked.memory.get("sum", 0.0) + e_value * (shares[number] - shares[number - 1])
    return bool(looked.memory["sum"] >= 1 / LEVEL)


RULES: Final[dict[str, Rule]] = {
    "this package": ours,
    "error shared, look by look": bonferroni,
    "e-values": e_values,
    "no correction": uncorrected,
}


def run_adaptive(cell: Cell, pairs: Sequence[TrialPair], rule: Rule) -> tuple[bool, int, float]:
    """Return whether a drop was found, the trials of each case, and the drop as it was seen in the end."""
    ends = plan_looks(1, MOST_TRIALS)
    memory: dict[str, float] = {}
    seen: Sequence[TrialPair] = pairs
    for number, end in enumerate(ends):
        seen = cut(pairs, end)
        if estimate(seen) <= cell.limit + 1e-9:
            return False, end, estimate(seen)
        looks = [[trials] * cell.cases for trials in ends[: number + 1]]
        if rule(Looked(seen, looks, len(ends), cell.limit, memory)):
            return True, end, estimate(seen)
        chance = chance_to_decide(seen, [MOST_TRIALS] * cell.cases, cell.limit, LEVEL)
        if chance is not None and chance < FUTILE:
            return False, end, estimate(seen)
    return False, ends[-1], estimate(seen)


def run_picking(cell: Cell, pairs: Sequence[TrialPair]) -> tuple[bool, float]:
    """Do the same, but give more trials only to the cases that are worse than in the baseline, or better."""
    ends = plan_looks(1, MOST_TRIALS)
    picked = [statistics.fmean(pair.before) != pair.after[0] for pair in pairs]
    seen: Sequence[TrialPair] = pairs
    for number in range(len(ends)):
        counts = [[trials if more else 1 for more in picked] for trials in ends[: number + 1]]
        seen = [replace(pair, after=pair.after[:trials]) for pair, trials in zip(pairs, counts[-1], strict=True)]
        if estimate(seen) <= cell.limit + 1e-9:
            return False, estimate(seen)
        if sequential_p_value(seen, counts, len(ends), cell.limit, DRAWN) <= LEVEL:
            return True, estimate(seen)
    return False, estimate(seen)


def fixed_power(cell: Cell, drop: float, runs: int, seed: int) -> list[float]:
    """Return how often a run of 1, 2, 3, ... trials of each case finds the drop."""
    found = [0] * MOST_TRIALS
    for before, after in simulate(cell, drop, runs, seed):
        pairs = pair_up(cell, before, after)
        for trials in range(1, MOST_TRIALS + 1):
            seen = cut(pairs, trials)
            found[trials - 1] += estimate(seen) > cell.limit + 1e-9 and single_look(seen, cell.limit) <= LEVEL
    return [count / runs for count in found]


def trials_for(power: Sequence[float], wanted: float) -> float:
    """Return the trials of a case at which a fixed number of them has that power; infinite if none has."""
    best = list(itertools.accumulate(power, max))
    for trials, reached in enumerate(best, start=1):
        if reached >= wanted and trials == 1:
            return 1.0
        if reached >= wanted:
            below = best[trials - 2]
            return trials - 1 + (wanted - below) / (reached - below)
    return math.inf


EFFICIENCY_CELLS: Final = tuple(
    Cell(cases, group, baseline, level, spread, is_continuous=continuous, breaks_some=some)
    for cases, group, baseline, level, spread, continuous in (
        (12, 1, 5, 0.85, 4.0, False),
        (20, 1, 1, 0.85, 4.0, False),
        (20, 1, 5, 0.85, 4.0, False),
        (20, 1, 5, 0.85, None, False),
        (30, 1, 1, 0.8, 4.0, False),
        (30, 1, 5, 0.9, None, False),
        (40, 5, 5, 0.85, 4.0, False),
        (12, 1, 3, 0.6, 4.0, True),
    )
    for some in (False, True)
)
FALSE_ALARM_CELLS: Final = tuple(
    Cell(cases, group, baseline, level, spread, is_continuous=continuous, limit=limit)
    for cases, group in ((12, 1), (20, 1), (40, 1), (60, 5))
    for baseline in (1, 3, 5, 10)
    for level, spread, continuous in (
        (0.2, None, False),
        (0.5, 4.0, False),
        (0.8, 4.0, False),
        (0.9, None, False),
        (0.95, 4.0, False),
        (0.6, 4.0, True),
    )
    for limit in (0.02, 0.1)
)


def false_alarm_rows(cells: Sequence[Cell], runs: int, seed: int) -> list[list[object]]:
    """Return for each cell how often each rule finds a drop where nothing changed."""
    rows: list[list[object]] = []
    for cell in cells:
        alarms = dict.fromkeys(RULES, 0)
        for before, after in simulate(cell, 0.0, runs, seed):
            pairs = pair_up(cell, before, after)
            for name, rule in RULES.items():
                alarms[name] += run_adaptive(cell, pairs, rule)[0]
        rows.append([cell.name, *(count / runs for count in alarms.values())])
        print(".", end="", flush=True)
    return rows


def efficiency_rows(cells: Sequence[Cell], runs: int, seed: int) -> list[list[object]]:
    """Return for each cell and rule its power, median trials, and those of a fixed number with the same power."""
    rows: list[list[object]] = []
    for cell in cells:
        drop = 2 * cell.limit
        power = fixed_power(cell, drop, runs, seed + 1)
        for name in list(RULES)[:3]:
            outcomes = [
                run_adaptive(cell, pair_up(cell, before, after), RULES[name])
                for before, after in simulate(cell, drop, runs, seed + 1)
            ]
            found = statistics.fmean(outcome[0] for outcome in outcomes)
            median = statistics.median(outcome[1] for outcome in outcomes)
            mean = statistics.fmean(outcome[1] for outcome in outcomes)
            fixed = trials_for(power, found)
            rows.append([cell.name, name, found, median, mean, fixed, median / fixed, power[0], power[-1]])
    return rows


def honesty_rows(cells: Sequence[Cell], runs: int, seed: int) -> list[list[object]]:
    """Return for each cell the mean drop that is reported where it is 0.2, and false alarms, by who gets trials."""
    rows: list[list[object]] = []
    for cell in cells:
        shown = []
        for drop in (0.2, 0.0):
            every = [run_adaptive(cell, pair_up(cell, *sides), ours) for sides in simulate(cell, drop, runs, seed + 2)]
            picked = [run_picking(cell, pair_up(cell, *sides)) for sides in simulate(cell, drop, runs, seed + 2)]
            shown.append((every, picked))
        (every, picked), (none_every, none_picked) = shown
        rows.append(
            [
                cell.name,
                statistics.fmean(outcome[2] for outcome in every),
                statistics.fmean(outcome[1] for outcome in picked),
                statistics.fmean(outcome[0] for outcome in every),
                statistics.fmean(outcome[0] for outcome in picked),
                statistics.fmean(outcome[0] for outcome in none_every),
                statistics.fmean(outcome[0] for outcome in none_picked),
            ]
        )
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", choices=("quick", "all"), default="quick")
    parser.add_argument("--runs", type=int, default=400, help="simulated runs of a cell; five times as many for alarms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tables", nargs="*", default=["alarms", "trials", "picking"])
    arguments = parser.parse_args()
    step = 1 if arguments.cells == "all" else 5
    if "trials" in arguments.tables:
        head = ["cell", "rule", "power", "median", "mean", "fixed", "ratio", "power of 1", f"of {MOST_TRIALS}"]
        rows = efficiency_rows(EFFICIENCY_CELLS[:: 1 if step == 1 else 4], arguments.runs, arguments.seed)
        print(tabulate.tabulate(rows, head, floatfmt=".2f"), flush=True)
    if "alarms" in arguments.tables:
        rows = false_alarm_rows(FALSE_ALARM_CELLS[::step], 5 * arguments.runs, arguments.seed)
        print(tabulate.tabulate(rows, ["cell", *RULES], floatfmt=".3f"), flush=True)
        print("largest:", [max(row[place] for row in rows) for place in range(1, len(RULES) + 1)])  # type: ignore[type-var]  # numbers
    if "picking" in arguments.tables:
        head = ["cell", "drop 0.2 shown: all", "picked", "power: all", "picked", "alarms: all", "picked"]
        cells = [cell for cell in EFFICIENCY_CELLS if not cell.breaks_some][: 2 if step > 1 else 4]
        cells += [Cell(20, 1, 5, 0.2, 4.0, limit=0.02), Cell(20, 1, 1, 0.3, None, limit=0.02)]
        print(tabulate.tabulate(honesty_rows(cells, arguments.runs, arguments.seed), head, floatfmt=".3f"), flush=True)


if __name__ == "__main__":
    main()

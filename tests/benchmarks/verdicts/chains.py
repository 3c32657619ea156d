"""Runs one after the other, of which nothing changes: each is compared with the last good one, as pytest does.

Which runs are good decides how often one is red: a baseline that takes over what is better by chance, and passes over
what is worse by chance, is its own luckiest self before long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.permutation import p_values

Numbers: TypeAlias = npt.NDArray[np.float64]

LENGTH: Final = 30
"""Runs in a chain, beside the first one."""
HEADS: Final = (
    *("cases", "pass", "trials", "max_drop", "red although nothing changed", "after one that was not red"),
    *("may be chance", "red, were those no baseline"),
)
_ALPHA: Final = 0.05
_CLOSE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of eval file."""

    cases: int
    ability: float
    """Chance of passing of each case."""
    trials: int
    max_drop: float


KINDS: Final = (
    Kind(20, 0.8, 1, 0.1),
    Kind(20, 0.8, 3, 0.1),
    Kind(30, 0.5, 1, 0.1),
    Kind(30, 0.7, 1, 0.1),
    Kind(60, 0.7, 1, 0.1),
    Kind(60, 0.8, 1, 0.05),
    Kind(60, 0.5, 3, 0.05),
    Kind(100, 0.8, 1, 0.05),
    Kind(100, 0.8, 1, 0.02),
    Kind(200, 0.8, 1, 0.0),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the runs of many chains."""

    runs: int
    """How many there are."""
    red: float
    """Share that is red."""
    anew: float
    """Share that is red while the run before it was not: after a red one, the same baseline is compared with again."""
    unclear: float
    """Share that may be chance."""


def seen_of(runs: int, seed: int) -> list[tuple[Kind, Seen, Seen]]:
    """Return what is seen in so many runs or a few more of each kind: by our rule, and by the one of good luck."""
    chains = -(-runs // LENGTH)
    return [
        (kind, _follow(kind, chains, seed, takes_chance=True), _follow(kind, chains, seed, takes_chance=False))
        for kind in KINDS
    ]


def rows_of(seen: Sequence[tuple[Kind, Seen, Seen]]) -> Iterator[list[str]]:
    """Yield a row for each kind."""
    for kind, ours, lucky in seen:
        shares = (f"{share:.1%}".replace("%", " %") for share in (ours.red, ours.anew, ours.unclear, lucky.red))
        yield [f"{kind.cases:,}", f"{kind.ability:g}", str(kind.trials), f"{kind.max_drop:g}", *shares]


def _follow(kind: Kind, chains: int, seed: int, *, takes_chance: bool) -> Seen:
    """Return what becomes of runs where one whose drop may be chance is the next one's baseline, or is not."""
    source = np.random.default_rng(
        [seed, kind.cases, round(kind.ability * 100), kind.trials, round(kind.max_drop * 100), takes_chance]
    )
    red = anew = unclear = 0
    for _ in range(chains):
        baseline, was_red = _run(kind, source), False
        for _ in range(LENGTH):
            now = _run(kind, source)
            is_larger = (baseline - now).mean() - kind.max_drop > _CLOSE
            is_red = is_larger and p_values(baseline - now)[0] <= _ALPHA
            red += is_red
            anew += is_red and not was_red
            was_red = is_red
            unclear += is_larger and not is_red
            if not is_larger or (takes_chance and not is_red):
                baseline = now
    runs = chains * LENGTH
    return Seen(runs, red / runs, anew / runs, unclear / runs)


def _run(kind: Kind, source: np.random.Generator) -> Numbers:
    return np.asarray(source.binomial(kind.trials, kind.ability, kind.cases) / kind.trials)

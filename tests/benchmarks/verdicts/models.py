"""Models whose chance of passing is known: what they answer before and after a change that is known, too."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]

PRECISION: Final = 8.0
"""Of continuous scores: how close they are to their mean, a and b of their beta distribution add up to it."""
ALIKE: Final = 0.6
"""Share of the trials of a group that come out alike, since its cases are paraphrases of one question."""
_MOST_NUMBERS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of eval file."""

    scores: str
    """``pass/fail`` or ``continuous``."""
    cases: int
    trials_before: int
    trials_now: int
    group: int
    """Cases in a group that answer alike; 1 for independent ones."""
    ability: float = 0.8
    """Mean chance of passing, or mean score."""
    spread: float = 4.0
    """How much alike the cases are; a and b of the beta distribution of their abilities add up to it."""

    @property
    def groups(self) -> int:
        """How many independent groups there are."""
        return self.cases // self.group

    @property
    def number(self) -> int:
        """A number of its own: cells share no draws, so that what is chance in one is not in another."""
        return zlib.crc32(repr(self).encode())

    @property
    def trials(self) -> str:
        """The numbers of trials, in words."""
        same = self.trials_before == self.trials_now
        return str(self.trials_now) if same else f"{self.trials_before} then {self.trials_now}"


@dataclass(frozen=True, slots=True)
class Runs:
    """Pairs of runs: scores of trials, by pair, case and trial. Cases of a group stand beside each other."""

    before: Numbers
    now: Numbers

    def first(self, count: int) -> Runs:
        """Return so many of them, or all there are."""
        return Runs(self.before[:count], self.now[:count])


def draw(cell: Cell, drop: float, rounds: int, seed: int) -> Iterator[Runs]:
    """Yield pairs of runs between which the mean falls by ``drop``, a few at a time, ``rounds`` in all.

    The drop comes from groups that break: they never pass again. How many of them there are is left to chance.
    """
    source = np.random.default_rng([seed, cell.number, round(drop * 1e6)])
    step = max(1, _MOST_NUMBERS // (cell.cases * (cell.trials_before + cell.trials_now)))
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        mean = cell.ability
        abilities = source.beta(mean * cell.spread, (1 - mean) * cell.spread, size=(size, cell.groups))
        is_broken = source.random((size, cell.groups)) < drop / mean
        later = np.where(is_broken, 0.0, abilities)
        yield Runs(_answer(cell, abilities, cell.trials_before, source), _answer(cell, later, cell.trials_now, source))


def _answer(cell: Cell, abilities: Numbers, trials: int, source: np.random.Generator) -> Numbers:
    """Return the scores of trials; those of a group that are alike are one draw."""
    shape = (*abilities.shape, cell.group, trials)
    own, common = source.random(shape), source.random((*abilities.shape, 1, trials))
    chance = np.where(source.random(shape) < ALIKE, common, own) if cell.group > 1 else own
    by_case = np.broadcast_to(abilities[:, :, None, None], shape)
    if cell.scores == "pass/fail":
        scores = (chance < by_case).astype(np.float64)
    else:
        scores = _beta_scores(by_case, chance, source)
    return np.asarray(scores.reshape(abilities.shape[0], cell.groups * cell.group, trials))


def _beta_scores(means: Numbers, chance: Numbers, source: np.random.Generator) -> Numbers:
    """Return scores about their means. Those of equal chance in a group are as far from it, up to their own noise."""
    width = np.sqrt(means * (1 - means) / (PRECISION + 1))
    shifted = means + width * (2 * chance - 1) + width * source.normal(0, 0.5, means.shape) * (means > 0)
    return _mirror(shifted, means)


def _mirror(values: Numbers, means: Numbers) -> Numbers:
    """Keep scores within 0..1 without moving their mean: what is cut off on one side is cut off on the other."""
    reach = np.minimum(means, 1 - means)
    return np.clip(values, means - reach, means + reach)

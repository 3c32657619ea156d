"""What gates say, in words for people who never took statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pytest_promptevals.comparison.gate_answers import TOLERANCE
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import Metrics
from pytest_promptevals.records.effects import Effect, Evidence

POWER_WORDS: Final = "4 times in 5"
"""The chance of 0.8 with which the smallest detectable change is seen."""

UNKNOWN_COST: Final = "the cost is not known; name what the models cost in 'prices' of the eval file"
_FEWEST_DIGITS: Final = 3
_MOST_DIGITS: Final = 9
_RAREST: Final = 10_000
_OFTEN: Final = 0.095
_NEARLY_ALWAYS: Final = 0.95


def count_cases(count: int) -> str:
    """Return ``1 case``, ``3 cases`` or ``2,000 cases``."""
    return "1 case" if count == 1 else f"{count:,} cases"


def count_errors(count: int) -> str:
    """Return how many cases ended in an error."""
    return f"{count_cases(count)} ended in an error"


def left_out(metrics: Metrics) -> str:
    """Return the end of a sentence on cases that have a score: that others have none."""
    return f"; left out: {count_cases(metrics.errors)} that ended in an error" if metrics.errors else ""


def explain_errors(metrics: Metrics) -> str:
    """Return why errors leave nothing to decide on."""
    if not metrics.cases:
        return "no case was run"
    if metrics.errors == metrics.cases:
        return f"there is no score: {count_errors(metrics.errors)}"
    return f"{metrics.errors} of {count_cases(metrics.cases)} ended in an error; the others are too few to decide"


def explain_no_mean(metrics: Metrics) -> str:
    """Return why there is no mean although there are scores."""
    return f"there is no mean: the weights of {count_cases(metrics.cases - metrics.errors)} with a score add up to 0"


def percent(share: float) -> str:
    """Return a share as a percentage with as many digits as it has."""
    return f"{share * 100:.6g} %"


def chance_text(p: float) -> str:
    """Return a probability in counted runs: ``1 of 250 runs``, ``2 of 5 runs``; from 95 % on ``nearly all runs``."""
    if p >= _NEARLY_ALWAYS:
        return "nearly all runs"
    if p >= _OFTEN:
        share = Fraction(p).limit_denominator(10)
        return f"{share.numerator} of {share.denominator} runs"
    if p * _RAREST < 1:
        return f"fewer than 1 of {_RAREST:,} runs"
    runs = 1 / p
    rounding = 10 ** max(0, math.floor(math.log10(runs)) - 1)
    return f"1 of {math.floor(runs / rounding + 1e-9) * rounding:,} runs"


def show_numbers(values: tuple[float, ...], apart: tuple[float, ...]) -> tuple[str, ...]:
    """Return values with three digits, or as many as it takes to tell the first one from those of ``apart``."""
    first = values[0]
    digits = _FEWEST_DIGITS
    others = [other for other in apart if abs(first - other) > TOLERANCE]
    while digits < _MOST_DIGITS and any(f"{first:.{digits}f}" == f"{other:.{digits}f}" for other in others):
        digits += 1
    return tuple(f"{value:.{digits}f}" for value in values)


def _short(value: float) -> str:
    """Return a bound with two digits; one that is not 0 is not shown as such."""
    return f"{value:.2f}" if round(value, 2) or not value else f"{value:.1g}"


@dataclass(frozen=True, slots=True)
class MetricWords:
    """How to speak of one metric."""

    subject: str
    """What it is: ``mean score``."""
    fell: str
    """The verb of a change for the worse."""
    rose: str
    """The verb of a change for the better."""
    drop: str
    """The noun of a change for the worse."""
    rise: str
    """The noun of a change for the better."""
    show_level: Callable[[float], str] | None = None
    """How a value is shown; ``None`` for a score."""
    is_relative: bool = False
    """Whether changes are shown as shares of what was before."""

    def levels_and(self, effect: Effect, limit: float) -> tuple[str, str, str, str]:
        """Return the size of the change, the limit, and the values before and after."""
        size = abs(effect.worse_by)
        if self.show_level is None:
            fall, shown_limit, old, new = show_numbers((size, limit, effect.before, effect.after), apart=(0.0, limit))
            return fall, shown_limit, old, new
        old, new = self.show_level(effect.before), self.show_level(effect.after)
        return self.amount(size, effect), self.amount(limit, effect), old, new

    def amount(self, change: float, effect: Effect) -> str:
        """Return the size of a change in short."""
        if self.is_relative and effect.before:
            return percent(float(f"{abs(change) / effect.before:.3g}"))
        return _short(abs(change)) if self.show_level is None else self.show_level(abs(change))

    def amounts_apart(self, near: float, far: float, effect: Effect) -> tuple[str, str]:
        """Return two sizes of a change in short; scores have as many digits as it takes to tell one from the other."""
        texts = self.amount(near, effect), self.amount(far, effect)
        digits = _FEWEST_DIGITS
        while self.show_level is None and texts[0] == texts[1] and near < far and digits <= _MOST_DIGITS:
            texts = f"{near:.{digits}f}", f"{far:.{digits}f}"
            digits += 1
        return texts


SCORE_WORDS: Final = MetricWords("mean score", "fell", "rose", "drop", "rise")
COST_WORDS: Final = MetricWords(
    "cost of a case", "rose", "fell", "rise", "drop", show_level=format_dollars, is_relative=True
)


def judge_words(judge: str) -> MetricWords:
    """Return how to speak of the scores of one judge."""
    return MetricWords(f"mean score of the judge {judge!r}", "fell", "rose", "drop", "rise")


@dataclass(frozen=True, slots=True)
class ChangeSentence:
    """Says what a verdict on a change rests on."""

    evidence: Evidence
    """The numbers."""
    words: MetricWords
    """How to speak of the metric."""
    together: int
    """How many changes the run looks at."""
    groups_needed: int
    """How many independent groups it takes at least for any change to be seen."""

    def unchanged(self) -> str:
        """Say that there is no change."""
        effect = self.evidence.effect
        level = self.words.levels_and(effect, self.evidence.limit)[3]
        return f"{self.words.subject} is unchanged at {level} {self._over()}{self._detectable()}"

    def better(self, *, is_significant: bool) -> str:
        """Say that the run is better."""
        words = self.words
        chance = f"a {words.rise} this large would come by chance in {self._chance(self.evidence.p_better_adjusted)}"
        meaning = f"an improvement: {chance}" if is_significant else "that may be chance"
        return f"{self._change(words.rose)}; {meaning}{self._detectable()}"

    def allowed(self, *, is_significant: bool) -> str:
        """Say that the run is worse, by no more than is allowed."""
        limit = self._limit()
        if is_significant:
            meaning = f"that is real ({self._by_chance()}), but at most {limit} is allowed, so it passes"
        else:
            meaning = f"at most {limit} is allowed"
        return f"{self._change(self.words.fell)}; {meaning}{self._detectable()}"

    def regressed(self) -> str:
        """Say that the run is worse by more than is allowed, and that this is hardly chance."""
        return (
            f"{self._change(self.words.fell)}; {self._by_chance()}; at most {self._limit()} is allowed"
            f"{self._detectable()}"
        )

    def inconclusive(self) -> str:
        """Say that the run is worse by more than is allowed, that this may be chance, and what would settle it."""
        return (
            f"{self._change(self.words.fell)}; that is more than the {self._limit()} that is allowed, but "
            f"{self._by_chance()}, too often to count (at most {chance_text(1 - self.evidence.confidence)} would)"
            f"{self._settle()}{self._detectable()}"
        )

    def untested(self) -> str:
        """Say that the run is worse by more than is allowed, and why nobody can tell whether that is chance."""
        return (
            f"{self._change(self.words.fell)}; that is more than the {self._limit()} that is allowed, but whether it "
            "is chance cannot be told: the run has other numbers of trials than the baseline, which does not tell this "
            "of its single trials. Run as many trials as it has, or save a new one with 'pytest --evals-save-baseline'"
        )

    def _change(self, verb: str) -> str:
        size, _, old, new = self.words.levels_and(self.evidence.effect, self.evidence.limit)
        return f"{self.words.subject} {verb} by {size}, from {old} to {new} {self._over()}{self._interval()}"

    def _over(self) -> str:
        effect = self.evidence.effect
        noun = "group" if effect.groups == 1 else "groups"
        groups = f" in {effect.groups:,} {noun}" if 0 < effect.groups < effect.cases else ""
        return f"over {count_cases(effect.cases)}{groups}"

    def _limit(self) -> str:
        return self.words.levels_and(self.evidence.effect, self.evidence.limit)[1]

    def _interval(self) -> str:
        effect, words = self.evidence.effect, self.words
        if effect.low is None or effect.high is None:
            return ""
        low, high = (words.amount(bound, effect) for bound in (effect.low, effect.high))
        if effect.low < 0 < effect.high and self._is_real():
            # Where cases are few, the interval is wider than it need be: it may not cast doubt on what is no chance.
            return f" (95 % sure it is at most {high if effect.worse_by > 0 else low})"
        if effect.low < 0 < effect.high:
            return f" (95 % sure it is between a {words.rise} of {low} and a {words.drop} of {high})"
        near, far = sorted((abs(effect.low), abs(effect.high)))
        near_text, far_text = self.words.amounts_apart(near, far, effect)
        return f" (95 % sure it is between {near_text} and {far_text})"

    def _is_real(self) -> bool:
        """Return whether the change, in its direction, is none of chance."""
        evidence = self.evidence
        chance = evidence.p_adjusted if evidence.effect.worse_by > 0 else evidence.p_better_adjusted
        return chance is not None and chance <= 1 - evidence.confidence + TOLERANCE

    def _by_chance(self) -> str:
        return f"a {self.words.drop} this large would come by chance in {self._chance(self.evidence.p_adjusted)}"

    def _chance(self, p: float | None) -> str:
        together = f" with {self.together} such comparisons" if self.together > 1 else ""
        return f"{chance_text(1.0 if p is None else p)}{together}"

    def _settle(self) -> str:
        evidence = self.evidence
        if self._has_too_few_groups():
            return ""
        cases = None if evidence.cases_needed is None else f"{evidence.cases_needed:,} cases like these"
        trials = None if evidence.trials_needed is None else f"{evidence.trials_needed} trials of each case"
        ways = [way for way in (cases, trials) if way is not None]
        return f"; about {' or '.join(ways)} would settle it" if ways else ""

    def _detectable(self) -> str:
        effect, size = self.evidence.effect, self.evidence.smallest_detectable
        if self._has_too_few_groups():
            noun = "cases" if effect.groups >= effect.cases else "independent groups of cases"
            return f"; it takes at least {self.groups_needed} {noun} to tell any {self.words.drop} from chance"
        if effect.error is None or (size is None and self.words.show_level is not None):
            return ""
        if size is None or (self.words.show_level is None and size > effect.before + TOLERANCE):
            return f"; with so few cases even a {self.words.drop} to 0 might not be found"
        return f"; a {self.words.drop} of {self.words.amount(size, effect)} would be found {POWER_WORDS}"

    def _has_too_few_groups(self) -> bool:
        return self.evidence.effect.groups < self.groups_needed

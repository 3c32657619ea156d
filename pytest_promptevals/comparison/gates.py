"""Gates: rules on the metrics of an eval file, parsed once, each answering with a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pytest_promptevals.comparison.partial import save_command
from pytest_promptevals.records.cases import GateRules, Location
from pytest_promptevals.records.comparisons import Change, Comparison, GateResult, Metrics, Verdict

TOLERANCE: Final = 1e-9
"""Differences of means up to this one come from floating point and count as none."""

_MOST_DIGITS: Final = 9


class Gate(Protocol):
    """A rule on one metric of one eval file."""

    @property
    def name(self) -> str:
        """What the gate is called in reports: ``score``, ``min_score`` or ``min_pass_rate``."""
        ...

    def decide(self, comparison: Comparison, location: Location) -> GateResult | None:
        """Answer for one eval file; ``None`` if none of its cases was run.

        ``comparison`` has no gates yet; ``location`` is where the gate, or else the eval file, is written.
        """
        ...


def parse_gates(rules: GateRules, default_max_drop: float) -> tuple[Gate, ...]:
    """Return the gates that an eval file's rules ask for; the ``score`` gate is always among them."""
    gates: list[Gate] = [ScoreGate(default_max_drop if rules.max_drop is None else rules.max_drop)]
    if rules.min_score is not None:
        gates.append(MinimumGate("min_score", "mean score", rules.min_score, _mean_score))
    if rules.min_pass_rate is not None:
        gates.append(MinimumGate("min_pass_rate", "pass rate", rules.min_pass_rate, _pass_rate))
    return tuple(gates)


@dataclass(frozen=True, slots=True)
class ScoreGate:
    """The mean score must not fall by more than ``max_drop`` against the baseline.

    Only cases that are unchanged since the baseline and have a score on both sides count. Where there are none, the
    answer depends on why: errors are insufficient data, which fails; cases that were all added or edited have no
    baseline yet, which passes and asks for a new one. Otherwise every edit of a judge of the whole file would turn
    the run red with nothing to mend.
    """

    max_drop: float
    name: str = "score"

    def decide(self, comparison: Comparison, location: Location) -> GateResult | None:
        """Answer for one eval file; ``None`` if none of its cases was run."""
        if comparison.metrics.cases == 0:
            return None
        verdict, explanation = self._judge(comparison)
        return GateResult(comparison.file, self.name, verdict, explanation, location)

    def _judge(self, comparison: Comparison) -> tuple[Verdict, str]:
        if not comparison.has_baseline:
            return Verdict.NO_BASELINE, f"there is no baseline; save one with '{save_command(comparison)}'"
        if _is_mostly_errors(comparison.metrics):
            return Verdict.INSUFFICIENT_DATA, _explain_errors(comparison.metrics)
        drop, before, after = comparison.drop, comparison.mean_before, comparison.mean_after
        if drop is None or before is None or after is None:
            return _explain_nothing_paired(comparison)
        count = sum(delta.drop is not None for delta in comparison.deltas)
        verdict = Verdict.REGRESSED if drop - self.max_drop > TOLERANCE else Verdict.PASSED
        return verdict, self._explain(drop, before, after, count) + _left_out(comparison)

    def _explain(self, drop: float, before: float, after: float, count: int) -> str:
        over = f"over {_cases(count)}"
        if abs(drop) <= TOLERANCE:
            return f"mean score is unchanged at {after:.3f} {over}"
        if drop < 0:
            rise, old, new = _shown((-drop, before, after), apart=(0.0,))
            return f"mean score rose by {rise}, from {old} to {new} {over}"
        fall, limit, old, new = _shown((drop, self.max_drop, before, after), apart=(0.0, self.max_drop))
        return f"mean score fell by {fall}, from {old} to {new} {over}; at most {limit} is allowed"


@dataclass(frozen=True, slots=True)
class MinimumGate:
    """A metric of the run itself must reach ``minimum``. Cases that ended in an error do not count."""

    name: str
    metric: str
    """The metric in words."""
    minimum: float
    value_of: Callable[[Metrics], float | None]

    def decide(self, comparison: Comparison, location: Location) -> GateResult | None:
        """Answer for one eval file; ``None`` if none of its cases was run."""
        if comparison.metrics.cases == 0:
            return None
        verdict, explanation = self._judge(comparison)
        return GateResult(comparison.file, self.name, verdict, explanation, location)

    def _judge(self, comparison: Comparison) -> tuple[Verdict, str]:
        metrics = comparison.metrics
        value = self.value_of(metrics)
        if _is_mostly_errors(metrics):
            return Verdict.INSUFFICIENT_DATA, _explain_errors(metrics)
        if value is None:
            return Verdict.INSUFFICIENT_DATA, _explain_no_mean(comparison)
        verdict = Verdict.FAILED if self.minimum - value > TOLERANCE else Verdict.PASSED
        shown, minimum = _shown((value, self.minimum), apart=(self.minimum,))
        over = f"over {_cases(metrics.cases - metrics.errors)}"
        return verdict, f"{self.metric} is {shown} {over}; at least {minimum} is asked for{_left_out(comparison)}"


def _is_mostly_errors(metrics: Metrics) -> bool:
    """Return whether fewer than half of the cases have a score: the few that survived may not speak for all."""
    return 0 < metrics.cases - metrics.errors < metrics.errors


def _explain_errors(metrics: Metrics) -> str:
    return f"{metrics.errors} of {_cases(metrics.cases)} ended in an error; the others are too few to decide"


def _mean_score(metrics: Metrics) -> float | None:
    return metrics.mean_score


def _pass_rate(metrics: Metrics) -> float | None:
    return metrics.pass_rate


def _explain_nothing_paired(comparison: Comparison) -> tuple[Verdict, str]:
    metrics = comparison.metrics
    if metrics.errors == metrics.cases or any(delta.drop is not None for delta in comparison.deltas):
        return Verdict.INSUFFICIENT_DATA, _explain_no_mean(comparison)
    if metrics.errors:
        others = _cases(metrics.cases - metrics.errors)
        return Verdict.INSUFFICIENT_DATA, (
            f"nothing can be compared: {_errors(metrics.errors)} and {others} changed since the baseline"
        )
    new, edited = (len(comparison.deltas_with(change)) for change in (Change.NEW, Change.EDITED))
    return Verdict.NO_BASELINE, (
        f"the baseline has no case as it is now: {new} new, {edited} edited; "
        f"save a new one with '{save_command(comparison)}'"
    )


def _explain_no_mean(comparison: Comparison) -> str:
    metrics = comparison.metrics
    if metrics.errors == metrics.cases:
        return f"there is no score: {_errors(metrics.errors)}"
    return f"there is no mean: the weights of {_cases(metrics.cases - metrics.errors)} with a score add up to 0"


def _left_out(comparison: Comparison) -> str:
    errors = comparison.metrics.errors
    return f"; left out: {_cases(errors)} that ended in an error" if errors else ""


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _errors(count: int) -> str:
    return f"{_cases(count)} ended in an error"


def _shown(values: tuple[float, ...], apart: tuple[float, ...]) -> tuple[str, ...]:
    """Return values with three digits, or as many as it takes to tell the first one from those of ``apart``."""
    first = values[0]
    digits = 3
    others = [other for other in apart if abs(first - other) > TOLERANCE]
    while digits < _MOST_DIGITS and any(f"{first:.{digits}f}" == f"{other:.{digits}f}" for other in others):
        digits += 1
    return tuple(f"{value:.{digits}f}" for value in values)

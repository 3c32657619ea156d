"""Gates on the run itself. They need no baseline, but for the one on cases that are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from pytest_promptevals.comparison.gate_answers import TOLERANCE, Answer, Terms, Tested
from pytest_promptevals.comparison.gate_words import (
    UNKNOWN_COST,
    count_cases,
    count_errors,
    explain_errors,
    explain_no_mean,
    left_out,
    percent,
    show_numbers,
)
from pytest_promptevals.comparison.partial import save_command
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import Change, Comparison, Metrics, Verdict
from pytest_promptevals.records.effects import Effect

_MOST_NAMES: Final = 10


class AbsoluteGate:
    """Base of the gates that test no change."""

    __slots__ = ()

    needs_baseline: ClassVar[bool] = False

    def tested(self, comparison: Comparison) -> Effect | None:
        """Return ``None``: the answer rests on no change."""
        del comparison
        return None


@dataclass(frozen=True, slots=True)
class MinimumGate(AbsoluteGate):
    """A metric of the run must reach ``minimum``. Cases that ended in an error do not count."""

    name: str
    """``min_score`` or ``min_pass_rate``."""
    metric: str
    """The metric in words."""
    minimum: float
    """Smallest value that passes."""
    value_of: Callable[[Metrics], float | None]
    """The metric."""
    terms: Terms
    """What holds for all gates of the file."""

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer:
        """Answer for one eval file."""
        del tested
        metrics = comparison.metrics
        value = self.value_of(metrics)
        if self.terms.has_too_many_errors(metrics):
            return Answer(Verdict.INSUFFICIENT_DATA, explain_errors(metrics))
        if value is None:
            return Answer(Verdict.INSUFFICIENT_DATA, explain_no_mean(metrics))
        verdict = Verdict.FAILED if self.minimum - value > TOLERANCE else Verdict.PASSED
        shown, minimum = show_numbers((value, self.minimum), apart=(self.minimum,))
        over = f"over {count_cases(metrics.cases - metrics.errors)}"
        return Answer(verdict, f"{self.metric} is {shown} {over}; at least {minimum} is asked for{left_out(metrics)}")


@dataclass(frozen=True, slots=True)
class MaximumGate(AbsoluteGate):
    """A metric of the run must not exceed ``maximum``."""

    name: str
    """``max_cost`` or ``max_latency_p95``."""
    maximum: float
    """Largest value that passes."""
    value_of: Callable[[Metrics], float | None]
    """The metric."""
    explain: Callable[[float, float], str]
    """Says in words what the value and the largest one are."""
    unknown: str
    """Says that the value is not known, and what to do."""
    is_of_project: bool
    """Whether the rule is that of the whole project, which says nothing of a file whose value is not known."""

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer | None:
        """Answer for one eval file; ``None`` if the value is not known and nobody asked for that of this file."""
        del tested
        metrics = comparison.metrics
        value = self.value_of(metrics)
        if metrics.errors == metrics.cases:
            return Answer(Verdict.INSUFFICIENT_DATA, explain_errors(metrics))
        if value is None:
            return None if self.is_of_project else Answer(Verdict.INSUFFICIENT_DATA, self.unknown)
        verdict = Verdict.FAILED if value - self.maximum > TOLERANCE else Verdict.PASSED
        return Answer(verdict, self.explain(value, self.maximum))


@dataclass(frozen=True, slots=True)
class ErrorRateGate(AbsoluteGate):
    """At most a share ``maximum`` of the cases may end in an error."""

    maximum: float
    """That share, 0..1."""
    name: str = "max_error_rate"

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer:
        """Answer for one eval file."""
        del tested
        metrics = comparison.metrics
        if metrics.cases == 0:
            return Answer(Verdict.INSUFFICIENT_DATA, explain_errors(metrics))
        share = metrics.errors / metrics.cases
        verdict = Verdict.FAILED if share - self.maximum > TOLERANCE else Verdict.PASSED
        of = f"{count_errors(metrics.errors)}, of {metrics.cases}: {percent(float(f'{share:.3g}'))}"
        return Answer(verdict, f"{of}; at most {percent(self.maximum)} is allowed")


@dataclass(frozen=True, slots=True)
class MissingCasesGate(AbsoluteGate):
    """No case of the baseline may be gone from the dataset."""

    name: str = "missing_cases"
    needs_baseline: ClassVar[bool] = True

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer | None:
        """Answer for one eval file; ``None`` without a baseline."""
        del tested
        if not comparison.has_baseline:
            return None
        gone = [delta.name for delta in comparison.deltas_with(Change.MISSING)]
        if not gone:
            return Answer(Verdict.PASSED, "all cases of the baseline are still there")
        more = f" and {len(gone) - _MOST_NAMES} more" if len(gone) > _MOST_NAMES else ""
        are, them = ("is", "it") if len(gone) == 1 else ("are", "them")
        return Answer(
            Verdict.FAILED,
            f"{count_cases(len(gone))} of the baseline {are} gone: "
            f"{', '.join(gone[:_MOST_NAMES])}{more}; put {them} back, or save a new baseline with "
            f"'{save_command(comparison)}'",
        )


def min_score_gate(minimum: float, terms: Terms) -> MinimumGate:
    """Return the gate on the smallest mean score."""
    return MinimumGate("min_score", "mean score", minimum, lambda metrics: metrics.mean_score, terms)


def min_pass_rate_gate(minimum: float, terms: Terms) -> MinimumGate:
    """Return the gate on the smallest share of cases that pass."""
    return MinimumGate("min_pass_rate", "pass rate", minimum, lambda metrics: metrics.pass_rate, terms)


def max_cost_gate(maximum: float, *, is_of_project: bool) -> MaximumGate:
    """Return the gate on what all results of a file cost, in US dollars."""
    return MaximumGate("max_cost", maximum, lambda metrics: metrics.cost, _explain_cost, UNKNOWN_COST, is_of_project)


def max_latency_gate(maximum: float, *, is_of_project: bool) -> MaximumGate:
    """Return the gate on the time within which 95 of 100 cases have their response, in seconds."""
    unknown = "no response says how long it took, as outputs that were recorded do not; leave max_latency_p95 out"
    return MaximumGate(
        "max_latency_p95", maximum, lambda metrics: metrics.latency_p95, _explain_latency, unknown, is_of_project
    )


def _explain_cost(value: float, maximum: float) -> str:
    return f"the results cost {format_dollars(value)}; at most {format_dollars(maximum)} is allowed"


def _explain_latency(value: float, maximum: float) -> str:
    shown, limit = show_numbers((value, maximum), apart=(maximum,))
    return f"95 of 100 cases had their response within {shown} s; at most {limit} s is allowed"

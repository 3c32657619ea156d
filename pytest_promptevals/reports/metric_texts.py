"""Metrics in words: their names, values, changes, and how likely a change is chance."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.comparison.gate_words import chance_text as in_runs
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.effects import (
    COST,
    JUDGE_PREFIX,
    LATENCY_P50,
    LATENCY_P95,
    OUTPUT_LENGTH,
    PASS_RATE,
    SCORE,
    Effect,
)

UNKNOWN: Final = "-"
"""Stands where nothing is known."""

METRICS: Final = (SCORE, PASS_RATE, COST, LATENCY_P50, LATENCY_P95, OUTPUT_LENGTH)
"""All metrics but those of judges."""

_TITLES: Final = {
    SCORE: "score",
    PASS_RATE: "pass rate",
    COST: "cost",
    LATENCY_P50: "latency p50",
    LATENCY_P95: "latency p95",
    OUTPUT_LENGTH: "output length",
}
_LONG: Final = 999.95
"""Characters above which a tenth of one is not worth showing."""
_LATENCIES: Final = (LATENCY_P50, LATENCY_P95)


def metric_order(metric: str) -> tuple[int, str]:
    """Return a key that sorts metrics as reports show them: score, pass rate, judges by name, then the others."""
    if metric.startswith(JUDGE_PREFIX):
        return 2, metric
    place = METRICS.index(metric)
    return (place if place < 2 else place + 1), metric  # noqa: PLR2004 - judges stand third


def metric_title(metric: str) -> str:
    """Return what a metric is called in reports; ``judges.NAME`` is ``judge NAME``."""
    if metric.startswith(JUDGE_PREFIX):
        return f"judge {metric.removeprefix(JUDGE_PREFIX)}"
    return _TITLES[metric]


def value_text(metric: str, value: float | None) -> str:
    """Return a value in the metric's unit."""
    if value is None:
        return UNKNOWN
    if metric == COST:
        return format_dollars(value)
    if metric in _LATENCIES:
        return _seconds(value)
    if metric == OUTPUT_LENGTH:
        return f"{value:,.1f}" if value < _LONG else f"{value:,.0f}"
    return f"{value:.3f}"


def change_text(metric: str, change: float | None) -> str:
    """Return a difference of two values with its sign; one that would be shown as 0 has none."""
    if change is None:
        return UNKNOWN
    size = value_text(metric, abs(change))
    if size == value_text(metric, 0.0):
        return size
    return ("+" if change > 0 else "-") + size


def effect_change(effect: Effect) -> float:
    """Return how a metric changed, in its own direction: positive where it grew."""
    return effect.after - effect.before


def interval_text(effect: Effect) -> str:
    """Return the 95 % interval of the change, in the metric's own direction."""
    if effect.low is None or effect.high is None:
        return UNKNOWN
    ends = (effect.low, effect.high)
    low, high = ends if is_worse_when_higher(effect.metric) else (-effect.high, -effect.low)
    first, last = change_text(effect.metric, low), change_text(effect.metric, high)
    _, space, name = last.partition(" ")
    return f"{first.removesuffix(space + name)} to {last}"


def is_worse_when_higher(metric: str) -> bool:
    """Return whether a metric is worse where it grows: cost, latency and length are."""
    return metric in (COST, *_LATENCIES, OUTPUT_LENGTH)


def chance_of(effect: Effect) -> float | None:
    """Return how likely a change as large as this, in its direction, is where nothing changed; ``None`` if unknown."""
    if effect.worse_by == 0:
        return None
    return effect.p_worse if effect.worse_by > 0 else effect.p_better


def chance_text(chance: float | None) -> str:
    """Return a probability in counted runs: ``1 of 250``."""
    if chance is None:
        return UNKNOWN
    return in_runs(chance).removesuffix(" runs").replace("fewer than ", "< ")


def _seconds(value: float) -> str:
    if value == 0:
        return "0 s"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 100 else f"{value:,.0f} s"  # noqa: PLR2004 - three digits that count

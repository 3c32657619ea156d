from __future__ import annotations

import pytest

from pytest_promptevals.records.effects import Effect
from pytest_promptevals.reports.metric_texts import (
    chance_of,
    chance_text,
    change_text,
    effect_change,
    interval_text,
    metric_order,
    metric_title,
    value_text,
)


def test_metrics_stand_in_the_order_in_which_they_matter() -> None:
    metrics = ["output_length", "cost", "judges.b", "latency_p95", "score", "judges.a", "pass_rate", "latency_p50"]

    assert sorted(metrics, key=metric_order) == [
        "score",
        "pass_rate",
        "judges.a",
        "judges.b",
        "cost",
        "latency_p50",
        "latency_p95",
        "output_length",
    ]


@pytest.mark.parametrize(
    ("metric", "title"), [("score", "score"), ("pass_rate", "pass rate"), ("judges.exact", "judge exact")]
)
def test_a_metric_has_a_name_for_readers(metric: str, title: str) -> None:
    assert metric_title(metric) == title


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("score", 0.8504, "0.850"),
        ("judges.exact", 1.0, "1.000"),
        ("cost", 0.00123, "$0.00123"),
        ("latency_p50", 0.0, "0 s"),
        ("latency_p50", 0.0421, "42.1 ms"),
        ("latency_p95", 1.234, "1.23 s"),
        ("latency_p95", 1234.5, "1,234 s"),
        ("output_length", 1234.4, "1,234"),
        ("output_length", 999.96, "1,000"),
        ("output_length", 999.94, "999.9"),
        ("output_length", 2.5, "2.5"),
        ("score", None, "-"),
    ],
)
def test_a_value_is_shown_in_its_unit(metric: str, value: float | None, text: str) -> None:
    assert value_text(metric, value) == text


@pytest.mark.parametrize(
    ("change", "text"), [(0.12, "+0.120"), (-0.12, "-0.120"), (0.0004, "0.000"), (-0.0004, "0.000"), (None, "-")]
)
def test_a_change_has_a_sign_unless_it_cannot_be_seen(change: float | None, text: str) -> None:
    assert change_text("score", change) == text


def test_an_interval_is_in_the_direction_of_the_metric() -> None:
    assert interval_text(Effect("score", 0.9, 0.8, 0.1, low=0.05, high=0.15)) == "-0.150 to -0.050"
    assert interval_text(Effect("cost", 1.0, 2.0, 1.0, low=0.5, high=1.5)) == "+$0.50 to +$1.50"
    assert interval_text(Effect("score", 0.9, 0.8, 0.1)) == "-"


def test_a_unit_that_both_ends_have_is_named_once() -> None:
    assert interval_text(Effect("latency_p50", 0.5, 0.5, 0.0, low=-0.006, high=0.002)) == "-6 to +2 ms"
    assert interval_text(Effect("latency_p50", 1.0, 1.5, 0.5, low=-0.006, high=1.5)) == "-6 ms to +1.5 s"


def test_the_chance_is_that_of_the_direction_that_was_seen() -> None:
    worse = Effect("score", 0.9, 0.8, 0.1, p_worse=0.004, p_better=0.999)
    better = Effect("score", 0.8, 0.9, -0.1, p_worse=0.999, p_better=0.004)

    assert (chance_of(worse), chance_of(better)) == (0.004, 0.004)
    assert effect_change(worse) == pytest.approx(-0.1)
    assert effect_change(better) == pytest.approx(0.1)
    assert chance_of(Effect("score", 0.9, 0.9, 0.0, p_worse=1.0, p_better=1.0)) is None


@pytest.mark.parametrize(
    ("chance", "text"),
    [(None, "-"), (0.004, "1 of 250"), (0.31, "3 of 10"), (1e-9, "< 1 of 10,000"), (1.0, "nearly all")],
)
def test_a_chance_is_counted_in_runs(chance: float | None, text: str) -> None:
    assert chance_text(chance) == text

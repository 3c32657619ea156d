"""What the terminal says of verdicts."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules, OnInconclusive
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import COST, LATENCY_P50, OUTPUT_LENGTH, PASS_RATE, Effect
from pytest_promptevals.reports.verdict_words import effect_lines, gate_lines
from pytest_promptevals.settings import Settings
from tests.support.gated import make_comparison, make_effect
from tests.support.sample_results import FILE, PLACE

SAME = make_effect(0.0, 1.0, metric=PASS_RATE, after=0.85, low=-0.05, high=0.05)
LENGTH = make_effect(12.0, 0.3, metric=OUTPUT_LENGTH, before=400.0, low=-20.0, high=44.0)
LATENCY = Effect(LATENCY_P50, 0.5, 0.6, 0.1)


def table(*effects: Effect, verbosity: int = 0, width: int = 80) -> list[str]:
    return [line.text for line in effect_lines(make_comparison(*effects), width, verbosity)]


def test_metrics_stand_side_by_side_with_their_bounds_and_chances() -> None:
    judge = make_effect(0.2, 0.0004, metric="judges.exact", low=0.1, high=0.3)
    cost = make_effect(0.0001, 0.02, metric=COST, before=0.001, low=0.00005, high=0.00015)

    assert table(LENGTH, LATENCY, cost, judge, make_effect(0.12)) == [
        "",
        f"{FILE} beside the baseline, over 60 cases:",
        "                 before      now    change         95 % sure: from   by chance",
        "  score           0.850    0.730    -0.120        -0.210 to -0.030    1 of 250",
        "  judge exact     0.850    0.650    -0.200        -0.300 to -0.100  1 of 2,500",
        "  cost           $0.001  $0.0011  +$0.0001  +$0.00005 to +$0.00015     1 of 50",
        "  latency p50    500 ms   600 ms   +100 ms                       -           -",
        "  output length   400.0    412.0     +12.0          -20.0 to +44.0     3 of 10",
    ]


def test_what_did_not_change_is_left_out_but_for_a_verbose_run() -> None:
    assert any("pass rate" in row for row in table(make_effect(0.12), SAME, verbosity=1))
    assert not any("pass rate" in row for row in table(make_effect(0.12), SAME))


@pytest.mark.parametrize(
    ("effect", "is_shown"),
    [
        (make_effect(0.12), True),
        (make_effect(-0.12), True),
        (make_effect(0.1, metric="judges.exact"), True),
        (SAME, False),
        (LENGTH, False),
        (LATENCY, False),
        (dataclasses.replace(LENGTH, p_worse=0.04), True),
        (make_effect(-10.0, metric=OUTPUT_LENGTH, before=400.0, p_better=0.04), True),
    ],
)
def test_there_is_a_table_only_where_scores_changed_or_something_else_did_that_is_no_chance(
    effect: Effect, *, is_shown: bool
) -> None:
    assert bool(table(effect)) is is_shown
    assert table(effect, verbosity=1)


def test_without_effects_there_is_no_table() -> None:
    assert table(verbosity=1) == []


def test_a_long_name_of_a_judge_is_shortened_so_that_the_table_fits() -> None:
    rows = table(make_effect(0.12, metric="judges.a judge with a name that is longer than most names are"))

    assert max(map(len, rows)) == 80
    assert rows[-1].startswith("  a judge with ")


def test_what_is_measured_can_be_read_in_little_room() -> None:
    rows = table(make_effect(0.12, metric="output_length"), width=50)

    assert rows[-1].startswith("  output le... ")


def decided(*effects: Effect, metrics: Metrics | None = None, **rules: object) -> Comparison:
    gates = parse_gates(GateRules(**rules), Settings())  # type: ignore[arg-type]  # of any field
    (comparison,) = decide([GatedFile(make_comparison(*effects, metrics=metrics), gates, PLACE)])
    return comparison


def told(
    *effects: Effect, verbosity: int = 0, metrics: Metrics | None = None, **rules: object
) -> list[tuple[str, dict[str, bool]]]:
    """The first line of each verdict, with its colour."""
    lines = gate_lines(decided(*effects, metrics=metrics, **rules), 70, verbosity)
    return [(line.text, line.markup) for line in lines if not line.text.startswith("  ")]


RED = {"red": True, "bold": True}
YELLOW = {"yellow": True}
GREEN = {"green": True}


@pytest.mark.parametrize(
    ("effect", "verdict", "colour", "quietest"),
    [
        (make_effect(0.12), "regressed", RED, 0),
        (make_effect(0.12, 0.3), "inconclusive", YELLOW, 0),
        (make_effect(0.05), "passed", YELLOW, 0),
        (make_effect(-0.12, 0.996), "passed", GREEN, 0),
        (make_effect(0.05, 0.3), "passed", GREEN, 1),
        (make_effect(0.0, 1.0), "passed", GREEN, 1),
    ],
    ids=["regressed", "inconclusive", "real but allowed", "improvement", "small drop", "same"],
)
def test_what_a_reader_must_know_of_is_told(
    effect: Effect, verdict: str, colour: dict[str, bool], quietest: int
) -> None:
    for verbosity in (0, 1):
        lines = told(effect, verbosity=verbosity)
        assert bool(lines) is (verbosity >= quietest)
        assert all(text.startswith(f"{FILE} [score] {verdict}: ") for text, _ in lines)
        assert all(markup == colour for _, markup in lines)


def test_a_verdict_without_numbers_is_told_in_full() -> None:
    gate = GateResult(FILE, "score", Verdict.INCONCLUSIVE, "nobody knows", PLACE, is_accepted=True)

    (line,) = gate_lines(make_comparison(gates=(gate,)), 80, -1)

    assert line.text == f"{FILE} [score] inconclusive: nobody knows"


def test_an_inconclusive_verdict_that_fails_is_red() -> None:
    ((text, markup),) = told(make_effect(0.12, 0.3), verbosity=-1, on_inconclusive=OnInconclusive.FAIL)

    assert text.startswith(f"{FILE} [score] inconclusive: ")
    assert markup == RED


def test_a_gate_that_compares_nothing_is_told_only_where_it_fails() -> None:
    assert [text.partition(":")[0] for text, _ in told(make_effect(0.0, 1.0), min_score=0.9)] == [
        f"{FILE} [min_score] failed"
    ]
    assert told(make_effect(0.0, 1.0), min_score=0.1) == []


def test_why_a_baseline_is_of_no_use_is_told() -> None:
    ((text, markup),) = told()

    assert text.startswith(f"{FILE} [score] no baseline: ")
    assert markup == GREEN

from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.comparison.gates import case_policy, parse_gates
from pytest_promptevals.records.cases import CasePolicy, GateRules, MissingCases, OnInconclusive
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.settings import Settings
from tests.support.gated import decide_all, decide_score, make_comparison, make_effect

ALL = GateRules(
    judges={"exact": 0.1, "rubric": 0.05},
    max_cost_increase=0.2,
    min_score=0.0,
    min_pass_rate=0.0,
    max_cost=1.0,
    max_latency_p95=1.0,
    max_error_rate=0.1,
    missing_cases=MissingCases.FAIL,
)
COMPARING = ["score", "judges.exact", "judges.rubric", "max_cost_increase"]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (GateRules(), ["score"]),
        (GateRules(min_score=0.0), ["score", "min_score"]),
        (
            ALL,
            [
                *COMPARING,
                "min_score",
                "min_pass_rate",
                "max_cost",
                "max_latency_p95",
                "max_error_rate",
                "missing_cases",
            ],
        ),
    ],
)
def test_rules_become_gates_with_names(rules: GateRules, names: list[str]) -> None:
    assert [gate.name for gate in parse_gates(rules, Settings())] == names


def test_gates_know_whether_they_are_about_the_change_since_the_baseline() -> None:
    needing = [gate.name for gate in parse_gates(ALL, Settings()) if gate.needs_baseline]

    assert needing == [*COMPARING, "missing_cases"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_score", 0.9),
        ("min_pass_rate", 0.9),
        ("max_file_cost", 0.1),
        ("max_cost_increase", 0.1),
        ("max_latency_p95", 1.0),
        ("max_error_rate", 0.1),
        ("missing_cases", "fail"),
    ],
)
def test_a_setting_is_a_gate_of_every_file(name: str, value: Any) -> None:
    gates = parse_gates(GateRules(), Settings(**{name: value}))

    assert [gate.name for gate in gates] == ["score", name.replace("max_file_cost", "max_cost")]


def verdict(settings: Settings, **rules: Any) -> Verdict:
    """Of a drop of 0.2 that comes by chance in 1 of 100 runs."""
    return decide_score(make_comparison(make_effect(0.2, 0.01)), settings, **rules).verdict


def test_the_file_goes_before_the_ini_file_and_an_option_before_both() -> None:
    assert verdict(Settings(max_drop=0.5), max_drop=0.1) is Verdict.REGRESSED
    assert verdict(Settings(max_drop=0.1), max_drop=0.5) is Verdict.PASSED
    assert verdict(Settings(max_drop=0.1)) is Verdict.REGRESSED
    assert verdict(Settings(max_drop=0.5, given={"max_drop": "--evals-max-drop"}), max_drop=0.1) is Verdict.PASSED


def test_the_same_holds_for_the_confidence() -> None:
    assert verdict(Settings(confidence=0.999)) is Verdict.INCONCLUSIVE
    assert verdict(Settings(confidence=0.999), confidence=0.9) is Verdict.REGRESSED
    assert verdict(Settings(confidence=0.999, given={"confidence": "-c"}), confidence=0.9) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("settings", "written", "fails"),
    [
        (Settings(), None, False),
        (Settings(on_inconclusive="fail"), None, True),
        (Settings(on_inconclusive="fail"), OnInconclusive.PASS, False),
        (
            Settings(on_inconclusive="fail", given={"on_inconclusive": "-i"}),
            OnInconclusive.PASS,
            True,
        ),
    ],
)
def test_the_same_holds_for_what_is_inconclusive(
    settings: Settings, written: OnInconclusive | None, *, fails: bool
) -> None:
    gate = decide_score(make_comparison(make_effect(0.2, 0.3)), settings, on_inconclusive=written)

    assert gate.fails is fails


@pytest.mark.parametrize(
    ("settings", "written", "is_there"),
    [
        (Settings(missing_cases="fail"), MissingCases.WARN, False),
        (Settings(missing_cases="warn"), MissingCases.FAIL, True),
        (Settings(missing_cases="fail", given={"missing_cases": "--evals-missing-cases"}), MissingCases.WARN, True),
    ],
)
def test_the_same_holds_for_missing_cases(settings: Settings, written: MissingCases, *, is_there: bool) -> None:
    names = [gate.name for gate in parse_gates(GateRules(missing_cases=written), settings)]

    assert ("missing_cases" in names) is is_there


@pytest.mark.parametrize(
    ("settings", "written", "policy"),
    [
        (Settings(), None, CasePolicy.STRICT),
        (Settings(case_policy="ratchet"), None, CasePolicy.RATCHET),
        (Settings(case_policy="ratchet"), CasePolicy.GATE, CasePolicy.GATE),
        (
            Settings(case_policy="ratchet", given={"case_policy": "-p"}),
            CasePolicy.GATE,
            CasePolicy.RATCHET,
        ),
    ],
)
def test_the_same_holds_for_the_case_policy(settings: Settings, written: CasePolicy | None, policy: CasePolicy) -> None:
    assert case_policy(written, settings) is policy


def test_a_rule_that_is_0_is_no_rule_that_is_missing() -> None:
    gates = decide_all(make_comparison(make_effect(0.01, 0.01)), max_drop=0.0, min_score=0.0)

    assert gates["score"].verdict is Verdict.REGRESSED
    assert gates["min_score"].verdict is Verdict.PASSED

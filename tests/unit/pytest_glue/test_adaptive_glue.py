"""Further trials where the models cannot be asked any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from pytest_promptevals.engine.engine import EngineStoppedError
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.pytest_glue.adaptive import AdaptiveTrials
from pytest_promptevals.pytest_glue.baselines import Baseline
from pytest_promptevals.pytest_glue.deciding import Compared, compare_file, decide_run
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.records.cases import GateRules, Location
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.settings import Settings
from tests.support.sample_results import FILE, make_case, make_result
from tests.unit.engine.plans import plan

NAMES = [f"c{number}" for number in range(12)]
SOURCE = EvalSource(FILE, "", tuple(NAMES), Location(FILE, 1), GateRules())
BEFORE = tuple(make_case(name) for name in NAMES)
NOW = [make_result(name, 0.0 if name in NAMES[:3] else 1.0) for name in NAMES]


class Ledger:
    """Keeps what it is given, and compares what there was first."""

    def __init__(self) -> None:
        self.taken: list[CaseResult] = []

    def take_more(self, result: CaseResult, lost: float) -> None:
        """Keep it."""
        self.taken.append(result)

    def compare_again(self, file: str) -> Compared:
        """Compare what there was first."""
        return compared()

    def cases_before(self, file: str) -> Sequence[BaselineCase]:
        """Return the baseline."""
        return BEFORE


class Caller:
    """Fails as it is told to."""

    def __init__(self, planned: PlannedCase, error: BaseException) -> None:
        self._planned = planned
        self._error = error

    def planned_cases(self, session: object, files: Collection[str]) -> dict[tuple[str, str], PlannedCase]:
        """Return a case for each name."""
        return {(FILE, name): self._planned for name in NAMES}

    def run(self, work: object) -> Any:
        """Fail."""
        raise self._error

    def output_before(self, source: EvalSource, name: str) -> str | None:
        """Return nothing."""
        return None


def compared() -> Compared:
    baseline = Baseline("the baseline", BEFORE)
    return compare_file(SOURCE, NOW, baseline)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "further trials were stopped; what they gave by then is in the cache"),
        (EngineStoppedError("the engine is stopped"), "no further calls are made: the engine is stopped"),
    ],
)
def test_what_was_known_is_decided_on_when_calls_end(
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    reason: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    config = pytester.parseconfigure()
    (planned,) = plan(pytester.path, "model: scripted/m\njudges: [exact]\ncases: [{id: a, input: hi, expected: hi}]\n")
    ledger = Ledger()
    adaptive = AdaptiveTrials(config, Settings(), ledger)
    for result in NOW:
        adaptive.keep(result)
    first = compared()

    (last,) = adaptive.run(pytest.Session.from_config(config), Caller(planned, error), [first])

    assert ledger.taken == []
    assert last.comparison.drop == first.comparison.drop
    (comparison,) = decide_run([last], Settings())
    assert comparison.gates[0].verdict.value == "inconclusive"
    shown = capsys.readouterr().out
    assert f"{FILE}: still cannot tell: {reason}\n" in shown


class AskingNobody(Caller):
    """Has no calls to make."""

    def run(self, work: object) -> Any:
        """Fail the test."""
        raise AssertionError("nobody was to be asked")


def run_with(
    pytester: pytest.Pytester, before: Sequence[BaselineCase], now: Sequence[CaseResult], settings: Settings
) -> tuple[Compared, Compared]:
    """Return what is compared, and what is to be decided on."""

    class Of(Ledger):
        def cases_before(self, file: str) -> Sequence[BaselineCase]:
            return before

    config = pytester.parseconfigure()
    (planned,) = plan(pytester.path, "model: scripted/m\njudges: [exact]\ncases: [{id: a, input: hi, expected: hi}]\n")
    adaptive = AdaptiveTrials(config, settings, Of())
    for result in now:
        adaptive.keep(result)
    first = compare_file(SOURCE, now, Baseline("the baseline", tuple(before)))
    caller = AskingNobody(planned, AssertionError())
    (last,) = adaptive.run(pytest.Session.from_config(config), caller, [first])
    return first, last


def test_a_baseline_that_does_not_know_its_trials_is_said(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    first, last = run_with(pytester, [make_case(name, trials=3) for name in NAMES], NOW, Settings())

    assert last is first
    assert (
        f"{FILE}: still cannot tell: the baseline does not say how each of its trials scored; "
        "save a new one with 'pytest --evals-save-baseline'\n"
    ) in capsys.readouterr().out


def test_a_red_file_that_cannot_have_more_trials_stays_red_without_a_word(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [make_result(name, 0.0) for name in NAMES]

    first, last = run_with(pytester, BEFORE, now, Settings(max_trials=1))

    assert decide_run([last], Settings())[0].gates[0].verdict.value == "regressed"
    assert last is first
    assert FILE not in capsys.readouterr().out


def test_a_drop_that_is_certain_at_the_first_look_needs_no_more(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [make_result(name, 0.0) for name in NAMES]

    _, last = run_with(pytester, BEFORE, now, Settings())

    (comparison,) = decide_run([last], Settings())
    assert comparison.gates[0].verdict.value == "regressed"
    assert FILE not in capsys.readouterr().out

"""Gates as reported items: ``evals/support.eval.yaml::gate[score]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.junit_properties import gate_properties
from pytest_promptevals.pytest_glue.longrepr import FailureRepr
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.reports.words import visible_line

GATE_ATTRIBUTE: Final = "promptevals_gate"
"""Attribute of the report of a gate, which is no item; a keyword of that name may be anybody's."""
INCONCLUSIVE_ATTRIBUTE: Final = "promptevals_inconclusive"
"""Attribute of the report of a gate that cannot tell a drop from chance."""
_SILENT: Final = frozenset({Verdict.NO_BASELINE})
"""Verdicts that say nothing about this run: they stand in the summary, not among the items."""


def report_gates(session: pytest.Session, gates: Sequence[GateResult]) -> None:
    """Report each gate that has an answer as a passed or failed item, so that JUnit, ``-r`` and CI show it."""
    decided = [gate for gate in gates if gate.verdict not in _SILENT]
    # pytest works out its progress from this number: without it, the gates would push it past 100 %. Where each line
    # shows it, and the last case has shown 100 %, it must not fall back.
    shows_each = session.config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) > 0
    if not shows_each:
        session.testscollected += len(decided)
    for gate in decided:
        session.testscollected += shows_each
        _log(session.config, gate)


def _log(config: pytest.Config, gate: GateResult) -> None:
    called = _report(gate, config.getoption("tbstyle", "auto"))
    # JUnit writes the properties of a test when it is torn down.
    torn_down = pytest.TestReport(
        called.nodeid, called.location, {}, "passed", None, "teardown", user_properties=called.user_properties
    )
    config.hook.pytest_runtest_logstart(nodeid=called.nodeid, location=called.location)
    config.hook.pytest_runtest_logreport(report=called)
    config.hook.pytest_runtest_logreport(report=torn_down)
    config.hook.pytest_runtest_logfinish(nodeid=called.nodeid, location=called.location)


def _report(gate: GateResult, tbstyle: str) -> pytest.TestReport:
    name = visible_line(f"gate[{gate.gate}]")
    text = f"{gate.verdict.value}: {gate.explanation}"
    report = pytest.TestReport(
        nodeid=f"{visible_line(gate.file)}::{name}",
        location=(visible_line(gate.location.path), gate.location.line - 1, name),
        keywords={name: 1, "gate": 1},
        outcome="failed" if gate.fails else "passed",
        longrepr=FailureRepr([text], gate.location, tbstyle) if gate.fails else None,
        when="call",
        user_properties=gate_properties(gate),
    )
    setattr(report, GATE_ATTRIBUTE, True)
    if gate.verdict is Verdict.INCONCLUSIVE:
        setattr(report, INCONCLUSIVE_ATTRIBUTE, True)
    return report

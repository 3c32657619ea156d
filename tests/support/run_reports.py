"""Reports of runs to render."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.changes import CaseChanges, FileChanges, ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Verdict
from pytest_promptevals.records.effects import SCORE, Effect, Evidence
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import FILE, PLACE, make_result, make_run

ROOTDIR = Path("/project")
"""A folder that is not there: no test depends on the machine."""
DROP = Evidence(Effect(SCORE, 0.9, 0.6, 0.3, 0.2, 0.4, 0.001, 1.0, cases=12), 0.1, 0.95, p_adjusted=0.002)
"""A drop of 0.3."""
REGRESSED = GateResult(FILE, "score", Verdict.REGRESSED, "mean score fell by 0.300", PLACE, DROP)
INCONCLUSIVE = GateResult(FILE, "judges.tone", Verdict.INCONCLUSIVE, "may be chance", PLACE, DROP, is_accepted=True)
PASSED = GateResult(FILE, "min_score", Verdict.PASSED, "it is enough", PLACE)
CHANGES = FileChanges(
    CaseChanges(
        prompts=(PromptChange("support", "h1", "h2", 12, {"": "Be kind.\nAnswer."}, {"": "Be short.\nAnswer."}),),
        models=(ModelChange("openai/old", "openai/new", 12),),
    ),
    parameters=(ValueChange("temperature", 0, 1),),
    is_run_known=True,
)


def low_case(
    name: str,
    before: float | None = None,
    after: float = 0.0,
    *,
    output: str = "what came back",
    output_before: str | None = None,
    line: int = 7,
    **changes: Any,
) -> ReportedCase:
    """A case that does not pass; with a score ``before`` of at least 0.5 it passed in the baseline."""
    score = Score("exact", after, passed=False, threshold=0.5, explanation=f"expected something else of {name}")
    result = make_result(
        name,
        after,
        trials=(Trial(1, Response(output), (score,), after, passed=False),),
        scores=(score,),
        passed=False,
        prompt=RenderedPrompt((Message("system", "Be kind."), Message("user", f"question of {name}"))),
        location=Location(FILE, line),
        **changes,
    )
    if before is None:
        return ReportedCase(result)
    delta = Delta(name, Change.WORSE, before, after, passed_before=before >= 0.5, passed_after=False)
    return ReportedCase(result, delta, output_before)


def failed_case(name: str, message: str = "the server is down") -> ReportedCase:
    """A case that ended in an error."""
    return ReportedCase(make_result(name, None, error=ErrorRecord("provider", message), trials=()))


def passed_case(name: str) -> ReportedCase:
    """A case that passes."""
    return ReportedCase(make_result(name))


def make_file(
    *cases: ReportedCase, gates: Sequence[GateResult] = (), changes: FileChanges | None = None, **comparison: Any
) -> ReportedFile:
    """An eval file with those cases."""
    results: list[CaseResult] = [case.result for case in cases]
    compared = Comparison(FILE, measure(results), gates=tuple(gates))
    if changes is not None or any(case.delta for case in cases):
        compared = dataclasses.replace(
            compared,
            has_baseline=True,
            baseline="the committed baseline",
            deltas=tuple(case.delta for case in cases if case.delta is not None),
            mean_before=0.9,
            mean_after=0.6,
        )
    return ReportedFile(dataclasses.replace(compared, **comparison), cases, changes)


def make_report(*files: ReportedFile, **run: Any) -> RunReport:
    """A report of a run with those eval files."""
    return RunReport(make_run(**{"status": RunStatus.FINISHED, **run}), ROOTDIR, files)

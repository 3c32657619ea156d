"""What a CI service should show of a run at the lines of its eval files, the most important first."""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.run_reports import ReportedCase, RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.case_counts import cases_text
from pytest_promptevals.reports.case_order import badness, has_flipped
from pytest_promptevals.reports.review import case_headline, worst_trial
from pytest_promptevals.reports.words import count_text, one_line, visible_text

_LONGEST_ANSWER: Final = 400
_LONGEST_HEADLINE: Final = 1000


class FindingKind(enum.Enum):
    """What is the matter; the first ones are the most important."""

    FILE = "file"
    """A file cannot be used."""
    STOPPED = "stopped"
    """The run did not finish, so what it did not find tells nothing."""
    GATE = "gate"
    """A gate fails."""
    FLIP = "flip"
    """A case that passed in the baseline does not pass now."""
    FAILURE = "failure"
    """Another case does not pass."""
    ERROR = "error"
    """A case has no score."""
    INCONCLUSIVE = "inconclusive"
    """A gate cannot tell, and that was let pass."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something that is the matter with a line of an eval file."""

    kind: FindingKind
    """What it is."""
    file: str
    """The eval file."""
    name: str
    """The item, or the gate."""
    location: Location
    """Where it stands, as ``Location`` says; the rootdir if it is about no file."""
    title: str
    """A few words, in one line."""
    message: str
    """What a reader has to know; may have several lines."""
    is_failure: bool
    """Whether it makes the session fail, as far as that is known."""


def find_findings(report: RunReport) -> list[Finding]:
    """Return what is the matter with a run; where it is not known what was let through, nothing was."""
    stopped = [] if report.run.status is RunStatus.FINISHED else [_of_stop(report)]
    gates = [_of_gate(gate) for gate in report.gates if gate.fails or gate.verdict is Verdict.INCONCLUSIVE]
    cases = [case for file in report.files for case in file.cases if case.result.passed is not True]
    found = [*stopped, *gates, *map(_of_case, sorted(cases, key=badness))]
    order = list(FindingKind)
    return sorted(found, key=lambda finding: order.index(finding.kind))


def of_problem(problem: FileProblem) -> Finding:
    """Return the finding that an eval file cannot be used."""
    location = Location(problem.path, problem.line or 1)
    field = f"{problem.field}: " if problem.field else ""
    message = visible_text(f"{field}{problem.message}")
    return Finding(FindingKind.FILE, problem.path, "", location, "eval file cannot be used", message, is_failure=True)


def merge_alike(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings, errors of the same message as one: a server that is down is one thing, not a thousand."""
    alike: dict[str, list[Finding]] = {}
    rest = []
    for finding in findings:
        if finding.kind is FindingKind.ERROR:
            alike.setdefault(finding.message, []).append(finding)
        elif finding.kind is FindingKind.INCONCLUSIVE:
            rest.append(finding)
        else:
            yield finding
    for first, *others in alike.values():
        more = f"{first.title}, and {count_text(len(others), 'case')} more"
        yield dataclasses.replace(first, title=more) if others else first
    yield from rest


def _of_stop(report: RunReport) -> Finding:
    file = report.files[0].file if report.files else ""
    is_told = report.run.status is RunStatus.INTERRUPTED
    said = "stopped early" if is_told else "did not come to its end: it was killed, or is still running"
    message = f"run {report.run.id} {said}, so there is no verdict; {cases_text(report)}"
    place = Location(file or os.curdir, 1)
    return Finding(FindingKind.STOPPED, "", "", place, "the evals did not finish", message, is_failure=True)


def _of_gate(gate: GateResult) -> Finding:
    kind = FindingKind.GATE if gate.fails else FindingKind.INCONCLUSIVE
    title = one_line(f"gate {gate.gate}: {gate.verdict.value}")
    message = f"{gate.file}: {gate.explanation}"
    return Finding(kind, gate.file, gate.gate, gate.location, title, visible_text(message), gate.fails)


def _of_case(case: ReportedCase) -> Finding:
    result = case.result
    kind = _kind_of(case)
    said = "ended in an error" if kind is FindingKind.ERROR else "now fails" if kind is FindingKind.FLIP else "fails"
    lines = [one_line(case_headline(result, case.delta.before if case.delta else None), _LONGEST_HEADLINE)]
    response = worst_trial(result.trials).response if result.error is None and result.trials else None
    if response is not None:
        lines.append(f"answered: {one_line(response.text, _LONGEST_ANSWER) or '(empty)'}")
    title, message = one_line(f"{result.name} {said}"), "\n".join(lines)
    return Finding(kind, result.file, result.name, result.location, title, message, case.is_failure is not False)


def _kind_of(case: ReportedCase) -> FindingKind:
    if case.result.error is not None or case.result.passed is None:
        return FindingKind.ERROR
    return FindingKind.FLIP if has_flipped(case) else FindingKind.FAILURE

"""What a CI service should show of a run at the lines of its eval files, the most important first."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.run_reports import ReportedCase, RunReport
from pytest_promptevals.reports.case_order import badness, has_flipped
from pytest_promptevals.reports.review import case_headline, worst_trial
from pytest_promptevals.reports.words import count_text, one_line, visible_text

_LONGEST_ANSWER: Final = 400
_LONGEST_HEADLINE: Final = 1000


class FindingKind(enum.Enum):
    """What is the matter; the first ones are the most important."""

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
    """Where it stands, as ``Location`` says."""
    title: str
    """A few words, in one line."""
    message: str
    """What a reader has to know; may have several lines."""
    is_failure: bool
    """Whether it makes the session fail, as far as that is known."""


def find_findings(report: RunReport, failed: Collection[str] | None = None) -> list[Finding]:
    """Return what is the matter with a run.

    ``failed`` are the node ids of the items that pytest counts as failed or as errors: others were let through. Where
    they are not known, each case that does not pass is taken for a failure.
    """
    gates = [_of_gate(gate) for gate in report.gates if gate.fails or gate.verdict is Verdict.INCONCLUSIVE]
    cases = [case for file in report.files for case in file.cases if case.result.passed is not True]
    found = [*gates, *(_of_case(case, failed) for case in sorted(cases, key=badness))]
    order = list(FindingKind)
    return sorted(found, key=lambda finding: order.index(finding.kind))


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


def node_id(file: str, name: str) -> str:
    """Return the node id of an item; those of test functions end in brackets."""
    return f"{file}[{name}]" if "::" in file else f"{file}::{name}"


def _of_gate(gate: GateResult) -> Finding:
    kind = FindingKind.GATE if gate.fails else FindingKind.INCONCLUSIVE
    title = one_line(f"gate {gate.gate}: {gate.verdict.value}")
    message = f"{gate.file}: {gate.explanation}"
    return Finding(kind, gate.file, gate.gate, gate.location, title, visible_text(message), gate.fails)


def _of_case(case: ReportedCase, failed: Collection[str] | None) -> Finding:
    result = case.result
    kind = _kind_of(case)
    said = "ended in an error" if kind is FindingKind.ERROR else "now fails" if kind is FindingKind.FLIP else "fails"
    lines = [one_line(case_headline(result, case.delta.before if case.delta else None), _LONGEST_HEADLINE)]
    response = worst_trial(result.trials).response if result.error is None and result.trials else None
    if response is not None:
        lines.append(f"answered: {one_line(response.text, _LONGEST_ANSWER) or '(empty)'}")
    is_failure = failed is None or node_id(result.file, result.name) in failed
    title = one_line(f"{result.name} {said}")
    return Finding(kind, result.file, result.name, result.location, title, "\n".join(lines), is_failure)


def _kind_of(case: ReportedCase) -> FindingKind:
    if case.result.error is not None or case.result.passed is None:
        return FindingKind.ERROR
    return FindingKind.FLIP if has_flipped(case) else FindingKind.FAILURE

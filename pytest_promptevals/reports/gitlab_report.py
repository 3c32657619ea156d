from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.findings import Finding, FindingKind, find_findings
from pytest_promptevals.reports.repository_paths import repository_path, repository_root
from pytest_promptevals.reports.words import one_line

_SEVERITIES: Final = {
    FindingKind.FILE: "blocker",
    FindingKind.STOPPED: "blocker",
    FindingKind.GATE: "critical",
    FindingKind.FLIP: "major",
    FindingKind.FAILURE: "minor",
    FindingKind.ERROR: "major",
    FindingKind.INCONCLUSIVE: "info",
}
_SUBJECTS: Final = {FindingKind.STOPPED: "run", FindingKind.GATE: "gate", FindingKind.INCONCLUSIVE: "gate"}
"""What findings are about that are not about a case."""
_LONGEST: Final = 500


class GitlabReport:
    """A code quality report, by which GitLab shows in a merge request what became worse and what was mended."""

    description = "code quality report for GitLab"
    ending = ".json"

    def render(self, report: RunReport) -> str:
        """Return the findings as JSON; an empty list for a run with which nothing is the matter."""
        root = repository_root(report.rootdir, os.environ)
        issues = [_issue(finding, report.rootdir, root) for finding in find_findings(report)]
        return f"{json.dumps(issues, indent=2)}\n"


def _issue(finding: Finding, rootdir: Path, root: Path) -> JsonObject:
    path = repository_path(finding.location.path, rootdir, root)
    return {
        "description": one_line(f"{finding.title}: {finding.message}", _LONGEST),
        "check_name": f"promptevals.{finding.kind.value}",
        "fingerprint": _fingerprint(finding),
        "severity": _SEVERITIES[finding.kind],
        "location": {"path": path, "lines": {"begin": finding.location.line}},
    }


def _fingerprint(finding: Finding) -> str:
    """Return what tells GitLab that two runs found the same: no score, no line, nothing that changes by chance."""
    parts = [_SUBJECTS.get(finding.kind, "case"), finding.file, finding.name]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

from __future__ import annotations

import os

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.annotations import GITHUB, annotation_lines
from pytest_promptevals.reports.findings import find_findings


class GithubReport:
    """Commands for the log of a job of GitHub Actions, which shows them at the lines of the eval files."""

    description = "annotations for GitHub Actions: print it in a job"
    ending = ".txt"

    def render(self, report: RunReport) -> str:
        """Return a command a line; nothing for a run with which nothing is the matter."""
        lines = annotation_lines(GITHUB, find_findings(report), report.rootdir, os.environ)
        return "".join(f"{line}\n" for line in lines)

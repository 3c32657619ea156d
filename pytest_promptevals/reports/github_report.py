from __future__ import annotations

import os

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.annotations import github_lines


class GithubReport:
    """Commands for the log of a job of GitHub Actions, which shows them at the lines of the eval files."""

    description = "annotations for GitHub Actions: print it in a job"
    ending = ".txt"

    def render(self, report: RunReport) -> str:
        """Return a command a line; nothing for a run with which nothing is the matter."""
        return "".join(f"{line}\n" for line in github_lines(report, os.environ))

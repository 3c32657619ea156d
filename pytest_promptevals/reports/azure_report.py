from __future__ import annotations

import os

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.annotations import AZURE, annotation_lines
from pytest_promptevals.reports.findings import find_findings


class AzureReport:
    """Commands for the log of a job of Azure Pipelines, which shows them as issues of the run."""

    description = "issues for Azure Pipelines: print it in a job"
    ending = ".txt"

    def render(self, report: RunReport) -> str:
        """Return a command a line; nothing for a run with which nothing is the matter."""
        lines = annotation_lines(AZURE, find_findings(report), report.rootdir, os.environ)
        return "".join(f"{line}\n" for line in lines)

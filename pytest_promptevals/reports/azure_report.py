from __future__ import annotations

import os

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.annotations import azure_lines


class AzureReport:
    """Commands for the log of a job of Azure Pipelines, which shows them as issues of the run."""

    description = "issues for Azure Pipelines: print it in a job"
    ending = ".txt"

    def render(self, report: RunReport) -> str:
        """Return a command a line; nothing for a run with which nothing is the matter."""
        return "".join(f"{line}\n" for line in azure_lines(report, os.environ))

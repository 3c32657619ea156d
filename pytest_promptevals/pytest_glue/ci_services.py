"""What a session leaves for the CI service that it runs on: annotations in its log, and a summary of the job."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.settings import Settings

if TYPE_CHECKING:
    from pytest_promptevals.records.run_reports import RunReport
    from pytest_promptevals.reports.findings import Finding

_GITHUB: Final = "github"
_AZURE: Final = "azure"
_SIGNS: Final = {_GITHUB: "GITHUB_ACTIONS", _AZURE: "TF_BUILD"}
"""Variables by which jobs of the services can be told; their value is ``true``."""
_GROUPS: Final = {_GITHUB: ("::group::{}", "::endgroup::"), _AZURE: ("##[group]{}", "##[endgroup]")}
"""Lines around those that are folded in the log."""
_MOST_BYTES: Final = 1024 * 1024
"""What GitHub takes as the summary of one step."""


def find_service(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return the CI service that the setting ``annotations`` names, or that the session runs on; empty if none."""
    if settings.annotations != "auto":
        return "" if settings.annotations == "off" else settings.annotations
    return next((name for name, sign in _SIGNS.items() if environment.get(sign, "").lower() == "true"), "")


class ServiceSurface:
    """Tells a CI service what the session came to.

    Args:
        service: ``github`` or ``azure``.
        rootdir: root of the project.
    """

    def __init__(self, service: str, rootdir: Path) -> None:
        self._service = service
        self._rootdir = rootdir
        self._problems: list[FileProblem] = []
        self._findings: list[Finding] = []
        self._commands: list[str] = []

    def pytest_exception_interact(self, call: pytest.CallInfo[object]) -> None:
        """Note what is wrong with eval files."""
        error = None if call.excinfo is None else call.excinfo.value
        if isinstance(error, DatasetError):
            self._problems += error.problems

    def show(self, report: RunReport) -> list[str]:
        """Write the summary of the job, prepare the annotations, and return what went wrong, a line each."""
        from pytest_promptevals.reports.findings import find_findings  # noqa: PLC0415 - only on a CI service

        self._findings += find_findings(report)
        try:
            return self._summarize(report)
        except OSError as error:
            return [f"the summary of the job cannot be written: {error.strerror}"]

    def _summarize(self, report: RunReport) -> list[str]:
        from pytest_promptevals.reports.markdown_report import MarkdownReport  # noqa: PLC0415 - only on a CI service

        text = MarkdownReport().render(report)
        if self._service == _AZURE:
            self._commands += _azure_summary(text, report.run.id)
            return []
        return _append_summary(f"{text}\n")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the annotations, folded: they are for the service, and people have read them above."""
        try:
            lines = [*self._annotations(), *self._commands]
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not take the summary away
            terminalreporter.write_line(f"no annotations are written: {type(error).__name__}: {error}", yellow=True)
            return
        if not lines:
            return
        begin, end = _GROUPS[self._service]
        terminalreporter.ensure_newline()
        for line in (begin.format("annotations of the evals"), *lines, end):
            terminalreporter.write_line(line)

    def _annotations(self) -> Iterator[str]:
        from pytest_promptevals.reports.annotations import annotation_lines  # noqa: PLC0415 - only on a CI service
        from pytest_promptevals.reports.findings import of_problem  # noqa: PLC0415 - likewise

        findings = [*map(of_problem, self._problems), *self._findings]
        return annotation_lines(self._service, findings, self._rootdir, os.environ)


def _append_summary(text: str) -> list[str]:
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return []
    path = Path(name)
    data = text.encode("utf-8", "backslashreplace")
    if path.exists() and path.stat().st_size + len(data) > _MOST_BYTES:
        return ["the summary of the job has no room for the report of the evals: GitHub takes 1 MiB of each step"]
    with path.open("ab") as file:
        file.write(data)
    return []


def _azure_summary(text: str, run_id: str) -> list[str]:
    """Write the summary where the agent finds it later, and return the command that asks for it."""
    from pytest_promptevals.files.text import write_text_atomically  # noqa: PLC0415 - only on a CI service
    from pytest_promptevals.reports.annotations import azure_command  # noqa: PLC0415 - likewise

    folder = os.environ.get("AGENT_TEMPDIRECTORY")
    if not folder:
        return []
    path = Path(folder).absolute() / f"promptevals-{run_id}.md"
    write_text_atomically(path, text)
    return [azure_command("task.uploadsummary", str(path))]

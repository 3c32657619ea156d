"""Annotations: commands in a log by which a CI service shows findings at the lines that they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Final, TypeAlias

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.findings import Finding, find_findings, merge_alike
from pytest_promptevals.reports.repository_paths import repository_path, repository_root

_MOST: Final = 10
"""Errors, and warnings, that GitHub shows of one step of a job; what is more it drops in silence."""
_GITHUB_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_GITHUB_PROPERTY: Final = {**_GITHUB_DATA, ":": "%3A", ",": "%2C"}
_AZURE: Final = {"\r": "%0D", "\n": "%0A", ";": "%3B", "]": "%5D"}
_AZURE_CODES: Final = ("%0D", "%0A", "%3B", "%5D")
Annotate: TypeAlias = Callable[[str, str, Finding], str]
"""Gives the command for a level, ``error`` or ``warning``, a path in the repository, and what is to be shown there."""


def github_lines(
    report: RunReport, environment: Mapping[str, str], failed: Collection[str] | None = None
) -> Iterator[str]:
    """Yield annotations for GitHub Actions, as many as it shows, and how many there are beyond.

    ``failed`` are the node ids of the items that failed, as ``find_findings`` takes them.
    """
    left_out = yield from _annotations(report, environment, failed, _github_line)
    if left_out:
        yield github_command("notice", f"{left_out} not shown here; the summary of the job has them", title="evals")


def azure_lines(
    report: RunReport, environment: Mapping[str, str], failed: Collection[str] | None = None
) -> Iterator[str]:
    """Yield the same for Azure Pipelines."""
    left_out = yield from _annotations(report, environment, failed, _azure_line)
    if left_out:
        yield azure_command("task.logissue", f"evals: {left_out} not shown here", type="warning")


def github_command(name: str, text: str, **properties: str) -> str:
    """Return a line that the runner of GitHub Actions takes for a command."""
    pairs = ",".join(f"{key}={_replace(value, _GITHUB_PROPERTY)}" for key, value in properties.items())
    return f"::{name} {pairs}::{_replace(text, _GITHUB_DATA)}" if pairs else f"::{name}::{_replace(text, _GITHUB_DATA)}"


def azure_command(name: str, text: str, **properties: str) -> str:
    """Return a line that the agent of Azure Pipelines takes for a command."""
    pairs = "".join(f"{key}={_azure_text(value)};" for key, value in properties.items())
    return f"##vso[{name}{' ' if pairs else ''}{pairs}]{_azure_text(text)}"


def _annotations(
    report: RunReport, environment: Mapping[str, str], failed: Collection[str] | None, annotate: Annotate
) -> Generator[str, None, str]:
    """Yield a command for each finding that is shown, and return in words how many are not."""
    root = repository_root(report.rootdir, environment)
    counts: Counter[str] = Counter()
    for finding in merge_alike(find_findings(report, failed)):
        level = "error" if finding.is_failure else "warning"
        counts[level] += 1
        if counts[level] <= _MOST:
            yield annotate(level, repository_path(finding.location.path, report.rootdir, root), finding)
    beyond = {level: count - _MOST for level, count in counts.items() if count > _MOST}
    return " and ".join(f"{count} more {level}{'s' if count > 1 else ''}" for level, count in sorted(beyond.items()))


def _github_line(level: str, path: str, finding: Finding) -> str:
    line = str(finding.location.line)
    return github_command(level, finding.message, file=path, line=line, title=finding.title)


def _azure_line(level: str, path: str, finding: Finding) -> str:
    text = f"{finding.title}: {finding.message}"
    return azure_command("task.logissue", text, type=level, sourcepath=path, linenumber=str(finding.location.line))


def _replace(text: str, codes: Mapping[str, str]) -> str:
    return "".join(codes.get(sign, sign) for sign in text)


def _azure_text(text: str) -> str:
    # An agent knows a code for the percent sign only if it is told so: it is used where the text would be misread else.
    for code in _AZURE_CODES:
        text = text.replace(code, f"%AZP25{code[1:]}")
    return _replace(text, _AZURE)

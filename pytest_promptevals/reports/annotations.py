"""Annotations: commands in a log by which a CI service shows findings at the lines that they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_promptevals.reports.findings import Finding, FindingKind, merge_alike
from pytest_promptevals.reports.repository_paths import repository_path, repository_root
from pytest_promptevals.reports.words import visible_text

GITHUB: Final = "github"
AZURE: Final = "azure"
_MOST: Final = 10
"""Errors, and warnings, that GitHub shows of one step of a job; what is more it drops in silence."""
_GITHUB_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_GITHUB_PROPERTY: Final = {**_GITHUB_DATA, ":": "%3A", ",": "%2C"}
_AZURE: Final = {"\r": "%0D", "\n": "%0A", ";": "%3B", "]": "%5D"}
_AZURE_CODES: Final = ("%0D", "%0A", "%3B", "%5D")


def annotation_lines(
    service: str, findings: Iterable[Finding], rootdir: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """Yield commands that show findings, as many as GitHub shows, and how many there are beyond.

    Args:
        service: ``github`` for GitHub Actions, ``azure`` for Azure Pipelines.
        findings: the most important first.
        rootdir: what their paths are relative to.
        environment: variables that say where the service put the repository.
    """
    annotate = _azure_line if service == AZURE else _github_line
    root = repository_root(rootdir, environment)
    counts: Counter[str] = Counter()
    for finding in filter(_is_news, merge_alike(findings)):
        level = "error" if finding.is_failure else "warning"
        counts[level] += 1
        if counts[level] <= _MOST:
            yield annotate(level, repository_path(finding.location.path, rootdir, root), finding)
    beyond = {level: count - _MOST for level, count in counts.items() if count > _MOST}
    if beyond:
        counted = (f"{count} more {level}{'s' if count > 1 else ''}" for level, count in sorted(beyond.items()))
        yield _rest_line(service, " and ".join(counted))


def github_command(name: str, text: str, **properties: str) -> str:
    """Return a line that the runner of GitHub Actions takes for a command."""
    pairs = ",".join(f"{key}={_replace(value, _GITHUB_PROPERTY)}" for key, value in properties.items())
    return f"::{name} {pairs}::{_replace(text, _GITHUB_DATA)}" if pairs else f"::{name}::{_replace(text, _GITHUB_DATA)}"


def azure_command(name: str, text: str, **properties: str) -> str:
    """Return a line that the agent of Azure Pipelines takes for a command."""
    pairs = "".join(f"{key}={_azure_text(value)};" for key, value in properties.items())
    return f"##vso[{name}{' ' if pairs else ''}{pairs}]{_azure_text(text)}"


def _is_news(finding: Finding) -> bool:
    """Return whether a reader has to know: not of what failed before, or is expected to, and was let through."""
    return finding.is_failure or finding.kind in (FindingKind.FLIP, FindingKind.INCONCLUSIVE)


def _rest_line(service: str, counted: str) -> str:
    if service == AZURE:
        return azure_command("task.logissue", f"evals: {counted} not shown here", type="warning")
    text = f"{counted} not shown here; 'promptevals report -o all.html' shows all of them"
    return github_command("notice", text, title="evals")


def _github_line(level: str, path: str, finding: Finding) -> str:
    line = str(finding.location.line)
    return github_command(level, finding.message, file=visible_text(path), line=line, title=finding.title)


def _azure_line(level: str, path: str, finding: Finding) -> str:
    text = f"{finding.title}: {finding.message}"
    line = str(finding.location.line)
    return azure_command("task.logissue", text, type=level, sourcepath=visible_text(path), linenumber=line)


def _replace(text: str, codes: Mapping[str, str]) -> str:
    return "".join(codes.get(sign, sign) for sign in text)


def _azure_text(text: str) -> str:
    # An agent knows a code for the percent sign only if it is told so: it is used where the text would be misread else.
    for code in _AZURE_CODES:
        text = text.replace(code, f"%AZP25{code[1:]}")
    return _replace(text, _AZURE)

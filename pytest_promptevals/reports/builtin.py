"""The reports that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.hookspecs import ReportPlace, hookimpl

_PLACES: Final = {
    "markdown": "markdown_report:MarkdownReport",
    "html": "html_report:HtmlReport",
    "github": "github_report:GithubReport",
    "gitlab": "gitlab_report:GitlabReport",
    "azure": "azure_report:AzureReport",
}
"""Module below this folder, and class."""


@hookimpl
def pytest_promptevals_reports() -> Mapping[str, ReportPlace]:
    """Return where the built-in reports stand."""
    return {name: f"{__package__}.{place}" for name, place in _PLACES.items()}

"""The exporters that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.hookspecs import ExporterPlace, hookimpl

_PLACES: Final = {
    "promptfoo": "promptfoo:PromptfooExporter",
    "jsonl": "lines:LinesExporter",
}
"""Module below this folder, and class."""


@hookimpl
def pytest_promptevals_exporters() -> Mapping[str, ExporterPlace]:
    """Return where the built-in exporters stand."""
    return {name: f"{__package__}.{place}" for name, place in _PLACES.items()}

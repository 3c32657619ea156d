"""The importers that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.hookspecs import ImporterPlace, hookimpl

_PLACES: Final = {
    "openai-evals": "openai_evals:OpenAiEvalsImporter",
    "inspect": "inspect:InspectImporter",
    "pydantic-evals": "pydantic_evals:PydanticEvalsImporter",
    "chat": "chat:ChatImporter",
    "deepeval": "deepeval:DeepEvalImporter",
    "langsmith": "langsmith:LangSmithImporter",
    "braintrust": "braintrust:BraintrustImporter",
    "traces": "traces:TracesImporter",
    "promptfoo": "promptfoo:PromptfooImporter",
    "rows": "rows:RowsImporter",
}
"""Module below this folder, and class. Where a file is of several formats, the first of them counts."""


@hookimpl
def pytest_promptevals_importers() -> Mapping[str, ImporterPlace]:
    """Return where the built-in importers stand, in the order in which they are asked."""
    return {name: f"{__package__}.{place}" for name, place in _PLACES.items()}

"""pytest-promptevals: tells you with pytest whether a prompt, model or judge change made things worse.

The public names are loaded when they are first used, so that a plain pytest run stays as fast as without the plugin.
Nothing inside of the package imports this module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_promptevals.errors import JudgeError, PromptEvalsError, ProviderError
    from pytest_promptevals.hookspecs import (
        Ask,
        EmbeddingProvider,
        Exporter,
        Importer,
        Judge,
        JudgeInput,
        Provider,
        ProviderContext,
        Report,
    )
    from pytest_promptevals.judges.base import JudgeParameters, TextJudge
    from pytest_promptevals.judges.decorated import judge
    from pytest_promptevals.providers.decorated import provider
    from pytest_promptevals.providers.scripted import ScriptedProvider, ScriptedRule
    from pytest_promptevals.pytest_glue.recorder import Recorder
    from pytest_promptevals.records.cases import Case, Dataset, JudgeSpec, Location
    from pytest_promptevals.records.drafts import Draft, Export, ExportRequest, ImportRequest, Loss
    from pytest_promptevals.records.embeddings import decode_vector, encode_vector
    from pytest_promptevals.records.requests import Request
    from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, ToolCall, Usage
    from pytest_promptevals.records.results import CaseResult, Grade, Score
    from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport

_HOMES: Final = {
    "JudgeError": "errors",
    "PromptEvalsError": "errors",
    "ProviderError": "errors",
    "Ask": "hookspecs",
    "EmbeddingProvider": "hookspecs",
    "Exporter": "hookspecs",
    "Importer": "hookspecs",
    "Judge": "hookspecs",
    "JudgeInput": "hookspecs",
    "Provider": "hookspecs",
    "ProviderContext": "hookspecs",
    "Report": "hookspecs",
    "JudgeParameters": "judges.base",
    "TextJudge": "judges.base",
    "judge": "judges.decorated",
    "provider": "providers.decorated",
    "ScriptedProvider": "providers.scripted",
    "ScriptedRule": "providers.scripted",
    "Recorder": "pytest_glue.recorder",
    "Case": "records.cases",
    "Dataset": "records.cases",
    "JudgeSpec": "records.cases",
    "Location": "records.cases",
    "Draft": "records.drafts",
    "Export": "records.drafts",
    "ExportRequest": "records.drafts",
    "ImportRequest": "records.drafts",
    "Loss": "records.drafts",
    "decode_vector": "records.embeddings",
    "encode_vector": "records.embeddings",
    "Request": "records.requests",
    "Message": "records.responses",
    "RenderedPrompt": "records.responses",
    "Response": "records.responses",
    "ToolCall": "records.responses",
    "Usage": "records.responses",
    "CaseResult": "records.results",
    "Grade": "records.results",
    "Score": "records.results",
    "ReportedCase": "records.run_reports",
    "ReportedFile": "records.run_reports",
    "RunReport": "records.run_reports",
}

__all__ = [
    "Ask",
    "Case",
    "CaseResult",
    "Dataset",
    "Draft",
    "EmbeddingProvider",
    "Export",
    "ExportRequest",
    "Exporter",
    "Grade",
    "ImportRequest",
    "Importer",
    "Judge",
    "JudgeError",
    "JudgeInput",
    "JudgeParameters",
    "JudgeSpec",
    "Location",
    "Loss",
    "Message",
    "PromptEvalsError",
    "Provider",
    "ProviderContext",
    "ProviderError",
    "Recorder",
    "RenderedPrompt",
    "Report",
    "ReportedCase",
    "ReportedFile",
    "Request",
    "Response",
    "RunReport",
    "Score",
    "ScriptedProvider",
    "ScriptedRule",
    "TextJudge",
    "ToolCall",
    "Usage",
    "decode_vector",
    "encode_vector",
    "judge",
    "provider",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

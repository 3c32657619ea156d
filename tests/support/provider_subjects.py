"""The providers that the contract suite checks: how each is made, and what makes it fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.hookspecs import Provider, ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import Case, Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from tests.support.server_fixture import ModelServer

KEY: Final = "sk-contract-0123456789"
ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Subject:
    """One provider under test."""

    name: str
    type: str
    model: str = "model-1"
    unknown_model: str = "no-such-model"
    options: Mapping[str, Any] = field(default_factory=dict)
    open_path: str | None = None
    """Path of a base URL of the model server that wants no key; ``None`` takes the address in the environment."""
    api: str | None = None
    """The wire format it speaks, as the model server names it; ``None`` if it speaks none."""

    @property
    def shown(self) -> str:
        """How messages name the provider."""
        return f"provider {self.name!r}" + (" (evals/evals.yaml:4)" if self.options or self.open_path else "")

    @property
    def url_setting(self) -> str:
        """What messages say decides the address."""
        variable = "ANTHROPIC_BASE_URL" if self.type == "anthropic" else "OPENAI_BASE_URL"
        return f"the environment variable {variable}" if self.open_path is None else f"'base_url' of {self.shown}"

    def url(self, server: ModelServer) -> str:
        """Return the base URL."""
        own = "" if self.type == "anthropic" else "/v1"
        return server.url + (own if self.open_path is None else self.open_path)

    def make(self, server: ModelServer, **settings: Any) -> Provider:
        """Return the provider, made as the engine makes it, with these settings of its context."""
        options = dict(self.options)
        if self.open_path is not None:
            options["base_url"] = server.url + self.open_path
        location = Location("evals/evals.yaml", 4) if options else None
        config = ProviderConfig(self.name, self.type, options, location)
        context = ProviderContext(config, ROOT, (ROOT,), **{"concurrency": 50, "timeout": 5.0, **settings})
        return pytest_promptevals_providers()[self.type](context)

    def request(self, text: str = "Hello there", *, is_failing: bool = False, **parameters: Any) -> Request:
        """Return a request that is answered with its own text, or one that fails."""
        output = None if is_failing else Response(text)
        case = Case("c1", Location("evals/a.eval.yaml", 9), input=text, output=output)
        messages = (Message("system", "Repeat what the user says."), Message("user", text))
        return Request(self.unknown_model if is_failing else self.model, messages, parameters, case=case)


_RULE: Final = {"model": "^model-1$", "match": r"(?s)^user: (?P<text>.*)\Z", "reply": r"\g<text>"}

_SDK: Final = {"transport": "sdk"}

SUBJECTS: Final = (
    Subject("openai", "openai", api="chat"),
    Subject("openai-sdk", "openai", options=_SDK, api="chat"),
    Subject("openai-responses", "openai-responses", api="responses"),
    Subject("openai-responses-sdk", "openai-responses", options=_SDK, api="responses"),
    Subject("anthropic", "anthropic", api="messages"),
    Subject("anthropic-sdk", "anthropic", options=_SDK, api="messages"),
    Subject("local", "openai", open_path="/open/v1", api="chat"),
    Subject("local-responses", "openai", options={"api": "responses"}, open_path="/open/v1", api="responses"),
    Subject("local-messages", "anthropic", open_path="/open", api="messages"),
    Subject("python", "python", "tests.support.applications:answer", "tests.support.applications:fail"),
    Subject("python-async", "python", "tests.support.applications:answer_async", "tests.support.applications:missing"),
    Subject("recorded", "recorded"),
    Subject("scripted", "scripted", options={"script": [_RULE]}),
)
API_SUBJECTS: Final = tuple(subject for subject in SUBJECTS if subject.api is not None)

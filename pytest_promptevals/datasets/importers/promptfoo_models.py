"""Providers of promptfoo as models, with their parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_promptevals.datasets.importers.foreign import Fields, Losses
from pytest_promptevals.datasets.importers.promptfoo_files import Files, is_reference
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

PARAMETERS: Final = (
    *("temperature", "max_tokens", "max_completion_tokens", "top_p", "top_k", "seed", "stop", "presence_penalty"),
    *("frequency_penalty", "response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort"),
    *("reasoning", "verbosity", "service_tier", "thinking", "logprobs", "top_logprobs", "max_output_tokens"),
)
"""What a provider's config holds for the API."""
_CALLED: Final = {
    "openai:chat": "openai",
    "openai:responses": "openai-responses",
    "openai:embedding": "openai",
    "openai:embeddings": "openai",
    "openai": "openai",
    "anthropic:messages": "anthropic",
    "anthropic": "anthropic",
    "ollama:chat": "ollama",
    "ollama:embeddings": "ollama",
    "ollama": "ollama",
    "openrouter": "openrouter",
    "groq": "groq",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "xai": "xai",
    "togetherai": "togetherai",
}
"""What stands before the name of a model -> our provider."""
_NO_MODELS: Final = (
    "openai:completion",
    "anthropic:completion",
    "ollama:completion",
    "openai:image",
    "openai:assistant",
)
SERVERS: Final[Mapping[str, tuple[str, str]]] = {
    "ollama": ("http://localhost:11434/v1", ""),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
    "togetherai": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
}
"""Servers that speak OpenAI's API: address, and environment variable of the key."""
_KEYS: Final = {
    "openai": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
}
"""Provider -> the environment variable that holds its key anyway."""
_ENVIRONMENT: Final = re.compile(r"\{\{\s*env\.(\w+)\s*\}\}")
_LOST: Final = "{name!r} has no equivalent; left out. Write a provider, or name the model as provider/model"
_NAMES_ALONE: Final = "models are called by their own name; left out"
_SECRET: Final = "keys never stand in eval files; left out. Name its environment variable under api_key_env"  # noqa: S105 - a message
_DIFFER: Final = "is not the same for all providers, but holds for a whole eval file; left out. Make a file for each"
_OWN_ADDRESS: Final = "several providers have an address of their own under one name; the first one counts"


@dataclass(slots=True)
class Models:
    """Models, and how they are called."""

    names: list[str] = field(default_factory=list)
    """As provider/model."""
    parameters: list[tuple[Mapping[str, Json], Source]] = field(default_factory=list)
    """Of each, with the place of its config."""
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Named providers with their options."""


def model_name(written: Json) -> str | None:
    """Return a provider's id as provider/model; ``None`` where there is no equivalent."""
    name = written.get("id") if isinstance(written, dict) else written
    if not isinstance(name, str) or name.startswith(_NO_MODELS):
        return None
    if name == "echo":
        return "scripted/echo"
    for prefix in sorted(_CALLED, key=len, reverse=True):
        model = name.removeprefix(f"{prefix}:")
        if (
            model != name
            and model
            and (":" not in model or prefix in ("ollama", "ollama:chat", "openai:chat", "openrouter"))
        ):
            return f"{_CALLED[prefix]}/{model}"
    return None


def read_models(written: Sequence[Json], source: Source, files: Files, losses: Losses) -> Models:
    """Return the models of a config's providers."""
    models = Models()
    for index, item in enumerate(written):
        place = source.part(index)
        read = files.data(item, place) if is_reference(item) else item
        for provider in read if isinstance(read, list) else [read]:
            _read_provider(_in_one_form(provider), place, models, losses)
    return models


def _in_one_form(provider: Json) -> Json:
    """Return a provider with its id under ``id``, also where the id is the only key."""
    if isinstance(provider, dict) and "id" not in provider and len(provider) == 1:
        ((name, options),) = provider.items()
        return {"id": name, **(options if isinstance(options, dict) else {})}
    return {"id": provider} if isinstance(provider, str) else provider


def _read_provider(provider: Json, source: Source, models: Models, losses: Losses) -> None:
    name = model_name(provider)
    if not isinstance(provider, dict) or name is None:
        shown = provider.get("id") if isinstance(provider, dict) else provider
        if provider is not None:
            losses.add(source, _LOST.format(name=shown))
        return
    with Fields(provider, source, losses) as fields:
        fields.take("id")
        fields.lose("label", _NAMES_ALONE)
        fields.lose("prompts", "every model gets every prompt here; left out. Make a file for each")
        fields.lose("delay", "left out. 'requests_per_minute' under 'providers' slows calls down")
        fields.lose("transform", "scripts are not run on outputs; left out. Judges see the output as it is")
        fields.lose("env", "eval files set no environment variables; left out")
        with Fields(fields.take_mapping("config"), fields.part("config"), losses) as config:
            name = _read_server(name, config, models, losses)
            models.parameters.append((_read_parameters(config), config.source))
    if name not in models.names:
        models.names.append(name)


def _read_parameters(config: Fields) -> dict[str, Json]:
    found = {key: config.take(key) for key in PARAMETERS if key in config}
    return {**found, **config.take_mapping("passthrough")}


def _read_server(name: str, config: Fields, models: Models, losses: Losses) -> str:
    """Return the name of a model on its server, and note how the server is reached."""
    provider, _, model = name.partition("/")
    key, address = config.take("apiKey"), config.take("apiBaseUrl", "apiHost")
    variable = config.take_text("apiKeyEnvar")
    named = _ENVIRONMENT.fullmatch(key.strip()) if isinstance(key, str) else None
    if named:
        variable = variable or named[1]
    elif key is not None:
        losses.add(config.source, _SECRET, "apiKey")
    if variable == _KEYS.get(provider) and not address:
        variable = ""
    base_url, key_variable = SERVERS.get(provider, ("", ""))
    options: dict[str, Any] = {
        "base_url": str(address) if address else base_url,
        "api_key_env": variable or key_variable,
        "organization": config.take("organization"),
        "headers": config.take("headers"),
    }
    options = {option: value for option, value in options.items() if value}
    if not options:
        return name
    alias = provider if provider in SERVERS else f"{provider}-server"
    api = provider if provider in ("openai", "openai-responses", "anthropic") else "openai"
    if "base_url" not in options and not variable:
        alias = provider
    entry = {"type": api, **options} if alias != provider or provider in SERVERS else options
    if models.servers.setdefault(alias, entry) != entry:
        losses.add(config.source, _OWN_ADDRESS)
    return f"{alias}/{model}"


def share_parameters(models: Models, losses: Losses) -> dict[str, Json]:
    """Return the parameters that all models have; the others are lost."""
    names = dict.fromkeys(name for parameters, _ in models.parameters for name in parameters)
    shared: dict[str, Json] = {}
    for name in names:
        values = [parameters.get(name) for parameters, _ in models.parameters]
        if all(value == values[0] for value in values):
            shared[name] = values[0]
            continue
        for parameters, source in models.parameters:
            if name in parameters:
                losses.add(source, _DIFFER, name)
    return shared

"""Models as providers of promptfoo, with their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.importers.promptfoo_models import PARAMETERS, SERVERS
from pytest_promptevals.records.cases import Dataset, ProviderConfig
from pytest_promptevals.records.json_types import Json

_CHAT: Final = {
    "openai": "openai:chat",
    "openai-responses": "openai:responses",
    "anthropic": "anthropic:messages",
    "ollama": "ollama:chat",
    **{name: name for name in SERVERS if name != "ollama"},
}
"""Our provider -> what stands before the name of a model that is asked."""
_EMBEDDING: Final = {"openai": "openai:embedding", "ollama": "ollama:embeddings"}
"""The same of a model that makes vectors."""
_ADDRESS: Final = {
    "base_url": "apiBaseUrl",
    "api_key_env": "apiKeyEnvar",
    "organization": "organization",
    "headers": "headers",
}
"""Option of a provider -> key of a config."""
_ECHO: Final = "scripted/echo"
_NO_PROVIDER: Final = "{model!r} cannot be called by promptfoo; left out"
_NONE: Final = "there is no provider in the config: name one there"
_OPTION: Final = "has no equivalent in promptfoo; left out"


class Models:
    """Writes models as providers.

    Args:
        dataset: whose providers are named.
        lost: takes what promptfoo has not.
    """

    def __init__(self, dataset: Dataset, lost: Lost) -> None:
        self._dataset = dataset
        self._lost = lost
        self._configs = {config.name: config for config in dataset.providers}

    def providers(self) -> list[Json]:
        """Return the providers of the config; those of recorded outputs alone is ``echo``, as promptfoo advises."""
        dataset = self._dataset
        written = [(model, self.provider(model)) for model in dataset.models]
        for model, found in written:
            if found is None:
                self._lost.key("model", _NO_PROVIDER.format(model=model))
        found_all = [self._with_parameters(found) for _, found in written if found is not None]
        if not found_all and all(case.output is not None for case in dataset.cases):
            return ["echo"]
        if not found_all:
            self._lost.key("model", _NONE)
        return found_all

    def provider(self, model: str, *, embeds: bool = False) -> dict[str, Any] | None:
        """Return a model as a provider: its ``id``, and how it is reached; ``None`` if promptfoo cannot call it."""
        name, _, model_name = model.partition("/")
        config = self._configs.get(name)
        if model == _ECHO and (config is None or config.type == "scripted"):
            return {"id": "echo"}
        options = dict(config.options) if config else {}
        prefixes = _EMBEDDING if embeds else _CHAT
        if name in SERVERS and _is_usual(name, options):
            prefix = prefixes.get(name)
            options = {key: value for key, value in options.items() if key not in ("base_url", "api_key_env")}
        else:
            prefix = prefixes.get(config.type if config else name)
        if prefix is None:
            return None
        address = self._address(config, options)
        return {"id": f"{prefix}:{model_name}", **({"config": address} if address else {})}

    def _address(self, config: ProviderConfig | None, options: Mapping[str, Json]) -> dict[str, Json]:
        if config is None:
            return {}
        engine = {"cache": config.cache, "requests_per_minute": config.requests_per_minute}
        others = {**engine, "tokens_per_minute": config.tokens_per_minute, **options}
        for key, value in others.items():
            if key not in _ADDRESS and value is not None:
                self._lost.key(f"providers.{config.name}.{key}", _OPTION)
        return {_ADDRESS[key]: value for key, value in options.items() if key in _ADDRESS}

    def _with_parameters(self, provider: Mapping[str, Any]) -> Json:
        parameters = self._dataset.parameters
        config = dict(provider.get("config", {}))
        config |= {key: value for key, value in parameters.items() if key in PARAMETERS}
        if others := {key: value for key, value in parameters.items() if key not in PARAMETERS}:
            config["passthrough"] = others
        return {"id": provider["id"], "config": config} if config else provider["id"]


def _is_usual(name: str, options: Mapping[str, Json]) -> bool:
    """Return whether a server is reached as promptfoo reaches it by itself."""
    base_url, key_variable = SERVERS[name]
    return options.get("base_url", base_url) == base_url and options.get("api_key_env", key_variable) == key_variable

"""What a user wrote about a provider, checked and in one place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pytest_promptevals.errors import ProviderConfigError, did_you_mean
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json


def shown_provider(config: ProviderConfig) -> str:
    """Return how messages name a provider: its name, and where it is configured."""
    place = f" ({config.location})" if config.location is not None else ""
    return f"provider {config.name!r}{place}"


def check_option_names(config: ProviderConfig, known: Collection[str]) -> None:
    """Raise ``ProviderConfigError`` for an option that the provider does not have."""
    for name in config.options:
        if name not in known:
            hint = did_you_mean(name, known) or " It has no options."
            raise ProviderConfigError(f"{shown_provider(config)}: unknown option {name!r}.{hint}")


def read_text_option(config: ProviderConfig, name: str) -> str | None:
    """Return an option that is a text, ``None`` if it is not given."""
    value = config.options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ProviderConfigError(f"{shown_provider(config)}: {name!r} is {value!r}; write a text")
    return value.strip()


def read_mapping_option(config: ProviderConfig, name: str) -> Mapping[str, Json]:
    """Return an option that is a mapping, empty if it is not given."""
    value = config.options.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProviderConfigError(f"{shown_provider(config)}: {name!r} is {value!r}; write a mapping of names to texts")
    return value


def read_choice(config: ProviderConfig, name: str, choices: tuple[str, ...]) -> str | None:
    """Return an option that is one of a few words, ``None`` if it is not given."""
    value = read_text_option(config, name)
    if value is not None and value not in choices:
        raise ProviderConfigError(f"{shown_provider(config)}: {name!r} is {value!r}.{did_you_mean(value, choices)}")
    return value

"""Where an API is reached and with which key: options and environment together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.options import (
    check_option_names,
    read_mapping_option,
    read_text_option,
    shown_provider,
)
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json

_FROM_ENVIRONMENT: Final = "env:"
_SECRET_HEADERS: Final = frozenset({"authorization", "x-api-key", "api-key"})
_SHORTEST_SECRET: Final = 4
_USER_INFO: Final = re.compile("//[^/]*@")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class ApiFamily:
    """An API that several servers speak."""

    default_url: str
    """Address of the company that made it."""
    key_variable: str
    """Environment variable of its key."""
    url_variable: str
    """Environment variable of another address."""
    headers_variable: str
    """Environment variable of headers that the SDK adds to every call."""
    options: tuple[str, ...]
    """Options of a named provider."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how one provider's API is reached."""

    provider: str
    """How messages name the provider."""
    base_url: str
    """Address that the API's paths are appended to."""
    is_official: bool
    """Whether it is the address of the company that made the API."""
    url_setting: str
    """What a user changes to change the address."""
    key: str | None
    """The key; ``None`` if the server needs none."""
    key_variable: str | None
    """Environment variable that holds the key."""
    is_given: bool
    """Whether the user wrote its address: then nothing in the environment that is meant for others is sent there."""
    headers: Mapping[str, str | None]
    """Further headers of every call; ``None`` takes out one that the SDK would send by itself."""
    secrets: tuple[str, ...]
    """What no message may show."""

    @property
    def shown_url(self) -> str:
        """The address without a password or query that it may hold."""
        parts = urlsplit(self.base_url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl().rstrip("/")

    def add_headers(self, headers: Mapping[str, str | None]) -> dict[str, str | None]:
        """Return the given headers with those of the endpoint over them, whatever the case of their names."""
        own = {name.lower() for name, value in self.headers.items() if value is not None}
        return {**{name: value for name, value in headers.items() if name.lower() not in own}, **self.headers}

    def hide_secrets(self, text: str) -> str:
        """Return the text with keys blotted out."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def read_endpoint(config: ProviderConfig, family: ApiFamily) -> Endpoint:
    """Return the endpoint of a provider.

    The address is the option ``base_url``, else the family's environment variable, else its own. The key comes from
    the environment variable that ``api_key_env`` names. Without that the family's own variable is used, but never
    sent to a ``base_url`` that the user gave: such a server gets no key. Raises ``ProviderConfigError``.
    """
    check_option_names(config, family.options)
    given_url = read_text_option(config, "base_url")
    environment_url = os.environ.get(family.url_variable, "").strip()
    key_variable = read_text_option(config, "api_key_env")
    if key_variable is None and given_url is None:
        key_variable = family.key_variable
    key = _read_key(key_variable, config) if key_variable is not None else None
    headers = _read_headers(config)
    base_url = given_url or environment_url or family.default_url
    url = _check_url(base_url, config)
    return Endpoint(
        provider=shown_provider(config),
        base_url=base_url,
        is_official=base_url.rstrip("/") == family.default_url,
        url_setting=_url_setting(config, family, is_given=given_url is not None),
        key=key,
        key_variable=key_variable,
        is_given=given_url is not None,
        headers={**_unwanted_headers(family, is_given=given_url is not None), **headers},
        secrets=_collect_secrets(key, url.password, config.options.get("headers"), headers),
    )


def _url_setting(config: ProviderConfig, family: ApiFamily, *, is_given: bool) -> str:
    if is_given:
        return f"'base_url' of {shown_provider(config)}"
    return f"the environment variable {family.url_variable}"


def _check_url(url: str, config: ProviderConfig) -> SplitResult:
    example = "write one such as 'http://localhost:8000/v1'"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not url.isprintable() or " " in url:
        shown = _USER_INFO.sub("//", url)
        raise ProviderConfigError(f"{shown_provider(config)}: {shown!r} is no address of a server; {example}")
    return urlsplit(url)


def _read_key(variable: str, config: ProviderConfig) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ProviderConfigError(
            f"{shown_provider(config)} needs a key, and the environment variable {variable} is not set. "
            "Set it, or name another variable with 'api_key_env'."
        )
    if _HEADER_VALUE.fullmatch(key) is None:
        raise ProviderConfigError(
            f"{shown_provider(config)}: the key in the environment variable {variable} holds a character that no key "
            "has, such as a line break. Correct it."
        )
    return key


def _unwanted_headers(family: ApiFamily, *, is_given: bool) -> dict[str, None]:
    lines = os.environ.get(family.headers_variable, "").splitlines() if is_given else []
    return {name.strip(): None for name, colon, _ in (line.partition(":") for line in lines) if colon}


def _read_headers(config: ProviderConfig) -> dict[str, str]:
    return {name: _read_header(name, value, config) for name, value in read_mapping_option(config, "headers").items()}


def _read_header(name: str, value: Json, config: ProviderConfig) -> str:
    where = f"{shown_provider(config)}: header {name!r}"
    if _HEADER_NAME.fullmatch(name) is None:
        raise ProviderConfigError(f"{where} has a character that no header name can have. Correct it.")
    if not isinstance(value, str):
        raise ProviderConfigError(f"{where} is {value!r}; write a text, or 'env:NAME' for an environment variable")
    text = value.strip()
    if text.startswith(_FROM_ENVIRONMENT):
        variable = text.removeprefix(_FROM_ENVIRONMENT)
        text = os.environ.get(variable, "").strip()
        if not text:
            raise ProviderConfigError(f"{where} needs the environment variable {variable!r}, which is not set. Set it.")
    if _HEADER_VALUE.fullmatch(text) is None:
        raise ProviderConfigError(f"{where} is empty or holds a character that no header can have. Correct it.")
    return text


def _collect_secrets(
    key: str | None, password: str | None, written: Json, headers: Mapping[str, str]
) -> tuple[str, ...]:
    written = written if isinstance(written, dict) else {}
    from_headers = [
        value
        for name, value in headers.items()
        if name.lower() in _SECRET_HEADERS or str(written.get(name)).strip().startswith(_FROM_ENVIRONMENT)
    ]
    # A header often is 'Bearer KEY', and a server's message shows the key alone.
    words = [word for value in from_headers for word in (value, *value.split())]
    secrets = {secret for secret in (key, password, *words) if secret is not None and len(secret) >= _SHORTEST_SECRET}
    return tuple(sorted(secrets - {"Bearer", "Basic"}, key=len, reverse=True))

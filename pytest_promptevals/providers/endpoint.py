"""Where an API is reached and with which key: options and environment together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.families import ApiFamily
from pytest_promptevals.providers.headers import (
    FROM_ENVIRONMENT,
    basic_authorization,
    is_header_value,
    read_environment_headers,
    read_headers,
)
from pytest_promptevals.providers.options import check_option_names, read_text_option, shown_provider
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json

_SECRET_NAME: Final = re.compile("auth|key|token|secret|password|cookie", re.IGNORECASE)
_SCHEMES: Final = frozenset({"bearer", "basic"})
_SHORTEST_SECRET: Final = 4
_USER_INFO: Final = re.compile("//[^/]*@")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an API is reached, without a look at its key."""

    url: str
    """Address that the API's paths are appended to, as written."""
    is_given: bool
    """Whether the user wrote it: then nothing in the environment that is meant for others is sent there."""
    is_official: bool
    """Whether it is the address of the company that made the API."""

    @property
    def parts(self) -> SplitResult:
        """The address in its parts, without user and password."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")

    @property
    def shown(self) -> str:
        """The address without a password or query that it may hold."""
        return self.parts._replace(query="").geturl().rstrip("/")

    def join(self, path: str) -> str:
        """Return the address of a path of the API; a query of the address stays behind it."""
        parts = self.parts
        return parts._replace(path=parts.path.rstrip("/") + path).geturl()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how one provider's API is reached."""

    provider: str
    """How messages name the provider."""
    address: Address
    """Where it is."""
    url_setting: str
    """What a user changes to change the address."""
    key: str | None
    """The key; ``None`` if the server needs none."""
    key_variable: str | None
    """Environment variable that holds the key."""
    headers: Mapping[str, str]
    """Further headers of every call, as the user wrote them."""
    environment_headers: Mapping[str, str]
    """Further headers of every call that the environment holds for this address."""
    secrets: tuple[str, ...]
    """What no message may show."""

    @property
    def shown_url(self) -> str:
        """The address without a password or query that it may hold."""
        return self.address.shown

    def hide_secrets(self, text: str) -> str:
        """Return the text with keys blotted out."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def read_address(config: ProviderConfig, family: ApiFamily) -> Address:
    """Return the address: the option ``base_url``, else the family's environment variable, else its own.

    Raises ``ProviderConfigError`` for one that is no address.
    """
    given = read_text_option(config, "base_url")
    url = given or os.environ.get(family.url_variable, "").strip() or family.default_url
    _check_url(url, config)
    return Address(url, is_given=given is not None, is_official=url.rstrip("/") == family.default_url)


def read_endpoint(config: ProviderConfig, family: ApiFamily) -> Endpoint:
    """Return the endpoint of a provider.

    The key comes from the environment variable that ``api_key_env`` names. Without that the family's own variable is
    used, but never sent to a ``base_url`` that the user gave: such a server gets no key.

    Raises ``ProviderConfigError``.
    """
    check_option_names(config, family.options)
    address = read_address(config, family)
    key_variable = read_text_option(config, "api_key_env")
    if key_variable is None and not address.is_given:
        key_variable = family.key_variable
    key = _read_key(key_variable, config) if key_variable is not None else None
    headers = read_headers(config)
    environment_headers = {} if address.is_given else read_environment_headers(family.headers_variable, config)
    return Endpoint(
        provider=shown_provider(config),
        address=address,
        url_setting=_url_setting(config, family, is_given=address.is_given),
        key=key,
        key_variable=key_variable,
        headers=headers,
        environment_headers=environment_headers,
        secrets=_sort_secrets(
            {key, *_secrets_in_url(address.url), *_secrets_in(headers, config), *_secrets_in(environment_headers)}
        ),
    )


def _url_setting(config: ProviderConfig, family: ApiFamily, *, is_given: bool) -> str:
    if is_given:
        return f"'base_url' of {shown_provider(config)}"
    return f"the environment variable {family.url_variable}"


def _check_url(url: str, config: ProviderConfig) -> None:
    example = "write one such as 'http://localhost:8000/v1'"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not url.isprintable() or " " in url:
        shown = _USER_INFO.sub("//", url)
        raise ProviderConfigError(f"{shown_provider(config)}: {shown!r} is no address of a server; {example}")


def _read_key(variable: str, config: ProviderConfig) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ProviderConfigError(
            f"{shown_provider(config)} needs a key, and the environment variable {variable} is not set. "
            "Set it, or name another variable with 'api_key_env'."
        )
    if not is_header_value(key):
        raise ProviderConfigError(
            f"{shown_provider(config)}: the key in the environment variable {variable} holds a character that no key "
            "has, such as a line break. Correct it."
        )
    return key


def _secrets_in_url(url: str) -> set[str]:
    password = urlsplit(url).password
    authorization = basic_authorization(url)
    return set() if password is None else {password, unquote(password), *(authorization or "").split()}


def _secrets_in(headers: Mapping[str, str], config: ProviderConfig | None = None) -> set[str]:
    written: Json = config.options.get("headers") if config is not None else None
    written = written if isinstance(written, dict) else {}
    values = [
        value
        for name, value in headers.items()
        if _SECRET_NAME.search(name) or str(written.get(name)).strip().startswith(FROM_ENVIRONMENT)
    ]
    # A header often is 'Bearer KEY', and a server's message shows the key alone.
    return {word for value in values for word in (value, *value.split())}


def _sort_secrets(secrets: set[str | None]) -> tuple[str, ...]:
    """Return the secrets, longest first: one may begin like another."""
    known = {secret for secret in secrets if secret is not None and len(secret) >= _SHORTEST_SECRET}
    return tuple(sorted((secret for secret in known if secret.lower() not in _SCHEMES), key=len, reverse=True))

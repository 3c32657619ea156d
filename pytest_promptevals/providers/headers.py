"""Headers of a call: read from options and environment, checked, and laid over each other."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.options import read_mapping_option, shown_provider
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json

FROM_ENVIRONMENT: Final = "env:"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


def is_header_value(text: str) -> bool:
    """Return whether a header can hold the text: printable ASCII that neither begins nor ends with a space."""
    return _VALUE.fullmatch(text) is not None


def merge_headers(*layers: Mapping[str, str], spelling: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of all layers, later ones over earlier ones, whatever the case of their names.

    Names are spelled as in ``spelling``, else as they first come.
    """
    spelled = {name.lower(): name for name in spelling}
    merged: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.items():
            merged[spelled.setdefault(name.lower(), name)] = value
    return merged


def read_headers(config: ProviderConfig) -> dict[str, str]:
    """Return the option ``headers``. Raises ``ProviderConfigError`` for one that cannot be sent."""
    return {name: _read_header(name, value, config) for name, value in read_mapping_option(config, "headers").items()}


def names_in_environment(variable: str) -> list[str]:
    """Return the names of the headers that an environment variable holds, whether they can be sent or not."""
    return [name for name, _ in _lines_of(variable)]


def read_environment_headers(variable: str, config: ProviderConfig) -> dict[str, str]:
    """Return the headers that an environment variable holds, ``name: value``, one a line, as the SDKs read them.

    Raises ``ProviderConfigError`` for one that cannot be sent.
    """
    headers: dict[str, str] = {}
    for name, value in _lines_of(variable):
        if _NAME.fullmatch(name) is None or (value and not is_header_value(value)):
            raise ProviderConfigError(
                f"{shown_provider(config)}: the environment variable {variable} holds the header {name!r}, which has a "
                "character that no header can have. Correct it."
            )
        headers[name] = value
    return headers


def basic_authorization(url: str) -> str | None:
    """Return the ``Authorization`` for the user and password that an address holds, ``None`` if it holds none."""
    user_info, at_sign, _ = urlsplit(url).netloc.rpartition("@")
    if not at_sign:
        return None
    user, _, password = user_info.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()


def _lines_of(variable: str) -> list[tuple[str, str]]:
    lines = [line.partition(":") for line in os.environ.get(variable, "").split("\n")]
    return [(name.strip(), value.strip()) for name, colon, value in lines if colon]


def _read_header(name: str, value: Json, config: ProviderConfig) -> str:
    where = f"{shown_provider(config)}: header {name!r}"
    if _NAME.fullmatch(name) is None:
        raise ProviderConfigError(f"{where} has a character that no header name can have. Correct it.")
    if not isinstance(value, str):
        raise ProviderConfigError(f"{where} is {value!r}; write a text, or 'env:NAME' for an environment variable")
    text = value.strip()
    if text.startswith(FROM_ENVIRONMENT):
        variable = text.removeprefix(FROM_ENVIRONMENT)
        text = os.environ.get(variable, "").strip()
        if not text:
            raise ProviderConfigError(f"{where} needs the environment variable {variable!r}, which is not set. Set it.")
    if not is_header_value(text):
        raise ProviderConfigError(f"{where} is empty or holds a character that no header can have. Correct it.")
    return text

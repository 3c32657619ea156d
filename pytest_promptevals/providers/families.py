"""The APIs that are called over HTTP: where each is by itself, and what the environment holds for it.

Nothing heavy is imported here: the identity of an endpoint is asked before its provider is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class ApiFamily:
    """An API that several servers speak."""

    sdk: str
    """The official package."""
    default_url: str
    """Address of the company that made it."""
    key_variable: str
    """Environment variable of its key."""
    url_variable: str
    """Environment variable of another address."""
    headers_variable: str
    """Environment variable of further headers of every call, one a line."""
    options: tuple[str, ...]
    """Options of a named provider."""
    sdk_headers: tuple[str, ...]
    """Names of the headers that the official package sends by itself, as it spells them."""
    account_variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the user's account, by the header that tells it."""


OPENAI: Final = ApiFamily(
    sdk="openai",
    default_url="https://api.openai.com/v1",
    key_variable="OPENAI_API_KEY",
    url_variable="OPENAI_BASE_URL",
    headers_variable="OPENAI_CUSTOM_HEADERS",
    options=("base_url", "api_key_env", "headers", "transport", "api", "organization", "project"),
    sdk_headers=("Authorization", "OpenAI-Organization", "OpenAI-Project"),
    account_variables={"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"},
)

ANTHROPIC: Final = ApiFamily(
    sdk="anthropic",
    default_url="https://api.anthropic.com",
    key_variable="ANTHROPIC_API_KEY",
    url_variable="ANTHROPIC_BASE_URL",
    headers_variable="ANTHROPIC_CUSTOM_HEADERS",
    options=("base_url", "api_key_env", "headers", "transport"),
    sdk_headers=("Authorization", "X-Api-Key", "anthropic-version"),
)

OPENAI_APIS: Final = ("chat", "responses")
"""What the option ``api`` may be."""

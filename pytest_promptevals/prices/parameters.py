"""What in the parameters of a call changes its price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.records.json_types import Json, JsonObject

STANDARD: Final = "standard"
"""The tier of a call whose parameters name none."""

_TIERS: Final[Mapping[object, str]] = {
    "auto": STANDARD,
    "default": STANDARD,
    "standard_only": STANDARD,
    "flex": "flex",
    "fast": "fast",
    "priority": "fast",
}
_CHARGED: Final = frozenset({"mcp_servers", "web_search_options"})
"""Parameters that cost something beside the tokens, or fill the prompt with more of them."""
_PLAIN: Final[Mapping[str, tuple[object, ...]]] = {
    "speed": ("standard",),
    "inference_geo": ("global",),
    "modalities": (["text"],),
}
"""Parameters that change the price unless they have one of these values."""
_SERVER_TOOLS: Final = (
    "code_",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "mcp",
    "shell",
    "web_fetch",
    "web_search",
)
"""How the types of those tools begin that the provider runs itself: they are charged, or fill the prompt."""
_SCHEMAS: Final = frozenset({"parameters", "properties", "schema", "input_schema"})
_USUAL_LIFETIMES: Final = ("5m", "30m")


def read_tier(parameters: JsonObject) -> str | None:
    """Return the service tier that the parameters ask for; ``None`` if their price is not just a matter of tokens."""
    if any(_is_charged(name, value) for name, value in parameters.items()):
        return None
    tier = parameters.get("service_tier")
    if tier is None:
        return STANDARD
    return _TIERS.get(tier) if isinstance(tier, str) else None


def _is_charged(name: str, value: Json) -> bool:
    if value is None:
        return False
    return name in _CHARGED or (name in _PLAIN and value not in _PLAIN[name]) or _has_charged_part(value)


def _has_charged_part(value: Json) -> bool:
    """Return whether a tool of the provider's is in it, or a cache that keeps a prompt longer than usual."""
    if isinstance(value, list):
        return any(_has_charged_part(item) for item in value)
    if not isinstance(value, dict):
        return False
    kind, lifetime = value.get("type"), value.get("ttl")
    if isinstance(kind, str) and kind.startswith(_SERVER_TOOLS):
        return True
    if lifetime is not None and lifetime not in _USUAL_LIFETIMES:
        return True
    # A JSON Schema may name its properties as it likes.
    return any(_has_charged_part(item) for key, item in value.items() if key not in _SCHEMAS)

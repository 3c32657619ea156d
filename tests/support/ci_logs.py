"""How CI services read a log: which lines they take for commands, by the rules of their own programs.

GitHub's runner cuts white space off the begin of a line and looks for ``::name properties::data``, or else anywhere
for ``##[name properties]data`` (actions/runner, ActionCommand.cs). Azure's agent looks anywhere for
``##vso[area.event properties]data`` (azure-pipelines-agent, Command.cs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NAMES: Final = frozenset(
    {"error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-matcher", "remove-matcher", "echo"}
    | {"set-env", "set-output", "save-state", "add-path", "stop-commands", "internal-set-repo-path"}
)
"""Commands that the runner knows."""
_GITHUB: Final = re.compile(r"\s*::([^ :]*)(?: (.*?))?::(.*)", re.DOTALL)
_GITHUB_OLD: Final = re.compile(r"##\[([^ \]]*)[^\]]*\](.*)", re.DOTALL)
_AZURE: Final = re.compile(r"##vso\[([^ \]]*)(?: ([^\]]*))?\](.*)", re.DOTALL)
_DATA: Final = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_PROPERTY: Final = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
_AZURE_CODES: Final = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the service understands it."""

    name: str
    properties: Mapping[str, str]
    data: str


def read_github(line: str) -> Command | None:
    """Return the command that GitHub's runner sees in a line of a log."""
    found = _GITHUB.match(line)
    if found is not None and found[1].lower() in _NAMES:
        pairs = (pair.split("=", 1) for pair in (found[2] or "").split(",") if "=" in pair)
        properties = {name.strip(): _decode(value, _PROPERTY) for name, value in pairs}
        return Command(found[1], properties, _decode(found[3], _DATA))
    old = _GITHUB_OLD.search(line)
    return Command(old[1], {}, old[2]) if old is not None and old[1].lower() in _NAMES else None


def read_azure(line: str) -> Command | None:
    """Return the command that Azure's agent sees in a line of a log."""
    found = _AZURE.search(line)
    if found is None or found[1].count(".") != 1:
        return None
    pairs = (pair.split("=", 1) for pair in (found[2] or "").split(";") if "=" in pair)
    return Command(
        found[1], {name: _decode(value, _AZURE_CODES) for name, value in pairs}, _decode(found[3], _AZURE_CODES)
    )


def github_commands(log: str) -> list[Command]:
    """Return all commands that GitHub's runner sees in a log."""
    return [command for line in re.split(r"\r\n|\r|\n", log) if (command := read_github(line)) is not None]


def azure_commands(log: str) -> list[Command]:
    """Return all commands that Azure's agent sees in a log."""
    return [command for line in re.split(r"\r\n|\r|\n", log) if (command := read_azure(line)) is not None]


def _decode(text: str, codes: Mapping[str, str]) -> str:
    for code, sign in codes.items():
        text = text.replace(code, sign)
    return text

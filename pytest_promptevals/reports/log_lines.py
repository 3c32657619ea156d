"""Lines of a log that a CI service reads, too: it takes some of them for commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# The runner of GitHub Actions takes ``::name::`` at the begin of a line for a command, whatever white space is before
# it, and ``##[name]`` anywhere; so do Azure Pipelines with ``##vso[`` and TeamCity with ``##teamcity[``. They compare
# texts as people read them, so a character without width would not keep two signs apart; a space does.
_COMMAND: Final = re.compile(r"^(\s*):(?=:)|#(?=#(?:\[|vso\[|teamcity\[))", re.IGNORECASE | re.MULTILINE)
_SERVICES: Final = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")


def without_commands(text: str) -> str:
    """Return a text in whose lines no CI service sees a command: ``::error::`` becomes ``: :error::``."""
    return _COMMAND.sub(lambda found: f"{found.group()} ", text)


def json_without_commands(text: str) -> str:
    """Return the same of JSON, in which a space would change what it means."""
    return text.replace("##", r"#\u0023")


def is_read_by_service(environment: Mapping[str, str]) -> bool:
    """Return whether what is printed goes to a CI service that takes commands from it."""
    return any(environment.get(name) for name in _SERVICES)

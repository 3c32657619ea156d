"""What a run is made in: time, versions, command line."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.history.git import read_git_state
from pytest_promptevals.records.runs import Run
from pytest_promptevals.system.processes import host_name

PACKAGES: Final = (
    "pytest",
    "pytest-promptevals",
    "openai",
    "anthropic",
    "Jinja2",
    "rapidfuzz",
    "jsonschema",
    "sentence-transformers",
    "rouge-score",
    "sacrebleu",
    "nltk",
)
"""Packages whose version may change a score: what asks, what fills in prompts, and what judges."""

HIDDEN: Final = "***"
"""What is recorded in place of a secret."""

_SENSITIVE: Final = (
    r"(?:api[-_]?key|access[-_]?key|token(?!s|i)|secret|passw|credential|auth(?!or)|evals[-_]notify(?![-_]on))"
)
_SECRET_OPTION: Final = re.compile(rf"-{{1,2}}[\w.-]*{_SENSITIVE}[\w.-]*", re.IGNORECASE)
_SECRET_VALUE: Final = re.compile(rf"(-{{0,2}}(?:[\w.-]+=)?[\w.-]*{_SENSITIVE}[\w.-]*=).+", re.IGNORECASE | re.DOTALL)
_KEY: Final = re.compile(r"\bsk-[\w-]{8,}")
# Up to the last @: a password may hold another one, or a slash, that should have been escaped.
_URL_PASSWORD: Final = re.compile(r"(://[^/:@\s]*:)\S+@")
_URL_PARAMETER: Final = re.compile(rf"([?&][\w.-]*{_SENSITIVE}[\w.-]*=)[^&\s]+", re.IGNORECASE)


def new_run(arguments: Sequence[str], folder: Path) -> Run:
    """Return the record of a run that begins now.

    Args:
        arguments: the pytest command line; values that look like keys or passwords are not kept.
        folder: a folder in the checkout that the run is about.
    """
    now = dt.datetime.now(dt.UTC)
    return Run(
        id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        started_at=now.isoformat(timespec="milliseconds"),
        git=read_git_state(folder),
        versions=_read_versions(),
        arguments=hide_secrets(arguments),
        host=host_name(),
        pid=os.getpid(),
    )


def hide_secrets(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without the values of options that are named like keys, tokens or passwords."""
    hidden: list[str] = []
    for argument in arguments:
        follows_secret = bool(hidden) and _SECRET_OPTION.fullmatch(hidden[-1]) is not None
        if follows_secret and not argument.startswith("-"):
            hidden.append(HIDDEN)
        else:
            hidden.append(_hide_values(argument))
    return tuple(hidden)


def _hide_values(argument: str) -> str:
    if match := _SECRET_VALUE.fullmatch(argument):
        return match[1] + HIDDEN
    without_parameters = _URL_PARAMETER.sub(rf"\g<1>{HIDDEN}", _KEY.sub(HIDDEN, argument))
    return _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}@", without_parameters)


def _read_versions() -> dict[str, str]:
    """Read versions from the installed metadata: importing the packages would take seconds."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

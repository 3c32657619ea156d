"""The git checkout that a run is made in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from pytest_promptevals.records.runs import GitState

TIMEOUT: Final = 5.0
"""Seconds that git may take."""

# Set by git around its hooks: they would tie the question to another folder or index than the one that is asked about.
_FOREIGN: Final = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}
)
_COMMAND: Final = ("git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no")


def read_git_state(folder: Path) -> GitState | None:
    """Return commit, branch and dirtiness of the checkout that holds a folder. Never raises.

    ``None`` where there is no checkout, no commit yet, no git, or no answer within ``TIMEOUT`` seconds.
    """
    try:
        answer = subprocess.run(  # noqa: S603 - a constant command
            _COMMAND,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in _FOREIGN},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return _parse_status(answer.stdout)


def _parse_status(status: str) -> GitState | None:
    """Read ``git status --porcelain=v2 --branch``: headers begin with ``#``, every other line is a change."""
    lines = status.splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit = headers.get("branch.oid", "(initial)")
    if commit == "(initial)":
        return None
    branch = headers.get("branch.head")
    return GitState(
        commit=commit,
        branch=None if branch == "(detached)" else branch,
        is_dirty=any(not line.startswith("#") for line in lines),
    )

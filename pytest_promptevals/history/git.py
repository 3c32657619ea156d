"""The git checkout that a run is made in, and the commits before it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.runs import GitState

TIMEOUT: Final = 5.0
"""Seconds that git may take."""
SHALLOW: Final = "this clone is shallow; fetch its whole history with 'git fetch --unshallow' (in CI: fetch-depth 0)"
"""What to do where the history is cut off."""

# Set by git around its hooks: they would tie the question to another folder or index than the one that is asked about.
_FOREIGN: Final = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}
)
_STATUS: Final = ("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no")
_USUAL_NAMES: Final = ("main", "master")
_DEFAULT_BRANCHES: Final = ("origin/HEAD", *(f"{place}{name}" for name in _USUAL_NAMES for place in ("origin/", "")))
MOST_ANCESTORS: Final = 10_000
"""Commits that are looked through for one that a run was recorded at."""


def read_git_state(folder: Path) -> GitState | None:
    """Return commit, branch and dirtiness of the checkout that holds a folder. Never raises.

    ``None`` where there is no checkout, no commit yet, no git, or no answer within ``TIMEOUT`` seconds.
    """
    status = _ask_git(folder, *_STATUS)
    return None if status is None else _parse_status(status)


def find_commit(folder: Path, revision: str) -> str | None:
    """Return the full hash of the commit that git takes a revision for, ``None`` if it knows none. Never raises."""
    found = _ask_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return None if found is None else found.strip()


def find_branch_tip(folder: Path, branch: str) -> str | None:
    """Return the newest commit of a branch, here or else at the remote ``origin``; ``None`` if there is none."""
    return find_commit(folder, f"refs/heads/{branch}") or find_commit(folder, f"refs/remotes/origin/{branch}")


def read_ancestors(folder: Path, commit: str) -> tuple[str, ...]:
    """Return the full hashes of a commit and of those before it, nearest first; nothing if git does not know it."""
    found = _ask_git(folder, "rev-list", f"--max-count={MOST_ANCESTORS}", "--end-of-options", commit)
    return () if found is None else tuple(found.split())


def find_merge_base(folder: Path) -> tuple[str, str]:
    """Return the commit where HEAD left the default branch, and the name of that branch.

    The default branch is what ``origin/HEAD`` points at, or else ``main`` or ``master``, that of ``origin`` first.
    Raises ``UsageError`` saying why there is none.
    """
    if shutil.which("git") is None:
        raise UsageError("git is not installed, or not on the PATH")
    if find_commit(folder, "HEAD") is None:
        raise UsageError(f"{folder} is in no git checkout that has a commit")
    branch = next((name for name in _DEFAULT_BRANCHES if find_commit(folder, name) is not None), None)
    if branch is None:
        raise UsageError(
            "the default branch is not known: there is no origin/HEAD, main or master; fetch it, or name its branch "
            "as branch:NAME"
        )
    base = _ask_git(folder, "merge-base", "HEAD", branch)
    if base is None:
        raise UsageError(f"HEAD and {branch} have no commit in common{_shallow_hint(folder)}")
    return base.strip(), branch


def find_default_branch(folder: Path) -> str | None:
    """Return the name of the branch that others are compared with; ``None`` if git cannot tell. Never raises.

    That is what ``origin/HEAD`` points at. Without it, it is the branch, here or at ``origin``, of the name that git is
    told to give to a first branch (``init.defaultBranch``), or else of a usual name; where there is none of these, the
    one that is checked out, with or without a commit.
    """
    head = _ask_git(folder, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    if head is not None:
        return head.strip().partition("/")[2]
    configured = (_ask_git(folder, "config", "init.defaultBranch") or "").strip()
    for name in (configured, *_USUAL_NAMES):
        if name and find_branch_tip(folder, name) is not None:
            return name
    current = _ask_git(folder, "symbolic-ref", "--short", "HEAD")
    return None if current is None else current.strip()


def find_last_change(folder: Path, path: str) -> str | None:
    """Return the full hash of the newest commit that changed a file, named from the folder; ``None`` if none did.

    Nor is it known where a shallow clone begins: git takes all files of that commit for changed by it.
    """
    found = _ask_git(folder, "log", "-1", "--format=%H", "--", path)
    commit = None if found is None else found.strip()
    if not commit or (find_commit(folder, f"{commit}^") is None and is_shallow(folder)):
        return None
    return commit


def read_file_at(folder: Path, commit: str, path: str) -> str | None:
    """Return the text of a file, named from the folder, as it was at a commit; ``None`` if it was not there."""
    return _ask_git(folder, "show", "--end-of-options", f"{commit}:./{path}")


def is_shallow(folder: Path) -> bool:
    """Return whether the checkout's history is cut off."""
    return (_ask_git(folder, "rev-parse", "--is-shallow-repository") or "").strip() == "true"


def _shallow_hint(folder: Path) -> str:
    return f": {SHALLOW}" if is_shallow(folder) else ""


def _ask_git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - git, without a shell, and texts of users behind --end-of-options
            ("git", *arguments),  # noqa: S607 - the user's own git
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
    return answer.stdout


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

"""Paths as CI services want them: relative to the root of the repository, not of the tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_WORKSPACES: Final = ("GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CI_PROJECT_DIR")
"""Where GitHub Actions, Azure Pipelines and GitLab say that they put the repository."""


def repository_root(rootdir: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of the checkout that the project is in.

    That is the nearest folder with a ``.git``, or else the one that the CI service names; the rootdir itself where
    neither is known.
    """
    folder = Path(os.path.realpath(rootdir))
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    for name in _WORKSPACES:
        workspace = Path(os.path.realpath(environment.get(name) or os.curdir))
        if environment.get(name) and folder.is_relative_to(workspace):
            return workspace
    return folder


def repository_path(path: str, rootdir: Path, root: Path) -> str:
    """Return a path that is relative to the rootdir as one relative to the root of the repository.

    A file outside of it keeps its whole path.
    """
    whole = Path(os.path.realpath(rootdir), path)
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()

"""File names as users write and see them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import PromptEvalsError

_LONGEST_PART: Final = 255
"""Bytes that a file system allows the name of a file or folder."""
_LONGEST_NAME: Final = 2000
"""Bytes of a whole name; with its folder in front, a path must stay under 4096."""


class OutsideRootdirError(PromptEvalsError, ValueError):
    """A name in an eval file leads to a file outside of the project's root folder."""


def shown_path(path: Path, rootdir: Path) -> str:
    """Return how messages name a file: relative to the rootdir if it is inside, with ``/`` between folders."""
    for root in (rootdir, Path(os.path.realpath(rootdir))):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.as_posix()


def resolve_inside(name: str, base: Path, rootdir: Path) -> Path:
    """Return the file that ``name``, relative to the folder ``base``, leads to, with symlinks resolved.

    It need not exist. Raises ``OutsideRootdirError`` if it is not inside of the rootdir, or if no file can be named so.
    """
    _check_name(name)
    path = Path(os.path.realpath(base / name))
    root = Path(os.path.realpath(rootdir))
    if not path.is_relative_to(root):
        raise OutsideRootdirError(
            f"{name!r} leads to {path.as_posix()}, which is outside of the rootdir {root.as_posix()}; "
            "move the file into the project"
        )
    return path


def _check_name(name: str) -> None:
    if "\0" in name:
        raise OutsideRootdirError(f"{name!r} is no file name: it holds a NUL character; correct it")
    longest = max((len(os.fsencode(part)) for part in Path(name).parts), default=0)
    if longest > _LONGEST_PART or len(os.fsencode(name)) > _LONGEST_NAME:
        raise OutsideRootdirError(f"'{name[:60]}…' is no file name: it is too long; correct it")


def is_in_directory_loop(path: Path) -> bool:
    """Return whether a folder on the way to ``path`` is a symlink to one of the folders that hold it."""
    for folder in path.absolute().parents:
        if folder.is_symlink():
            target = Path(os.path.realpath(folder))
            if Path(os.path.realpath(folder.parent)).is_relative_to(target):
                return True
    return False


def search_folders(location_path: str, rootdir: Path) -> tuple[Path, ...]:
    """Return where files and functions named in a file are looked up: the file's own folder, then the rootdir.

    ``location_path`` is a ``Location.path``: relative to the rootdir, or absolute.
    """
    folder = (rootdir / location_path).parent
    return (folder,) if folder == rootdir else (folder, rootdir)

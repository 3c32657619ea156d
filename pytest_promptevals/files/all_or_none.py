"""Writing several text files: all of them, or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from pytest_promptevals.files.text import write_text_atomically


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts below a folder, which is made; where one cannot be written, all is as it was.

    A symlink is followed. Raises ``OSError`` for the one that cannot be written.
    """
    # What a symlink leads to is what is written, and what is put back: the symlink itself stays.
    paths = {folder / name: Path(os.path.realpath(folder / name)) for name in texts}
    before = {path: _read_bytes(path) for path in paths.values()}
    folders = {parent for path in paths.values() for parent in path.parents if not parent.exists()}
    try:
        for path, text in zip(paths, texts.values(), strict=True):
            write_text_atomically(path, text)
    except BaseException:
        _restore(before, sorted(folders, reverse=True))
        raise


def find_same(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Return the paths at which a file with that text is already."""
    return [name for name, text in texts.items() if _read_bytes(folder / name) == text.encode()]


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _restore(before: Mapping[Path, bytes | None], folders: list[Path]) -> None:
    for path, content in before.items():
        with contextlib.suppress(OSError):
            if content is not None:
                path.write_bytes(content)
            else:
                path.unlink(missing_ok=True)
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()

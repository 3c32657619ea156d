"""The project's own folder, which keeps itself out of git."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_promptevals.files.text import write_text_atomically

OWN_FOLDER: Final = ".promptevals"
"""A folder of this name belongs to the project's tool alone and is kept out of git."""


def make_folder(folder: Path) -> None:
    """Make a folder if there is none; one of the name ``OWN_FOLDER`` ignores itself in git.

    Raises ``OSError`` if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if folder.name == OWN_FOLDER and not ignore.exists():
        write_text_atomically(ignore, "*\n")

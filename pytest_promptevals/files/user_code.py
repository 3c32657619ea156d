"""Where in the user's own code an error was raised."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import Final

from pytest_promptevals.files.paths import shown_path

_OTHERS_FOLDERS: Final = (
    Path(__file__).parents[1],
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)


def last_place(error: BaseException, rootdir: Path) -> str:
    """Return the last line of the user's own code on the way to an error, as `` at app.py:3``.

    The answer starts with a space, so that it can be appended to a message; it is empty if there is no such line.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_others_code(frame.filename)]
    return f" at {shown_path(Path(own[-1].filename), rootdir)}:{own[-1].lineno}" if own else ""


def _is_others_code(filename: str) -> bool:
    path = Path(filename)
    return filename.startswith("<") or any(path.is_relative_to(folder) for folder in _OTHERS_FOLDERS)

"""The user's own code: what stands at a place in it, and where in it an error was raised."""

from __future__ import annotations

import importlib
import sysconfig
import traceback
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import UsageError
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


def import_place(what: str, place: str) -> object:
    """Return what stands at a place, ``module:Class``; ``what`` asks for it, such as ``judge 'polite'``.

    Raises ``UsageError`` if it is not there, and with the line for whatever its module raises.
    """
    module, _, attribute = place.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        where = _place_in_module(error)
        if where or not isinstance(error, ImportError | AttributeError | ValueError | TypeError):
            cause = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}{where}"
            raise UsageError(f"{what}: {place!r} cannot be imported: {cause}") from error
        raise UsageError(f"{what}: there is no {place!r} (write 'module:Class'): {error}") from error


def _place_in_module(error: Exception) -> str:
    """Return the line of the module at which it fails, as `` at my_judges.py:3``; nothing if there is none of it."""
    folder = Path.cwd()
    if isinstance(error, SyntaxError) and error.filename:
        return f" at {shown_path(Path(error.filename), folder)}:{error.lineno}"
    return last_place(error, folder)

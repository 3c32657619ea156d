"""Reading and writing text files: UTF-8 only, lines end in a line feed."""

from __future__ import annotations

import codecs
import os
import secrets
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import FileProblem

_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_FOREIGN_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(path: Path, shown: str) -> str:
    r"""Return the text of a UTF-8 file without its byte order mark, every line ending in ``\n``.

    ``shown`` is how messages name the file. Raises ``FileProblem`` for a file that is missing, cannot be read, is a
    Git LFS pointer or is not UTF-8.
    """
    data = _read_bytes(path, shown)
    if data.startswith(_LFS_POINTER):
        raise FileProblem(
            "is a Git LFS pointer, not the file it stands for; run 'git lfs pull' to fetch it", path=shown
        )
    for mark, encoding in _FOREIGN_MARKS:
        if data.startswith(mark):
            raise FileProblem(f"is written in {encoding}; save it as UTF-8", path=shown)
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise FileProblem(message, path=shown, line=line) from None


def _read_bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise FileProblem("there is no such file; create it, or correct its name", path=shown) from None
    except IsADirectoryError:
        raise FileProblem("is a folder; name a file inside of it", path=shown) from None
    except OSError as error:
        raise FileProblem(f"cannot be read: {error.strerror}; check its permissions", path=shown) from None


def write_text_atomically(path: Path, text: str) -> None:
    r"""Write a UTF-8 file with ``\n`` line ends, making its folder if need be: all of the text, or nothing changes.

    A symlink is followed. Raises ``OSError`` if the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105 - Path.replace hides that this is the atomic one
    except OSError as error:
        if str(error.filename) == str(temporary):  # of which nobody but us knows
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)

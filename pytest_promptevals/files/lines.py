"""Writing text files that may be larger than memory should hold at once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_lines_atomically(path: Path, lines: Iterable[str]) -> int:
    r"""Write a UTF-8 file of these lines, each ended with ``\n``: all of them, or nothing changes. Return their number.

    A symlink is followed. Raises ``OSError`` if the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    count = 0
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007 - the last number is what is returned
                file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105 - Path.replace hides that this is the atomic one
    except OSError as error:
        if str(error.filename) == str(temporary):  # of which nobody but us knows
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return count

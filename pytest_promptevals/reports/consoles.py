"""Text for consoles whose encoding has not all of Unicode, such as cp1252 or ASCII."""

from __future__ import annotations

import codecs
import re
from typing import Final

PLAIN_SIGNS: Final = "promptevals-plain-signs"
"""Name of the error handler for encodings that writes a sign of ours in ASCII, everything else as an escape."""

_SIGNS: Final = {"…": "...", "→": "->", "←": "<-", "·": "|", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<="}  # noqa: RUF001 - the signs are meant
_SIGN: Final = re.compile("[" + "".join(_SIGNS) + "]")


def console_text(text: str, encoding: str) -> str:
    """Return a text as an encoding can hold it: signs in ASCII, other characters that it has not as escapes.

    A name of no encoding stands for ASCII.
    """
    try:
        return text if text.isascii() else text.encode(encoding, PLAIN_SIGNS).decode(encoding)
    except LookupError:
        return console_text(text, "ascii")


def _write_plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    plain = _SIGN.sub(lambda found: _SIGNS[found.group()], lost)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(PLAIN_SIGNS, _write_plain)

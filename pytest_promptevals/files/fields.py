"""How the place of a value inside a file is written in messages."""

from __future__ import annotations

from collections.abc import Sequence


def field_name(path: Sequence[str | int]) -> str:
    """Return the dotted form of a path of keys and 0-based indexes: ``cases[3].weight``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text

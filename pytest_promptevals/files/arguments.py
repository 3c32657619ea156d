"""Command lines, before they are parsed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def spell_out(arguments: Sequence[str], option: str, value: str, folder: Path) -> list[str]:
    """Return a command line in which an option that may stand alone has its value after an equals sign.

    What follows such an option is its value, unless that is an option or names something that exists: then the option
    stood alone, and has the given value.

    Args:
        arguments: the command line.
        option: the option, as in ``--evals-save-baseline``.
        value: what the option means where it stands alone.
        folder: where paths on the command line begin.
    """
    spelled: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == option:
            argument = f"{option}={rest.pop(0) if rest and _is_value(rest[0], folder) else value}"
        spelled.append(argument)
        if argument == "--":
            return spelled + rest
    return spelled


def _is_value(argument: str, folder: Path) -> bool:
    if argument.startswith("-"):
        return False
    return not os.path.exists(folder / argument.partition("::")[0])  # noqa: PTH110 - that of a path raises for some texts

"""Eval files as users write them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pytest_promptevals.errors import did_you_mean


def choose_file(text: str, known: Sequence[str]) -> str:
    """Return the eval file that a text means: its path from the rootdir, or the end of it from a folder's name on.

    Raises ``click.UsageError`` for a text that means none of the ``known`` ones, or several.
    """
    found = [file for file in known if file == text] or [file for file in known if file.endswith(f"/{text}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"{text!r} means several eval files: {', '.join(found)}; write more of the path")
    raise click.UsageError(f"there are no results of {text!r}.{did_you_mean(text, known)}")

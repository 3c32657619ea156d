"""What all commands and options say of a text that is to name a run, and names none or several."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.history.tables import runs
from pytest_promptevals.records.references import BRANCH, NAME

SHOWN: Final = 5
"""Names, branches or runs that a message lists."""

_PREFIX_OF: Final = {"names": NAME, "branches": BRANCH}
"""By the word that messages have for what may be named."""


def begins_with(text: str) -> ColumnElement[bool]:
    """Return the condition that a run's id begins so."""
    return runs.c.id.startswith(text, autoescape=True)


def several_runs(text: str, ids: Sequence[str]) -> UsageError:
    """Return the error of a text with which several ids begin; they stand newest first."""
    return UsageError(f"{text!r} is the beginning of several runs: {listed(ids)}; write more of it")


def unknown_run(
    text: str, kinds: str, ids: Sequence[str], named: Mapping[str, Sequence[str]], words: Sequence[str] = ()
) -> UsageError:
    """Return the error of a text that names nothing that is known.

    Args:
        text: what the user wrote.
        kinds: what it might have been: ``run or saved name``.
        ids: those of the newest runs that could have been meant, newest first.
        named: what else could have been, by the word that the message has for it.
        words: what else could have been written.
    """
    close = did_you_mean(text, {*ids, *itertools.chain.from_iterable(named.values()), *words})
    hint = close if "Did you mean" in close else ""
    other = next((_PREFIX_OF[word] for word, texts in named.items() if text in texts), "")
    if other:  # the prefix that was written is wrong
        hint = f" Did you mean '{other}:{text}'?"
    return UsageError(f"{text!r} is no {kinds} that is known.{hint}{known_text(ids, named)}")


def listed(texts: Sequence[str]) -> str:
    """Return the first few texts, and how many more there are."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def known_text(ids: Sequence[str], named: Mapping[str, Sequence[str]]) -> str:
    """Return what there is, as a sentence that is put behind another; the arguments are those of ``unknown_run``."""
    if not ids:
        return " The history has no finished run yet."
    parts = [f"its newest run is {ids[0]}", *(f"{word}: {listed(texts)}" for word, texts in named.items() if texts)]
    return f" Of the history, {'; '.join(parts)}."

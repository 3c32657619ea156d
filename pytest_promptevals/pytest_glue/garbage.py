"""Python's garbage collector, in a session of thousands of cases."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.running import CaseItem

_ROUNDS: Final = 100
"""Rounds over younger objects before one over all: ten by default."""


@contextlib.contextmanager
def settled(items: Sequence[pytest.Item]) -> Iterator[None]:
    """Let the collector leave alone what lives as long as the session: the items, and for a while their reports.

    It would look through all of them again and again, for a tenth of the time of a run. Only in a session of nothing
    but eval files: a test of the user's own may be about what the collector does.
    """
    if not hasattr(gc, "freeze") or not all(isinstance(item, CaseItem) for item in items):
        yield
        return
    young, middle, old = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(young, middle, max(old, _ROUNDS))
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        gc.unfreeze()

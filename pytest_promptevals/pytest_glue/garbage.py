"""Python's garbage collector, in a session of thousands of cases."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence

import pytest

from pytest_promptevals.pytest_glue.running import CaseItem


@contextlib.contextmanager
def settled(items: Sequence[pytest.Item]) -> Iterator[None]:
    """Let the collector leave alone what exists by now: the items, which live as long as the session.

    It would look through all of them again and again, for a tenth of the time of a run. Only in a session of nothing
    but eval files: a test of the user's own may be about what the collector does.
    """
    if not hasattr(gc, "freeze") or not all(isinstance(item, CaseItem) for item in items):
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

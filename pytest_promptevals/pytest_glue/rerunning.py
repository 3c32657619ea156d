"""Whether pytest chose what runs by how it ended before: ``--last-failed`` and ``--stepwise``.

The scores of such cases are no sample of what the cases score: those that failed by bad luck do better the next time,
by chance alone, and those that passed by good luck are not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

_LAST_FAILED: Final = "cache/lastfailed"
_STEPWISE: Final = "cache/stepwise"


def is_rerun(config: pytest.Config, items: Sequence[pytest.Item]) -> bool:
    """Return whether items were selected because they, or the one before them, failed in the last run.

    Where nothing of them had failed, pytest runs all of them: that is a run like any other.

    Args:
        config: pytest's configuration.
        items: all items that are left to run.
    """
    if config.getoption("lf", default=False):
        failed = config.cache.get(_LAST_FAILED, {})
        return any(item.nodeid in failed for item in items)
    if items and config.getoption("stepwise", default=False):
        known = config.cache.get(_STEPWISE, {})
        return isinstance(known, dict) and items[0].nodeid == known.get("last_failed")
    return False

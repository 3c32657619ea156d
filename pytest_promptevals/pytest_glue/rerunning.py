"""Whether what runs was chosen by how it ended before: by ``--last-failed``, by ``--stepwise`` or by hand.

The scores of such cases are no sample of what the cases score: those that failed by bad luck do better the next time,
by chance alone, and those that passed by good luck are not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pytest

from pytest_promptevals.pytest_glue.options import settings_of

_LAST_FAILED: Final = "cache/lastfailed"
_STEPWISE: Final = "cache/stepwise"


def is_rerun(config: pytest.Config, items: Sequence[pytest.Item], evals: Sequence[pytest.Item]) -> bool:
    """Return whether items were selected because they, or the one before them, failed in the last run.

    Where nothing of them had failed, pytest runs all of them: that is a run like any other.

    Args:
        config: pytest's configuration.
        items: all items that are left to run.
        evals: the eval items among them.
    """
    if config.getoption("lf", default=False):
        failed = _read(config, _LAST_FAILED)
        return any(item.nodeid in failed for item in items)
    if items and config.getoption("stepwise", default=False):
        return items[0].nodeid == _read(config, _STEPWISE).get("last_failed")
    if settings_of(config).accept:  # who accepts results by name wants them to count
        return False
    return _are_failures(evals, _read(config, _LAST_FAILED)) and _are_part(evals)


def _read(config: pytest.Config, key: str) -> Mapping[str, Any]:
    """Return what pytest's cache keeps; nothing without its plugin."""
    cache = getattr(config, "cache", None)
    known = None if cache is None else cache.get(key, {})
    return known if isinstance(known, dict) else {}


def _are_failures(evals: Sequence[pytest.Item], failed: Collection[str]) -> bool:
    return bool(evals) and all(item.nodeid in failed for item in evals)


def _are_part(evals: Sequence[pytest.Item]) -> bool:
    """Return whether an eval file has other items than those that were selected."""
    known: dict[str, Collection[str]] = {}
    selected: dict[str, set[str]] = {}
    for holder in map(_holder, evals):
        known[holder.source.file] = holder.source.names
        selected.setdefault(holder.source.file, set()).add(holder.planned.name)
    return any(set(names) - selected[file] for file, names in known.items())


def _holder(item: Any) -> Any:
    """Return what knows the case and the eval file of an eval item: a test function's is its parameter."""
    return item if hasattr(item, "planned") else item.callspec.params["case"]

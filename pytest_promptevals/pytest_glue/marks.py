"""Marks of eval items: what ``-m`` selects by."""

from __future__ import annotations

from typing import Final

import pytest

from pytest_promptevals.engine.endpoint import TESTED
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.pytest_glue.longrepr import CaseFailed
from pytest_promptevals.pytest_glue.writing import log_text
from pytest_promptevals.reports.words import visible_line

_CACHE_KEY: Final = pytest.StashKey[dict[object, pytest.MarkDecorator]]()


def mark_item(item: pytest.Item, planned: PlannedCase) -> None:
    """Put the marks of a planned case on its item: ``evals``, its tags, and skip or xfail."""
    for mark in case_marks(item.config, planned):
        item.add_marker(mark)


def case_marks(config: pytest.Config, planned: PlannedCase) -> list[pytest.MarkDecorator]:
    """Return the marks that a case brings: ``evals``, a registered one for each tag, and skip or xfail."""
    case, skip_reason = planned.case, planned.skip_reason
    marks = [_evals_mark(config, planned), *(_tag_mark(config, tag) for tag in case.tags)]
    if skip_reason is not None:
        marks.append(pytest.mark.skip(reason=_shown(skip_reason)))
    if case.xfail is not None:
        # A provider that is down is no expected failure.
        marks.append(pytest.mark.xfail(reason=_shown(case.xfail), raises=(CaseFailed, AssertionError)))
    return marks


def _shown(reason: str) -> str:
    """Return a reason that a dataset gives as pytest may print it."""
    return log_text(visible_line(reason))


def is_skipped(item: pytest.Item) -> bool:
    """Return whether a mark says that the item does not run, whatever the machine."""
    return item.get_closest_marker("skip") is not None


def _evals_mark(config: pytest.Config, planned: PlannedCase) -> pytest.MarkDecorator:
    file, level, priority = planned.plan.dataset.path, planned.level, planned.case.priority
    model = planned.target.label
    cache = config.stash.setdefault(_CACHE_KEY, {})
    key = (file, level, priority, model)
    if key not in cache:
        # Which model a test function asks is its own business.
        known = {} if planned.target.config.type == TESTED else {"model": model}
        cache[key] = pytest.mark.evals(file=file, level=level, priority=priority, **known)
    return cache[key]


def _tag_mark(config: pytest.Config, tag: str) -> pytest.MarkDecorator:
    cache = config.stash.setdefault(_CACHE_KEY, {})
    if tag not in cache:
        config.addinivalue_line("markers", f"{tag}: tag of eval cases")
        mark: pytest.MarkDecorator = getattr(pytest.mark, tag)
        cache[tag] = mark
    return cache[tag]

"""Errors that share a reason are told once, and all count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.pytest_glue.not_run import NOT_RUN_ATTRIBUTE, NotRunErrors


def error(reason: str | None = None, message: str = "") -> Any:
    report = SimpleNamespace(longrepr=SimpleNamespace(reprcrash=SimpleNamespace(message=message)))
    if reason is not None:
        setattr(report, NOT_RUN_ATTRIBUTE, reason)
    return report


def summarize(errors: list[Any]) -> tuple[list[Any], list[Any], list[str]]:
    """Return the errors that are shown, those that are counted after it, and what is said of the others."""
    reporter = SimpleNamespace(stats={"error": errors} if errors else {})
    plugin = NotRunErrors()
    summary = plugin.pytest_terminal_summary(reporter)
    next(summary)
    shown = list(reporter.stats.get("error", ()))
    with pytest.raises(StopIteration):
        summary.send(None)
    return shown, reporter.stats.get("error", []), plugin.texts()


def test_the_first_error_of_each_reason_is_shown_and_all_are_counted() -> None:
    errors = [error("budget"), error(), error("budget"), error("quota"), error(), error("budget"), error("quota")]

    shown, counted, texts = summarize(errors)

    assert shown == [errors[0], errors[1], errors[3], errors[4]]
    assert counted is errors
    assert texts == [
        "not run, for the same reason (budget): 2 more cases",
        "not run, for the same reason (quota): 1 more case",
    ]


def test_each_provider_without_a_quota_is_told_in_its_own_words() -> None:
    errors = [error("quota", "a is poor"), error("quota", "b is poor"), error("quota", "a is poor")]
    others = [error("budget", "$1 is left"), error("budget", "$2 are left")]

    shown, _, texts = summarize([*errors, *others])

    assert shown == [*errors[:2], others[0]]
    assert texts == [
        "not run, for the same reason (quota): 1 more case",
        "not run, for the same reason (budget): 1 more case",
    ]


@pytest.mark.parametrize("errors", [[], [error()], [error("budget"), error("quota")]])
def test_where_nothing_repeats_nothing_is_left_out(errors: list[Any]) -> None:
    shown, counted, texts = summarize(errors)

    assert (shown, counted, texts) == (errors, errors, [])


def test_errors_are_counted_even_if_the_summary_fails() -> None:
    errors = [error("budget"), error("budget")]
    reporter = SimpleNamespace(stats={"error": errors})
    summary = NotRunErrors().pytest_terminal_summary(reporter)
    next(summary)

    with pytest.raises(LookupError):
        summary.throw(LookupError())
    assert reporter.stats["error"] is errors

"""Errors that share a reason are told once, and all count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.pytest_glue.not_run import SHARED_ATTRIBUTE, NotRunErrors, shared_error


def error(shared: str | None = None, nodeid: str = "a.eval.yaml::c") -> Any:
    report = SimpleNamespace(nodeid=nodeid)
    if shared is not None:
        setattr(report, SHARED_ATTRIBUTE, shared)
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
    first, second = error("budget", "a::1"), error("no quota", "a::2")
    errors = [first, error(), error("budget"), second, error(), error("budget"), error("no quota")]

    shown, counted, texts = summarize(errors)

    assert shown == [errors[0], errors[1], errors[3], errors[4]]
    assert counted is errors
    assert texts == [
        "the same error as a::1: 2 more cases",
        "the same error as a::2: 1 more case",
    ]


def test_errors_are_the_same_by_their_text_but_for_budgets_and_replays() -> None:
    assert shared_error("provider", "no key") == "no key"
    assert shared_error("budget", "$1 is left") == shared_error("budget", "$2 are left")
    # Which responses are missing is what the user of a replay wants to know.
    assert shared_error("replay", "nothing kept") is None


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

"""``--evals-flaky``: whether a failed case is known to be flaky, and what that means for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_promptevals.comparison.flaky import Flakiness, find_flakiness
from pytest_promptevals.engine.endpoint import TESTED
from pytest_promptevals.history.past import Past
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.flaky import flaky_text
from pytest_promptevals.settings import Settings


class FlakyCases:
    """Looks up cases that failed; a case that passes is never looked up.

    Args:
        rootdir: root of the project.
        settings: those of the session.
    """

    def __init__(self, rootdir: Path, settings: Settings) -> None:
        self._mode = settings.flaky
        self._past = Past(rootdir, "off" if settings.flaky == "off" else settings.history)

    def look_up(self, result: CaseResult) -> Flakiness | None:
        """Return how flaky a failed case is; ``None`` if it is not, or if that is not known."""
        return find_flakiness(self._past.trials_of(result), result.fingerprint)

    def is_quarantined(self, result: CaseResult, flakiness: Flakiness | None) -> bool:
        """Return whether the failure is let through.

        It is not after a change of the prompt or the model, which may be what broke the case, nor where a test function
        makes the output, whose code may have changed.
        """
        is_known = flakiness is not None and flakiness.is_unchanged and result.model != TESTED
        return is_known and self._mode == "quarantine"

    def close(self) -> None:
        """Let go of the history."""
        self._past.close()


def with_label(lines: Sequence[str], flakiness: Flakiness, *, is_quarantined: bool = False) -> list[str]:
    """Return the review of a failed case with its flakiness in the first line, which the short summary shows, too."""
    word = "quarantined as flaky" if is_quarantined else "flaky"
    head, *rest = lines
    return [f"{word}: {flaky_text(flakiness)}; {head}", *rest]

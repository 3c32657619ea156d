"""``--evals-rejudge`` and ``--evals-regate``: the outputs of an earlier run, judged or decided anew."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest

from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import ReuseMode, can_reuse
from pytest_promptevals.errors import HistoryError, UsageError
from pytest_promptevals.pytest_glue.options import given_option, is_xdist_controller, is_xdist_worker, settings_of
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.share import REUSED_FACT, worker_facts
from pytest_promptevals.records.references import LATEST
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind
from pytest_promptevals.reports.words import count_text

_REUSE_KEY: Final = pytest.StashKey["Reuse | None"]()
_OPTIONS: Final = {
    ReuseMode.REJUDGE: "evals_rejudge",
    ReuseMode.REGATE: "evals_regate",
    ReuseMode.MERGE: "evals_merge",
}
_KINDS: Final = {ReuseMode.REJUDGE: RunKind.REJUDGE, ReuseMode.REGATE: RunKind.REGATE}
_SHOWN: Final = 3
"""Cases that a notice names."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """A run whose outputs stand for those of this session."""

    mode: ReuseMode
    """What is taken of it."""
    run: Run
    """The run."""
    known: Mapping[tuple[str, str], CaseResult]
    """Its results by eval file and name."""
    asked_at: str
    """When its outputs were asked for."""
    notices: list[str] = field(default_factory=list)
    """What the user should know, a line each."""

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.run.id

    def describe(self, own: Run) -> Run:
        """Return the run that reuses it, of which ``own`` is what any run knows: one that was merged is that itself."""
        if self.mode is ReuseMode.MERGE:
            return dataclasses.replace(self.run, host=own.host, pid=own.pid)
        return dataclasses.replace(own, kind=_KINDS[self.mode], parent=self.run_id)

    def take(self, planned: PlannedCase) -> bool:
        """Return whether it has what stands for a case."""
        known = self.known.get((planned.plan.dataset.path, planned.name))
        return known is not None and can_reuse(self.mode, planned, known)


def asked_reuse(config: pytest.Config) -> tuple[ReuseMode, str] | None:
    """Return what the options ask to reuse, and of which run; ``None`` if nothing. Raises ``pytest.UsageError``."""
    asked = [(mode, config.getoption(option)) for mode, option in _OPTIONS.items() if config.getoption(option)]
    if not asked:
        return None
    # What the project asks for is meant for runs that ask a model, and is no mistake here.
    others = {
        "--evals-resume": given_option(config, "resume"),
        "--evals-changed": given_option(config, "changed"),
        "--evals-model": given_option(config, "model") and asked[0][0] is not ReuseMode.MERGE,
        "--evals-adaptive": given_option(config, "adaptive"),
        "--evals-attribute": given_option(config, "attribute"),
    }
    clashing = [f"--{option.replace('_', '-')}" for option in map(_OPTIONS.__getitem__, dict(asked))]
    clashing += [option for option, value in others.items() if value]
    if len(clashing) > 1:
        raise pytest.UsageError(f"{clashing[0]} takes outputs as they are and cannot be combined with {clashing[1]}")
    return asked[0]


def reused_run_id(config: pytest.Config) -> str | None:
    """Return the id of the run that is reused, for all workers of a session; ``None`` if there is none.

    Raises ``pytest.UsageError``.
    """
    reuse = reuse_of(config)
    return None if reuse is None else reuse.run_id


def asked_at(config: pytest.Config) -> str:
    """Return when the outputs that are reused were asked for; empty where none are.

    What came later is no baseline of theirs: they would be compared with themselves. Raises ``pytest.UsageError``.
    """
    reuse = reuse_of(config)
    return "" if reuse is None else reuse.asked_at


def reuse_of(config: pytest.Config) -> Reuse | None:
    """Return the run whose outputs this session reuses, ``None`` if there is none. It is read once.

    Raises ``pytest.UsageError`` for options that do not go together, and for a run that there is not.
    """
    if _REUSE_KEY not in config.stash:
        asked = asked_reuse(config)
        config.stash[_REUSE_KEY] = None if asked is None else _read(config, *asked)
    return config.stash[_REUSE_KEY]


def _read(config: pytest.Config, mode: ReuseMode, reference: str) -> Reuse:
    from pytest_promptevals.history.reusable import read_stored_run  # noqa: PLC0415 - loads SQLAlchemy

    if mode is ReuseMode.MERGE and (is_xdist_controller(config) or is_xdist_worker(config)):
        raise pytest.UsageError("merging runs nothing, so there is no work for the workers of -n: leave it out")
    if is_xdist_worker(config):  # by now, there may be a newer run that the text would mean
        reference = worker_facts(config).get(REUSED_FACT) or reference
    try:
        if mode is ReuseMode.MERGE:
            stored = read_stored_run(config.rootpath, reference, LATEST)
        else:
            stored = read_stored_run(config.rootpath, settings_of(config).history, reference)
    except (UsageError, HistoryError) as error:
        option = "--" + _OPTIONS[mode].replace("_", "-")
        raise pytest.UsageError(f"{option}: {error}") from error
    return Reuse(mode, stored.run, stored.results, stored.asked_at)


def select_reusable(reuse: Reuse, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return those of the eval items for which the run has no output or score, and note why they do not run."""
    reasons: dict[str, list[str]] = {}
    left_out: list[pytest.Item] = []
    for item in items:
        reason = _reason(reuse, item)
        if reason:
            reasons.setdefault(reason, []).append(item.name)
            left_out.append(item)
    reuse.notices.extend(f"{_named(names)} {reason}" for reason, names in reasons.items())
    return left_out


def _reason(reuse: Reuse, item: pytest.Item) -> str:
    """Return why an item does not run, empty if it does."""
    if not isinstance(item, CaseItem):
        return "not run: test functions make their outputs themselves; run pytest for that"
    if (item.planned.plan.dataset.path, item.planned.name) not in reuse.known:
        return f"not run: not among the results of run {reuse.run_id}"
    if not reuse.take(item.planned):
        known = reuse.known[item.planned.plan.dataset.path, item.planned.name]
        why = f"edited since run {reuse.run_id}"
        if known.case_fingerprint == item.planned.fingerprint:
            why = f"the scores that run {reuse.run_id} keeps do not tell what passes by thresholds inside of judges"
        return f"not run: {why}; 'promptevals rejudge {reuse.run_id}' judges anew"
    return ""


def _named(names: Sequence[str]) -> str:
    counted = Counter(names)
    shown = ", ".join(list(counted)[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{count_text(len(names), 'case')} ({shown}{more})"

"""Runs that go on, and what their records say of the selection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from pytest_promptevals.history.environment import new_run
from pytest_promptevals.history.peek import read_finished, read_unfinished_run
from pytest_promptevals.history.place import locate_history
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.pytest_glue.options import is_xdist_worker
from pytest_promptevals.pytest_glue.reusing import reuse_of
from pytest_promptevals.pytest_glue.selection import selection_facts, shard_of
from pytest_promptevals.pytest_glue.share import RESUMED_FACT, worker_facts
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind
from pytest_promptevals.settings import Settings


def begin_run(config: pytest.Config, settings: Settings) -> tuple[Run, bool]:
    """Return the run of this session, and whether it is an earlier one that goes on.

    An interrupted run goes on where the same command is given again at the same commit, or if the user says so.
    """
    run = _described_run(config)
    reuse = reuse_of(config)
    if reuse is not None:
        return reuse.describe(run), False
    if settings.history == "off":
        return run, False
    place = locate_history(config.rootpath, settings.history)
    continued = continue_run(place, run, same_arguments=not settings.resume)
    return (run, False) if continued is None else (continued, True)


def known_results(config: pytest.Config, settings: Settings) -> Mapping[tuple[str, str], CaseResult]:
    """Return the results that the user wants to keep of the run that is continued, by file and name."""
    if not settings.resume or settings.history == "off":
        return {}
    # By the time that a worker asks, the run may be the controller's own already, and unfinished no more.
    run_id = worker_facts(config).get(RESUMED_FACT) if is_xdist_worker(config) else resumed_run_id(config, settings)
    return {} if run_id is None else read_finished(locate_history(config.rootpath, settings.history), run_id)


def resumed_run_id(config: pytest.Config, settings: Settings) -> str | None:
    """Return the id of the run that ``--evals-resume`` continues, ``None`` if there is none."""
    if settings.history == "off":
        return None
    shard = shard_of(config)  # a controller has collected nothing: it knows no more of the selection
    run = dataclasses.replace(_described_run(config), shard=None if shard is None else str(shard))
    place = locate_history(config.rootpath, settings.history)
    unfinished = read_unfinished_run(place, run, same_arguments=False)
    return None if unfinished is None else unfinished.id


def _described_run(config: pytest.Config) -> Run:
    facts = selection_facts(config)
    run = new_run(config.invocation_params.args, config.rootpath)
    kind = RunKind.RERUN if facts.is_rerun else RunKind.RUN
    return dataclasses.replace(run, shard=facts.shard, selected=facts.selected, selection=facts.selection, kind=kind)

"""What makes the run's results comparable with others: learnt where cases run, put together where they are recorded."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest

from pytest_promptevals.datasets.loader import load_cases, load_dataset
from pytest_promptevals.engine.file_facts import describe_file
from pytest_promptevals.engine.planning import EvalPlan, PlannedCase
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.history.run_history import RunHistory
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.contents import Content, FileFacts, case_content, dataset_version
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import RunFile

_AT_ONCE: Final = 1000
"""Cases that are written to the history together."""


def plan_of(item: pytest.Item) -> EvalPlan | None:
    """Return the plan that an eval item, or a test function over a dataset, belongs to; ``None`` for other items."""
    callspec = getattr(item, "callspec", None)
    holders = (item, None if callspec is None else callspec.params.get("case"))
    found = (getattr(holder, "planned", None) for holder in holders)
    return next((planned.plan for planned in found if isinstance(planned, PlannedCase)), None)


class Describer:
    """Describes each eval file of a process once: when the first of its cases has run, so that collecting is free."""

    def __init__(self) -> None:
        self._described: set[str] = set()

    def describe(self, item: pytest.Item, file: str) -> tuple[FileFacts, Sequence[Case]] | None:
        """Return what is known of the item's file, and its cases; ``None`` if it was said before, or is unknown."""
        plan = None if file in self._described else plan_of(item)
        if plan is None:
            return None
        self._described.add(file)
        return describe_file(plan, file), plan.dataset.cases


class RunFacts:
    """What is known of the eval files of a run.

    Args:
        rootdir: root of the project.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._known: dict[str, tuple[FileFacts, Sequence[Case] | None]] = {}
        self._models: dict[str, dict[str, set[str]]] = {}

    def add(self, facts: FileFacts, cases: Sequence[Case] | None = None) -> None:
        """Remember what is known of an eval file; without its cases, they are read from it when they are needed."""
        self._known.setdefault(facts.file.file, (facts, cases))

    def note(self, result: CaseResult) -> None:
        """Remember which models answered."""
        resolved = self._models.setdefault(result.file, {}).setdefault(result.model, set())
        for trial in result.trials:
            if trial.response is not None and trial.response.model:
                resolved.add(trial.response.model)

    def files(self, names: Iterable[str]) -> tuple[RunFile, ...]:
        """Return what makes the results of those eval files comparable, with the models that answered."""
        return tuple(self._file(name) for name in sorted(names))

    def texts(self, name: str) -> dict[str, str]:
        """Return the prompts and judges of an eval file by their content hashes, as JSON."""
        known = self._known.get(name)
        return {} if known is None else {content.hash: content.text for content in known[0].contents}

    def keep_in(self, recorder: HistoryRecorder, names: Collection[str]) -> None:
        """Have the history keep the prompts, judges and cases of those files, where it does not know them."""
        known = [self._known[name] for name in sorted(names) if name in self._known]
        recorder.keep(lambda history: _keep(history, known, self._rootdir))

    def _file(self, name: str) -> RunFile:
        # A worker that crashed has not said what it knew.
        file = self._known[name][0].file if name in self._known else RunFile(name)
        models = self._models.get(name, {})
        return dataclasses.replace(
            file, models={label: ", ".join(sorted(models[label])) or label for label in sorted(models)}
        )


def _keep(history: RunHistory, known: Iterable[tuple[FileFacts, Sequence[Case] | None]], rootdir: Path) -> None:
    for facts, cases in known:
        history.add_contents(map(_to_row, facts.contents))
        if not history.knows_dataset(facts.file.file, facts.file.dataset_version):
            _keep_cases(history, facts.file, _read_cases(facts, rootdir) if cases is None else cases)


def _keep_cases(history: RunHistory, file: RunFile, cases: Sequence[Case]) -> None:
    members: list[tuple[str, str]] = []
    left = iter(cases)
    while chunk := list(itertools.islice(left, _AT_ONCE)):
        contents = [case_content(case) for case in chunk]
        members += [(case.id, content.hash) for case, content in zip(chunk, contents, strict=True)]
        history.add_contents(map(_to_row, contents))
    if members:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        history.add_dataset(file.file, file.dataset_version, now, members)


def _read_cases(facts: FileFacts, rootdir: Path) -> Sequence[Case]:
    """Return the cases of an eval file that ran in another process; none if it was changed since."""
    load = load_dataset if facts.cases_path == facts.file.file else load_cases
    try:
        cases = load(rootdir / facts.cases_path, rootdir).cases
    except DatasetError:
        return ()
    return cases if dataset_version(cases) == facts.file.dataset_version else ()


def _to_row(content: Content) -> tuple[str, str, str]:
    return content.hash, content.kind.value, content.text

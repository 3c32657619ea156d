"""Eval files and their cases as pytest nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.datasets.problems import render_problems
from pytest_promptevals.engine.planning import PlannedCase, plan_dataset
from pytest_promptevals.errors import DatasetError, PromptEvalsError
from pytest_promptevals.files.paths import is_in_directory_loop, shown_path
from pytest_promptevals.pytest_glue.eval_files import EvalSource, source_of_dataset
from pytest_promptevals.pytest_glue.longrepr import CaseErrored
from pytest_promptevals.pytest_glue.marks import mark_item
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.session import session_of
from pytest_promptevals.pytest_glue.writing import log_text
from pytest_promptevals.records.cases import Dataset
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import visible_line, visible_text


def collect_eval_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of an eval file; ``None`` for one that is only reached through a loop of links."""
    if is_in_directory_loop(file_path):
        return None
    shown = visible_line(file_path.name)
    if shown == file_path.name:
        named: pytest.Collector = EvalFile.from_parent(parent, path=file_path)
        return named
    # What pytest prints as it is would be obeyed by the terminal.
    nodeid = visible_line(shown_path(file_path, parent.config.rootpath))
    renamed: pytest.Collector = EvalFile.from_parent(parent, path=file_path, name=shown, nodeid=nodeid)
    return renamed


class EvalFile(pytest.File):
    """One eval file."""

    def collect(self) -> Iterator[EvalItem]:
        """Load the dataset and yield an item for each case, prompt and model."""
        session = session_of(self.config)
        dataset = load_dataset(self.path, self.config.rootpath, partial(session.find_judge_problems, self))
        if _is_bare_jsonl(self.path, dataset) and not session.settings.model:
            session.note_bare_dataset(self)
            return
        planned_cases = plan_dataset(dataset, session.registry_of(self), self.config.rootpath, session.settings)
        source = source_of_dataset(dataset, self.path, planned_cases)
        session.add_source(source)
        for planned in planned_cases:
            item: EvalItem = EvalItem.from_parent(self, name=visible_line(planned.name), planned=planned, source=source)
            mark_item(item, planned)
            yield item

    def repr_failure(  # type: ignore[override]  # pytest's own collectors narrow it the same way
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Show what is wrong with the file, not where in the plugin it was found."""
        if isinstance(excinfo.value, DatasetError):
            return log_text(visible_text(render_problems(excinfo.value.problems)))
        if isinstance(excinfo.value, PromptEvalsError):
            return log_text(visible_text(str(excinfo.value)))
        return super().repr_failure(excinfo)


def _is_bare_jsonl(path: Path, dataset: Dataset) -> bool:
    """Return whether the file may be meant for a test function: rows only, and no model in reach."""
    return path.suffix == ".jsonl" and not dataset.models and all(case.output is None for case in dataset.cases)


class EvalItem(CaseItem):
    """One case with one prompt and one model."""

    def __init__(self, *, planned: PlannedCase, source: EvalSource, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.source = source
        self.result: CaseResult | None = None

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Point at the case's own line."""
        location = self.planned.case.location
        path = self.path if location.path == self.source.file else self.config.rootpath / location.path
        return Path(visible_line(str(path))), location.line - 1, self.name

    def setup(self) -> None:
        """Wait for the case's result. Raises ``CaseErrored`` if the case could not be scored."""
        if self.config.getoption("setuponly", default=False):
            return  # --setup-only and --setup-plan look at fixtures: no model is asked
        session = session_of(self.config)
        self.result = session.result_of(self)
        if self.result.error is not None:
            raise CaseErrored(session.describe_error(self.result), self.result.error.kind)

    def runtest(self) -> None:
        """Pass or fail the case as its policy says. Raises ``CaseFailed``."""
        assert self.result is not None, "setup waits for the result"  # noqa: S101 - states pytest's order of phases
        if self.result.passed:
            return
        session = session_of(self.config)
        session.fail_unless_let_through(self, self.source, self.result)

    def teardown(self) -> None:
        """Let go of the result: it is recorded by now."""
        self.result = None

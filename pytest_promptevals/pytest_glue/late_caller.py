"""The controller of pytest-xdist asks models itself, once its workers have ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.session import session_of


class LateCaller:
    """Collects the eval files that are asked for, and runs their cases in this process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def planned_cases(self, session: pytest.Session, files: Collection[str]) -> dict[tuple[str, str], PlannedCase]:
        """Return the cases of those eval files that can be run."""
        found = [item for file in files for item in _collect(session, self._config.rootpath / file)]
        return {(item.planned.plan.dataset.path, item.planned.name): item.planned for item in found}

    def run(self, work: Callable[[Pipeline], Any]) -> Any:
        """Run a coroutine function that takes the pipeline on the engine's loop."""
        return session_of(self._config).run(work)

    def output_before(self, source: EvalSource, name: str) -> str | None:
        """Return the output that the baseline keeps of an item."""
        return session_of(self._config).output_before(source, name)


def _collect(session: pytest.Session, path: Path) -> Iterator[CaseItem]:
    """Yield the items of an eval file, as pytest would collect them, with the conftest files of its folders loaded.

    Selection and order are left alone: these items are not run as items.
    """
    root = session.config.rootpath
    if not path.is_file() or not path.is_relative_to(root):
        return
    node: pytest.Collector | None = session.gethookproxy(root).pytest_collect_directory(path=root, parent=session)
    for step in reversed(
        [path, *(folder for folder in path.parents if folder.is_relative_to(root) and folder != root)]
    ):
        if node is None:
            return
        report = node.ihook.pytest_make_collect_report(collector=node)
        node = next((child for child in report.result or () if child.path == step), None)
    if node is not None:
        report = node.ihook.pytest_make_collect_report(collector=node)
        yield from (item for item in report.result or () if isinstance(item, CaseItem))

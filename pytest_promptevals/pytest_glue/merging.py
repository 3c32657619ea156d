"""``promptevals merge``: a session whose results are there already, of which other sessions each made a part."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_promptevals.engine.endpoint import TESTED
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.longrepr import CaseErrored, CaseFailed
from pytest_promptevals.pytest_glue.marked_functions import id_of, parametrized_of
from pytest_promptevals.pytest_glue.reusing import Reuse, reuse_of
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.session import session_of
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import ItemOutcome, OutcomeKind, Run, RunStatus
from pytest_promptevals.reports.words import count_text

if TYPE_CHECKING:
    from _pytest.nodes import Node

_SHOWN: Final = 3
"""Cases that a message names."""
_SKIPPING_MARKS: Final = frozenset({"skip", "skipif"})
_DECIDING_MARKS: Final = _SKIPPING_MARKS | {"xfail"}
_NO_KEY: Final = ("", "")
_OF_TEST: Final = "test"
"""Kind of the error of a test function that raised something, which is a failed test to pytest."""


class MergedItems:
    """Leaves only those items that have a result; test functions are not called for theirs."""

    def __init__(self) -> None:
        self._outcomes: Mapping[str, Sequence[ItemOutcome]] = {}
        self._files: frozenset[str] | None = None

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Leave out files without results: where pytest cannot be told of a file by its name, its folder is collected.

        Raises ``pytest.UsageError``.
        """
        reuse = reuse_of(config)
        if reuse is None or collection_path.is_dir():
            return None
        if self._files is None:
            self._files = frozenset(start for file in {file for file, _ in reuse.known} for start in _starts_of(file))
        return None if shown_path(collection_path, config.rootpath) in self._files else True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Choose the items. Raises ``pytest.UsageError`` if they are not those that were run."""
        returned = yield
        reuse = reuse_of(config)
        if reuse is None or session.testsfailed:  # what cannot be collected is said first
            return returned
        planned = dict(_planned_of(items))
        _check_same(reuse, {key: case.fingerprint for key, case in planned.items()})
        _check_models(reuse, planned)
        left_out = [item for item in items if _key_of(item) not in reuse.known]
        outcomes = self._outcomes = _group(reuse.run.outcomes or ())
        kept = [_stored(item, reuse, outcomes) for item in items if _key_of(item) in reuse.known]
        others = {item.nodeid: item for item in kept}
        noted = {nodeid: found for nodeid, found in outcomes.items() if nodeid not in others}
        items[:] = [*kept, *_without_result(session, noted, left_out)]
        left_out = [item for item in left_out if item.nodeid not in noted]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
        if missing := [_key_of(item) for item in left_out if _key_of(item) != _NO_KEY]:
            are = "is" if len(missing) == 1 else "are"
            reuse.notices.append(f"{_named(missing)} not in what is merged, and {are} left out of the verdict")
        if reuse.run.status is RunStatus.FINISHED:
            reuse.notices.append(f"run {reuse.run_id} is merged already: the history stays as it is")
        return returned

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Expect a case without a score where that was expected."""
        try:
            return (yield)
        except CaseErrored:
            self._xfail_as_expected(item)
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail an item that failed, and expect what was expected, whatever its result is."""
        try:
            returned = yield
        except (CaseFailed, CaseErrored):
            self._xfail_as_expected(item)
            raise
        self._xfail_as_expected(item)
        _fail_as(OutcomeKind.FAILED, _by_kind(self._outcomes.get(item.nodeid, ())))
        return returned

    def _xfail_as_expected(self, item: pytest.Item) -> None:
        outcomes = _by_kind(self._outcomes.get(item.nodeid, ()))
        if OutcomeKind.XFAILED in outcomes:
            pytest.xfail(outcomes[OutcomeKind.XFAILED])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail an item that failed when it was over: the last of a session may end fixtures of others."""
        returned = yield
        _fail_as(OutcomeKind.TEARDOWN, _by_kind(self._outcomes.get(item.nodeid, ())))
        return returned

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report that a failure was expected where none came."""
        report = yield
        outcomes = _by_kind(self._outcomes.get(item.nodeid, ()))
        if OutcomeKind.XPASSED in outcomes and call.when == "call" and report.passed:
            report.wasxfail = outcomes[OutcomeKind.XPASSED]
        return report


class NotedItem(pytest.Item):
    """An item of which it is known what pytest made of it: it reports the same, and calls nothing."""

    def __init__(self, *, outcomes: Sequence[ItemOutcome], **kw: Any) -> None:
        super().__init__(**kw)
        self._outcomes = _by_kind(outcomes)

    def setup(self) -> None:
        """Fail if it failed before it was called."""
        _fail_as(OutcomeKind.ERROR, self._outcomes)

    def runtest(self) -> None:
        """End as it ended."""
        if OutcomeKind.SKIPPED in self._outcomes:
            raise pytest.skip.Exception(self._outcomes[OutcomeKind.SKIPPED], _use_item_location=True)
        _fail_as(OutcomeKind.FAILED, self._outcomes)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Point at its file."""
        return self.config.rootpath / self.nodeid.partition("::")[0], 0, self.name


class StoredItem(NotedItem):
    """A test of a marked function whose result is known."""

    def __init__(
        self, *, like: pytest.Item, planned: PlannedCase, source: EvalSource, result: CaseResult, **kw: Any
    ) -> None:
        super().__init__(**kw)
        self.planned = planned
        self._source = source
        self._result = result
        self._place = like.reportinfo()

    def iter_markers_with_node(self, name: str | None = None) -> Iterator[tuple[Node, pytest.Mark]]:
        """Yield its marks, but for those by which pytest decides what to make of it: that is known."""
        return (found for found in super().iter_markers_with_node(name) if found[1].name not in _DECIDING_MARKS)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Point at the function."""
        return self._place

    def setup(self) -> None:
        """Do nothing: a fixture that failed is an error of the result."""

    def runtest(self) -> None:
        """Pass, or fail as the test did. Raises ``CaseFailed``, and ``CaseErrored`` if there is no score."""
        session = session_of(self.config)
        session.hand_on(self, self._result)
        error = self._result.error
        if error is None:
            super().runtest()
        elif OutcomeKind.LET_THROUGH in self._outcomes:
            return
        if OutcomeKind.ERROR in self._outcomes and error is not None:
            raise CaseErrored(session.describe_error(self._result), error.kind)
        if error is not None and error.kind == _OF_TEST:
            raise CaseFailed(session.describe_error(self._result))
        if error is not None:
            raise CaseErrored(session.describe_error(self._result), error.kind)
        if not self._result.passed:
            session.fail_unless_let_through(self, self._source, self._result)


def _stored(item: pytest.Item, reuse: Reuse, outcomes: Mapping[str, Sequence[ItemOutcome]]) -> pytest.Item:
    """Return what reports the result of an item."""
    parametrized = parametrized_of(item)
    if parametrized is None or item.parent is None:
        # It ran there, and ended as it did, whatever a condition says of it here. Older runs do not know how it ended.
        known = _SKIPPING_MARKS if reuse.run.outcomes is None else _DECIDING_MARKS
        item.own_markers = [mark for mark in item.own_markers if mark.name not in known]
        return item
    stored: StoredItem = StoredItem.from_parent(
        item.parent,
        name=item.name,
        like=item,
        planned=parametrized.planned,
        source=parametrized.source,
        result=reuse.known[parametrized.source.file, id_of(item)],
        outcomes=outcomes.get(item.nodeid, ()),
    )
    return stored


def _starts_of(name: str) -> Iterator[str]:
    """Yield the files that the name of an eval file, or of a test function, may begin with."""
    parts = name.split("::")
    return ("::".join(parts[:count]) for count in range(1, len(parts) + 1))


def _by_kind(outcomes: Sequence[ItemOutcome]) -> dict[OutcomeKind, str]:
    return {outcome.kind: outcome.message for outcome in outcomes}


def _fail_as(kind: OutcomeKind, messages: Mapping[OutcomeKind, str]) -> None:
    """Fail if an item did so in that way."""
    if kind in messages:
        pytest.fail(f"in the run that is merged: {messages[kind]}", pytrace=False)


def _group(outcomes: Sequence[ItemOutcome]) -> dict[str, list[ItemOutcome]]:
    found: dict[str, list[ItemOutcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.nodeid, []).append(outcome)
    return found


def _without_result(
    session: pytest.Session, outcomes: Mapping[str, Sequence[ItemOutcome]], left_out: Sequence[pytest.Item]
) -> Iterator[pytest.Item]:
    """Yield what reports the cases that came to no result, such as skipped ones, and ordinary tests that failed."""
    cases = {item.nodeid for item in left_out if _key_of(item) != _NO_KEY}
    for nodeid, found in outcomes.items():
        if nodeid in cases or any(outcome.kind.fails for outcome in found):
            noted: NotedItem = NotedItem.from_parent(
                session, name=nodeid.rpartition("::")[2], nodeid=nodeid, outcomes=found
            )
            yield noted


def _planned_of(items: Sequence[pytest.Item]) -> Iterator[tuple[tuple[str, str], PlannedCase]]:
    for item in items:
        parametrized = parametrized_of(item)
        if isinstance(item, CaseItem):
            yield _key_of(item), item.planned
        elif parametrized is not None:
            yield _key_of(item), parametrized.planned


def _key_of(item: pytest.Item) -> tuple[str, str]:
    """Return the eval file and the name of a case; of other items, what no case has."""
    parametrized = parametrized_of(item)
    if isinstance(item, CaseItem):
        return item.planned.plan.dataset.path, item.planned.name
    return _NO_KEY if parametrized is None else (parametrized.source.file, id_of(item))


def _check_same(reuse: Reuse, fingerprints: dict[tuple[str, str], str]) -> None:
    """Raise ``pytest.UsageError`` if results have no item of now, or one that was edited since."""
    missing = [key for key in reuse.known if key not in fingerprints]
    edited = [key for key, result in reuse.known.items() if fingerprints.get(key, "") != result.case_fingerprint]
    if missing or edited:
        what = "not among those here" if missing else "edited, or judged otherwise here"
        count = len(missing or edited)
        are = "is" if count == 1 else "are"
        cases = f"{count_text(count, 'case')} that ran ({_named(missing or edited)})"
        raise pytest.UsageError(f"{cases} {are} {what}: {_advice(reuse.run)}")


def _check_models(reuse: Reuse, planned: Mapping[tuple[str, str], PlannedCase]) -> None:
    """Raise ``pytest.UsageError`` if cases of one model here had several models there."""
    chosen: dict[tuple[str, str], str] = {}
    for key, result in reuse.known.items():
        target = planned[key].target
        if target.config.name == TESTED:  # of test functions, each test may say another one
            continue
        model = chosen.setdefault((result.file, target.label), result.model)
        if model != result.model:
            shares = f"{result.file} ran with {model} in one share and with {result.model} in another"
            raise pytest.UsageError(f"{shares}: give all jobs one model")


def _named(keys: Collection[tuple[str, str]]) -> str:
    names = [f"{file}::{name}" for file, name in list(keys)[:_SHOWN]]
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{', '.join(names)}{more}"


def _advice(run: Run) -> str:
    commit = "" if run.git is None else f"check out commit {run.git.commit[:7]}, and "
    options = f"; they ran 'pytest {' '.join(run.arguments)}'" if run.arguments else ""
    return f"{commit}give merge the options of the shares that change cases, after '--'{options}"

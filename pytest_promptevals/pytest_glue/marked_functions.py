"""Test functions with ``@pytest.mark.evals("x.eval.jsonl")``: one test per case of the dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_promptevals.datasets.loader import load_cases
from pytest_promptevals.datasets.problems import render_problems
from pytest_promptevals.engine.judging import wants_before
from pytest_promptevals.engine.planning import PlannedCase, plan_judges
from pytest_promptevals.errors import DatasetError, PromptEvalsError
from pytest_promptevals.pytest_glue.eval_files import EvalSource, source_of_function
from pytest_promptevals.pytest_glue.longrepr import CaseErrored
from pytest_promptevals.pytest_glue.marks import case_marks
from pytest_promptevals.pytest_glue.options import are_evals_wanted, is_named
from pytest_promptevals.pytest_glue.recorder import NotJudgedError, Recorder, UnscoredOutputError
from pytest_promptevals.pytest_glue.session import EvalSession, session_of
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import visible_text

_RECORDER_KEY: Final = pytest.StashKey[Recorder]()
_HOW: Final = 'mark the test with @pytest.mark.evals("cases.eval.jsonl") and let it take the fixture "case"'


class Parametrized:
    """One case as the parameter of a test function.

    Args:
        planned: the case, with its judges.
        source: the test function.
    """

    def __init__(self, planned: PlannedCase, source: EvalSource) -> None:
        self.planned = planned
        self.source = source


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give a marked test function one test per case. Raises ``CollectError`` for a mark that names no dataset."""
    mark = metafunc.definition.get_closest_marker("evals")
    nodeid = metafunc.definition.nodeid
    if mark is None or (not mark.args and not mark.kwargs and "case" not in metafunc.fixturenames):
        return
    if len(mark.args) != 1 or mark.kwargs:
        shown = ", ".join([*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())])
        raise pytest.Collector.CollectError(
            f"{nodeid}: the evals marker takes the name of one dataset, and nothing else; got evals({shown}). {_HOW}"
        )
    if "case" not in metafunc.fixturenames:
        raise pytest.Collector.CollectError(f'{nodeid}: the evals marker needs the fixture "case"; {_HOW}')
    session = session_of(metafunc.config)
    _register_calls(session)
    path = _find(str(mark.args[0]), metafunc.definition.path.parent, metafunc.config.rootpath, nodeid)
    session.claimed.add(path)
    try:
        node = metafunc.definition.parent or metafunc.definition.session
        dataset = load_cases(path, metafunc.config.rootpath, partial(session.find_judge_problems, node))
        registry = session.registry_of(node)
        planned_cases = plan_judges(dataset, registry, metafunc.config.rootpath, session.settings)
    except DatasetError as error:
        raise pytest.Collector.CollectError(visible_text(render_problems(error.problems))) from error
    except PromptEvalsError as error:
        raise pytest.Collector.CollectError(visible_text(str(error))) from error
    source = source_of_function(dataset, nodeid, planned_cases)
    session.add_source(source)
    parameters = [
        pytest.param(Parametrized(planned, source), id=planned.name, marks=case_marks(metafunc.config, planned))
        for planned in planned_cases
    ]
    metafunc.parametrize("case", parameters, indirect=True)


def _find(name: str, folder: Path, rootdir: Path, nodeid: str) -> Path:
    for base in (folder, rootdir):
        if (base / name).is_file():
            return (base / name).resolve()
    folders = " or ".join(dict.fromkeys((str(folder), str(rootdir))))
    raise pytest.Collector.CollectError(f"{nodeid}: no dataset {name!r} in {folders}")


def case_of(request: pytest.FixtureRequest) -> Case:
    """Return the value of the fixture ``case``."""
    return _parameter(request, "case").planned.case


def recorder_of(request: pytest.FixtureRequest) -> Recorder:
    """Return the value of the fixture ``evals``."""
    parametrized = _parameter(request, "evals")
    item = request.node
    session, planned, source = session_of(request.config), parametrized.planned, parametrized.source
    before = session.output_before(source, id_of(item)) if wants_before(planned.judges) else None
    recorder = Recorder(planned, id_of(item), source.file, session.run, before=before)
    item.stash[_RECORDER_KEY] = recorder
    return recorder


def _parameter(request: pytest.FixtureRequest, fixture: str) -> Parametrized:
    callspec = getattr(request.node, "callspec", None)
    parameter = callspec.params.get("case") if callspec is not None else None
    if not isinstance(parameter, Parametrized):
        pytest.fail(f'the fixture "{fixture}" has no case here: {_HOW}', pytrace=False)
    return parameter


def _register_calls(session: EvalSession) -> None:
    if not session.config.pluginmanager.has_plugin("promptevals-functions"):
        session.config.pluginmanager.register(FunctionCalls(session), "promptevals-functions")


class FunctionCalls:
    """Turns the end of a marked test function into the result of its case."""

    def __init__(self, session: EvalSession) -> None:
        self._session = session

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Record a case whose fixtures fail as an error."""
        try:
            return (yield)
        except (pytest.skip.Exception, pytest.xfail.Exception):  # it is not run
            raise
        except (Exception, pytest.fail.Exception) as failure:
            parametrized = parametrized_of(item)
            if parametrized is not None:
                recorder = Recorder(parametrized.planned, id_of(item), parametrized.source.file, self._session.run)
                self._session.hand_on(item, recorder.error_result("test", f"a fixture raised {_words(failure)}"))
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Record the case; fail it if a required score is below its threshold.

        Raises ``CaseFailed``, and ``CaseErrored`` if a judge could give no score.
        """
        parametrized = parametrized_of(item)
        if parametrized is None:
            return (yield)
        recorder = item.stash.get(_RECORDER_KEY, None)
        if recorder is None:
            recorder = Recorder(parametrized.planned, id_of(item), parametrized.source.file, self._session.run)
        try:
            returned = yield
            recorder.check()
        except pytest.skip.Exception:
            raise
        except (Exception, pytest.fail.Exception) as failure:
            result = recorder.result(failure)
            self._session.hand_on(item, result)
            if isinstance(failure, NotJudgedError | UnscoredOutputError):
                raise self._errored(result) from None
            raise
        result = recorder.result()
        self._session.hand_on(item, result)
        if result.error is None and not result.passed:
            self._session.fail_unless_let_through(item, parametrized.source, result)
        return returned

    def _errored(self, result: CaseResult) -> CaseErrored:
        kind = "judge" if result.error is None else result.error.kind
        return CaseErrored(self._session.describe_error(result), kind)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Learn the names of all tests before any is deselected; leave all out where the session leaves evals out."""
        self._learn_names(items)
        yield
        if are_evals_wanted(config):
            return
        left_out = [item for item in items if parametrized_of(item) is not None and not is_named(item.path, config)]
        if left_out:
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)

    def _learn_names(self, items: list[pytest.Item]) -> None:
        """Tell the session the names of tests that other parameters multiply; only now they are known."""
        found: dict[str, tuple[EvalSource, dict[str, bool]]] = {}
        for item in items:
            parametrized = parametrized_of(item)
            if parametrized is not None and id_of(item) != parametrized.planned.name:
                is_compared = found.setdefault(parametrized.source.file, (parametrized.source, {}))[1]
                is_compared[id_of(item)] = parametrized.planned.name in parametrized.source.compared
        for source, is_compared in found.values():
            names, compared = sorted(is_compared), sorted(name for name in is_compared if is_compared[name])
            self._session.add_source(dataclasses.replace(source, names=tuple(names), compared=tuple(compared)))


def _words(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}"


def id_of(item: pytest.Item) -> str:
    """Return the name of a parametrized test under its function."""
    callspec_id: str = item.callspec.id  # type: ignore[attr-defined]  # parametrized items have it
    return callspec_id


def parametrized_of(item: pytest.Item) -> Parametrized | None:
    """Return the case of a marked test function's test; ``None`` for any other item."""
    callspec = getattr(item, "callspec", None)
    parameter = callspec.params.get("case") if callspec is not None else None
    return parameter if isinstance(parameter, Parametrized) else None

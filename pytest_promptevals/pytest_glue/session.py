"""What one process knows of its evals. It exists only once an eval file or a marked function was collected."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_promptevals.comparison.gates import case_policy
from pytest_promptevals.engine.judging import find_judge_problems
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.registry import BUILTIN_PLUGINS, Registry, collect_registry
from pytest_promptevals.engine.reuse import ReuseMode
from pytest_promptevals.errors import DatasetError, FileProblem, UsageError
from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.checking import check_session
from pytest_promptevals.pytest_glue.continuing import known_results
from pytest_promptevals.pytest_glue.declaring import declaring_modules
from pytest_promptevals.pytest_glue.describing import Describer
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.flaky import FlakyCases, with_label
from pytest_promptevals.pytest_glue.garbage import settled
from pytest_promptevals.pytest_glue.guarded_longrepr import guard_report
from pytest_promptevals.pytest_glue.junit_properties import case_properties
from pytest_promptevals.pytest_glue.longrepr import (
    BELOW_ATTRIBUTE,
    CAUGHT_ATTRIBUTE,
    REVIEW_ATTRIBUTE,
    CaseErrored,
    CaseFailed,
    FailureRepr,
)
from pytest_promptevals.pytest_glue.not_run import SHARED_ATTRIBUTE, shared_error
from pytest_promptevals.pytest_glue.options import is_xdist_worker, settings_of
from pytest_promptevals.pytest_glue.recording import (
    FACTS_ATTRIBUTE,
    PROGRESS_ATTRIBUTE,
    RESULT_ATTRIBUTE,
    SOURCE_ATTRIBUTE,
    RunRecorder,
    recorder_of,
)
from pytest_promptevals.pytest_glue.reused_results import accept_nothing_to_run, is_sender, send_results
from pytest_promptevals.pytest_glue.reusing import asked_at, reuse_of, select_reusable
from pytest_promptevals.pytest_glue.running import CaseItem, CaseRunner
from pytest_promptevals.pytest_glue.selection import Selection
from pytest_promptevals.pytest_glue.share import NOTICES
from pytest_promptevals.records.cases import CasePolicy, JudgeSpec, Location
from pytest_promptevals.records.codec import encode, to_plain
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.contents import FileFacts
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.flaky import flaky_text
from pytest_promptevals.reports.review import Detail, error_lines, failure_lines
from pytest_promptevals.reports.words import visible_text

if TYPE_CHECKING:
    from pytest_promptevals.engine.declared import DeclaredFunctions
    from pytest_promptevals.pytest_glue.changed import ChangedCases

_SESSION_KEY: Final = pytest.StashKey["EvalSession"]()
_PROGRESS_SECONDS: Final = 0.25
"""Least time between two words of a worker on how far it is."""


def session_of(config: pytest.Config) -> EvalSession:
    """Return the session's evals, made and registered at the first use."""
    if _SESSION_KEY not in config.stash:
        session = EvalSession(config)
        config.stash[_SESSION_KEY] = session
        config.pluginmanager.register(session, "promptevals-session")
    return config.stash[_SESSION_KEY]


class EvalSession:
    """Runs the cases of this process and hands their results on.

    In a worker of pytest-xdist they travel on the test reports, else they go straight to the ``RunRecorder``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = settings_of(config)
        for plugin in BUILTIN_PLUGINS:
            config.pluginmanager.register(plugin)
        config.pluginmanager.register(Selection(config, self._find_unneeded), "promptevals-selection")
        self.claimed: set[Path] = set()
        self._bare: list[pytest.Collector] = []
        self._unsent: dict[str, EvalSource] = {}
        self._describer = Describer()
        self._unsent_facts: dict[str, FileFacts] = {}
        self._runner = CaseRunner(config, self.settings)
        self._flaky = FlakyCases(config.rootpath, self.settings)
        self._declared: DeclaredFunctions | None = None
        self._changed: ChangedCases | None = None
        self._progress_at = 0.0
        self._recorder: RunRecorder | None = None
        if not is_xdist_worker(config):
            self._recorder = recorder_of(config, self.settings)
            self._baselines = self._recorder.baselines
        else:
            self._baselines = Baselines(config.rootpath, self.settings, functools.partial(asked_at, config))

    def _find_unneeded(self, evals: Sequence[pytest.Item]) -> Sequence[pytest.Item]:
        """Return the eval items that do not run, since an earlier run speaks for them or has nothing to say of them."""
        reuse = reuse_of(self.config)
        if reuse is not None:  # of those that were merged, all are needed
            return () if reuse.mode is ReuseMode.MERGE else select_reusable(reuse, evals)
        if not self.settings.changed:
            return ()
        from pytest_promptevals.pytest_glue.changed import ChangedCases  # noqa: PLC0415 - only where it is asked for

        self._changed = ChangedCases(self.config, self._baselines)
        return self._changed.select(evals)

    def registry_of(self, node: pytest.Collector) -> Registry:
        """Return the judges and providers that the plugins give for a node, those of its folders' conftests included.

        Raises ``UsageError`` for a name that is given twice, and ``DatasetError`` for functions that are declared to be
        a judge or provider and cannot be one.
        """
        registry = collect_registry(node.ihook)
        modules = declaring_modules(self.config, node.path)
        if not modules:
            return registry
        if self._declared is None:
            from pytest_promptevals.engine.declared import DeclaredFunctions  # noqa: PLC0415 - only if one is declared

            self._declared = DeclaredFunctions(self.config.rootpath)
        return self._declared.add_to(registry, modules)

    def find_judge_problems(self, node: pytest.Collector, specs: Sequence[JudgeSpec]) -> Sequence[FileProblem]:
        """Return what is wrong with the judges of a file in which other things are wrong."""
        try:
            registry = self.registry_of(node)
        except DatasetError as error:
            return error.problems
        return find_judge_problems(specs, registry.judges, self.config.rootpath)

    def add_source(self, source: EvalSource) -> None:
        """Remember an eval file that was collected."""
        self._unsent[source.file] = source
        if self._recorder is not None:
            self._recorder.add_source(source)

    def note_bare_dataset(self, collector: pytest.Collector) -> None:
        """Remember a JSONL file without a model: a test function may claim it, else it is an error."""
        self._bare.append(collector)

    def result_of(self, item: CaseItem) -> CaseResult:
        """Return the case's result, waiting for it, and put it on the way to whoever records it."""
        if self._recorder is not None:
            self._recorder.begin()
        result = self._runner.result_of(item)
        self.hand_on(item, result)
        return result

    def hand_on(self, item: pytest.Item, result: CaseResult) -> None:
        """Have the result recorded with the next report of the item, and put its numbers into JUnit."""
        item.user_properties.extend(case_properties(result))
        item.stash[_RESULT_KEY] = result
        described = self._describer.describe(item, result.file)
        if described is not None and self._recorder is not None:
            self._recorder.facts.add(*described)
        elif described is not None:
            self._unsent_facts[result.file] = described[0]

    def run(self, work: Any) -> Any:
        """Run a coroutine function that takes the pipeline on the engine's loop."""
        return self._runner.run(work)

    def planned_cases(self, session: pytest.Session, files: Collection[str]) -> dict[tuple[str, str], PlannedCase]:
        """Return the cases of those eval files that were run; an earlier result that stands for one is no run of it."""
        planned = [item.planned for item in session.items if isinstance(item, CaseItem)]
        cases = {(case.plan.dataset.path, case.name): case for case in planned if case.plan.dataset.path in files}
        return {key: case for key, case in cases.items() if key not in self.settled}

    @property
    def settled(self) -> Mapping[tuple[str, str], CaseResult]:
        """Results of unchanged cases that fail, by eval file and name: their items report them and run nothing."""
        return {} if self._changed is None else self._changed.failing

    def output_before(self, source: EvalSource, name: str) -> str | None:
        """Return the output that the baseline keeps of an item; ``None`` if it keeps none."""
        return self._baselines.output_of(source, name)

    def fail_unless_let_through(self, item: pytest.Item, source: EvalSource, result: CaseResult) -> None:
        """Raise ``CaseFailed`` with the review of a case below its thresholds, unless it is let through.

        Its policy may do so, or that it is known to be flaky.
        """
        before = self._baselines.case(source, result)
        lines = failure_lines(result, before, Detail(self.config.get_verbosity()))
        flakiness = self._flaky.look_up(result)
        is_quarantined = self._flaky.is_quarantined(result, flakiness)
        if flakiness is not None:
            item.user_properties.append(("flaky", flaky_text(flakiness)))
            lines = with_label(lines, flakiness, is_quarantined=is_quarantined)
        # An expected failure stays one, whatever the policy.
        policy = case_policy(source.case_policy, self.settings)
        is_let_through = is_quarantined or _is_let_through(policy, before)
        if item.get_closest_marker("xfail") is None and is_let_through:
            why = _why_let_through(policy, before, is_quarantined)
            if before is None and why and self._baselines.problem_of(source):
                why = "the baseline cannot be read: "
            elif before is None and why and self._baselines.is_edited(source, result):
                why = "edited since the baseline, not held to anything yet: "
            item.stash[_BELOW_KEY] = why + "\n".join(lines)
            return
        raise CaseFailed((lines, result.location))

    def describe_error(self, result: CaseResult) -> tuple[list[str], Location]:
        """Return what kept a case from being scored, and its place."""
        return error_lines(result), result.location

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        """Report JSONL files that have no model and that no test function claimed."""
        for collector in self._bare:
            if collector.path.resolve() in self.claimed:
                continue
            text = (
                f"{collector.nodeid}:1: no model: add 'model: provider/model' to an evals.yaml in its folder or above, "
                f"or name the file in @pytest.mark.evals(...) of a test function"
            )
            report = pytest.CollectReport(collector.nodeid, "failed", text, [])
            session.config.hook.pytest_collectreport(report=report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show problems of cases as their review, and attach the case's result."""
        report = yield
        problem = call.excinfo.value if call.excinfo is not None else None
        if isinstance(problem, CaseFailed | CaseErrored) and report.failed:
            report.longrepr = FailureRepr(problem.lines, problem.location, self.config.getoption("tbstyle", "auto"))
            setattr(report, REVIEW_ATTRIBUTE, [problem.location.path, problem.location.line])
            if isinstance(problem, CaseErrored):
                setattr(report, SHARED_ATTRIBUTE, shared_error(problem.kind, problem.lines[0]))
        if call.when == "call" and _BELOW_KEY in item.stash:
            setattr(report, BELOW_ATTRIBUTE, item.stash[_BELOW_KEY])
            del item.stash[_BELOW_KEY]
        if not isinstance(problem, CaseFailed | CaseErrored) and item.get_closest_marker("evals") is not None:
            guard_report(report)
        result = item.stash.get(_RESULT_KEY, None)
        if result is not None:
            if call.when == "call" and report.passed and result.error is not None:
                setattr(report, CAUGHT_ATTRIBUTE, True)
            del item.stash[_RESULT_KEY]
            self._attach(report, result)
        return report

    def _attach(self, report: pytest.TestReport, result: CaseResult) -> None:
        if self._recorder is None:
            setattr(report, RESULT_ATTRIBUTE, _portable(encode(result)))
            self._attach_progress(report)
            source = self._unsent.pop(result.file, None)
            if source is not None:
                setattr(report, SOURCE_ATTRIBUTE, _portable(json.dumps(to_plain(source))))
            facts = self._unsent_facts.pop(result.file, None)
            if facts is not None:
                setattr(report, FACTS_ATTRIBUTE, _portable(json.dumps(to_plain(facts))))
        else:
            self._recorder.expect(report.nodeid, result)

    def _attach_progress(self, report: pytest.TestReport) -> None:
        now = time.monotonic()
        if now >= self._progress_at:
            self._progress_at = now + _PROGRESS_SECONDS
            setattr(report, PROGRESS_ATTRIBUTE, json.dumps(to_plain(self._runner.progress())))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Prepare the engine, and decide when all items have run; a worker leaves that to the controller.

        Raises ``pytest.UsageError`` for a baseline or an accepted case that there is not.
        """
        self._check(session)
        reuse = reuse_of(self.config)
        if reuse is None:
            known = known_results(self.config, self.settings)
            self._runner.prepare(session, known, self._baselines.output, settled=self.settled)
        else:
            merged = reuse.known if reuse.mode is ReuseMode.MERGE else None
            self._runner.prepare(session, reuse.known, self._baselines.output, reuse.mode, merged)
        with settled(session.items):
            result = yield
        if self._recorder is not None:
            if self._changed is not None and not self._runs_nothing():
                self._recorder.reuse(self._changed.sources, self._changed.results(), self._changed.facts())
            self._recorder.decide(session, self)
        return result

    def _runs_nothing(self) -> bool:
        return bool(self.config.option.collectonly or self.settings.plan)

    def _check(self, session: pytest.Session) -> None:
        try:
            left_out = () if self._changed is None else self._changed.left_out
            check_session(session, self._baselines, self.settings, left_out)
        except UsageError as error:
            if self._recorder is not None:
                raise pytest.UsageError(visible_text(str(error))) from error
            self._runner.refuse(str(error))  # a worker cannot end the session

    def pytest_keyboard_interrupt(self) -> None:
        """Stop calling at once."""
        self._runner.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Stop the engine, and hand on what it has to say."""
        self._runner.stop()
        if self._changed is not None:
            self._hand_on_unchanged(self._changed, session)
        self._flaky.close()
        reuse = reuse_of(self.config)
        notices = [*self._runner.notices, *(() if reuse is None else reuse.notices)]
        notices += () if self._changed is None else self._changed.notices
        if self._recorder is not None:
            self._recorder.add_notices(notices)
        elif notices:
            self.config.workeroutput[NOTICES] = json.dumps(notices)  # type: ignore[attr-defined]  # xdist's

    def _hand_on_unchanged(self, changed: ChangedCases, session: pytest.Session) -> None:
        if self._recorder is not None:
            accept_nothing_to_run(session, changed.sources)
        elif is_sender(self.config) and not self._runs_nothing():
            facts = (described for described, _ in changed.facts())
            send_results(self.config, changed.sources, changed.results(), facts)


_RESULT_KEY: Final = pytest.StashKey[CaseResult]()
_BELOW_KEY: Final = pytest.StashKey[str]()


def _is_let_through(policy: CasePolicy, before: BaselineCase | None) -> bool:
    if policy is CasePolicy.RATCHET:
        return before is None or not before.passed
    return policy is CasePolicy.GATE


def _why_let_through(policy: CasePolicy, before: BaselineCase | None, is_quarantined: bool) -> str:  # noqa: FBT001 - of this module alone
    """Return the begin of what is said of a case that ``ratchet`` lets through."""
    if policy is not CasePolicy.RATCHET or is_quarantined:
        return ""
    return "new, not held to anything yet: " if before is None else "known failure: "


def _portable(text: str) -> str:
    """Return JSON text with lone surrogates as its escapes: xdist can carry no others."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

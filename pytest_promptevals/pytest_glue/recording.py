"""The run: its results, its verdicts and its exit status. Lives where reports arrive, so never in a worker."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.errors import BaselineError
from pytest_promptevals.history.baselines import merge_baseline, read_baseline, write_baseline
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.continuing import begin_run
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.gate_items import report_gates
from pytest_promptevals.pytest_glue.kept import Totals, without_texts
from pytest_promptevals.pytest_glue.longrepr import failure_from_text
from pytest_promptevals.pytest_glue.not_run import SHARED_ATTRIBUTE, NotRunErrors
from pytest_promptevals.pytest_glue.recordings import write_session_recordings
from pytest_promptevals.records.cases import CasePolicy, GateRules, Location
from pytest_promptevals.records.codec import decode, from_plain
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, GateResult, Verdict
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunStatus
from pytest_promptevals.reports.judge_notes import judge_notes
from pytest_promptevals.reports.position_bias import position_bias_lines
from pytest_promptevals.reports.spending import spending_text
from pytest_promptevals.reports.terminal import below_lines, fill_lines, summary_lines
from pytest_promptevals.reports.words import count_text
from pytest_promptevals.settings import Settings

RESULT_ATTRIBUTE: Final = "promptevals_result"
"""Attribute of a worker's report that carries the case's result home, as text."""
BELOW_ATTRIBUTE: Final = "promptevals_below"
"""Attribute of the report of a case that is below its thresholds but let through: its review."""
REVIEW_ATTRIBUTE: Final = "promptevals_review"
"""Attribute of the report of a failed case: path and line of the case."""
SOURCE_ATTRIBUTE: Final = "promptevals_source"
"""Attribute of a worker's first report of an eval file that carries what the controller must know of the file."""
PROGRESS_ATTRIBUTE: Final = "promptevals_progress"
"""Attribute of some of a worker's reports that says how far it is, as text."""
_RECORDER_KEY: Final = pytest.StashKey["RunRecorder"]()


def recorder_of(config: pytest.Config, settings: Settings) -> RunRecorder:
    """Return the session's recorder, made and registered at the first use."""
    if _RECORDER_KEY not in config.stash:
        recorder = RunRecorder(config, settings)
        config.stash[_RECORDER_KEY] = recorder
        config.pluginmanager.register(recorder, "promptevals-recorder")
    return config.stash[_RECORDER_KEY]


class RunRecorder:
    """Records the results of a session as one run, compares them with the baselines and sets the exit status."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.baselines = Baselines(config.rootpath, settings.history, settings.judged_level)
        self._config = config
        self._settings = settings
        self._not_run = NotRunErrors()
        config.pluginmanager.register(self._not_run, "promptevals-not-run")
        self._sources: dict[str, EvalSource] = {}
        self._compared: dict[str, frozenset[str]] = {}
        self._expected: dict[str, CaseResult] = {}
        self._results: dict[str, dict[str, CaseResult]] = {}
        self._run: Run | None = None
        self._history: HistoryRecorder | None = None
        self._comparisons: tuple[Comparison, ...] = ()
        self._below: dict[str, str] = {}
        self._notices: list[str] = []
        self._totals = Totals()
        self._progress: dict[str, Progress] = {}
        self._is_complete = False

    def add_source(self, source: EvalSource) -> None:
        """Remember an eval file that was collected."""
        self._sources[source.file] = source
        self._compared[source.file] = frozenset(source.compared)

    def add_plain_sources(self, sources: Sequence[Any]) -> None:
        """Remember the eval files that a worker collected."""
        for source in sources:
            self.add_source(from_plain(EvalSource, source))

    def expect(self, nodeid: str, result: CaseResult) -> None:
        """Record the result when the next report of that item arrives."""
        self._expected[nodeid] = result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the result that goes with the report."""
        result = self._expected.pop(report.nodeid, None)
        if result is not None:
            self._record(result)
        if hasattr(report, BELOW_ATTRIBUTE):
            self._below[report.nodeid] = getattr(report, BELOW_ATTRIBUTE)

    def add_notices(self, notices: Sequence[str]) -> None:
        """Tell the user those lines at the end, each once."""
        self._notices += [notice for notice in notices if notice not in self._notices]

    def progress(self) -> Progress:
        """Return how far all workers are together."""
        return functools.reduce(Progress.plus, list(self._progress.values()), Progress())

    def take(self, report: pytest.TestReport) -> None:
        """Record the result that a worker's report carries, and the eval file if it is its first."""
        progress = getattr(report, PROGRESS_ATTRIBUTE, None)
        if progress is not None:
            self._progress[getattr(report, "worker_id", "")] = from_plain(Progress, json.loads(progress))
            delattr(report, PROGRESS_ATTRIBUTE)
        source = getattr(report, SOURCE_ATTRIBUTE, None)
        if source is not None:
            self.add_plain_sources([json.loads(source)])
            delattr(report, SOURCE_ATTRIBUTE)
        result = decode(CaseResult, getattr(report, RESULT_ATTRIBUTE))
        delattr(report, RESULT_ATTRIBUTE)
        self._record(result)

    def restore_review(self, report: pytest.TestReport) -> None:
        """Give the report of a worker back its review, of which only the text has travelled."""
        path, line = getattr(report, REVIEW_ATTRIBUTE)
        tbstyle = self._config.getoption("tbstyle", "auto")
        report.longrepr = failure_from_text(str(report.longrepr), Location(path, line), tbstyle)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Give cases that are let through a category of their own; a test function without a score is an error."""
        if report.when == "call" and report.passed and hasattr(report, BELOW_ATTRIBUTE):
            return "below", "b", ("BELOW", {"yellow": True})
        if report.when == "call" and report.failed and hasattr(report, SHARED_ATTRIBUTE):
            return "error", "E", ("ERROR", {"red": True})
        return None

    def decide(self, session: pytest.Session) -> None:
        """Compare with the baselines and report the gates as items, when all items have run.

        pytest counts a failed gate as it counts a failed test, so the exit status follows by itself.
        """
        if self._run is None:
            return
        self._is_complete = not (session.shouldfail or session.shouldstop)
        self._comparisons = tuple(self._compare(file) for file in sorted(self._results))
        report_gates(session, [gate for comparison in self._comparisons for gate in comparison.gates])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Write baselines and history."""
        if self._run is None:
            return
        if not self._is_complete:
            self._comparisons = tuple(self._compare(file) for file in sorted(self._results))
        if self._settings.save_baseline:
            self._save_baselines()
        self._finish_run(self._run)
        self._notices += write_session_recordings(self._config, self._settings)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of eval files, what changed, and the verdicts."""
        if self._run is None:
            return
        verbosity = self._config.get_verbosity()
        width = min(shutil.get_terminal_size().columns, terminalreporter._tw.fullwidth)  # noqa: SLF001 - pytest gives no public width
        lines = summary_lines(
            self._comparisons,
            width=width,
            verbosity=verbosity,
            is_stopped_early=not self._is_complete,
        )
        if verbosity >= 0:
            terminalreporter.write_sep("=", "evals")
        for line in [*below_lines(self._below, width, verbosity), *lines]:
            terminalreporter.write_line(line.text, **line.markup)
        for text in self._not_run.texts():
            terminalreporter.write_line(text, red=True)
        notes = [*judge_notes(self._all_results()), *position_bias_lines(self._all_results())]
        for note in notes if verbosity >= 0 else ():
            for row in fill_lines(note, width):
                terminalreporter.write_line(row)
        totals = self._totals
        spending = spending_text(totals.put_into(self._run), totals.unpriced, totals.judged)
        if spending is not None and verbosity >= 0:
            terminalreporter.write_line(spending)
        for notice in self._all_notices():
            for row in fill_lines(notice, width):
                terminalreporter.write_line(row, yellow=True)

    def _record(self, result: CaseResult) -> None:
        if self._run is None:
            self._run = self._start_run()
        self._tell("pytest_promptevals_case_finished", run=self._run, result=result)
        of_file = self._results.setdefault(result.file, {})
        self._totals.add(result, instead_of=of_file.get(result.name))
        is_whole = result.name in self._compared.get(result.file, ())
        of_file[result.name] = without_texts(result, keep_output=self._settings.save_baseline, is_whole=is_whole)

    def _all_results(self) -> Iterator[CaseResult]:
        for file in sorted(self._results):
            yield from self._results[file].values()

    def _start_run(self) -> Run:
        run, is_continued = begin_run(self._config, self._settings)
        if is_continued:
            self._notices.append(f"continued run {run.id}, which was interrupted")
        elif self._settings.resume:
            self._notices.append("--evals-resume: there was no run that did not finish, so this is a new one")
        if self._settings.history != "off":
            self._history = HistoryRecorder(self._config.rootpath / self._settings.history)
            self._config.pluginmanager.register(self._history, "promptevals-history")
        self._tell("pytest_promptevals_run_started", run=run)
        return run

    def _finish_run(self, run: Run) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        status = RunStatus.FINISHED if self._is_complete else RunStatus.INTERRUPTED
        finished = dataclasses.replace(self._totals.put_into(run), status=status, finished_at=now)
        self._tell("pytest_promptevals_run_finished", run=finished, comparisons=self._comparisons)

    def _tell(self, hook: str, **arguments: object) -> None:
        """Call a hook. What a plugin raises is said once and costs nobody their results."""
        try:
            getattr(self._config.hook, hook)(**arguments)
        except Exception as error:  # noqa: BLE001 - a plugin of the user's may raise anything
            notice = f"a plugin failed in {hook}: {type(error).__name__}: {error}"
            if notice not in self._notices:
                self._notices.append(notice)

    def _source(self, file: str) -> EvalSource:
        # A worker that crashed has not said which eval files it collected.
        names = tuple(sorted(self._results[file]))
        return self._sources.get(file) or EvalSource(file, "", names, Location(file, 1), GateRules(), CasePolicy.STRICT)

    def _compare(self, file: str) -> Comparison:
        source = self._source(file)
        rules = source.gate
        if "max_drop" in self._settings.given:
            rules = dataclasses.replace(rules, max_drop=self._settings.max_drop)
        gates = parse_gates(rules, default_max_drop=self._settings.max_drop)
        baseline = self.baselines.of(source)
        comparison = compare(
            file,
            source.location,
            tuple(self._results[file].values()),
            None if baseline is None else baseline.cases,
            gates=gates,
            collected_names=frozenset(source.names),
        )
        # Half a run, or one whose results become the baseline, is compared but decides nothing.
        decided = comparison.gates if self._is_complete else ()
        if self._settings.save_baseline:
            decided = tuple(gate for gate in decided if gate.gate != "score")
        label = "" if baseline is None else baseline.label
        if baseline is not None and baseline.problem and self._is_complete and not self._settings.save_baseline:
            unread = GateResult(file, "score", Verdict.INSUFFICIENT_DATA, baseline.problem, source.location)
            decided = (unread, *(gate for gate in decided if gate.gate != "score"))
        return dataclasses.replace(comparison, gates=decided, baseline=label)

    def _save_baselines(self) -> None:
        if not self._is_complete:
            self._notices.append("baselines not saved: the run stopped early")
            return
        for file in sorted(self._results):
            source = self._source(file)
            try:
                self._notices.append(self._save_baseline(source))
            except BaselineError as error:
                self._notices.append(str(error))

    def _save_baseline(self, source: EvalSource) -> str:
        path = self._config.rootpath / source.baseline
        results = self._results[source.file]
        # A full run needs nothing of the old baseline, so it may take the place of a damaged one.
        is_full = set(source.names) <= {name for name, result in results.items() if result.error is None}
        old: tuple[BaselineCase, ...] = () if is_full else read_baseline(path, source.baseline) or ()
        cases = merge_baseline(old, tuple(results.values()), frozenset(source.names), frozenset(source.compared))
        if not cases:
            return f"baseline not saved: no case of {source.file} has a score"
        write_baseline(path, cases)
        low = sum(not case.passed for case in cases)
        below = f", {low} of them below their thresholds" if low else ""
        return f"baseline saved: {source.baseline} ({count_text(len(cases), 'case')}{below})"

    def _all_notices(self) -> list[str]:
        history = self._history.notice if self._history is not None else None
        notices = [*self._notices, *self.baselines.notices, *(history or "").splitlines()]
        # Whoever comes upon a damaged file says so; what one says in full, no other needs to begin to say.
        return [
            notice
            for number, notice in enumerate(notices)
            if notice not in notices[:number] and not any(other.startswith(f"{notice};") for other in notices)
        ]

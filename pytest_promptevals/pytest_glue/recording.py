"""The run: its results, its verdicts and its exit status. Lives where reports arrive, so never in a worker."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from pytest_promptevals.comparison.changes import is_explained
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.pytest_glue.adaptive import AdaptiveTrials, Caller
from pytest_promptevals.pytest_glue.attribution import Attributor
from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.continuing import begin_run
from pytest_promptevals.pytest_glue.deciding import (
    Compared,
    compare_file,
    decide_run,
    forgetful_files,
    improved_cases,
    is_good,
)
from pytest_promptevals.pytest_glue.describing import RunFacts
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.gate_items import INCONCLUSIVE_ATTRIBUTE, report_gates
from pytest_promptevals.pytest_glue.idle_settings import idle_settings
from pytest_promptevals.pytest_glue.kept import Totals, without_texts
from pytest_promptevals.pytest_glue.longrepr import BELOW_ATTRIBUTE, REVIEW_ATTRIBUTE, failure_from_text
from pytest_promptevals.pytest_glue.not_run import SHARED_ATTRIBUTE, NotRunErrors
from pytest_promptevals.pytest_glue.outcomes import ItemOutcomes
from pytest_promptevals.pytest_glue.recordings import write_session_recordings
from pytest_promptevals.pytest_glue.reporting import SessionReports
from pytest_promptevals.pytest_glue.reusing import asked_at
from pytest_promptevals.pytest_glue.saving import FileResults, naming_notice, save_baselines
from pytest_promptevals.pytest_glue.selection import shard_of
from pytest_promptevals.pytest_glue.writing import encoding_of, width_of, write_filled, write_lines
from pytest_promptevals.records.cases import Case, GateRules, Location
from pytest_promptevals.records.codec import decode, from_plain
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.contents import FileFacts
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.references import COMMITTED, FILE
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind, RunStatus
from pytest_promptevals.reports.judge_notes import judge_notes
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.position_bias import position_bias_lines
from pytest_promptevals.reports.spending import spending_text
from pytest_promptevals.reports.summary_table import TREND_RUNS
from pytest_promptevals.reports.terminal import accept_lines, below_lines, commit_lines, summary_lines
from pytest_promptevals.reports.what_changed import ComparedFile, Explainer
from pytest_promptevals.settings import Settings

RESULT_ATTRIBUTE: Final = "promptevals_result"
"""Attribute of a worker's report that carries the case's result home, as text."""
SOURCE_ATTRIBUTE: Final = "promptevals_source"
"""Attribute of a worker's first report of an eval file that carries what the controller must know of the file."""
FACTS_ATTRIBUTE: Final = "promptevals_facts"
"""Attribute of a worker's first report of an eval file that says what makes the file's results comparable."""
PROGRESS_ATTRIBUTE: Final = "promptevals_progress"
"""Attribute of some of a worker's reports that says how far it is, as text."""
_RECORDER_KEY: Final = pytest.StashKey["RunRecorder"]()


def recorder_of(config: pytest.Config, settings: Settings) -> RunRecorder:
    """Return the session's recorder, made and registered at the first use."""
    if _RECORDER_KEY not in config.stash:
        recorder = RunRecorder(config, settings)
        config.stash[_RECORDER_KEY] = recorder
        config.pluginmanager.register(recorder, "promptevals-recorder")
        if settings.notify:
            from pytest_promptevals.pytest_glue.notifying import RunNotifier  # noqa: PLC0415 - only where it is asked for

            notifier = RunNotifier(config, settings, recorder.add_notices)
            config.pluginmanager.register(notifier, "promptevals-notifier")
    return config.stash[_RECORDER_KEY]


class RunRecorder:
    """Records the results of a session as one run, compares them with the baselines and sets the exit status."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.baselines = Baselines(config.rootpath, settings, functools.partial(asked_at, config))
        self.facts = RunFacts(config.rootpath)
        self._config = config
        self._settings = settings
        self._not_run = NotRunErrors()
        config.pluginmanager.register(self._not_run, "promptevals-not-run")
        self._outcomes = ItemOutcomes(config)
        config.pluginmanager.register(self._outcomes, "promptevals-outcomes")
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
        self._adaptive = AdaptiveTrials(config, settings, self) if settings.adaptive else None
        self._reports = SessionReports(config, settings)
        self._explainer = Explainer(config.rootpath, settings.history)
        self._keeps_outputs = settings.saves_file or bool(settings.accept)

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

    def begin(self) -> None:
        """Begin the run, if it has not begun: from now on the history shows it as running."""
        if self._run is None:
            self._run = self._start_run()

    def reuse(
        self,
        sources: Sequence[EvalSource],
        results: Sequence[CaseResult],
        facts: Iterable[tuple[FileFacts, Sequence[Case] | None]],
    ) -> None:
        """Record results that stand for cases which do not run; one that ran after all has its own.

        ``facts`` is what is known of their eval files, with the cases where they are at hand.
        """
        for source in sources:
            self.add_source(source)
        for described in facts:
            self.facts.add(*described)
        for result in results:
            if result.name not in self._results.get(result.file, ()):
                self._record(result)

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
        facts = getattr(report, FACTS_ATTRIBUTE, None)
        if facts is not None:
            self.facts.add(from_plain(FileFacts, json.loads(facts)))
            delattr(report, FACTS_ATTRIBUTE)
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
        if report.when == "call" and report.passed and hasattr(report, INCONCLUSIVE_ATTRIBUTE):
            return "inconclusive", "?", ("INCONCLUSIVE", {"yellow": True})
        if report.when == "call" and report.failed and hasattr(report, SHARED_ATTRIBUTE):
            return "error", "E", ("ERROR", {"red": True})
        return None

    def decide(self, session: pytest.Session, caller: Caller) -> None:
        """Compare with the baselines and report the gates as items, when all items have run.

        ``caller`` runs further trials, where they are asked for. pytest counts a failed gate as it counts a failed
        test, so the exit status follows by itself.
        """
        if self._run is None and shard_of(self._config) and self._outcomes.has_failures:
            self.begin()  # what fails beside the cases counts for the whole, and there may be no case here
        if self._run is None:
            return
        self._is_complete = not (session.shouldfail or session.shouldstop)
        compared = self._compare_all()
        if self._adaptive is not None and self._is_complete:
            compared = self._adaptive.run(session, caller, compared)
        # Half a run is compared, but decides nothing.
        self._comparisons = (
            decide_run(compared, self._settings) if self._is_complete else tuple(item.comparison for item in compared)
        )
        report_gates(session, [gate for comparison in self._comparisons for gate in comparison.gates])
        if self._settings.attribute and not self._config.getoption("evals_merge"):  # which calls nothing
            attributor = Attributor(self._explainer, self._settings, session, caller)
            self._notices += attributor.attribute(self._explained_files(), self._run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write baselines and history."""
        if self._run is None:
            self._notices += [] if exitstatus == pytest.ExitCode.USAGE_ERROR else self._reports.unwritten()
            return
        if not self._is_complete:
            self._comparisons = tuple(item.comparison for item in self._compare_all())
        run = self._save(self._run)
        self._finish_run(run)
        self._notices += self._reports.write(run, self.cases_before)
        self._notices += write_session_recordings(self._config, self._settings)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of eval files, what changed, and the verdicts."""
        if self._run is not None:
            self._print_run(self._run, terminalreporter, width_of(terminalreporter))
        write_filled(terminalreporter, self._all_notices(), yellow=True)

    def _print_run(self, run: Run, terminalreporter: pytest.TerminalReporter, width: int) -> None:
        verbosity = self._config.get_verbosity()
        lines = summary_lines(
            self._comparisons,
            width=width,
            verbosity=verbosity,
            is_stopped_early=not self._is_complete,
            wants_file=self._settings.baseline == FILE,
            grown=self._adaptive.grown if self._adaptive is not None else (),
            past=self._past_scores(run) if verbosity >= 0 else {},
            encoding=encoding_of(terminalreporter._tw),  # noqa: SLF001 - pytest gives no public way to its writer
        )
        if verbosity >= 0:
            terminalreporter.write_sep("=", "evals")
        explained = self._explainer.lines(self._explained_files(), run, width, verbosity)
        write_lines(terminalreporter, [*below_lines(self._below, width, verbosity), *lines, *explained])
        write_filled(terminalreporter, self._not_run.texts(), red=True)
        if verbosity >= 0:
            write_filled(terminalreporter, self._notes(run))
            write_lines(terminalreporter, self._ratchet_lines(width))

    def _past_scores(self, run: Run) -> Mapping[str, Sequence[float]]:
        """Return the mean scores of earlier runs like this one, by eval file; none where this run is no whole one."""
        if not self._is_complete or run.kind is not RunKind.RUN:
            return {}
        return self._explainer.past.scores_before(run.id, TREND_RUNS - 1)

    def _notes(self, run: Run) -> Iterator[str]:
        yield from judge_notes(self._all_results())
        yield from position_bias_lines(self._all_results())
        totals = self._totals
        spending = spending_text(totals.put_into(run), totals.unpriced, totals.judged)
        if spending is not None:
            yield spending

    def _record(self, result: CaseResult) -> None:
        self.begin()
        self._totals.add(result, instead_of=self._results.get(result.file, {}).get(result.name))
        if self._adaptive is not None:
            self._adaptive.keep(result)
        self._put(result)

    def _put(self, result: CaseResult) -> None:
        self._tell("pytest_promptevals_case_finished", run=self._run, result=result)
        self.facts.note(result)
        of_file = self._results.setdefault(result.file, {})
        is_whole = result.name in self._compared.get(result.file, ())
        self._explainer.outputs.note(result, lambda: self.baselines.case(self._source(result.file), result))
        of_file[result.name] = without_texts(result, keep_output=self._keeps_outputs, is_whole=is_whole)

    def _all_results(self) -> Iterator[CaseResult]:
        for file in sorted(self._results):
            yield from self._results[file].values()

    def _start_run(self) -> Run:
        self._notices += idle_settings(self._config)
        run, is_continued = begin_run(self._config, self._settings)
        self._totals.kind = run.kind
        if is_continued:
            self._notices.append(f"continued run {run.id}, which was interrupted")
        elif self._settings.resume:
            self._notices.append("--evals-resume: there was no run that did not finish, so this is a new one")
        place = self._reports.place
        if place is not None and run.status is RunStatus.RUNNING:  # one that was merged may be recorded already
            self._history = HistoryRecorder(place)
            self._config.pluginmanager.register(self._history, "promptevals-history")
        self._tell("pytest_promptevals_run_started", run=run)
        return run

    def _finish_run(self, run: Run) -> None:
        now = run.finished_at or dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        status = RunStatus.FINISHED if self._is_complete else RunStatus.INTERRUPTED
        files = self.facts.files(self._results)
        outcomes = self._outcomes.of(list(self._all_results()))
        totals = self._totals.put_into(run)
        finished = dataclasses.replace(totals, status=status, finished_at=now, files=files, outcomes=outcomes)
        if self._history is not None:
            self.facts.keep_in(self._history, self._results)
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
        return self._sources.get(file) or EvalSource(file, "", names, Location(file, 1), GateRules())

    def _explained_files(self) -> Iterator[ComparedFile]:
        """Yield the eval files whose verdict needs an explanation, with what it can be told from."""
        for comparison in filter(is_explained, self._comparisons):
            source, results = self._source(comparison.file), self._results[comparison.file]
            baseline = self.baselines.of(source, results.values())
            (now,) = self.facts.files([comparison.file])
            yield ComparedFile(
                comparison=comparison,
                before={case.name: case for case in baseline.cases} if baseline is not None else {},
                after=results,
                now=now,
                texts=self.facts.texts(comparison.file),
                baseline_path=source.baseline if comparison.baseline == COMMITTED else "",
            )

    def _ratchet_lines(self, width: int) -> list[Line]:
        """Return which cases could be taken over into committed baselines, and which files lack one."""
        of_run = ({file: self._source(file) for file in self._results}, self._comparisons, self._settings)
        return [*accept_lines(improved_cases(*of_run), width), *commit_lines(forgetful_files(*of_run), width)]

    def _compare_all(self) -> list[Compared]:
        sources = [self._source(file) for file in sorted(self._results)]
        return [self.compare_again(source.file) for source in sources]

    def compare_again(self, file: str) -> Compared:
        """Return the comparison of an eval file with the results that there are now."""
        source, results = self._source(file), self._results[file].values()
        return compare_file(source, results, self.baselines.of(source, results))

    def cases_before(self, file: str) -> tuple[BaselineCase, ...]:
        """Return the baseline of an eval file; nothing if it has none."""
        results = self._results.get(file)
        if results is None:  # a history spells names otherwise that no encoding can write
            return ()
        baseline = self.baselines.of(self._source(file), results.values())
        return () if baseline is None else baseline.cases

    def take_more(self, result: CaseResult, lost: float) -> None:
        """Record a result with further trials in the place of what it was; ``lost`` US dollars gave no score."""
        self._totals.extend(result, self._results[result.file][result.name], lost)
        self._put(result)

    def _save(self, run: Run) -> Run:
        """Save what is to be compared with later, and return the run with the name that it is saved under."""
        bad = {comparison.file for comparison in self._comparisons if not is_good(comparison)}
        files = [
            FileResults(self._source(file), tuple(self._results[file].values()), file not in bad)
            for file in sorted(self._results)
        ]
        root, settings, is_complete = self._config.rootpath, self._settings, self._is_complete
        self._notices += save_baselines(root, settings, self.baselines, files, kind=run.kind, is_complete=is_complete)
        self._notices += naming_notice(settings, run, is_complete=is_complete)
        return dataclasses.replace(run, name=settings.saved_name) if is_complete else run

    def _all_notices(self) -> list[str]:
        history = self._history.notice if self._history is not None else None
        notices = [*self._notices, *self.baselines.notices, *(history or "").splitlines()]
        # Whoever comes upon a damaged file says so; what one says in full, no other needs to begin to say.
        return [
            notice
            for number, notice in enumerate(notices)
            if notice not in notices[:number] and not any(other.startswith(f"{notice};") for other in notices)
        ]

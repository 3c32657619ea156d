from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pluggy
import pytest

from pytest_promptevals import hookspecs
from pytest_promptevals.history import recorder as recorder_module
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.history.run_history import RunHistory
from pytest_promptevals.history.run_log import RunLog
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.history.writer import FLUSH_COUNT, HistoryWriter
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunStatus
from tests.support.sample_results import FILE, make_result, make_run

RUN = make_run()
FINISHED = make_run(status=RunStatus.FINISHED, finished_at="2026-11-21T17:27:00+00:00")
COMPARISON = Comparison(FILE, Metrics(1, 1, 0, 1.0, 1.0))
LONG = 30.0
"""Seconds that no test ever waits."""
NEVER = 600.0
"""Seconds after which results are written where a test wants another reason for it."""


class FakeLog:
    """A log that keeps what it is told, and fails where a test wants it to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.notices: list[str] = []
        self.batches: list[list[str]] = []
        self.runs: list[Run] = []
        self.is_closed = False
        self._error = error

    def begin(self, run: Run) -> None:
        self.runs.append(run)

    def add(self, results: Sequence[CaseResult]) -> None:
        if self._error is not None:
            raise self._error
        self.batches.append([result.name for result in results])

    def finish(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        assert comparisons == (COMPARISON,)
        self.runs.append(run)

    def close(self) -> None:
        self.is_closed = True


def writer_to(fake: FakeLog, flush_seconds: float = NEVER) -> HistoryWriter:
    return HistoryWriter(cast("RunLog", fake), flush_seconds)


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_a_run_is_recorded_through_the_public_hooks(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    recorder = HistoryRecorder(path)
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    manager.register(recorder)

    manager.hook.pytest_promptevals_run_started(run=RUN)
    manager.hook.pytest_promptevals_case_finished(run=RUN, result=make_result("a"))
    manager.hook.pytest_promptevals_run_finished(run=FINISHED, comparisons=[COMPARISON])

    assert recorder.notice is None
    store = HistoryStore.open(path)
    assert store.runs() == (FINISHED,)
    assert store.results(RUN.id) == (make_result("a"),)
    assert store.comparisons(RUN.id) == (COMPARISON,)
    store.close()


def test_a_run_that_is_cut_short_keeps_its_results(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    recorder = HistoryRecorder(path)
    recorder.pytest_promptevals_run_started(RUN)
    recorder.pytest_promptevals_case_finished(make_result("a"))

    recorder.close()
    recorder.close()

    store = HistoryStore.open(path)
    assert store.run(RUN.id) == RUN
    assert store.results(RUN.id) == (make_result("a"),)
    store.close()


@pytest.mark.parametrize("name", ["file/history.db", "folder"])
def test_a_history_that_cannot_be_opened_is_a_notice(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    recorder = HistoryRecorder(tmp_path / name)

    recorder.pytest_promptevals_run_started(RUN)
    recorder.pytest_promptevals_case_finished(make_result("a"))
    recorder.pytest_promptevals_run_finished(FINISHED, [])

    assert recorder.notice is not None
    assert "evals_history = off" in recorder.notice
    assert len(recorder.notice.splitlines()) == 1


def test_a_recorder_that_never_started_closes(tmp_path: Path) -> None:
    recorder = HistoryRecorder(tmp_path / "history.db")

    recorder.close()

    assert recorder.notice is None
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_run_waits_for_its_history_but_not_for_ever() -> None:
    assert recorder_module.CLOSE_SECONDS == 60.0


def test_results_are_written_in_batches() -> None:
    fake = FakeLog()
    writer = writer_to(fake)
    for number in range(FLUSH_COUNT * 2 + 1):
        writer._inbox.append(make_result(str(number)))

    writer.start(RUN)
    writer.finish(FINISHED, [COMPARISON])
    writer.close(LONG)

    assert [len(batch) for batch in fake.batches] == [FLUSH_COUNT, FLUSH_COUNT, 1]
    assert [name for batch in fake.batches for name in batch] == [str(number) for number in range(FLUSH_COUNT * 2 + 1)]
    assert fake.runs == [RUN, FINISHED]
    assert fake.is_closed
    assert writer.notices == []


def test_a_full_batch_is_written_before_the_run_ends() -> None:
    fake = FakeLog()
    writer = writer_to(fake)
    writer.start(RUN)

    for number in range(FLUSH_COUNT):
        writer.add(make_result(str(number)))

    wait_until(lambda: len(fake.batches) == 1)
    writer.close(LONG)


def test_what_comes_after_a_full_batch_is_written_too() -> None:
    fake = FakeLog()
    writer = writer_to(fake, flush_seconds=0.001)
    writer.start(RUN)

    for name in "abc":
        writer.add(make_result(name))
        wait_until(lambda name=name: [name] in fake.batches)  # type: ignore[misc]  # mypy knows no lambda's default

    writer.close(LONG)


def test_the_thread_sleeps_when_a_full_batch_is_written() -> None:
    class CountingEvent(threading.Event):
        """Counts how often it is waited for."""

        count = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.count += 1
            return super().wait(timeout)

    fake = FakeLog()
    writer = writer_to(fake)
    writer._wake = event = CountingEvent()
    writer.start(RUN)
    for number in range(FLUSH_COUNT):
        writer.add(make_result(str(number)))
    wait_until(lambda: len(fake.batches) == 1)
    time.sleep(0.02)

    assert event.count <= 3
    writer.close(LONG)


def test_a_result_waits_for_others_before_it_is_written() -> None:
    fake = FakeLog()
    writer = writer_to(fake)
    writer.start(RUN)

    writer.add(make_result("a"))
    wait_until(lambda: bool(fake.runs))
    time.sleep(0.02)

    assert fake.batches == []
    writer.close(LONG)
    assert fake.batches == [["a"]]


def test_results_are_on_disk_before_the_run_is_finished() -> None:
    fake = FakeLog()
    writer = writer_to(fake)
    writer.start(RUN)
    writer.add(make_result("a"))

    writer.finish(FINISHED, [COMPARISON])
    writer.close(LONG)

    assert fake.runs == [RUN, FINISHED]
    assert fake.batches == [["a"]]


def test_a_run_without_an_end_is_not_finished() -> None:
    fake = FakeLog()
    writer = writer_to(fake)
    writer.start(RUN)

    writer.close(LONG)

    assert fake.runs == [RUN]


def test_what_fails_beside_the_results_costs_none_of_the_run(tmp_path: Path) -> None:
    def fail(history: RunHistory) -> None:
        raise RuntimeError("boom")

    recorder = HistoryRecorder(tmp_path / "history.db")
    recorder.pytest_promptevals_run_started(RUN)
    recorder.keep(fail)
    recorder.pytest_promptevals_case_finished(make_result("a"))
    recorder.pytest_promptevals_run_finished(FINISHED, [COMPARISON])

    assert recorder.notice == "the history of this run is incomplete: RuntimeError: boom"
    with HistoryStore.open(tmp_path / "history.db") as store:
        assert store.run(RUN.id) == FINISHED
        assert store.comparisons(RUN.id) == (COMPARISON,)
        assert len(store.results(RUN.id)) == 1


def test_the_thread_does_not_keep_a_process_alive() -> None:
    writer = writer_to(FakeLog())
    writer.start(RUN)

    assert writer._thread is not None
    assert writer._thread.daemon
    writer.close(LONG)


def test_a_result_is_written_soon_though_no_other_comes() -> None:
    fake = FakeLog()
    writer = writer_to(fake, flush_seconds=0.01)
    writer.start(RUN)

    writer.add(make_result("a"))

    wait_until(lambda: fake.batches == [["a"]])
    writer.close(LONG)


def test_a_result_is_written_soon_though_others_keep_coming() -> None:
    fake = FakeLog()
    writer = writer_to(fake, flush_seconds=0.05)
    writer.start(RUN)
    names = iter(range(FLUSH_COUNT - 1))

    def trickle() -> bool:
        writer.add(make_result(str(next(names))))
        time.sleep(0.001)
        return bool(fake.batches)

    wait_until(trickle)
    writer.close(LONG)


def test_a_result_that_is_written_is_let_go(tmp_path: Path) -> None:
    class Traced(CaseResult):
        """A result that can be watched."""

    writer = HistoryWriter(RunLog(tmp_path / "history.db"), flush_seconds=0.01)
    writer.start(RUN)
    plain = make_result("a")
    result = Traced(**{name: getattr(plain, name) for name in CaseResult.__dataclass_fields__})
    watched = weakref.ref(result)
    writer.add(result)
    del result

    def is_gone() -> bool:
        gc.collect()
        return watched() is None

    wait_until(is_gone)
    writer.close(LONG)
    assert writer.notices == []


def test_an_unexpected_failure_ends_the_recording_with_its_message() -> None:
    fake = FakeLog(error=ValueError("surprise"))
    writer = writer_to(fake, flush_seconds=0.0)
    writer._inbox.extend(make_result(str(number)) for number in range(FLUSH_COUNT + 1))
    writer.start(RUN)
    wait_until(lambda: not writer._is_writing)

    writer.add(make_result("late"))
    writer.finish(FINISHED, [COMPARISON])
    writer.close(LONG)

    assert fake.is_closed
    assert not writer._inbox  # they are not held on to
    assert fake.runs == [RUN]
    assert writer.notices == ["the history of this run is incomplete: ValueError: surprise"]


def test_notices_of_the_log_are_handed_on() -> None:
    fake = FakeLog()
    fake.notices.append("it was damaged")

    assert writer_to(fake).notices == ["it was damaged"]


def test_a_history_that_hangs_does_not_hang_the_run() -> None:
    class SlowLog(FakeLog):
        """A log that takes its time."""

        is_free = False

        def begin(self, run: Run) -> None:
            wait_until(lambda: self.is_free)

    fake = SlowLog()
    writer = writer_to(fake)
    writer.start(RUN)

    writer.close(0.01)

    assert writer.notices == ["the history is not written after 0.01 s; a part of this run is missing there"]
    fake.is_free = True
    wait_until(lambda: fake.is_closed)

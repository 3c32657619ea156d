"""Runs that end before their time, or wait, or share their files with others: counted at the server."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.project import EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

PATIENCE: Final = 60.0
"""Seconds until something that does not happen fails its test, on a busy machine too."""
APP: Final = """
    import asyncio
    import os

    async def answer(input):
        with open("called.txt", "a") as file:
            file.write(input + "\\n")
        await asyncio.sleep(float(os.environ.get("SECONDS_TO_ANSWER", "0")))
        if input == os.environ.get("SLOW"):
            await asyncio.sleep(0.8)
        if input in os.environ.get("POISON", "").split():
            os._exit(1)
        return input
"""


class Run:
    """A pytest in a process of its own, to be sent signals."""

    def __init__(self, project: EvalProject, *arguments: str, **environment: str) -> None:
        self._output = project.path / f"output-{time.monotonic_ns()}.txt"
        plugins = [part for name in ("randomly", "timeout", "socket", "cacheprovider") for part in ("-p", f"no:{name}")]
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *plugins, *arguments],
                cwd=project.path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.01)

    def end_with(self, number: signal.Signals) -> float:
        """Send a signal to all its processes, as a terminal does; return the seconds until it has ended."""
        started = time.monotonic()
        os.killpg(self.process.pid, number)
        self.process.wait(PATIENCE)
        return time.monotonic() - started

    def finish(self) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End all its processes, if there are any left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


@pytest.fixture
def start(project: EvalProject) -> Iterator[Callable[..., Run]]:
    """Start a run; all of them have ended when the test has."""
    runs: list[Run] = []

    def begin(*arguments: str, **environment: str) -> Run:
        runs.append(Run(project, *arguments, **environment))
        return runs[-1]

    yield begin
    for run in runs:
        run.kill()


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(30), head="")
    return project


@pytest.fixture
def scored(project: EvalProject) -> EvalProject:
    """A project whose model is a function: its responses are not in the cache."""
    project.write("app.py", APP)
    project.write_cases("a.eval.yaml", echo_cases(20), head="model: python/app:answer\njudges: [exact]\n")
    return project


def ask(project: EvalProject, file: str, query: str) -> list[tuple[object, ...]]:
    """Return the rows of one of the project's databases; none if it is not there yet."""
    path = project.path / ".promptevals" / file
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


def runs_of(project: EvalProject) -> list[tuple[object, ...]]:
    return ask(project, "history.db", "SELECT id, status FROM runs ORDER BY started_at, id")


def recorded(project: EvalProject) -> list[str]:
    """Return the cases that the history has a score of, sorted."""
    rows = ask(project, "history.db", "SELECT name FROM case_results WHERE score IS NOT NULL")
    return sorted(str(name) for (name,) in rows)


def called(path: Path) -> list[str]:
    """Return the inputs that the function was called with since the last time, in order."""
    file = path / "called.txt"
    lines = file.read_text(encoding="utf-8").split() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def asked(server: ModelServer) -> Counter[str]:
    return Counter(entry["body"]["messages"][-1]["content"] for entry in server.journal())


def test_ctrl_c_ends_at_once_keeps_what_came_back_and_the_same_command_goes_on(
    served: EvalProject, model_server: ModelServer, start: Callable[..., Run]
) -> None:
    model_server.control(latency=0.8)
    run = start("--evals-concurrency=8")
    # The answers to the first eight questions are there, those to the next eight are long in coming.
    run.wait_until(lambda: calls(model_server) == 16)
    time.sleep(0.2)

    seconds = run.end_with(signal.SIGINT)

    assert seconds < 3 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # a busy machine is no defect
    assert run.process.returncode == pytest.ExitCode.INTERRUPTED, run.output
    assert (calls(model_server), model_server.stats()["paid"]) == (16, 8)
    assert ask(served, "cache.db", "SELECT count(*) FROM responses") == [(8,)]
    ((first, status),) = runs_of(served)
    assert status == "interrupted"

    model_server.control(latency=0)
    again = start("--evals-concurrency=8")

    assert again.finish() == 0, again.output
    assert f"continued run {first}, which was interrupted" in " ".join(again.output.split())
    assert runs_of(served) == [(first, "finished")]
    assert ask(served, "history.db", "SELECT count(*), count(DISTINCT name) FROM case_results") == [(30, 30)]
    assert (calls(model_server), model_server.stats()["paid"], model_server.stats()["duplicates"]) == (38, 30, 0)


@pytest.mark.parametrize(
    ("end", "workers"),
    [(signal.SIGKILL, ()), (signal.SIGINT, ("-n2",))],
    ids=["killed", "interrupted-n2"],
)
def test_resuming_calls_only_what_has_no_result_or_another_prompt(
    scored: EvalProject, start: Callable[..., Run], end: signal.Signals, workers: tuple[str, ...]
) -> None:
    run = start("--evals-concurrency=4", *workers, SECONDS_TO_ANSWER="0.4")
    run.wait_until(lambda: len(recorded(scored)) >= 2)
    run.end_with(end)
    before = recorded(scored)
    called(scored.path)
    rows = echo_cases(20)
    changed = int(before[0][1:])
    rows[changed]["input"] = rows[changed]["expected"] = "another"
    scored.write_cases("a.eval.yaml", rows, head="model: python/app:answer\njudges: [exact]\n")

    again = start("--evals-resume", *workers)

    assert again.finish() == 0, again.output
    assert 2 <= len(before) < 20
    kept = {f"x{name[1:]}" for name in before[1:]}
    assert sorted(called(scored.path)) == sorted([*({f"x{n}" for n in range(20)} - kept - {f"x{changed}"}), "another"])
    assert [status for _, status in runs_of(scored)] == ["finished"]
    assert recorded(scored) == sorted(f"c{number}" for number in range(20))


def test_a_worker_that_takes_over_in_a_resumed_run_knows_its_results_too(
    scored: EvalProject, start: Callable[..., Run]
) -> None:
    # Slow enough that a busy machine sees the first eight before the last is done.
    run = start("--evals-concurrency=2", SECONDS_TO_ANSWER="0.6")
    run.wait_until(lambda: len(recorded(scored)) >= 8)
    run.end_with(signal.SIGKILL)
    before = recorded(scored)
    called(scored.path)
    rows = echo_cases(20)
    # The second case is new, and the end of its worker: the one that replaces it has the others before it.
    rows[1]["input"] = rows[1]["expected"] = "poison"
    scored.write_cases("a.eval.yaml", rows, head="model: python/app:answer\njudges: [exact]\n")

    again = start("--evals-resume", "-n1", POISON="poison", SECONDS_TO_ANSWER="0.3")

    assert again.finish() == pytest.ExitCode.TESTS_FAILED, again.output
    kept = {f"x{name[1:]}" for name in before} - {"x1"}
    assert len(kept) >= 7
    assert not kept.intersection(called(scored.path))


@pytest.mark.parametrize(
    ("arguments", "failing", "requests"),
    [(("-x",), [3], 5), (("--maxfail=3",), [1, 3, 5], 7), (("-x",), [], 12)],
    ids=["x", "maxfail", "nothing-failed"],
)
def test_a_run_that_stops_early_has_made_one_call_more_than_it_needed(
    project: EvalProject, model_server: ModelServer, arguments: tuple[str, ...], failing: list[int], requests: int
) -> None:
    serve(project, model_server)
    model_server.control(latency=0.15)
    rows = echo_cases(12)
    for number in failing:
        rows[number]["expected"] = "something else"
    project.write_cases("a.eval.yaml", rows, head="")

    project.run("--evals-concurrency=1", *arguments)

    # The call that was under way is given up; one that has not begun is not made.
    assert calls(model_server) == requests
    project.run(*arguments)
    assert model_server.stats()["duplicates"] == 0
    assert model_server.stats()["paid"] >= requests - len(failing[:1])


def test_calls_ahead_of_a_slow_failure_stay_within_the_window(
    scored: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "x0")
    rows = echo_cases(200)
    rows[0]["expected"] = "something else"
    scored.write_cases("a.eval.yaml", rows, head="model: python/app:answer\njudges: [exact]\n")

    scored.run("-x", "--evals-concurrency=4").assert_outcomes(failed=1)

    # Four for each call that may be under way; the first counts until it is asked for.
    assert len(called(scored.path)) in (4 * 4, 1 + 4 * 4)


def test_only_the_last_failed_are_called(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    rows = echo_cases(12)
    rows[4]["expected"] = rows[9]["expected"] = "something else"
    project.write_cases("a.eval.yaml", rows, head="")
    project.run("--evals-cache=off").assert_outcomes(passed=10, failed=2)
    assert calls(model_server) == 12

    project.run("--lf", "--evals-cache=off").assert_outcomes(failed=2, passed=1)  # a verdict is among them
    assert asked(model_server) == {**{f"x{n}": 1 for n in range(12)}, "x4": 2, "x9": 2}


def test_a_worker_that_dies_takes_only_its_case_along(
    project: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(project, model_server)
    project.write("app.py", APP)
    monkeypatch.setenv("POISON", "poison")
    monkeypatch.setenv("SECONDS_TO_ANSWER", "1")  # by then, all others have their response
    poison = {"id": "poison", "input": "poison", "expected": "poison"}
    project.write_cases("a.eval.yaml", [poison], head="model: python/app:answer\n")
    project.write_cases("b.eval.yaml", echo_cases(20), head="")

    result = project.run("-n2", "--evals-concurrency=8")

    result.assert_outcomes(passed=20, failed=1)
    assert asked(model_server) == {f"x{number}": 1 for number in range(20)}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_sigusr1_holds_all_calls_back_until_it_comes_again(
    served: EvalProject, model_server: ModelServer, start: Callable[..., Run], workers: tuple[str, ...]
) -> None:
    model_server.control(latency=0.1)
    run = start("--evals-concurrency=4", *workers)
    run.wait_until(lambda: calls(model_server) >= 4)

    run.process.send_signal(signal.SIGUSR1)
    run.wait_until(lambda: "paused" in run.output)
    time.sleep(0.3)  # for the workers to hear of it, too
    before = calls(model_server)
    time.sleep(0.5)

    assert before < 30
    assert calls(model_server) == before
    assert model_server.stats()["paid"] == before
    run.process.send_signal(signal.SIGUSR1)
    assert run.finish() == 0, run.output
    assert (calls(model_server), model_server.stats()["paid"]) == (30, 30)


def test_two_processes_at_once_pay_each_question_once_together(
    served: EvalProject, model_server: ModelServer, start: Callable[..., Run]
) -> None:
    model_server.control(latency=0.1)
    runs = [start("--evals-concurrency=4"), start("--evals-concurrency=4")]

    assert [run.finish() for run in runs] == [0, 0], runs[0].output + runs[1].output

    assert asked(model_server) == {f"x{number}": 1 for number in range(30)}
    assert [status for _, status in runs_of(served)] == ["finished", "finished"]
    counts = ask(served, "history.db", "SELECT count(*) FROM case_results GROUP BY run_id")
    assert counts == [(30,), (30,)]


def test_when_one_of_two_processes_is_killed_the_other_makes_its_calls(
    served: EvalProject, model_server: ModelServer, start: Callable[..., Run]
) -> None:
    model_server.control(latency=0.5)
    first = start("--evals-concurrency=8")
    first.wait_until(lambda: calls(model_server) == 8)
    second = start("--evals-concurrency=8")
    # The second waits for what the first has asked, and asks the rest itself.
    second.wait_until(lambda: calls(model_server) > 8 and len(asked(model_server)) == calls(model_server))
    first.kill()
    started = time.monotonic()

    assert second.finish() == 0, second.output
    # It sees at once that the first is dead: it does not wait for a silence of 15 s.
    assert time.monotonic() - started < 12
    stats = model_server.stats()
    # At most what the first had under way is asked again, and what had arrived and was not on disk yet when it was
    # killed: its place is given to the next call at once.
    assert stats["paid"] - stats["duplicates"] == 30
    assert calls(model_server) <= 30 + 8 + 8
    # The second marks the first as interrupted when it begins, or else when it ends.
    assert sorted(str(status) for _, status in runs_of(served)) in (["finished"], ["finished", "interrupted"])

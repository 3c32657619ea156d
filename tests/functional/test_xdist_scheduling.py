"""Under pytest-xdist every worker knows its cases from the start, and every item runs once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.project import EvalProject

APP = """
    import asyncio, os, time

    def note(kind, what):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        with open("log.txt", "a") as log:
            log.write(f"{worker} {kind} {what} {time.time()}\\n")

    async def answer(input):
        note("begin", input)
        await asyncio.sleep(0.1)
        note("end", input)
        if input == "poison":
            os._exit(1)
        return input

    async def answer_late(input):
        note("begin", input)
        await asyncio.sleep(30)
"""
TESTS = """
    import time
    import pytest
    from noting_app import note

    @pytest.mark.parametrize("number", range(6))
    def test_ordinary(number):
        time.sleep(0.05)
        note("ran", f"{__name__}.{number}")
"""
REFUSED = (
    "ERROR: --dist {mode} cannot run eval items: {reason}. Use --dist load, worksteal, loadfile or loadscope, or leave "
    "evals out with --no-evals."
)


@pytest.fixture
def noting(project: EvalProject) -> EvalProject:
    project.write("noting_app.py", APP)
    project.write("conftest.py", "")
    return project


def write_evals(project: EvalProject, name: str, inputs: list[str], function: str = "answer") -> None:
    rows = [{"id": text, "input": text, "expected": text} for text in inputs]
    project.write_cases(f"{name}.eval.yaml", rows, head=f"model: python/noting_app:{function}\njudges: [exact]\n")


def inputs(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def log_of(path: Path) -> list[tuple[str, str, str, float]]:
    """Return what happened, in the order of time: worker, kind, what, when."""
    lines = [line.split() for line in (path / "log.txt").read_text().splitlines()]
    return sorted(((who, kind, what, float(at)) for who, kind, what, at in lines), key=lambda entry: entry[3])


def called(path: Path) -> list[str]:
    return sorted(what for _, kind, what, _ in log_of(path) if kind == "begin")


def peaks(path: Path) -> Counter[str]:
    """Return the most calls that each worker had under way at once."""
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for who, kind, _, _ in log_of(path):
        running[who] += {"begin": 1, "end": -1}.get(kind, 0)
        most[who] = max(most[who], running[who])
    return most


@pytest.mark.parametrize("mode", ["load", "worksteal", "loadfile", "loadscope"])
def test_in_every_mode_each_item_runs_once_and_the_calls_begin_at_once(noting: EvalProject, mode: str) -> None:
    for name in "ab":
        write_evals(noting, name, inputs(name, 12))
        noting.write(f"test_{name}.py", TESTS)

    noting.run("-n2", f"--dist={mode}", "--evals-concurrency=7", "--evals-order=chunked").assert_outcomes(passed=36)

    log = log_of(noting.path)
    assert called(noting.path) == sorted([*inputs("a", 12), *inputs("b", 12)])
    assert sorted(what for _, kind, what, _ in log if kind == "ran") == [*inputs("test_a.", 6), *inputs("test_b.", 6)]
    # Each keeps to its part of the ceiling, and fills it.
    assert sorted(peaks(noting.path).values()) == [3, 4]
    # Calls are under way while ordinary tests run.
    kinds = [kind for _, kind, _, _ in log]
    assert kinds.index("begin") < kinds.index("ran") + 2
    if mode.startswith("loadf"):
        homes = {(who, what[0]) for who, kind, what, _ in log if kind == "begin"}
        assert len(homes) == 2


def test_only_the_case_that_ends_its_worker_is_lost(noting: EvalProject) -> None:
    write_evals(noting, "a", [*inputs("a", 6), "poison", *inputs("b", 8)])

    result = noting.run("-n1", "--evals-concurrency=2", "--evals-cache=off")

    result.assert_outcomes(passed=14, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'a.eval.yaml::poison'*"])
    # First while it was ahead of its turn, then in its turn; what the first crash cut off is called again.
    assert called(noting.path).count("poison") == 2


def test_without_new_workers_the_others_take_over(noting: EvalProject) -> None:
    write_evals(noting, "a", ["poison", *inputs("a", 11)])

    result = noting.run("-n3", "--evals-concurrency=3", "--max-worker-restart=0")

    # The case at fault ends its worker in its turn again: by then xdist has told the rest to end, and the one case
    # that is behind it has nowhere to go.
    result.assert_outcomes(passed=10, failed=1)
    result.stdout.fnmatch_lines(["*crashed while running 'a.eval.yaml::poison'*"])


def test_the_first_failure_stops_all_workers(noting: EvalProject) -> None:
    write_evals(noting, "a", inputs("a", 100))
    path = noting.path / "a.eval.yaml"
    path.write_text(path.read_text().replace('"expected": "a0"', '"expected": "something else"'))

    noting.run("-n2", "-x", "--evals-concurrency=2")

    # xdist alone would have the other worker run all of its fifty.
    assert len(called(noting.path)) <= 40


def test_lf_runs_only_what_failed(noting: EvalProject) -> None:
    write_evals(noting, "a", inputs("a", 6))
    path = noting.path / "a.eval.yaml"
    path.write_text(path.read_text().replace('"expected": "a4"', '"expected": "something else"'))
    noting.run("-n2", "--evals-cache=off").assert_outcomes(passed=5, failed=1)
    noting.run("--lf", "-n2", "--evals-cache=off")

    assert Counter(called(noting.path))["a4"] == 2
    assert len(called(noting.path)) == 7


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("each", "it would run, and pay for, every case once in each worker"),
        ("loadgroup", "it renames items by their group, and results of cases are kept by name"),
    ],
)
def test_modes_that_do_not_suit_eval_items_are_refused(noting: EvalProject, mode: str, reason: str) -> None:
    write_evals(noting, "a", inputs("a", 2))

    refused = noting.run_process("-n1", f"--dist={mode}")

    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert REFUSED.format(mode=mode, reason=reason) in refused.stderr.lines
    assert not (noting.path / "log.txt").exists()


def test_each_runs_ordinary_tests_when_evals_are_left_out(noting: EvalProject) -> None:
    write_evals(noting, "a", inputs("a", 2))
    noting.write("test_a.py", TESTS)

    noting.run("-n2", "--dist=each", "--no-evals").assert_outcomes(passed=12)


def test_without_eval_items_xdists_own_scheduler_is_at_work(noting: EvalProject) -> None:
    noting.write("test_a.py", TESTS)

    result = noting.run("-n2", "-v")

    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["scheduling tests via LoadScheduling"])
    assert not (noting.path / ".promptevals").exists()


def test_a_mode_without_workers_changes_nothing(noting: EvalProject) -> None:
    head = "model: scripted/echo\njudges: [exact]\ngate: {min_score: 0.5}\n"
    noting.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}], head=head)

    # One case and one gate.
    noting.run("--dist=loadfile").assert_outcomes(passed=2)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches all processes of a console there")
def test_an_interrupt_that_only_the_controller_gets_ends_the_workers_too(noting: EvalProject) -> None:
    write_evals(noting, "a", inputs("a", 20), "answer_late")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n2", "--evals-concurrency=4", "-p", "no:randomly"],
        cwd=noting.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (noting.path / "log.txt").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)

    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert len(called(noting.path)) == 4

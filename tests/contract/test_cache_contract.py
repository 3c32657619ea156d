"""What the response cache promises to several processes at once, and to one that is killed."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pytest_promptevals.cache.responses import ResponseCache
from tests.unit.cache.asking import Model, ask, with_cache

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("PROMPTEVALS_TEST_KILLS", "8"))
"""How often a process is killed at random."""

PROCESS = """
import asyncio, os, sys
sys.path.append(sys.argv[1])
from pathlib import Path
from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.records.responses import Response
from tests.unit.cache.asking import ask, respond
path, log, mode, session, seconds = Path(sys.argv[2]), sys.argv[3], *sys.argv[4:6], float(sys.argv[6])
texts = sys.argv[7].split(",")
if "nobody" in sys.argv and os.geteuid() == 0:
    os.setuid(65534)
if "small" in sys.argv:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

def write(line):
    # One write call of one line: it is there whole or not at all, whenever this process is killed.
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (line + "\\n").encode())
    os.close(file)

async def fetch(cache, text):
    async def call():
        write(f"call {text}")
        await asyncio.sleep(seconds)
        return respond(f"answer to {text} {'x' * 1000}")
    response = await cache.fetch(ask(text), call)
    assert response.text.startswith(f"answer to {text} ")
    write(f"done {text}")

async def main():
    cache = ResponseCache.open(path, mode, None, session)
    limit = asyncio.Semaphore(20)
    async def one(text):
        async with limit:
            await fetch(cache, text)
    await asyncio.gather(*(one(text) for text in texts))
    await cache.close()
    for notice in cache.notices:
        write(f"note {notice}")

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


class Processes:
    """Processes that share a cache, and the log of what they did."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name("log.txt")
        self._log.touch(0o666)
        self._log.chmod(0o666)
        self._running: list[subprocess.Popen[str]] = []

    def start(
        self, texts: Iterable[str], *flags: str, mode: str = "use", session: str = "s1", seconds: float = 0.05
    ) -> subprocess.Popen[str]:
        """Start a process that fetches these texts."""
        arguments = [str(ROOT), str(self._path), str(self._log), mode, session, str(seconds), ",".join(texts), *flags]
        command = [sys.executable, "-c", PROCESS, *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", cwd="/")
        self._running.append(process)
        return process

    def finish(self) -> None:
        """Wait for all of them; those that were not killed must have succeeded."""
        for process in self._running:
            _, error = process.communicate(timeout=60)
            assert process.returncode in (0, -signal.SIGKILL), error
        self._running.clear()

    def lines(self, word: str) -> list[str]:
        """Return what they logged with that word."""
        lines = (line.split(" ", 1) for line in self._log.read_text("utf-8").splitlines())
        return [rest for first, rest in lines if first == word]

    def wait_for(self, word: str, count: int = 1) -> None:
        """Wait until that was logged so often."""
        give_up = time.monotonic() + 30
        while len(self.lines(word)) < count:
            assert time.monotonic() < give_up, "it was not logged"
            time.sleep(0.002)

    def clean_up(self) -> None:
        """Leave none behind."""
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def processes(path: Path) -> Iterator[Processes]:
    processes = Processes(path)
    yield processes
    processes.clean_up()


def numbers(*limits: int) -> list[str]:
    return [str(number) for number in range(*limits)]


def stored(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {key for (key,) in connection.execute("SELECT key FROM responses")}


def test_processes_that_ask_for_the_same_call_once(path: Path, processes: Processes) -> None:
    texts = numbers(100)
    shuffled = random.Random(5)  # noqa: S311 - no secret
    for session in ("s1", "s1", "s2"):
        processes.start(shuffled.sample(texts, len(texts)), session=session)

    processes.finish()

    assert sorted(processes.lines("call")) == sorted(texts)
    assert collections.Counter(processes.lines("done")) == collections.Counter(texts * 3)
    assert stored(path) == {ask(text).key for text in texts}
    assert processes.lines("note") == []


def test_processes_of_one_session_refresh_once(path: Path, processes: Processes) -> None:
    texts = numbers(30)
    processes.start(texts)
    processes.finish()

    for session in ("s2", "s2", "s3"):
        processes.start(texts, mode="refresh", session=session)
    processes.finish()

    assert collections.Counter(processes.lines("call")) == collections.Counter(texts * 3)


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(),
    reason="only Linux tells a killed process that nobody waited for from a live one",
)
def test_the_call_of_a_killed_process_is_taken_over_at_once(path: Path, processes: Processes) -> None:
    processes.start(["warm"])
    processes.finish()
    owner = processes.start(["a", "b"], seconds=60)
    processes.wait_for("call", 3)
    processes.start(["a", "b"], seconds=0)
    time.sleep(0.5)
    assert processes.lines("done") == ["warm"]

    owner.kill()
    started = time.monotonic()
    processes.finish()

    assert time.monotonic() - started < 5
    assert sorted(processes.lines("call")) == ["a", "a", "b", "b", "warm"]
    assert sorted(processes.lines("done")) == ["a", "b", "warm"]


@pytest.mark.skipif(sys.platform == "win32", reason="there, a killed process looks like one that failed")
def test_what_was_paid_for_and_received_survives_any_kill(path: Path, processes: Processes) -> None:
    chance = random.Random(11)  # noqa: S311 - no secret
    for round_number in range(KILLS):
        texts = numbers(round_number * 1000, round_number * 1000 + 1000)
        pair = [processes.start(texts, seconds=0.002), processes.start(list(reversed(texts)), seconds=0.002)]
        processes.wait_for("done", len(processes.lines("done")) + 1)
        time.sleep(chance.random() * 0.2)
        for process in pair:
            process.kill()
        processes.finish()
        assert {ask(text).key for text in processes.lines("done")} <= stored(path)

    # In flight were at most 20 calls in each process, and nobody goes on with what a dead one has claimed.
    called = collections.Counter(processes.lines("call"))
    assert max(called.values()) == 1
    done = sorted(set(processes.lines("done")))
    model = Model()

    async def fetch_again(cache: ResponseCache) -> None:
        await asyncio.gather(*(cache.fetch(ask(text), model.call(text)) for text in done))
        assert cache.notices == ()

    with_cache(path, fetch_again)
    assert model.asked == []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system has no such permissions")
def test_a_cache_that_cannot_be_written_gives_what_it_has(path: Path, processes: Processes) -> None:
    processes.start(["a", "b"])
    processes.finish()
    for folder in (path.parent, *path.parents[1:5]):
        if folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    path.parent.chmod(0o555)

    processes.start(["a", "b", "c", "c"], "nobody", session="s2")
    processes.finish()
    path.parent.chmod(0o755)

    assert sorted(processes.lines("call")) == ["a", "b", "c"]
    assert len(processes.lines("done")) == 6
    assert [note.partition(";")[0] for note in processes.lines("note")] == [
        f"response cache {path}: it cannot be written",
        f"1 paid response could not be kept in the response cache {path}, nor beside it: Permission denied",
    ]
    assert stored(path) == {ask("a").key, ask("b").key}


@pytest.mark.skipif(sys.platform == "win32", reason="the system limits no files")
def test_a_file_that_may_not_grow_costs_no_response(path: Path, processes: Processes) -> None:
    texts = numbers(300)

    processes.start([*texts, *texts], "small", seconds=0)
    processes.finish()

    assert sorted(processes.lines("call")) == sorted(texts)
    assert len(processes.lines("done")) == 600
    assert "the run goes on, and keeps its responses in memory" in processes.lines("note")[0]
    assert stored(path) < {ask(text).key for text in texts}
    processes.start(texts)
    processes.finish()
    assert stored(path) == {ask(text).key for text in texts}


def test_damage_that_comes_while_several_are_at_work_ends_none_of_them(path: Path, processes: Processes) -> None:
    processes.start(numbers(300))
    processes.finish()
    texts = numbers(300, 1300) + numbers(300)
    for _ in range(3):
        processes.start(texts, seconds=0.01)
    processes.wait_for("done", 400)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (path.stat().st_size - 100))

    processes.finish()

    assert collections.Counter(processes.lines("done")) == collections.Counter([*numbers(300), *(texts * 3)])
    asides = [file for file in path.parent.glob("cache.db.corrupt-*") if not file.name.endswith(("-wal", "-shm"))]
    assert len(asides) == 1
    assert len([note for note in processes.lines("note") if "was damaged; it is kept as" in note]) == 1
    assert stored(path)

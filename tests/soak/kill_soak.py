"""Kills real pytest runs at random moments, and counts what the next ones ask the model server for again.

A run over a few hundred cases is killed with SIGKILL, and started again in the same folder, until it gets through; then
the next folder begins. After each kill:

- no question is asked more often than it has trials without a kept response: what is kept is never asked for again;
- what was asked and is not kept is no more than what may have been in flight, or on its way from there to the disk;
- nothing that was kept is gone, cache and history open, and the history shows no case twice;
- a finished run passes and has each case once, and every trial was kept exactly once.

::

    python tests/soak/kill_soak.py --kills 500 --seed 1
    python tests/soak/kill_soak.py --kills 100 --workers 2
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.soak.kept_files import count_finished_runs, find_damage, read_kept
from tests.support.server_fixture import ModelServer

CONCURRENCY: Final = 16
_LATENCY: Final = (0.02, 0.08)
"""Seconds that the server takes for an answer: shortest and longest; each life has its own."""
_INSTANT: Final = 0.05
"""Seconds that a response may take from the server to the disk; until then it counts as in flight."""
_TWICE_EVERY: Final = 10
"""Each case of that many has two trials: repetitions are asked for twice, and not a third time."""
_AMONG_CALLS: Final = 0.75
"""Share of the kills that come while calls are under way."""
_LONGEST: Final = 120.0
"""Seconds after which a run counts as hanging."""
_MEASURING: Final = "COVERAGE_"
"""Begins the names of variables that have coverage measured: a process that is killed would leave half a file of it."""
_GRACE: Final = 2.0
"""Seconds for which workers may outlive a controller that was killed alone."""


class SoakError(Exception):
    """A promise was broken; the text says which, and how to see it again."""


@dataclass(frozen=True)
class Moment:
    """When a run is killed."""

    calls: int | None
    """After that many requests of this life have reached the server; ``None`` counts no requests."""
    seconds: float
    """And then after that long."""
    kills_group: bool = True
    """Whether its workers are killed in the same instant, or are left alone for a while."""

    def __str__(self) -> str:
        calls = "" if self.calls is None else f"{self.calls} calls and "
        return f"{calls}{self.seconds:.3f} s{'' if self.kills_group else ', the controller first'}"


@dataclass(frozen=True)
class Life:
    """One process from its start to its end, as the server and the disk saw it."""

    before: Counter[str]
    """Responses kept when it started, by question."""
    asked: Counter[str]
    """Requests of this process, by question."""
    after: Counter[str]
    """Responses kept when it had ended."""

    @property
    def lost(self) -> int:
        """Requests whose response was not kept: those are paid again."""
        return self.asked.total() - (self.after.total() - self.before.total())

    def find_problems(self, trials: Counter[str], in_flight: int) -> list[str]:
        """Return what is wrong, one line each.

        Args:
            trials: how often each question may be paid.
            in_flight: how many calls may have been under way when it ended.
        """
        again = self.asked - (trials - self.before)
        gone = self.before - self.after
        unknown = self.after - trials
        problems = [f"asked for again though its response is kept: {question}" for question in again]
        problems += [f"kept, and then gone: {question}" for question in gone]
        problems += [f"kept more often than it has trials: {question}" for question in unknown]
        if self.lost > in_flight:
            problems.append(f"{self.lost} requests left no response, though only {in_flight} may be in flight")
        return problems


@dataclass
class Report:
    """What a soak did."""

    kills: int = 0
    finished: int = 0
    """Runs that got through."""
    requests: int = 0
    losses: list[int] = field(default_factory=list)
    """Requests without a kept response, for each kill."""
    lines: list[str] = field(default_factory=list)
    """What happened at each kill."""

    def __str__(self) -> str:
        most = max(self.losses, default=0)
        hit = sum(loss > 0 for loss in self.losses)
        return (
            f"{self.kills} kills, {self.finished} finished runs, {self.requests} requests; {sum(self.losses)} were in "
            f"flight at {hit} of the kills and paid again, {most} at most"
        )


class Soak:
    """Runs, kills and checks.

    Args:
        root: folder for the projects.
        server: the model server; what it counts is reset for each life.
        seed: decides all moments.
        workers: processes of pytest-xdist; 0 is none.
        cases: cases of a project.
        options: further options of pytest.
        resume: whether a run after a kill is told to continue the killed one.
    """

    def __init__(
        self,
        root: Path,
        server: ModelServer,
        *,
        seed: int,
        workers: int = 0,
        cases: int = 200,
        options: Sequence[str] = (),
        resume: bool = False,
    ) -> None:
        self.report = Report()
        self._root = root
        self._server = server
        self._random = random.Random(f"{seed} {workers}")  # noqa: S311 - moments, no secrets
        self._command = [sys.executable, "-m", "pytest", "-q", f"--evals-concurrency={CONCURRENCY}"]
        self._command += ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:socket", *options]
        self._command += [f"-n{workers}"] if workers else []
        self._workers = workers
        self._resume = resume
        self._rows = [
            {"id": f"c{n}", "input": f"question {n}", "expected": f"question {n}"}
            | ({"trials": 2} if n % _TWICE_EVERY == 0 else {})
            for n in range(cases)
        ]
        self._trials = Counter({str(row["input"]): int(str(row.get("trials", 1))) for row in self._rows})
        self._typical = 0.0

    def run(self, kills: int) -> Report:
        """Kill that many runs, then let the last one get through. Raises ``SoakError``."""
        folder = self._new_folder()
        started = time.monotonic()
        self._live(folder, None)
        self._typical = time.monotonic() - started
        folder = self._new_folder()
        while self.report.kills < kills:
            if self._live(folder, self._next_moment(folder)):
                folder = self._new_folder()
        self._live(folder, None)
        return self.report

    def _new_folder(self) -> Path:
        folder = self._root / f"project-{self.report.finished}"
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        provider = {"type": "openai", "base_url": self._server.open_url}
        settings = {"model": "local/echo-model", "judges": ["exact"], "providers": {"local": provider}}
        (folder / "evals.yaml").write_text(json.dumps(settings), encoding="utf-8")
        text = "".join(json.dumps(row) + "\n" for row in self._rows)
        (folder / "a.eval.jsonl").write_text(text, encoding="utf-8")
        return folder

    def _next_moment(self, folder: Path) -> Moment:
        """Return a moment: most of them while calls are under way, the others anywhere in a run."""
        kills_group = not self._workers or self._random.random() < 0.5
        to_come = (self._trials - read_kept(folder)).total()
        if to_come and self._random.random() < _AMONG_CALLS:
            return Moment(self._random.randrange(to_come), self._random.uniform(0, 2 * _LATENCY[1]), kills_group)
        return Moment(None, self._random.uniform(0, 1.2 * self._typical), kills_group)

    def _live(self, folder: Path, moment: Moment | None) -> bool:
        """Let a process live until a moment; return whether it got through before. Raises ``SoakError``."""
        before = read_kept(folder)
        self._server.reset()
        latency = self._random.uniform(*_LATENCY)
        self._server.control(latency=latency)
        resume = ["--evals-resume"] if self._resume and (folder / ".promptevals").exists() else []
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(
                [*self._command, *resume],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not name.startswith(_MEASURING)},
                start_new_session=True,  # a process group, to be killed as one
            )
            is_killed = self._wait(process, moment)
            output.seek(0)
            text = output.read()
        life = Life(before, self._asked(), read_kept(folder))
        # While one call of each slot is answered, the responses of the last instant are being stored.
        in_flight = int(CONCURRENCY * (1 + _INSTANT / latency)) if is_killed else 0
        problems = life.find_problems(self._trials, in_flight)
        problems += find_damage(folder, len(self._rows))
        problems += [] if is_killed else self._check_end(folder, process.returncode, life)
        self._count(life, moment if is_killed else None)
        if problems:
            place = f"{folder.name}, kill {self.report.kills}, {moment}"
            raise SoakError("\n".join([place, *problems[:10], f"... {len(problems)} in all", text[-3000:]]))
        return not is_killed

    def _check_end(self, folder: Path, status: int, life: Life) -> list[str]:
        problems = [] if status == 0 else [f"the run ended with exit status {status}"]
        if life.after != self._trials:
            problems.append(f"{life.after.total()} responses are kept after the run, not {self._trials.total()}")
        if count_finished_runs(folder) < 1:
            problems.append("no run is finished in the history")
        return problems

    def _count(self, life: Life, moment: Moment | None) -> None:
        """Count a life, which was ended at a moment if one is given."""
        asked = life.asked.total()
        self.report.requests += asked
        if moment is None:
            self.report.finished += 1
            return
        self.report.kills += 1
        self.report.losses.append(life.lost)
        kept = f"{life.before.total()} kept before"
        self.report.lines.append(f"kill {self.report.kills}, after {moment}: {kept}, {asked} asked, {life.lost} lost")

    def _wait(self, process: subprocess.Popen[bytes], moment: Moment | None) -> bool:
        """Wait for the end of a process, or for the moment to kill it; return whether it was killed."""
        deadline = time.monotonic() + _LONGEST
        if moment is not None and self._reach(process, moment, deadline):
            _kill(process, self._random.uniform(0, _GRACE), kills_group=moment.kills_group)
        try:
            status = process.wait(max(deadline - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            _kill(process, 0, kills_group=True)
            raise SoakError(f"a run did not end within {_LONGEST:g} s") from None
        # It may have ended by itself in the instant before it was killed.
        return status == -signal.SIGKILL

    def _reach(self, process: subprocess.Popen[bytes], moment: Moment, deadline: float) -> bool:
        """Wait for a moment; return whether the process is still there then."""
        while moment.calls is not None and sum(self._server.stats()["requests"].values()) < moment.calls:
            if process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        try:
            process.wait(moment.seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _asked(self) -> Counter[str]:
        """Return what the server was asked, once nothing more comes: requests of the dead may still be on their way."""
        seen, now = -1, sum(self._server.stats()["requests"].values())
        while seen != now:
            time.sleep(0.1)
            seen, now = now, sum(self._server.stats()["requests"].values())
        return Counter(entry["body"]["messages"][-1]["content"] for entry in self._server.journal())


def _kill(process: subprocess.Popen[bytes], grace: float, *, kills_group: bool) -> None:
    if not kills_group:
        process.kill()
        process.wait()
        time.sleep(grace)
    with contextlib.suppress(ProcessLookupError):  # all of the group have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> int:
    """Soak, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311 - moments, no secrets
    parser.add_argument("--workers", type=int, default=0, help="processes of pytest-xdist; 0 is none")
    parser.add_argument("--cases", type=int, default=200, help="cases of a run")
    parser.add_argument("--resume", action="store_true", help="continue killed runs with --evals-resume")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - what the command says
    with tempfile.TemporaryDirectory() as root, ModelServer() as server:
        soak = Soak(
            Path(root),
            server,
            seed=options.seed,
            workers=options.workers,
            cases=options.cases,
            resume=options.resume,
        )
        try:
            soak.run(options.kills)
        except SoakError as error:
            print(f"{soak.report}\n{error}")  # noqa: T201 - what the command says
            return 1
    print(*soak.report.lines, soak.report, sep="\n")  # noqa: T201 - what the command says
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

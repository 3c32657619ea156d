"""The budget that several processes share."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_promptevals.engine import shared_budget
from pytest_promptevals.engine.budget import Reservation
from pytest_promptevals.engine.shared_budget import SharedBudget
from pytest_promptevals.errors import CallNotMadeError, UsageError
from tests.unit.engine.spending import ADVICE, refusal_of, run

Make = Callable[..., SharedBudget]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the budgets of several processes, as far as they are concerned, in this one."""
    made: list[SharedBudget] = []

    def make_budget(limit: float = 1.0) -> SharedBudget:
        made.append(SharedBudget(tmp_path / "budget.db", limit))
        return made[-1]

    yield make_budget
    for budget in made:
        budget.close()


async def begin(budget: SharedBudget, bound: float) -> asyncio.Task[Reservation]:
    task = asyncio.create_task(budget.reserve(bound))
    await asyncio.sleep(0.03)
    return task


def start(folder: Path, body: str) -> subprocess.Popen[str]:
    code = "import asyncio, random, sys, time\nfrom pathlib import Path\n"
    code += "from pytest_promptevals.engine.shared_budget import SharedBudget\n"
    code += "from pytest_promptevals.errors import CallNotMadeError\n"
    code += f"budget = SharedBudget(Path({str(folder / 'budget.db')!r}), 1.0)\n{textwrap.dedent(body)}"
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def test_what_one_process_spends_the_others_cannot(make: Make) -> None:
    async def test() -> None:
        one, two = make(), make()
        one.settle(await one.reserve(0.9), 0.6)
        two.settle(await two.reserve(0.4), 0.3)
        assert one.spent == two.spent == pytest.approx(0.9)
        assert await refusal_of(two, 0.2) == (
            "not run: budget: $0.90 of $1.00 spent, and this call may cost up to $0.20." + ADVICE
        )
        assert await refusal_of(one, 0.01) == (
            "not run: budget: $0.90 of $1.00 spent, and a call before this one might have cost $0.20." + ADVICE
        )

    run(test)


def test_a_call_waits_for_those_of_other_processes(make: Make) -> None:
    async def test() -> None:
        one, two = make(), make()
        first = await one.reserve(0.8)
        waiting = await begin(two, 0.5)
        assert not waiting.done()
        one.settle(first, 0.5)
        two.settle(await waiting, None)
        assert one.spent == 1.0

    run(test)


def test_a_refusal_while_others_are_under_way_is_of_that_call_alone(make: Make) -> None:
    async def test() -> None:
        one, two = make(), make()
        first = await one.reserve(0.5)
        await refusal_of(two, 2.0)
        two.settle(await two.reserve(0.5), 0.5)
        one.settle(first, 0.0)
        assert two.spent == 0.5

    run(test)


def test_who_waits_is_refused_once_too_much_is_spent(make: Make) -> None:
    async def test() -> None:
        one, two = make(), make()
        first = await one.reserve(0.8)
        waiting = await begin(two, 0.5)
        one.settle(first, 0.8)
        with pytest.raises(CallNotMadeError, match=r"\$0\.80 of \$1\.00 spent"):
            await waiting

    run(test)


def test_no_process_overtakes_one_that_waits_longer(make: Make) -> None:
    async def test() -> None:
        one, two, three = make(), make(), make()
        first = await one.reserve(0.9)
        large = await begin(two, 0.8)
        small = await begin(three, 0.05)
        assert not small.done()
        one.settle(first, 0.1)
        two.settle(await large, 0.0)
        three.settle(await small, 0.05)
        assert one.spent == pytest.approx(0.15)

    run(test)


def test_who_gives_up_waiting_does_not_hold_up_the_next(make: Make) -> None:
    async def test() -> None:
        one, two, three = make(), make(), make()
        first = await one.reserve(0.5)
        large, small = await begin(two, 0.9), await begin(three, 0.4)
        large.cancel()
        three.settle(await small, 0.4)
        one.settle(first, 0.5)
        assert one.spent == pytest.approx(0.9)

    run(test)


def test_free_calls_need_no_file_and_what_they_say_they_cost_is_counted(make: Make) -> None:
    async def test() -> None:
        budget = make()
        budget.settle(await budget.reserve(0.0), 0.0)
        budget.settle(await budget.reserve(0.0), 0.7)
        await refusal_of(budget, 0.4)
        await budget.reserve(0.0)
        assert budget.spent == 0.7

    run(test)


def test_a_reservation_is_settled_once(make: Make) -> None:
    async def test() -> None:
        budget = make()
        reservation = await budget.reserve(0.5)
        budget.settle(reservation, 0.1)
        budget.settle(reservation, None)
        assert budget.spent == 0.1

    run(test)


def test_what_is_under_way_in_a_process_that_leaves_counts_as_spent(make: Make) -> None:
    async def test() -> None:
        one, two = make(), make()
        await one.reserve(0.3)
        one.close()
        assert two.spent == 0.3

    run(test)


def test_while_the_file_is_locked_a_cost_waits_and_a_call_is_refused(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_budget, "_PATIENCE", 0.01)

    async def test() -> None:
        budget, other = make(), make()
        reservation = await budget.reserve(0.5)
        lock = sqlite3.connect(tmp_path / "budget.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        budget.settle(reservation, 0.2)
        assert budget.spent == 0.2
        assert other.spent == 0.0
        assert await refusal_of(budget, 0.1) == (
            f"not run: budget: {tmp_path / 'budget.db'}, in which the processes of this run share it, cannot be used: "
            "database is locked. Free some space, or run without --evals-max-cost."
        )
        lock.close()
        other.settle(await other.reserve(0.1), 0.1)
        budget.settle(await budget.reserve(0.1), 0.1)
        assert other.spent == budget.spent == pytest.approx(0.4)

    run(test)


def test_who_waits_leaves_the_queue_when_the_file_fails(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_budget, "_PATIENCE", 0.01)

    async def test() -> None:
        one, two, three = make(), make(), make()
        first = await one.reserve(0.9)
        waiting = await begin(two, 0.8)
        lock = sqlite3.connect(tmp_path / "budget.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(CallNotMadeError, match="database is locked"):
            await waiting
        lock.close()
        one.settle(first, 0.1)
        two.settle(await two.reserve(0.1), 0.1)
        three.settle(await three.reserve(0.8), 0.0)

    run(test)


def test_what_is_spent_stays_the_last_known_when_the_file_is_gone(make: Make) -> None:
    async def test() -> None:
        budget = make()
        budget.settle(await budget.reserve(0.5), 0.5)
        assert budget.spent == 0.5
        budget.close()
        assert budget.spent == 0.5

    run(test)


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "budget.db").write_text("no database, but long enough to be taken for one " * 50)
    with pytest.raises(UsageError) as caught:
        SharedBudget(tmp_path / "budget.db", 1.0)
    assert str(caught.value) == (
        f"--evals-max-cost: {tmp_path / 'budget.db'}, which keeps the count, cannot be made: file is not a database."
    )
    with pytest.raises(UsageError, match="unable to open database file"):
        SharedBudget(tmp_path / "missing" / "budget.db", 1.0)


def test_a_file_that_stays_locked_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_budget, "_PATIENCE", 0.02)
    lock = sqlite3.connect(tmp_path / "budget.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UsageError, match="database is locked"):
        SharedBudget(tmp_path / "budget.db", 1.0)
    lock.close()


def test_a_file_that_is_locked_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = sqlite3.connect(tmp_path / "budget.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("time.sleep", lambda _: lock.close())
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: real(path, **{**options, "timeout": 0}))
    budget = SharedBudget(tmp_path / "budget.db", 1.0)
    assert budget.spent == 0.0
    budget.close()


def test_a_fault_in_the_middle_of_a_change_leaves_nothing_half_done(make: Make, tmp_path: Path) -> None:
    async def test() -> None:
        budget = make()
        reservation = await budget.reserve(0.5)
        other = sqlite3.connect(tmp_path / "budget.db", isolation_level=None)
        other.execute("ALTER TABLE calls RENAME TO lost")
        budget.settle(reservation, 0.2)
        assert "no such table: calls" in await refusal_of(budget, 0.1)
        other.execute("ALTER TABLE lost RENAME TO calls")
        assert other.execute("SELECT spent FROM state").fetchone() == (0.0,)
        other.close()
        budget.settle(await budget.reserve(0.1), 0.1)
        assert budget.spent == pytest.approx(0.3)

    run(test)


SPENDER = """
async def call(chance):
    bound = chance.uniform(0.001, 0.05)
    reservation = await budget.reserve(bound)
    await asyncio.sleep(chance.uniform(0, 0.01))
    cost = chance.choice([0.0, chance.uniform(0, bound), None])
    budget.settle(reservation, cost)
    return bound if cost is None else cost

async def main():
    chance = random.Random()
    answers = await asyncio.gather(*(call(chance) for _ in range(60)), return_exceptions=True)
    assert all(isinstance(answer, (float, CallNotMadeError)) for answer in answers), answers
    print(sum(answer for answer in answers if isinstance(answer, float)))

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
budget.close()
"""


def test_four_processes_never_spend_more_than_the_limit_together(make: Make, tmp_path: Path) -> None:
    processes = [start(tmp_path, SPENDER) for _ in range(4)]
    for process in processes:
        wait_until_ready(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    spent = [float(finish(process)) for process in processes]
    assert 0.9 < sum(spent) <= 1.0
    assert make().spent == pytest.approx(sum(spent))
    assert min(spent) > 0.0


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(),
    reason="only Linux tells a killed process that nobody waited for from a live one",
)
def test_what_a_killed_process_had_under_way_counts_as_spent(make: Make, tmp_path: Path) -> None:
    body = """
    async def main():
        budget.settle(await budget.reserve(0.1), 0.05)
        await budget.reserve(0.2)
        await budget.reserve(0.1)
        waiting = asyncio.create_task(budget.reserve(0.9))
        await asyncio.sleep(0.05)
        print("ready", flush=True)
        await waiting

    asyncio.run(main())
    """
    process = start(tmp_path, body)
    wait_until_ready(process)

    async def test() -> None:
        budget = make()
        waiting = await begin(budget, 0.65)
        assert not waiting.done()
        # Not waited for: until somebody does, a killed process is still there by its number.
        os.kill(process.pid, signal.SIGKILL)
        budget.settle(await waiting, 0.65)
        assert budget.spent == pytest.approx(1.0)
        await refusal_of(budget, 0.01)

    run(test)
    process.communicate()
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("budget.db.")]) == 1


def test_a_process_that_is_killed_while_it_writes_breaks_nothing(make: Make, tmp_path: Path) -> None:
    body = """
    async def main():
        print("ready", flush=True)
        while True:
            budget.settle(await budget.reserve(0.001), 0.0)

    asyncio.run(main())
    """
    processes = [start(tmp_path, body) for _ in range(2)]
    for process in processes:
        wait_until_ready(process)
    for process in processes:
        process.kill()
        process.communicate()

    async def test() -> None:
        budget = make()
        assert budget.spent in (0.0, 0.001, 0.002)
        budget.settle(await budget.reserve(0.9), 0.9)

    run(test)

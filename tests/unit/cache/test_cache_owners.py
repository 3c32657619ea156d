from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_promptevals.cache import owners
from pytest_promptevals.cache.owners import SILENCE, STOPPED, Silences, is_gone, patience_with, this_process

HERE = this_process()
on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system tells no start times")


def test_each_owner_is_another_one_of_the_same_process() -> None:
    other = this_process()

    assert other.id != HERE.id
    assert dataclasses.replace(other, id=HERE.id) == HERE
    assert HERE.pid == os.getpid()


def test_a_process_that_runs_is_not_gone() -> None:
    assert not is_gone(HERE, HERE)


def test_a_process_that_has_ended_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert is_gone(dataclasses.replace(HERE, pid=process.pid), HERE)


@on_linux
def test_another_process_of_the_same_number_is_another_one() -> None:
    assert is_gone(dataclasses.replace(HERE, started="12345"), HERE)


def test_of_another_machine_nothing_is_known() -> None:
    assert not is_gone(dataclasses.replace(HERE, host="elsewhere", pid=2**22 + 1), HERE)


def test_without_start_times_the_number_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "Path", lambda _: Path("/nowhere"))
    monkeypatch.setattr(owners, "started_at", lambda _: "")

    plain = this_process()

    assert plain.started == ""
    assert "/" not in plain.host
    assert not is_gone(plain, plain)
    assert not is_gone(dataclasses.replace(plain, started="1"), plain)


def test_an_owner_is_silent_after_as_long_as_the_waiter_has_looked() -> None:
    silences = Silences()
    looks = [silences.is_silent("a", 3, 100 + step * 0.5, SILENCE) for step in range(32)]

    assert looks == [step * 0.5 >= SILENCE for step in range(32)]


def test_a_heartbeat_ends_the_silence() -> None:
    silences = Silences()
    for step in range(29):
        silences.is_silent("a", 3, step * 0.5, SILENCE)

    assert not silences.is_silent("a", 4, 15.0, SILENCE)
    assert not silences.is_silent("a", 4, 15.5, SILENCE)


def test_what_the_waiter_slept_through_is_no_silence() -> None:
    silences = Silences()
    silences.is_silent("a", 3, 0.0, SILENCE)

    assert not silences.is_silent("a", 3, 10_000.0, SILENCE)
    assert not silences.is_silent("b", 3, 10_000.0, SILENCE)


def test_a_process_that_is_there_is_waited_for_longer_since_it_may_only_be_stopped() -> None:
    here = this_process()

    assert patience_with(here, here) == STOPPED
    assert patience_with(dataclasses.replace(here, started="another"), here) == SILENCE
    assert patience_with(dataclasses.replace(here, host="elsewhere"), here) == SILENCE

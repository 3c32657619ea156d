"""Whatever moment a run is killed at, what was paid and kept is never asked for again."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.soak.kill_soak import Life, Soak, SoakError
from tests.support.server_fixture import ModelServer

KILLS: Final = int(os.environ.get("PROMPTEVALS_SOAK_KILLS", "8"))
"""Kills in all; the soak before a release takes 500."""
WAYS: Final = {"plain": (0, False), "resume": (0, True), "xdist": (2, False)}
"""Worker processes, and whether a killed run is continued with ``--evals-resume``."""


@pytest.mark.timeout(120 + 20 * KILLS)
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="a run is killed with its workers, as one process group")
@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_never_pays_again_for_what_is_kept(tmp_path: Path, model_server: ModelServer, way: str) -> None:
    workers, resume = WAYS[way]
    kills = -(-KILLS // len(WAYS))
    seed = int(os.environ.get("PROMPTEVALS_SOAK_SEED") or random.randrange(1_000_000))  # noqa: S311 - no secret
    print(f"PROMPTEVALS_SOAK_SEED={seed}")  # noqa: T201 - shown where the test fails

    report = Soak(tmp_path, model_server, seed=seed, workers=workers, resume=resume).run(kills)

    print(report)  # noqa: T201 - shown with -s
    assert report.kills == kills
    assert report.finished >= 2


def test_the_soak_goes_red_where_nothing_is_kept(tmp_path: Path, model_server: ModelServer) -> None:
    soak = Soak(tmp_path, model_server, seed=1, cases=5, options=["--evals-cache=off"])

    with pytest.raises(SoakError, match="6 requests left no response, though only 0 may be in flight"):
        soak.run(0)


TRIALS: Final = Counter({"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("before", "asked", "after", "problems"),
    [
        ({}, {"a": 1, "b": 1}, {"b": 1}, []),
        ({"b": 1}, {"b": 1, "a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 1}, {"a": 1}, ["asked for again though its response is kept: a"]),
        ({"b": 1}, {"b": 2}, {"b": 2}, ["asked for again though its response is kept: b"]),
        ({"a": 1}, {}, {}, ["kept, and then gone: a"]),
        ({}, {"a": 1}, {"a": 2}, ["kept more often than it has trials: a"]),
        ({}, {"a": 1, "b": 2}, {}, ["3 requests left no response, though only 1 may be in flight"]),
    ],
)
def test_the_soak_sees(
    before: dict[str, int], asked: dict[str, int], after: dict[str, int], problems: list[str]
) -> None:
    life = Life(Counter(before), Counter(asked), Counter(after))

    assert life.find_problems(TRIALS, in_flight=1) == problems

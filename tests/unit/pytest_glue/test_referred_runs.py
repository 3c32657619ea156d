from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.pytest_glue.referring import ReferredRuns
from pytest_promptevals.settings import Settings


def test_what_was_not_found_is_not_looked_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ReferredRuns(tmp_path, Settings(baseline="nope"))
    with pytest.raises(UsageError) as first:
        runs.check()
    monkeypatch.setattr(ReferredRuns, "_look_up", lambda _: pytest.fail("looked up again"))

    with pytest.raises(UsageError) as second:
        runs.find("a.eval.yaml", ())

    assert second.value is first.value


def test_a_damaged_history_is_put_aside_and_that_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    runs = ReferredRuns(tmp_path, Settings(baseline="latest", history="history.db"))

    runs.check()
    assert runs.find("a.eval.yaml", ()) is None

    damaged, empty = runs.notices
    assert "history.db was damaged; it is kept as history.db.corrupt-" in damaged
    assert empty == "evals_baseline latest: the history has no finished run yet"


def test_a_server_that_cannot_be_reached_ends_the_run(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    history = "postgresql+psycopg://ada:secret@127.0.0.1:1/evals"
    runs = ReferredRuns(tmp_path, Settings(baseline="latest", history=history, given={"baseline": "--evals-baseline"}))

    with pytest.raises(UsageError, match=r"^--evals-baseline latest: .*127\.0\.0\.1") as caught:
        runs.check()

    assert "secret" not in str(caught.value)

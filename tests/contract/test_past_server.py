"""A server that is away answers no questions, and is asked once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.history.past import Past
from tests.support.sample_results import make_result

AWAY = "pytest_promptevals.history.past.connect"


def test_a_server_that_is_away_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    psycopg = pytest.importorskip("psycopg")
    asked: list[object] = []

    def refuse(*arguments: object) -> None:
        asked.append(arguments)
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(AWAY, refuse)
    past = Past(tmp_path, "postgresql+psycopg://evals@127.0.0.1:1/db")

    assert past.trials_of(make_result()) == ()
    assert past.text_of("h") is None
    assert len(asked) == 1

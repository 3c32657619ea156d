from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.history_subjects import HistorySubject, make_subject


@pytest.fixture(params=["sqlite", "postgresql"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> HistorySubject:
    """An empty history in each of the databases."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    return make_subject(tmp_path, server)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_history(request: pytest.FixtureRequest, tmp_path: Path) -> HistorySubject:
    """A history whose database has no tables yet."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    return make_subject(tmp_path, server, is_new=True)

"""Recordings at the end of a session."""

from __future__ import annotations

import pytest

from pytest_promptevals.cache.recordings import write_recordings
from pytest_promptevals.pytest_glue.identity import session_id
from pytest_promptevals.settings import Settings


def write_session_recordings(config: pytest.Config, settings: Settings) -> list[str]:
    """Write the recordings of this session, where they are wanted; return what to tell the user."""
    if not settings.recordings or settings.cache in ("off", "replay"):
        return []
    root = config.rootpath
    return list(write_recordings(root / settings.recordings, root / settings.cache_file, session_id(config)))

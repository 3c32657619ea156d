"""What names this pytest session to the response cache, in all of its processes."""

from __future__ import annotations

import os
import uuid
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.share import SESSION_FACT, worker_facts

VARIABLE: Final = "PROMPTEVALS_SESSION"
"""Environment variable by which ``promptevals cache prune`` names the session that it starts."""
_ID_KEY: Final = pytest.StashKey[str]()


def session_id(config: pytest.Config) -> str:
    """Return the id of the session; workers of pytest-xdist have that of their controller."""
    if _ID_KEY not in config.stash:
        told = worker_facts(config).get(SESSION_FACT)
        config.stash[_ID_KEY] = told or os.environ.get(VARIABLE) or uuid.uuid4().hex
    return config.stash[_ID_KEY]

"""What names this pytest session to the response cache, in all of its processes."""

from __future__ import annotations

import os
import uuid
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.share import worker_facts
from pytest_promptevals.pytest_glue.xdist import controller_of

VARIABLE: Final = "PROMPTEVALS_SESSION"
"""Environment variable by which ``promptevals cache prune`` names the session that it starts."""
_ID_KEY: Final = pytest.StashKey[str]()


def session_id(config: pytest.Config) -> str:
    """Return the id of the session; workers of pytest-xdist have that of their controller."""
    if _ID_KEY not in config.stash:
        config.stash[_ID_KEY] = os.environ.get(VARIABLE) or _shared_id(config) or uuid.uuid4().hex
    return config.stash[_ID_KEY]


def _shared_id(config: pytest.Config) -> str | None:
    controller = controller_of(config)
    facts = worker_facts(config) if controller is None else controller.facts
    found = facts.get("session")
    return None if found is None else str(found)

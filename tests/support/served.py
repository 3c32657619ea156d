"""An eval project whose model is the loopback server."""

from __future__ import annotations

import json
from typing import Any

from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

PRICE = {"local/echo-model": {"input": 1.0, "output": 2.0}}
"""US dollars for a million tokens."""


def serve(project: EvalProject, server: ModelServer, **defaults: Any) -> EvalProject:
    """Write an ``evals.yaml`` whose model is on the server and echoes; ``defaults`` are further keys of it."""
    settings = {
        "model": "local/echo-model",
        "judges": ["exact"],
        "providers": {"local": {"type": "openai", "base_url": server.open_url}},
        **defaults,
    }
    project.write("evals.yaml", json.dumps(settings))
    return project


def echo_cases(count: int) -> list[dict[str, object]]:
    """Return cases that the echoing model passes."""
    return [{"id": f"c{number}", "input": f"x{number}", "expected": f"x{number}"} for number in range(count)]


def calls(server: ModelServer) -> int:
    """Return how many requests the server got since it was reset."""
    return len(server.journal())

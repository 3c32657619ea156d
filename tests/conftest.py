"""Fixtures of all tests: a real folder, a real pytest in it, and a real model server on loopback."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import pytest_promptevals

# At the end of the path: the tests find their helpers, and the package is the installed one, not the work tree's.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.support.postgres_server import PostgresServer, run_postgres
from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

pytest_plugins = ["pytester"]

# A job in the background of a script ignores Ctrl-C, and so would all that it starts: tests that send one would wait.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes on a busy machine says nothing about the code. In CI the examples are always the same.
hypothesis.settings.register_profile(
    "project",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.load_profile("project")

# pytester forgets what a pytest run inside of this process imports, and C extensions do not survive a second import:
# so all of the package is imported before the first one.
for module in pkgutil.walk_packages(pytest_promptevals.__path__, "pytest_promptevals."):
    if ".migrations" not in module.name:
        importlib.import_module(module.name)
for name in (
    *("alembic.command", "alembic.autogenerate", "sqlalchemy.dialects.sqlite"),
    *("jsonschema", "rapidfuzz", "numpy.fft", "numpy.random", "wcwidth"),
):
    importlib.import_module(name)
with contextlib.suppress(ImportError):  # an extra
    importlib.import_module("psycopg")
    importlib.import_module("sqlalchemy.dialects.postgresql.psycopg")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's keys and settings out of the tests."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("COLUMNS", "FORCE_COLOR", "PY_COLORS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> EvalProject:
    """An empty project to put eval files in."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in [name for name in os.environ if name.startswith(("PROMPTEVALS_TEST_", "PROMPTEVALS_SOAK_"))]:
        monkeypatch.delenv(name)  # settings of these tests, which a run would call unknown
    return EvalProject(pytester)


@pytest.fixture(scope="session")
def shared_model_server() -> Iterator[ModelServer]:
    """One server process for the whole session."""
    server = ModelServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole session of a test process."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def model_server(shared_model_server: ModelServer) -> ModelServer:
    """The loopback model server, with nothing injected and an empty journal."""
    shared_model_server.reset()
    return shared_model_server

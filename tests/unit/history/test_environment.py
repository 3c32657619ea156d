from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path

import pytest

from pytest_promptevals.history import environment
from pytest_promptevals.history.environment import hide_secrets, new_run
from pytest_promptevals.history.git import read_git_state
from pytest_promptevals.records.runs import RunStatus


def test_a_new_run_says_when_and_how_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    run = new_run(["-k", "refund"], tmp_path)

    assert (run.status, run.finished_at, run.git) == (RunStatus.RUNNING, None, None)
    assert run.arguments == ("-k", "refund")
    assert (run.host, run.pid) == (platform.node(), os.getpid())
    started = dt.datetime.fromisoformat(run.started_at)
    assert abs(dt.datetime.now(dt.UTC) - started) < dt.timedelta(minutes=1)
    assert re.fullmatch(rf"{started:%Y%m%d-%H%M%S}-[0-9a-f]{{6}}", run.id)


def test_two_runs_differ(tmp_path: Path) -> None:
    assert new_run([], tmp_path).id != new_run([], tmp_path).id


def test_a_run_in_a_checkout_has_its_git_state() -> None:
    folder = Path(__file__).parent

    assert new_run([], folder).git == read_git_state(folder)


def test_versions_are_read_without_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("pytest", "anthropic", "no-such-package"))
    was_imported = "anthropic" in sys.modules

    versions = new_run([], tmp_path).versions

    assert versions == {
        "python": platform.python_version(),
        "pytest": importlib.metadata.version("pytest"),
        "anthropic": importlib.metadata.version("anthropic"),
    }
    assert ("anthropic" in sys.modules) == was_imported


@pytest.mark.parametrize(
    ("arguments", "hidden"),
    [
        (["--api-key", "abc", "tests"], ["--api-key", "***", "tests"]),
        (["--openai-api-key=abc"], ["--openai-api-key=***"]),
        (["--acme_token", "abc"], ["--acme_token", "***"]),
        (["-o", "acme_api_key=abc=="], ["-o", "acme_api_key=***"]),
        (["--override-ini=acme_secret=a\nb"], ["--override-ini=acme_secret=***"]),
        (["PASSWORD=abc"], ["PASSWORD=***"]),
        (["--evals-notify", "slack://abc"], ["--evals-notify", "***"]),
        (["-oevals_notify=slack://abc"], ["-oevals_notify=***"]),
        (["-k", "sk-ant-0123456789"], ["-k", "***"]),
        (
            ["--evals-history=postgresql+psycopg://ada:p/w@x@host/db"],
            ["--evals-history=postgresql+psycopg://ada:***@host/db"],
        ),
        (
            ["--evals-history", "postgresql+psycopg://host/db?user=ada&password=p%40w&sslmode=require"],
            ["--evals-history", "postgresql+psycopg://host/db?user=ada&password=***&sslmode=require"],
        ),
    ],
)
def test_secrets_on_the_command_line_are_not_kept(arguments: list[str], hidden: list[str]) -> None:
    assert hide_secrets(arguments) == tuple(hidden)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "token or api_key", "tests/test_token.py"],
        ["tests/test_a.py::test_b[token=1]"],
        ["--max-tokens=50", "--author=ada"],
        ["--no-auth", "-x"],
        ["--evals-model", "openai/gpt-5-mini", "-m", "smoke"],
        ["--evals-notify-on", "budget", "-o", "evals_notify_on=budget"],
        ["--url=http://localhost:8000/v1"],
        ["risk-adjusted-score"],
    ],
)
def test_other_arguments_are_kept_as_they_are(arguments: list[str]) -> None:
    assert hide_secrets(arguments) == tuple(arguments)

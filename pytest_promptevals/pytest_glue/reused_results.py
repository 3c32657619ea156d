"""Results that stand for cases which do not run, on their way home from the workers of pytest-xdist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest

from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.records.codec import from_plain, to_plain
from pytest_promptevals.records.contents import FileFacts
from pytest_promptevals.records.results import CaseResult

REUSED_RESULTS: Final = "promptevals_reused_results"
"""Key of a worker's last words to the controller that holds them, as text."""


def is_sender(config: pytest.Config) -> bool:
    """Return whether a worker is the one that sends them: all know the same. One that replaces another sends, too."""
    worker: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]  # xdist's
    number = int(str(worker["workerid"]).removeprefix("gw"))
    return number == 0 or number >= int(worker["workercount"])


def send_results(
    config: pytest.Config, sources: Sequence[EvalSource], results: Sequence[CaseResult], facts: Iterable[FileFacts]
) -> None:
    """Put eval files, results and what is known of the files among a worker's last words."""
    plain = {
        "sources": [to_plain(source) for source in sources],
        "results": [to_plain(result) for result in results],
        "facts": [to_plain(described) for described in facts],
    }
    text = json.dumps(plain, ensure_ascii=True)  # half of a surrogate pair travels as its escape
    config.workeroutput[REUSED_RESULTS] = text  # type: ignore[attr-defined]  # xdist's


def read_results(text: str) -> tuple[list[EvalSource], list[CaseResult], list[FileFacts]]:
    """Return what ``send_results`` sent."""
    plain = json.loads(text)
    sources = [from_plain(EvalSource, source) for source in plain["sources"]]
    results = [from_plain(CaseResult, result) for result in plain["results"]]
    return sources, results, [from_plain(FileFacts, described) for described in plain["facts"]]


def accept_nothing_to_run(session: pytest.Session, sources: Sequence[EvalSource]) -> None:
    """Let a session pass in which no test was left to run since nothing has changed."""
    if sources and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK

"""What a history holds is printed by every command, and no terminal obeys it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.runs import GitState, RunFile, RunStatus
from tests.support.hostile import KINDS, hostile_strings
from tests.support.sample_results import make_result, make_run
from tests.unit.cli.history_project import open_store

DANGEROUS: Final = re.compile("[^\n\t\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\U0010ffff]")
MARKERS: Final = re.compile(r"marker\d{5}end")
TEXTS: Final = [text for text in hostile_strings(3 * len(KINDS)) if len(text) < 10_000]
FILE: Final = "evals/\x1b[31m\u202e\nred.eval.yaml"
RUNS: Final = ("20261120-120000-aaaaaa", "20261121-120000-bbbbbb")


def result(text: str, score: float | None) -> CaseResult:
    """A result whose every text is hostile; one without a score is an error."""
    if score is None:
        return make_result(f"error {text}", None, file=FILE, error=ErrorRecord("provider", text))
    scores = (Score(text, score, passed=score > 0.5, threshold=0.5, explanation=text),)
    return make_result(
        text,
        score,
        file=FILE,
        location=Location(FILE, 1),
        model=text,
        prompt=RenderedPrompt((Message("user", text),), text),
        expected=text,
        tags=(text,),
        scores=scores,
        trials=(Trial(1, Response(text), scores, score, passed=score > 0.5),),
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with a history of two runs."""
    monkeypatch.chdir(tmp_path)
    for number, run_id in enumerate(RUNS):
        results = [result(text, 1.0 - number) for text in TEXTS] + [result(text, None) for text in TEXTS[:5]]
        deltas = tuple(Delta(text, Change.WORSE, 1.0, 0.0, Location(FILE, 1)) for text in TEXTS)
        gates = (GateResult(FILE, "judges.\x1b[2J", Verdict.REGRESSED, " ".join(TEXTS[:5]), Location(FILE, 1)),)
        hashes = {"\x1b[2J\n": "k" * 16}
        run = make_run(
            run_id,
            status=RunStatus.FINISHED,
            started_at=f"2026-11-2{number}T12:00:00+00:00",
            git=GitState("c" * 40, "\x1b[31mbranch\u202e", is_dirty=True),
            arguments=("pytest", *TEXTS[:5]),
            name="named\x1b[2J",
            files=(RunFile(FILE, "v1", 1, hashes, hashes, {"\x1b[2J": "\x1b[2J"}, hashes),),
        )
        comparison = Comparison(
            FILE, Metrics(len(TEXTS), 0, 5, 0.5, 0.5, judges={"\x1b[2J": 0.5}), True, "\x1b[2J", deltas, 1.0, 0.0, gates
        )
        with open_store() as store:
            store.add_run(run, results, [comparison])
            store.add_contents([("k" * 16, "prompt", json.dumps({"text": "\x1b[2J"}))])


@pytest.mark.parametrize(
    ("arguments", "readable"),
    [
        (["runs"], 0),
        (["runs", "--format", "json"], 0),
        (["show", "latest"], 5),
        (["show", "latest", "--all"], len(TEXTS)),
        (["show", "latest", "--format", "json"], len(TEXTS)),
        (["show", "latest", "--case", TEXTS[1]], 1),
        (["show", "latest", "--case", f"error {TEXTS[1]}"], 1),
        (["show", "latest", "--case", TEXTS[1], "--format", "json"], 1),
        (["trends"], 0),
        (["trends", "--metric", "score"], 0),
        (["trends", "--format", "json"], 0),
        (["compare", RUNS[0], RUNS[1], "--all", "--outputs", "50"], len(TEXTS)),
        (["compare", RUNS[0], RUNS[1], "--all", "--format", "json"], len(TEXTS)),
        (["compare", RUNS[0], RUNS[1], "--all", "--format", "markdown"], len(TEXTS)),
        (["compare", RUNS[0], RUNS[1], "--all", "--format", "html"], len(TEXTS)),
        (["export", "--format", "json", "--texts"], len(TEXTS)),
        (["export", "--format", "jsonl"], len(TEXTS)),
        (["noise"], 0),
        (["dataset", "versions", FILE], 0),
    ],
    ids=lambda value: " ".join(value[:4]).encode("unicode_escape").decode()[:40] if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("project")
def test_nothing_of_a_history_reaches_the_terminal_as_it_is(arguments: Sequence[str], readable: int) -> None:
    found = CliRunner().invoke(main, list(arguments))

    assert found.exit_code == 0, found.output
    assert DANGEROUS.search(found.output) is None, ascii(found.output)
    assert len(set(MARKERS.findall(re.sub(r"\n +", "", found.output)))) >= readable


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "\x1b[2J\u202e"],
        ["show", "latest", "--case", "\x1b[2J"],
        ["show", "latest", "--prompt", "\x1b[2J"],
        ["compare", "\x1b[2J"],
        ["trends", "\x1b[2J"],
        ["trends", "--metric", "\x1b[3J"],
        ["judges", "show", "\x1b[2J"],
        ["rubrics", "show", "\x1b[2J"],
        ["check", "\x1b[2J"],
        ["import", "\x1b[2J", "-o", "a.eval.yaml"],
        ["export", "--since", "\x1b[2J"],
    ],
    ids=lambda arguments: " ".join(arguments[:-1]),
)
@pytest.mark.usefixtures("project")
def test_nothing_that_is_no_name_reaches_the_terminal_as_it_is(arguments: Sequence[str]) -> None:
    found = CliRunner().invoke(main, list(arguments))

    assert found.exit_code != 0
    assert DANGEROUS.search(found.output) is None, ascii(found.output)

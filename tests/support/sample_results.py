"""Results, runs and baselines to test with."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import (
    BaselineCase,
    Change,
    Comparison,
    Delta,
    GateResult,
    Metrics,
    Verdict,
)
from pytest_promptevals.records.effects import Effect, Evidence, Noise
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, TokenLogprob, ToolCall, Usage
from pytest_promptevals.records.results import CaseResult, ErrorRecord, JudgeSpending, Score, Trial
from pytest_promptevals.records.runs import GitState, ItemOutcome, OutcomeKind, Run, RunFile, RunKind, RunStatus

FILE = "evals/support.eval.yaml"
PLACE = Location(FILE, 1)


def make_result(name: str = "refund", score: float | None = 1.0, **changes: Any) -> CaseResult:
    """A result of one trial; without a score it ended in an error."""
    error = None if score is not None else ErrorRecord("provider", "the server is down")
    passed = None if score is None else score >= 0.5
    response = None if score is None else Response(f"answer of {name}")
    scores = () if score is None else (Score("exact", score, score >= 0.5, 0.5),)
    result = CaseResult(
        file=FILE,
        name=name,
        case_id=name.partition("[")[0],
        location=Location(FILE, 7),
        model="openai/gpt-5-mini",
        prompt_name="support",
        case_fingerprint="c" * 16,
        fingerprint="f" * 16,
        trials=(Trial(1, response, scores, score, passed, error),),
        scores=scores,
        score=score,
        passed=passed,
        error=error,
    )
    return dataclasses.replace(result, **changes)


def make_case(name: str = "refund", score: float = 1.0, **changes: Any) -> BaselineCase:
    """A case of a baseline, equal to what ``make_result`` of the same name and score leaves there."""
    case = BaselineCase(
        name=name,
        case_id=name.partition("[")[0],
        case_fingerprint="c" * 16,
        model="openai/gpt-5-mini",
        prompt_name="support",
        score=score,
        passed=score >= 0.5,
        scores={"exact": score},
        output=f"answer of {name}",
        output_length=float(len(f"answer of {name}")),
        fingerprint="f" * 16,
    )
    return dataclasses.replace(case, **changes)


def make_full_result(name: str = "full") -> CaseResult:
    """A result in which no field has its default."""
    response = Response(
        "Größe 🙂\n\ud800 \0 end",
        tool_calls=(ToolCall("find_order", {"id": "A-17", "deep": [1, 2.5, None, True]}, "call-1"),),
        finish_reason="stop",
        usage=Usage(100, 20, 50, 10, 5),
        latency=0.25,
        cost=0.0012,
        model="gpt-5-mini-2026",
        refusal="no",
        cached=True,
        logprobs=(TokenLogprob("7", -0.1, {"7": -0.1, "8": -2.5}),),
        embedding="AACAPwAAAMA=",
    )
    first = Score(
        "contains",
        1.0,
        passed=True,
        threshold=1.0,
        weight=2.0,
        required=False,
        explanation="found",
        cost=0.001,
        calls=2,
        spent=0.0005,
        details={"samples": [1.0, 0.5], "why": "half …"},
        cached=1,
    )
    second = Score("rubric", 1 / 3, passed=False, weight=0.5, explanation="half … of it")
    failed = ErrorRecord("judge", "the judge did not answer; ask again")
    return CaseResult(
        file=FILE,
        name=name,
        case_id="full-id",
        location=Location("evals/cases.jsonl", 42),
        model="anthropic/claude",
        prompt_name="v2",
        case_fingerprint="1" * 16,
        fingerprint="2" * 16,
        trials=(
            Trial(1, response, (first, second), 0.8, passed=False),
            Trial(2, response, (second, first), 0.1 + 0.2, passed=True),
            Trial(3, response, (first,), error=failed, judging=JudgeSpending(2, 0.0002, 0.0001, 1), is_further=True),
        ),
        scores=(first, second),
        score=0.1 + 0.2,
        passed=False,
        error=failed,
        prompt=RenderedPrompt((Message("system", "Be kind."), Message("user", "Hé")), "v2"),
        expected=["one", {"two": 2}],
        tags=("smoke", "refunds"),
        group="g1",
        weight=2.5,
        reused_from="20261120-080000-abcdef",
        prompt_hash="3" * 16,
    )


def make_full_run(run_id: str = "full") -> Run:
    """A run in which no field has its default."""
    file = RunFile(
        FILE,
        dataset_version="d" * 16,
        cases=40,
        prompts={"support": "p" * 16},
        models={"openai/gpt-5-mini": "gpt-5-mini-2026"},
        parameters={"temperature": 0, "stop": ["\n"]},
        judges={"exact": "j" * 16},
    )
    return make_run(
        run_id,
        status=RunStatus.INTERRUPTED,
        finished_at="2026-11-21T18:00:00+00:00",
        shard="1/4",
        selected=40,
        selection="5" * 16,
        calls=30,
        cached=20,
        cost=0.5,
        spent=0.1,
        parent="20261120-080000-abcdef",
        kind=RunKind.REGATE,
        name="before the größe",
        files=(file, dataclasses.replace(file, file="evals/zebra.eval.yaml")),
        outcomes=(ItemOutcome("tests/test_größe.py::test_it", OutcomeKind.FAILED, "assert 1 == 2 \ud800"),),
    )


def make_full_comparison() -> Comparison:
    """A comparison in which no field that is stored has its default."""
    noise = Noise(0.1, 0.2, 0.3, 2.5)
    effect = Effect("score", 0.9, 0.1, 0.8, 0.7, 0.85, 0.01, 0.99, 0.05, cases=12, groups=10, noise=noise)
    effect = dataclasses.replace(effect, effective_groups=9.5)
    evidence = Evidence(effect, 0.1, 0.95, 0.02, 1.0, 0.15, 40, 3)
    delta = Delta(
        "a", Change.WORSE, 0.9, 0.1, PLACE, 2.0, "g", passed_before=True, passed_after=False, renamed_from="b"
    )
    place = Location(FILE, 3)
    gates = (
        GateResult(FILE, "score", Verdict.INCONCLUSIVE, "it may have fallen", place, evidence, is_accepted=True),
        GateResult(FILE, "min_score", Verdict.FAILED, "too low", PLACE),
    )
    return Comparison(
        FILE,
        Metrics(3, 1, 1, 0.5, 0.25, 0.01, 0.5, 2.5, 120.5, {"exact": 0.5, "größe": 1.0}),
        has_baseline=True,
        baseline="baselines/support.eval.yaml.jsonl",
        deltas=(delta, Delta("gone", Change.MISSING, 0.5)),
        mean_before=0.9,
        mean_after=0.1,
        gates=gates,
        effects=(effect, Effect("cost", 0.001, 0.002, 0.001)),
        baseline_run="20261120-080000-abcdef",
    )


def make_run(run_id: str = "20261121-172600-1a2b3c", **changes: Any) -> Run:
    """A run that is under way on another machine."""
    return dataclasses.replace(
        Run(
            id=run_id,
            started_at="2026-11-21T17:26:00.000+00:00",
            git=GitState("a" * 40, "main", is_dirty=True),
            versions={"python": "3.11.7"},
            arguments=("-k", "refund"),
            host="another machine",
            pid=4711,
        ),
        **changes,
    )

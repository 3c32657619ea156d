"""One run in words."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.runs import GitState, RunFile, RunKind, RunStatus
from pytest_promptevals.reports.run_details import run_lines
from tests.support.sample_results import FILE, make_full_comparison, make_full_run, make_run


def test_a_run_with_all_that_there_is() -> None:
    run = dataclasses.replace(make_full_run(), files=make_full_run().files[:1])

    lines = list(run_lines(run, [make_full_comparison()], 80))

    assert lines == [
        "run full: interrupted",
        "  kind: regate, the verdict on the scores of run 20261120-080000-abcdef, decided",
        "    anew",
        "  saved as: before the größe",
        "  began: 2026-11-21 17:26:00 UTC, took 34 min 0 s on another machine",
        "  git: main@aaaaaaa* (with uncommitted changes)",
        "  command: pytest -k refund",
        "  share: 1/4 of 40 cases",
        "  calls: 30, 20 from the cache; cost $0.50, $0.10 of it paid by this run",
        "  versions: python 3.11.7",
        "",
        FILE,
        "  3 cases: 1 passed (33 %), 1 error, mean score 0.50",
        "  compared with baselines/support.eval.yaml.jsonl (20261120-080000-abcdef): mean",
        "    score 0.90 → 0.10",
        "  gate score: inconclusive, accepted: it may have fallen",
        "  gate min_score: failed: too low",
        "  dataset version dddddddddddddddd (40 cases)",
        "  model openai/gpt-5-mini, answered as gpt-5-mini-2026",
        '  parameters {"temperature": 0, "stop": ["\\n"]}',
        "  prompt support (pppppppppppppppp)",
        "  judge exact (jjjjjjjjjjjjjjjj)",
    ]


def test_a_run_of_which_little_is_known() -> None:
    run = make_run(
        "r1",
        git=GitState("b" * 40, None, is_dirty=False),
        host="",
        arguments=(),
        versions={},
        calls=2,
        cost=0.5,
        spent=0.5,
        files=(RunFile("b.eval.yaml", judges={"x": "1", "y": "2"}, models={"a/b": "a/b"}),),
    )

    lines = list(run_lines(run, [Comparison("a.eval.yaml", Metrics(1, 0, 0, None, None))], 80))

    assert lines == [
        "run r1: running",
        "  began: 2026-11-21 17:26:00 UTC",
        "  git: @bbbbbbb",
        "  calls: 2; cost $0.50",
        "",
        "a.eval.yaml",
        "  1 case: 0 passed (0 %)",
        "",
        "b.eval.yaml",
        "  model a/b",
        "  judges x (1), y (2)",
    ]


def test_a_baseline_is_named_once_and_a_mean_only_where_there_is_one() -> None:
    comparison = dataclasses.replace(make_full_comparison(), baseline="run r0 of branch main", baseline_run="r0")

    lines = list(run_lines(make_run("r1"), [comparison], 80))
    assert "  compared with run r0 of branch main: mean score 0.90 → 0.10" in lines

    lines = list(run_lines(make_run("r1"), [dataclasses.replace(comparison, mean_before=None, mean_after=None)], 80))
    assert "  compared with run r0 of branch main: no case that can be compared" in lines


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RunKind.RERUN, "  kind: rerun, of what had failed before, so no baseline by itself"),
        (RunKind.REJUDGE, "  kind: rejudge, the outputs of run r0, judged anew"),
        (RunKind.ATTRIBUTE, "  kind: attribute, cases that flipped in run r0, with one of its changes alone"),
    ],
)
def test_what_a_run_is_made_of_is_a_sentence(kind: RunKind, text: str) -> None:
    assert list(run_lines(make_run("r1", kind=kind, parent="r0"), [], 80))[1] == text


def test_a_short_run_is_told_in_seconds_and_strangers_text_is_made_visible() -> None:
    finished = "2026-11-21T17:26:05+00:00"
    run = make_run("r1", status=RunStatus.FINISHED, finished_at=finished, git=None, arguments=("-k", "a\x1b[2J"))

    lines = list(run_lines(run, [], 80))

    assert lines[1:3] == [
        "  began: 2026-11-21 17:26:00 UTC, took 5 s on another machine",
        "  command: pytest -k 'a\\x1b[2J'",
    ]

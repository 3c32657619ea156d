"""What comparisons, trends and exports read of the history, the same from both databases."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from pytest_promptevals.history.light_rows import read_before, read_scored
from pytest_promptevals.history.result_stream import stream_results
from pytest_promptevals.history.run_pairs import RunPair
from pytest_promptevals.history.trend_queries import read_trends
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.records.exports import COLUMNS, TEXT_COLUMNS
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.runs import Run, RunFile, RunStatus
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.two_runs import compare_runs
from pytest_promptevals.settings import Settings
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import FILE, PLACE, make_full_result, make_result, make_run

OTHER = "evals/other.eval.yaml"
NOW = "20261121-080000-bbbbbb"
SCORED = (
    "name",
    "case_id",
    "case_fingerprint",
    "model",
    "prompt_name",
    "location",
    "weight",
    "group",
    "score",
    "passed",
    "error",
    "judge_values",
    "cost",
    "latency",
    "output_length",
    "trial_count",
)
"""What a comparison reads of each result of the run; the rest is looked at by itself."""


def make_trials(name: str, *scores: float) -> CaseResult:
    """A result of several trials."""
    trials = tuple(
        dataclasses.replace(make_result(name, score).trials[0], number=number)
        for number, score in enumerate(scores, start=1)
    )
    return make_result(name, sum(scores) / len(scores), trials=trials)


RESULTS = (
    make_result("plain", 0.75),
    make_result("broken", None),
    make_trials("thrice", 0.25, 0.5, 1.0),
    make_result("größe '; --", 0.0, group="g", weight=2.5, tags=("smoke",)),
)


def add_run(history: HistorySubject, run: Run, *results: CaseResult, comparisons: tuple[Comparison, ...] = ()) -> None:
    with history.open() as store:
        store.add_run(run, results, comparisons)


def test_a_comparison_reads_what_the_results_say(history: HistorySubject) -> None:
    add_run(history, make_run("a"), *RESULTS)
    expected = {result.name: result for result in RESULTS}

    with history.open() as store, store.reading() as connection:
        rows = read_scored(connection, "a", FILE)
        before = read_before(connection, "a", FILE)

    assert sorted(row.name for row in rows) == sorted(expected)
    for row in rows:
        result = expected[row.name]
        assert {name: getattr(row, name) for name in SCORED} == {name: getattr(result, name) for name in SCORED}
        assert list(row.trial_scores) == list(result.trial_scores)
        assert (row.scores, row.trials) == ((), ())
        assert type(row.passed) is type(result.passed)
    assert {row.name: (row.score, row.passed, dict(row.scores), row.trials, row.trial_scores) for row in before} == {
        "plain": (0.75, True, {"exact": 0.75}, 1, []),
        "thrice": (expected["thrice"].score, True, {"exact": expected["thrice"].scores[0].value}, 3, [0.25, 0.5, 1.0]),
        "größe '; --": (0.0, False, {"exact": 0.0}, 1, []),
    }


@pytest.mark.parametrize("others", [0, 20])
def test_the_results_of_one_run_and_file_are_found_among_others(history: HistorySubject, others: int) -> None:
    between = [make_result(f"other {number}", 0.5) for number in range(others)]
    with history.open() as store:
        store.start_run(make_run("a"))
        store.start_run(make_run("b"))
        store.add_results("a", [make_result("first", 1.0)])
        store.add_results("b", [*between, make_result("first", 0.0)])
        store.add_results("a", [make_result("second", 0.5), make_result("first", 0.25, file=OTHER)])

    with history.open() as store, store.reading() as connection:
        found = [(row.name, row.score, dict(row.judge_values)) for row in read_scored(connection, "a", FILE)]
        nothing = read_scored(connection, "a", "evals/none.eval.yaml")

    assert sorted(found) == [("first", 1.0, {"exact": 1.0}), ("second", 0.5, {"exact": 0.5})]
    assert list(nothing) == []


def test_results_that_are_unlike_the_others_are_read_as_they_are(history: HistorySubject) -> None:
    elsewhere = Location("evals/cases.jsonl", 3)
    results = [
        make_result("a", 1.0),
        make_result("b [short]", 0.5, case_id="b", model="anthropic/claude", prompt_name="short", location=elsewhere),
        make_result("c", 0.0, model="", prompt_name="", case_id=""),
    ]
    add_run(history, make_run("a"), *results)

    with history.open() as store, store.reading() as connection:
        rows = {row.name: row for row in read_scored(connection, "a", FILE)}
        before = {row.name: row for row in read_before(connection, "a", FILE)}

    for result in results:
        row, base = rows[result.name], before[result.name]
        assert (row.case_id, row.model, row.prompt_name, row.location) == (
            result.case_id,
            result.model,
            result.prompt_name,
            result.location,
        )
        assert (base.case_id, base.model, base.prompt_name) == (result.case_id, result.model, result.prompt_name)


def test_details_of_scores_are_read_where_there_are_any(history: HistorySubject) -> None:
    full = dataclasses.replace(make_full_result(), error=None)
    add_run(history, make_run("a"), full, make_result("plain", 1.0))

    with history.open() as store, store.reading() as connection:
        rows = {row.name: row for row in read_scored(connection, "a", FILE)}

    assert [score.judge for score in rows["full"].scores] == [score.judge for score in full.scores]
    assert [_known(trial) for trial in rows["full"].trials] == [_known(trial) for trial in full.trials]
    assert rows["plain"].scores == (Score("exact", 1.0, passed=True, threshold=0.5),)


def _known(trial: Trial) -> list[tuple[Any, ...]]:
    return [
        (score.judge, score.value, score.passed, score.threshold, score.weight, score.required, score.details)
        for score in trial.scores
    ]


def test_the_scores_of_a_part_of_the_judges_are_read_in_full(history: HistorySubject) -> None:
    add_run(history, make_run("a"), make_result("plain", 1.0, case_fingerprint="level1:" + "c" * 16))

    with history.open() as store, store.reading() as connection:
        (row,) = read_scored(connection, "a", FILE)

    assert [(score.judge, score.threshold) for score in row.scores] == [("exact", 0.5)]


def test_results_of_older_versions_have_their_judges_scores_too(history: HistorySubject) -> None:
    add_run(history, make_run("a"), *RESULTS)
    history.execute("UPDATE case_results SET judge_values = NULL")

    with history.open() as store, store.reading() as connection:
        before = {row.name: dict(row.scores) for row in read_before(connection, "a", FILE)}
        exported = {row["name"]: row["judges"] for row in stream_results(connection, RunFilter(), with_texts=False)}

    assert before == {result.name: result.judge_values for result in RESULTS if result.score is not None}
    assert exported == {result.name: result.judge_values for result in RESULTS}


def compared(file: str, score: float | None, *gates: tuple[str, Verdict]) -> Comparison:
    metrics = Metrics(3, 2, 1, score, 0.5, 0.25, 0.5, 2.0, 120.0, {"exact": 0.125})
    return Comparison(
        file, metrics, gates=tuple(GateResult(file, gate, verdict, "why", PLACE) for gate, verdict in gates)
    )


def add_trend(history: HistorySubject) -> None:
    """Three finished runs, one of them on a branch, and one that did not finish."""
    gates = (("score", Verdict.REGRESSED), ("min_score", Verdict.PASSED))
    for number, branch in ((1, "main"), (2, "feature"), (3, "main")):
        run = make_run(f"r{number}", started_at=f"2026-11-0{number}T08:00:00.000+00:00", status=RunStatus.FINISHED)
        run = dataclasses.replace(run, git=dataclasses.replace(run.git, branch=branch) if run.git else None)
        files = [compared(FILE, number / 4, *gates)] + ([compared(OTHER, None)] if number == 1 else [])
        add_run(history, run, comparisons=tuple(files))
    add_run(history, make_run("r4", started_at="2026-11-04T08:00:00.000+00:00"), comparisons=(compared(FILE, 1.0),))


def test_two_runs_are_compared_in_every_database(history: HistorySubject) -> None:
    evidence = Evidence(Effect("score", 1.0, 1.0, 0.0), 0.25, 0.99)
    gate = GateResult(FILE, "score", Verdict.PASSED, "all is well", PLACE, evidence)
    ended = Comparison(FILE, Metrics(8, 0, 0, None, None), gates=(gate,))
    cases = [f"case-{number}" for number in range(8)]
    fingerprints = {name: f"{number:016x}" for number, name in enumerate(cases)}
    for run_id, day, score, names in (("20261120-080000-aaaaaa", 20, 1.0, cases), (NOW, 21, 0.25, cases[:7])):
        results = [make_result(name, score, case_fingerprint=fingerprints[name]) for name in names]
        run = make_run(run_id, started_at=f"2026-11-{day}T08:00:00.000+00:00", status=RunStatus.FINISHED)
        run = dataclasses.replace(run, files=(RunFile(FILE, "v1", 8),))
        add_run(history, run, *results, comparisons=(ended,))
    members = json.dumps([[name, "h"] for name in cases])
    history.execute(f"INSERT INTO dataset_versions VALUES ('{FILE}', 'v1', '2026', 8, '{members}')")  # noqa: S608 - our own

    with history.open() as store, store.reading() as connection:
        pair = RunPair(connection, history.rootdir, "20261120", NOW)
        compared = compare_runs(pair, Settings(), pair.files)
        lost = pair.lost_files()

    (file,) = compared.files
    assert [(delta.name, delta.change) for delta in file.deltas] == [(name, Change.WORSE) for name in cases[:7]]
    assert [(gate.verdict, gate.evidence and gate.evidence.limit) for gate in file.gates] == [(Verdict.REGRESSED, 0.25)]
    assert (compared.only_now, lost) == ((), ())


FINISHED = RunFilter(status=RunStatus.FINISHED)


def test_a_trend_has_what_each_run_says_of_each_file_oldest_first(history: HistorySubject) -> None:
    add_trend(history)

    with history.open() as store, store.reading() as connection:
        points = read_trends(connection, FINISHED)

    assert [(point.file, point.run_id, point.values.get("score")) for point in points] == [
        (OTHER, "r1", None),
        (FILE, "r1", 0.25),
        (FILE, "r2", 0.5),
        (FILE, "r3", 0.75),
    ]
    assert points[1] == TrendPoint(
        run_id="r1",
        started_at="2026-11-01T08:00:00.000+00:00",
        branch="main",
        commit="a" * 40,
        is_dirty=True,
        file=FILE,
        cases=3,
        errors=1,
        values={
            "score": 0.25,
            "pass_rate": 0.5,
            "cost": 0.25,
            "latency_p50": 0.5,
            "latency_p95": 2.0,
            "output_length": 120.0,
            "judges.exact": 0.125,
        },
        verdicts=(Verdict.REGRESSED, Verdict.PASSED),
    )
    assert points[0].verdicts == ()


def test_a_trend_is_of_the_newest_runs_that_are_wanted(history: HistorySubject) -> None:
    add_trend(history)

    def read(wanted: RunFilter, files: tuple[str, ...] = (), last: int | None = None) -> list[str]:
        return [point.run_id for point in read_trends(connection, wanted, files, last)]

    with history.open() as store, store.reading() as connection:
        assert read(RunFilter(), (FILE,)) == ["r1", "r2", "r3", "r4"]
        assert read(FINISHED, last=2) == ["r2", "r3"]
        assert read(FINISHED, (OTHER,), last=1) == ["r1"]
        assert read(dataclasses.replace(FINISHED, branch="main"), (FILE,)) == ["r1", "r3"]
        assert read(RunFilter(since="2026-11-02", until="2026-11-04"), (FILE,)) == ["r2", "r3"]


def test_an_export_has_the_results_oldest_run_first(history: HistorySubject) -> None:
    add_run(history, make_run("b", started_at="2026-11-02T08:00:00.000+00:00", name="release"), *RESULTS)
    add_run(history, make_run("a", started_at="2026-11-01T08:00:00.000+00:00"), make_result("plain", 1.0))

    with history.open() as store, store.reading() as connection:
        rows = list(stream_results(connection, RunFilter(), with_texts=False))

    assert [(row["run"], row["name"]) for row in rows[:2]] == [("a", "plain"), ("b", "broken")]
    assert {row["name"] for row in rows[1:]} == {result.name for result in RESULTS}
    assert list(rows[0]) == list(COLUMNS)
    thrice = next(row for row in rows if row["name"] == "thrice")
    assert (
        thrice
        | {
            "run": "b",
            "started_at": "2026-11-02T08:00:00.000+00:00",
            "run_name": "release",
            "branch": "main",
            "is_dirty": True,
            "place": f"{FILE}:7",
            "passed": True,
            "trial_scores": [0.25, 0.5, 1.0],
            "tags": [],
            "responses": 3,
            "error": None,
        }
        == thrice
    )
    broken = rows[1]
    assert (broken["score"], broken["passed"], broken["error_kind"]) == (None, None, "provider")


def test_an_export_with_texts_has_what_was_asked_and_answered(history: HistorySubject) -> None:
    full = make_full_result()
    add_run(history, make_run("a"), full, make_result("broken", None))

    with history.open() as store, store.reading() as connection:
        broken, row = stream_results(connection, RunFilter(), with_texts=True)

    assert list(row) == [*COLUMNS, *TEXT_COLUMNS]
    assert row["prompt"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hé"}]
    assert row["expected"] == ["one", {"two": 2}]
    assert row["outputs"] == [trial.response.text for trial in full.trials if trial.response is not None]
    assert (broken["prompt"], broken["expected"], broken["outputs"]) == (None, None, [None])


def test_an_export_chooses_runs_and_results(history: HistorySubject) -> None:
    add_run(
        history,
        make_run("a"),
        make_result("one", 1.0, tags=("smoke",)),
        make_result("two", 1.0, model="anthropic/claude"),
        make_result("three", 1.0, file=OTHER),
    )
    add_run(history, make_run("b", status=RunStatus.FINISHED), make_result("four", 1.0))

    def read(**wanted: Any) -> list[str]:
        return sorted(row["name"] for row in stream_results(connection, RunFilter(**wanted), with_texts=False))

    with history.open() as store, store.reading() as connection:
        assert read(tag="smoke") == ["one"]
        assert read(model="claude") == ["two"]
        assert read(model="anthropic/claude") == ["two"]
        assert read(file=OTHER) == ["three"]
        assert read(status=RunStatus.FINISHED) == ["four"]
        assert read(file="other.eval.yaml", tag="smoke") == []

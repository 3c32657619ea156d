from __future__ import annotations

import contextlib
import csv
import dataclasses
import gc
import io
import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.history import references
from pytest_promptevals.history.baselines import baseline_cases, write_baseline
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Trial
from pytest_promptevals.records.runs import Run
from tests.support.compared_runs import (
    BEFORE,
    HISTORY,
    NOW,
    finished_run,
    many_results,
    score_gate,
    with_dataset,
    write_run,
    write_two_runs,
)
from tests.support.sample_results import FILE, PLACE, make_result, make_run
from tests.support.wide_terminal import WIDE

OTHER = "evals/other.eval.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that commands run in."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)
    return tmp_path


def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments], env=env)


def run(*arguments: str, status: int = 0) -> str:
    result = invoke(*arguments, env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output


def read(*arguments: str) -> dict[str, Any]:
    """Return the only eval file of a comparison."""
    (file,) = json.loads(run(*arguments, "--format", "json"))["files"]
    return dict(file)


def test_two_runs_are_compared_metric_by_metric_and_case_by_case(folder: Path) -> None:
    write_two_runs(folder)
    lines = run(BEFORE, "latest").splitlines()

    assert lines[:4] == [
        f"before: run {BEFORE} of branch main at 2020202",
        f"now:    run {NOW} of branch main at 2121212",
        "",
        f"{FILE}: regressed",
    ]
    assert "  score           0.955  0.500  -0.455  -0.737 to -0.032   1 of 120" in lines
    assert f"    case-00  1.00 -> 0.25  now fails  {FILE}:7" in lines
    assert f"    new-name  0.50 -> 0.75  was old-name  {FILE}:7" in lines
    for title in (
        "7 cases worse",
        "1 case better",
        "1 case ended in an error",
        "1 case missing: in the baseline, but no longer in the dataset",
        "1 case edited or judged otherwise, so not compared",
        "1 case new: not in the baseline",
        "3 cases unchanged",
    ):
        assert f"  {title}" in lines


def test_the_latest_run_is_compared_unless_another_is_named(folder: Path) -> None:
    write_two_runs(folder)

    assert run(BEFORE) == run(BEFORE, NOW)


@pytest.mark.parametrize("moving", ["latest", "main"])
def test_what_moves_passes_over_the_run_itself_and_over_drops(folder: Path, moving: str) -> None:
    write_two_runs(folder)
    third = "20261122-080000-cccccc"
    red = GateResult(FILE, "score", Verdict.REGRESSED, "because", PLACE)
    write_run(folder, finished_run(third, 22), [make_result("a", 0.0)], red)
    write_run(folder, finished_run("20261123-080000-dddddd", 23), [make_result("a", 0.0)], red)

    assert [file["baseline_run"] for file in json.loads(run(moving, "--format", "json"))["files"]] == [NOW]
    assert [file["baseline_run"] for file in json.loads(run(third, "--format", "json"))["files"]] == [third]


@pytest.mark.parametrize("moving", ["latest", "main"])
def test_the_first_lines_name_the_run_that_was_compared_with(folder: Path, moving: str) -> None:
    write_two_runs(folder)
    red = GateResult(FILE, "score", Verdict.REGRESSED, "because", PLACE)
    write_run(folder, finished_run("20261122-080000-cccccc", 22), [make_result("a", 0.0)], red)
    write_run(folder, finished_run("20261123-080000-dddddd", 23), many_results(10, 0.0), red)
    words = f"run {NOW} of branch main at 2121212"

    assert run(moving).splitlines()[0] == f"before: {words}"
    assert run(moving, "--format", "markdown").splitlines()[0] == f"**Before:** {words}  "
    assert f" beside {words}</title>" in run(moving, "--format", "html")
    assert json.loads(run(moving, "--format", "json"))["before"] == {
        "reference": moving,
        "words": words,
        "run_id": NOW,
    }


def test_eval_files_that_are_compared_with_different_runs_each_name_their_own(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), [*many_results(3, 1.0), *many_results(3, 1.0, file=OTHER)])
    write_run(folder, finished_run(NOW, 21), many_results(3, 1.0, file=OTHER))
    both = [*many_results(3, 1.0), *many_results(3, 1.0, file=OTHER)]
    write_run(folder, finished_run("20261122-080000-cccccc", 22), both)
    lines = run("latest").splitlines()

    assert lines[0] == "before: 2 runs, named with their eval files"
    assert lines[lines.index(f"{OTHER}: passed") + 1] == f"  before: run {NOW} of branch main at 2121212"
    assert lines[lines.index(f"{FILE}: passed") + 1] == f"  before: run {BEFORE} of branch main at 2020202"
    assert json.loads(run("latest", "--format", "json"))["before"] == {
        "reference": "latest",
        "words": "2 runs, named with their eval files",
        "run_id": None,
    }
    assert run("latest", "--file", FILE).splitlines()[0] == f"before: run {BEFORE} of branch main at 2020202"


def test_a_file_that_ran_before_the_newest_runs_that_are_read_is_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MOST_RUNS", 2)
    write_run(folder, finished_run(BEFORE, 20), many_results(3, 1.0))
    write_run(folder, finished_run(NOW, 21), many_results(3, 1.0, file=OTHER))
    write_run(folder, finished_run("20261122-080000-cccccc", 22), many_results(3, 0.0))

    assert read("latest")["baseline_run"] == BEFORE
    assert read("latest")["counts"] == {"worse": 3}


def test_only_what_was_compared_with_itself_is_said_to_be_the_same_run(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), many_results(3, 1.0))
    write_run(folder, finished_run(NOW, 20), [make_result("a", None), *many_results(3, 1.0, file=OTHER)])
    of_commit = "commit:" + "20" * 20

    assert "both are the same run" not in run(of_commit, NOW, "--file", FILE)
    assert "both are the same run" not in run(of_commit, NOW)
    assert "both are the same run" in run(of_commit, NOW, "--file", OTHER).splitlines()


def test_a_run_compared_with_itself_shows_no_change(folder: Path) -> None:
    write_two_runs(folder)
    output = run(NOW, NOW, "--fail-on", "inconclusive")
    file = read(NOW, NOW)

    assert "both are the same run" in output.splitlines()
    assert "cases worse" not in output
    assert "cases better" not in output
    assert file["verdict"] == "passed"
    assert [effect["worse_by"] for effect in file["effects"]] == [0.0] * len(file["effects"])
    assert file["counts"] == {"same": 13, "error": 1}


@pytest.mark.parametrize(("fail_on", "status"), [("never", 0), ("regressed", 1), ("inconclusive", 1)])
def test_a_regression_sets_the_exit_status_if_asked(folder: Path, fail_on: str, status: int) -> None:
    write_two_runs(folder)

    assert "regressed" in run(BEFORE, NOW, "--fail-on", fail_on, status=status)


@pytest.mark.parametrize(("fail_on", "status"), [("regressed", 0), ("inconclusive", 1)])
def test_what_cannot_be_told_fails_only_if_asked(folder: Path, fail_on: str, status: int) -> None:
    write_run(folder, finished_run(BEFORE, 20), many_results(3, 1.0))
    write_run(folder, finished_run(NOW, 21), many_results(3, 0.25), score_gate(0.1))

    assert "inconclusive" in run(BEFORE, NOW, "--fail-on", fail_on, status=status)


def test_all_errors_fail_where_a_regression_does(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), [make_result("a", 1.0), make_result("b", 1.0)])
    write_run(folder, finished_run(NOW, 21), [make_result("a", None), make_result("b", None)])

    assert "insufficient data" in run(BEFORE, NOW, "--fail-on", "regressed", status=1)


@pytest.mark.parametrize(("fail_on", "status"), [("never", 0), ("regressed", 1)])
def test_nothing_compared_is_no_success(folder: Path, fail_on: str, status: int) -> None:
    write_run(folder, finished_run(NOW, 21), many_results(3, 1.0))

    assert run("file", NOW, "--fail-on", fail_on, status=status).splitlines()[2] == (
        "nothing can be compared: there is no eval file that both have scores of"
    )


def test_the_limits_are_those_that_the_run_had(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), many_results(10, 1.0, scores=make_result("a", 1.0).scores))
    judges = Evidence(Effect("judges.exact", 1.0, 1.0, 0.0), 0.05, 0.95)
    gates = (
        score_gate(0.9, confidence=0.99),
        GateResult(FILE, "judges.exact", Verdict.PASSED, "", PLACE, judges),
        GateResult(FILE, "min_score", Verdict.FAILED, "mean score is 0.250", PLACE),
        GateResult(FILE, "missing_cases", Verdict.FAILED, "that was of another baseline", PLACE),
    )
    write_run(folder, finished_run(NOW, 21), many_results(10, 0.25), *gates)

    score, judge, minimum = read(BEFORE, NOW)["gates"]

    assert (score["gate"], score["verdict"], score["limit"], score["confidence"]) == ("score", "passed", 0.9, 0.99)
    assert (judge["gate"], judge["verdict"], judge["limit"]) == ("judges.exact", "regressed", 0.05)
    assert (minimum["gate"], minimum["verdict"], minimum["explanation"]) == (
        "min_score",
        "failed",
        "mean score is 0.250",
    )


def test_a_limit_on_the_cost_is_a_share_of_what_it_was(folder: Path) -> None:
    def priced(cost: float) -> list[CaseResult]:
        return [
            make_result(name, 1.0, trials=(_with_cost(make_result(name, 1.0).trials[0], cost),))
            for name in ("a", "b", "c", "d", "e", "f", "g", "h")
        ]

    write_run(folder, finished_run(BEFORE, 20), priced(0.01))
    cost = Evidence(Effect("cost", 0.02, 0.02, 0.0), 0.002, 0.95)
    gate = GateResult(FILE, "max_cost_increase", Verdict.PASSED, "", PLACE, cost)
    write_run(folder, finished_run(NOW, 21), priced(0.05), score_gate(0.1), gate)

    gates = {gate["gate"]: gate for gate in read(BEFORE, NOW)["gates"]}

    assert gates["max_cost_increase"]["verdict"] == "regressed"
    assert gates["max_cost_increase"]["limit"] == pytest.approx(0.001)


def _with_cost(trial: Trial, cost: float) -> Trial:
    assert trial.response is not None
    return dataclasses.replace(trial, response=dataclasses.replace(trial.response, cost=cost))


def test_the_settings_limit_what_the_run_did_not(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), many_results(10, 1.0))
    write_run(folder, finished_run(NOW, 21), many_results(10, 0.25))
    (folder / "pytest.ini").write_text("[pytest]\nevals_max_drop = 0.8\n", encoding="utf-8")

    (gate,) = read(BEFORE, NOW)["gates"]

    assert (gate["verdict"], gate["limit"]) == ("passed", 0.8)


def test_a_committed_baseline_can_be_the_first(folder: Path) -> None:
    write_run(folder, finished_run(NOW, 21), [*many_results(10, 0.25), make_result("other", 1.0, file=OTHER)])
    write_baseline(folder / "evals/baselines/support.eval.yaml.jsonl", baseline_cases(many_results(10, 1.0)))
    output = run("file", NOW)

    assert output.splitlines()[0] == "before: the committed baselines"
    assert f"not compared, since the baseline has no scores of them: {OTHER}" in output.splitlines()
    assert f"{FILE}: regressed" in output
    assert read("file", NOW)["baseline"] == "the committed baseline"
    assert "Error: the second one has to be a run: 'file' can only be compared with, as the first one" in run(
        NOW, "file", status=2
    )


def test_a_test_function_is_compared_with_its_committed_baseline(folder: Path) -> None:
    function = "tests/test_app.py::test_answers"
    write_run(folder, finished_run(NOW, 21), many_results(10, 0.25, file=function))
    write_baseline(folder / "tests/baselines/test_app.py-test_answers.jsonl", baseline_cases(many_results(10, 1.0)))

    assert (read("file", NOW)["file"], read("file", NOW)["counts"]) == (function, {"worse": 10})


def answered(name: str, score: float, text: str, fingerprint: str) -> CaseResult:
    trials = (Trial(1, None, score=0.0), Trial(2, Response(text), score=score))
    return make_result(name, score, trials=trials, case_fingerprint=fingerprint * 16)


def write_answers(folder: Path) -> None:
    """Two cases that got worse, one of them renamed, and one that is as it was; of a third the output is not kept."""
    before = [answered("a", 1.0, "It is Rome.", "a"), answered("old", 1.0, "Yes.", "b"), answered("c", 1.0, "No.", "c")]
    now = [answered("a", 0.2, "It is\nMilan.", "a"), answered("new", 0.0, "", "b"), answered("c", 1.0, "No!", "c")]
    write_run(folder, finished_run(BEFORE, 20), [*before, make_result("d", 1.0, case_fingerprint="d" * 16)])
    lost = make_result("d", 0.3, trials=(Trial(1, None, score=0.3),), case_fingerprint="d" * 16)
    write_run(folder, finished_run(NOW, 21), [*now, lost])


def test_both_outputs_of_the_worst_cases_stand_side_by_side_where_they_are_asked_for(folder: Path) -> None:
    write_answers(folder)

    lines = run(BEFORE, NOW, "--outputs", "3").splitlines()

    start = lines.index("  3 cases worse")
    assert lines[start + 1 : start + 8] == [
        f"    new  1.00 -> 0.00  now fails, was old  {FILE}:7",
        "      Yes.                                | (empty)",
        f"    a    1.00 -> 0.20  now fails  {FILE}:7",
        "      It is Rome.                         | It is",
        "                                          | Milan.",
        f"    d    1.00 -> 0.30  now fails  {FILE}:7",
        "      answer of d                         | (not known)",
    ]
    assert "Milan" not in run(BEFORE, NOW, "--outputs", "1")
    assert "Milan" not in run(BEFORE, NOW)


@pytest.mark.parametrize("stored", ["garbage", "null", "[1]", '{"a": 1}', '[{"response": 1}]'])
def test_an_output_that_somebody_else_wrote_into_the_history_is_not_known(folder: Path, stored: str) -> None:
    write_answers(folder)
    with contextlib.closing(sqlite3.connect(HISTORY)) as connection, connection:
        connection.execute("UPDATE case_results SET trials = ? WHERE name = 'a' AND run_id = ?", (stored, NOW))

    assert "      It is Rome.                         | (not known)" in run(BEFORE, NOW, "--outputs", "3").splitlines()


def test_data_has_the_outputs_that_were_asked_for(folder: Path) -> None:
    write_answers(folder)

    cases = {case["name"]: case for case in read(BEFORE, NOW, "--outputs", "2")["cases"]}

    assert (cases["a"]["output_before"], cases["a"]["output_now"]) == ("It is Rome.", "It is\nMilan.")
    assert (cases["new"]["output_before"], cases["new"]["output_now"]) == ("Yes.", "")
    assert "output_now" not in cases["d"]
    rows = list(csv.DictReader(io.StringIO(run(BEFORE, NOW, "--outputs", "2", "--format", "csv"))))
    assert {row["name"]: row["output_now"] for row in rows if row["output_now"]} == {"a": "It is\nMilan."}
    assert "output_now" not in run(BEFORE, NOW, "--format", "csv")


def test_outputs_of_a_committed_baseline_are_those_that_it_keeps(folder: Path) -> None:
    write_answers(folder)
    kept = baseline_cases([answered("a", 1.0, "Rome it is.", "a")])
    write_baseline(folder / "evals/baselines/support.eval.yaml.jsonl", kept)

    assert "      Rome it is.                         | It is" in run("file", NOW, "--outputs", "3").splitlines()


def test_an_output_that_did_not_change_is_said_to_be_the_same(folder: Path) -> None:
    write_two_runs(folder)

    assert run(BEFORE, NOW, "--outputs", "1").count("      the same output as before\n") == 1


def test_a_damaged_baseline_is_named(folder: Path) -> None:
    write_run(folder, finished_run(NOW, 21), many_results(1, 1.0))
    path = folder / "evals/baselines/support.eval.yaml.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< ours\n", encoding="utf-8")

    assert "Error: evals/baselines/support.eval.yaml.jsonl:1: a merge conflict is not resolved" in run(
        "file", NOW, status=1
    )


def test_cases_that_were_not_selected_are_not_missing(folder: Path) -> None:
    version = "d" * 16
    write_run(folder, finished_run(BEFORE, 20), [*many_results(3, 1.0), make_result("gone", 1.0)])
    write_run(folder, with_dataset(finished_run(NOW, 21), version, 3), many_results(2, 1.0))
    with open_history(folder, HISTORY) as store:
        members = '[["case-00","h"],["case-01","h"],["case-02","h"]]'
        store._connection.execute(  # as ``promptevals dataset`` has them
            "INSERT INTO dataset_versions VALUES (?, ?, '2026', 3, ?)", (FILE, version, members)
        )

    assert read(BEFORE, NOW)["counts"] == {"same": 2, "missing": 1}


def test_only_named_files_are_compared(folder: Path) -> None:
    for run_id, day in ((BEFORE, 20), (NOW, 21)):
        results = [
            make_result("a", 1.0),
            make_result("a", 0.5, file=OTHER),
            make_result("a", 0.5, file="x/other.eval.yaml"),
        ]
        write_run(folder, finished_run(run_id, day), results)

    assert read(BEFORE, NOW, "--file", "support.eval.yaml")["file"] == FILE
    assert len(json.loads(run(BEFORE, NOW, "--file", FILE, "--file", OTHER, "--format", "json"))["files"]) == 2
    assert run(BEFORE, NOW, "--file", "suport.eval.yaml", status=2).splitlines()[-1] == (
        "Error: there are no results of 'suport.eval.yaml'. Did you mean 'evals/support.eval.yaml'?"
    )
    assert run(BEFORE, NOW, "--file", "other.eval.yaml", status=2).splitlines()[-1] == (
        f"Error: 'other.eval.yaml' means several eval files: {OTHER}, x/other.eval.yaml; write more of the path"
    )


def test_a_file_that_only_the_baseline_has_is_named(folder: Path) -> None:
    write_run(folder, finished_run(BEFORE, 20), [make_result("a", 1.0), make_result("a", 1.0, file=OTHER)])
    write_run(folder, finished_run(NOW, 21), [make_result("a", 1.0)])

    notice = f"not compared, since only the baseline has results of them: {OTHER}"
    assert notice.replace(f" {OTHER}", "") in " ".join(run(BEFORE, NOW).split())
    assert run(BEFORE, NOW, "--file", "other.eval.yaml", status=2).splitlines()[-1] == (
        f"Error: B has no results of {OTHER}, only A has: name a run as B that ran it"
    )
    assert f"Did you mean '{OTHER}'?" in run(BEFORE, NOW, "--file", "othr.eval.yaml", status=2)


def test_shares_of_one_run_are_put_together(folder: Path) -> None:
    for day, score in ((20, 1.0), (21, 0.5)):
        for share in (1, 2):
            run_id = f"202611{day}-08000{share}-aaaaaa"
            shard = {"shard": f"{share}/2", "selection": f"{day}"}
            sharded = make_run(run_id, **{**_fields(finished_run(run_id, day)), **shard})
            write_run(folder, sharded, [make_result(f"of {share}", score)])

    file = read("20261120-080002", "latest")

    assert file["counts"] == {"worse": 1, "new": 1}  # a run that is named is that share alone
    assert read("commit:" + "20" * 20, "latest")["counts"] == {"worse": 2}


def _fields(run: Run) -> dict[str, Any]:
    return {"started_at": run.started_at, "status": run.status, "git": run.git}


def test_scores_of_a_part_of_the_judges_are_compared_with_such(folder: Path) -> None:
    for run_id, day, score in ((BEFORE, 20, 1.0), (NOW, 21, 0.5)):
        write_run(folder, finished_run(run_id, day), [make_result("a", score, case_fingerprint="level2:" + "c" * 16)])

    assert read(BEFORE, NOW)["counts"] == {"worse": 1}


def test_data_goes_to_a_file_if_one_is_named(folder: Path) -> None:
    write_two_runs(folder)

    for name, begin in (
        ("größe.HTML", "<!doctype html>"),
        ("c.md", "**Before:**"),
        ("c.csv", "file,"),
        ("c.json", "{"),
    ):
        assert run(BEFORE, NOW, "-o", name) == f"comparison written to {name}\n"
        assert (folder / name).read_text(encoding="utf-8").startswith(begin)
    run(BEFORE, NOW, "--format", "csv", "-o", "c.txt")
    assert (folder / "c.txt").read_text(encoding="utf-8").startswith("file,")
    assert run(BEFORE, NOW, "-o", "c.pdf", status=2).splitlines()[-1] == (
        "Error: 'c.pdf' ends in no format that is known: use .txt, .md, .markdown, .html, .htm, .json, .csv, or name "
        "one with --format"
    )
    assert run(BEFORE, NOW, "--format", "markdown").startswith("**Before:** run ")
    assert run(BEFORE, NOW, "--format", "csv", "--limit", "1").count("\n") == 6
    assert run(BEFORE, NOW, "-o", "new/folder/a.txt") == "comparison written to new/folder/a.txt\n"
    assert run(BEFORE, NOW, "-o", "new/folder/a.txt/b.txt", status=1) == (
        "Error: new/folder/a.txt/b.txt cannot be written: what should be its folder is a file\n"
    )


def test_all_cases_are_listed_if_asked(folder: Path) -> None:
    write_two_runs(folder)

    assert "... and 5 more; --all lists them" in run(BEFORE, NOW, "--limit", "2")
    assert f"    case-09  1.00 -> 1.00  {FILE}:7" in run(BEFORE, NOW, "--all").splitlines()
    assert len(read(BEFORE, NOW, "--all")["cases"]) == 15


def edit(column: str, value: object, run_id: str, name: str) -> None:
    """Change the history as somebody with another program would."""
    statement = f"UPDATE case_results SET {column} = ? WHERE run_id = ? AND name = ?"  # noqa: S608 - a test's own words
    with contextlib.closing(sqlite3.connect(HISTORY)) as connection, connection:
        connection.execute(statement, [value, run_id, name])


@pytest.mark.parametrize("score", ["NaN", 17, -0.5, math.inf])
def test_a_score_that_somebody_else_wrote_is_none(folder: Path, score: object) -> None:
    write_two_runs(folder)

    edit("score", score, NOW, "case-09")

    (error,) = [case for case in read(BEFORE, NOW)["cases"] if case["name"] == "case-09"]
    assert (error["change"], error["now"]) == ("error", None)

    edit("score", score, BEFORE, "case-09")
    edit("score", 1.0, NOW, "case-09")

    (new,) = [case for case in read(BEFORE, NOW)["cases"] if case["name"] == "case-09"]
    assert (new["change"], new["before"]) == ("new", None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("cost", "z"),
        ("latency", -1.0),
        ("output_length", math.inf),
        ("weight", "v"),
        ("line", "w"),
        ("passed", 7),
        ("passed", "yes"),
        ("name", b"\x00"),
        ("trial_scores", "[1],[1]"),
        ("trial_scores", "7"),
        ("trial_scores", '["a"]'),
        ("judge_values", "nonsense"),
        ("judge_values", "7"),
        ("judge_values", '{"exact":2}'),
        ("judge_values", '{"exact":NaN}'),
    ],
)
def test_other_values_that_somebody_else_wrote_are_named(folder: Path, column: str, value: str | float | bytes) -> None:
    write_two_runs(folder)
    edit(column, value, NOW, "case-00")

    assert run(BEFORE, NOW, status=1) == (
        f"Error: run {NOW} cannot be compared: its results of {FILE} hold what this plugin does not write ({column}: "
        f"{str(value)!r}); 'promptevals runs rm {NOW}' removes it\n"
    )


def test_a_long_foreign_value_is_cut(folder: Path) -> None:
    write_two_runs(folder)
    edit("judge_values", "x" * 99, NOW, "case-00")

    assert f"(judge_values: '{'x' * 40}…')" in run(BEFORE, NOW, status=1)


def test_what_is_no_run_is_said(folder: Path) -> None:
    write_two_runs(folder)

    assert run("20251120", NOW, status=2).splitlines()[-1].startswith("Error: '20251120' is no ")
    assert "there is no history yet" in run("a", "b", "--history", "none.db", status=1)
    (folder / "empty.db").touch()
    assert run("latest", "latest", "--history", "empty.db", status=2).splitlines()[-1] == (
        "Error: 'latest': the history has no finished run yet"
    )


def test_garbage_is_collected_again_afterwards(folder: Path) -> None:
    write_two_runs(folder)
    run(BEFORE, NOW)

    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()
    try:
        run(BEFORE, NOW)
        assert not gc.isenabled()
    finally:
        gc.enable()

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pytest_promptevals.history.baselines import baseline_cases, baseline_place, write_baseline
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.references import COMMITTED, LAST_GOOD
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Trial
from pytest_promptevals.records.run_reports import ReportedFile, RunReport
from pytest_promptevals.records.runs import Run, RunFile, RunKind, RunStatus
from pytest_promptevals.reports.run_report import read_report
from tests.support.compared_runs import BEFORE, HISTORY, NOW, finished_run
from tests.support.sample_results import FILE, PLACE, make_result, make_run

COMPARED = Comparison(FILE, Metrics(1, 1, 0, 0.5, 1.0), gates=(GateResult(FILE, "score", Verdict.PASSED, "", PLACE),))


def answered(name: str, score: float, text: str, **changes: object) -> CaseResult:
    """A result of one trial with that output."""
    trial = Trial(1, Response(text), (), score, score >= 0.5)
    return dataclasses.replace(make_result(name, score), trials=(trial,), **changes)  # type: ignore[arg-type]  # any field


def write(rootdir: Path, run: Run, *results: CaseResult, comparison: Comparison | None = COMPARED) -> None:
    with open_history(rootdir, HISTORY) as store:
        store.add_run(run, results, [comparison] if comparison else [])


def against(baseline_run: str, *deltas: Delta) -> Comparison:
    label = f"run {baseline_run}" if baseline_run else COMMITTED
    return dataclasses.replace(
        COMPARED, has_baseline=True, baseline=label, baseline_run=baseline_run, deltas=deltas, mean_before=1.0
    )


def read(rootdir: Path, run_id: str = NOW) -> RunReport:
    with open_history(rootdir, HISTORY) as store:
        return read_report(store, rootdir, run_id)


def read_file(rootdir: Path, run_id: str = NOW) -> ReportedFile:
    (file,) = read(rootdir, run_id).files
    return file


def test_outputs_of_a_run_stand_beside_those_of_its_baseline(tmp_path: Path) -> None:
    write(tmp_path, finished_run(BEFORE, 20), answered("a", 1.0, "as it was"))
    delta = Delta("a", Change.WORSE, 1.0, 0.5)
    write(tmp_path, finished_run(NOW, 21), answered("a", 0.5, "as it is"), comparison=against(BEFORE, delta))

    (case,) = read_file(tmp_path).cases
    assert (case.output_before, case.result.output) == ("as it was", "as it is")
    assert case.delta == delta


def test_a_renamed_case_stands_beside_its_old_self(tmp_path: Path) -> None:
    write(tmp_path, finished_run(BEFORE, 20), answered("old", 1.0, "as it was"))
    delta = Delta("new", Change.SAME, 1.0, 1.0, renamed_from="old", name_before="old")
    write(tmp_path, finished_run(NOW, 21), answered("new", 1.0, "as it is"), comparison=against(BEFORE, delta))

    assert read_file(tmp_path).cases[0].output_before == "as it was"


def test_a_long_output_of_the_baseline_is_whole(tmp_path: Path) -> None:
    text = "so long " * 2000
    write(tmp_path, finished_run(BEFORE, 20), answered("a", 1.0, text))
    write(
        tmp_path,
        finished_run(NOW, 21),
        answered("a", 1.0, text),
        comparison=against(BEFORE, Delta("a", Change.SAME, 1.0, 1.0)),
    )

    assert read_file(tmp_path).cases[0].output_before == text


@pytest.mark.parametrize(("score_then", "known"), [(1.0, "committed"), (0.75, None)])
def test_of_a_committed_baseline_only_what_has_the_score_of_then_is_shown(
    tmp_path: Path, score_then: float, known: str | None
) -> None:
    committed = baseline_cases([answered("a", 1.0, "committed")])
    write_baseline(tmp_path / baseline_place(FILE), committed)
    delta = Delta("a", Change.WORSE, score_then, 0.5)
    write(tmp_path, finished_run(NOW, 21), answered("a", 0.5, "as it is"), comparison=against("", delta))

    assert read_file(tmp_path).cases[0].output_before == known


def test_the_last_results_without_a_regression_are_those_of_before_the_run(tmp_path: Path) -> None:
    write(tmp_path, finished_run(BEFORE, 20), answered("a", 1.0, "as it was"))
    delta = Delta("a", Change.WORSE, 1.0, 0.75)
    compared = dataclasses.replace(against("", delta), baseline=LAST_GOOD)
    write(tmp_path, finished_run(NOW, 21), answered("a", 0.75, "as it is"), comparison=compared)
    write(tmp_path, finished_run("20261122-080000-cccccc", 22), answered("a", 1.0, "as it is later"))

    assert read_file(tmp_path).cases[0].output_before == "as it was"


def test_a_baseline_that_is_damaged_or_gone_by_now_costs_only_the_old_outputs(tmp_path: Path) -> None:
    place = tmp_path / baseline_place(FILE)
    place.parent.mkdir(parents=True)
    place.write_text("{", encoding="utf-8")
    delta = Delta("a", Change.SAME, 1.0, 1.0)
    write(tmp_path, finished_run(NOW, 21), make_result("a"), comparison=against("", delta))
    write(tmp_path, finished_run("20261122-080000-cccccc", 22), make_result("a"), comparison=against(BEFORE, delta))

    assert read_file(tmp_path).cases[0].output_before is None
    assert read_file(tmp_path, "20261122-080000-cccccc").cases[0].output_before is None


def test_baselines_that_are_at_hand_are_not_looked_up(tmp_path: Path) -> None:
    delta = Delta("a", Change.SAME, 1.0, 1.0)
    write(tmp_path, finished_run(NOW, 21), make_result("a"), comparison=against("", delta))

    with open_history(tmp_path, HISTORY) as store:
        at_hand = baseline_cases([answered("a", 1.0, "at hand")])
        (file,) = read_report(store, tmp_path, NOW, lambda file: at_hand if file == FILE else ()).files
    assert file.cases[0].output_before == "at hand"


def test_what_changed_is_told_with_the_prompts_texts(tmp_path: Path) -> None:
    def described(run: Run, prompt: str) -> Run:
        return dataclasses.replace(run, files=(RunFile(FILE, "v1", 1, {"support": prompt}, parameters={"seed": 1}),))

    before = described(finished_run(BEFORE, 20), "h1")
    write(tmp_path, before, answered("a", 1.0, "as it was", prompt_hash="h1", fingerprint="1" * 16))
    now = described(finished_run(NOW, 21), "h2")
    result = answered("a", 0.5, "as it is", prompt_hash="h2", fingerprint="2" * 16)
    write(tmp_path, now, result, comparison=against(BEFORE, Delta("a", Change.WORSE, 1.0, 0.5)))
    texts = [("h1", "Be kind."), ("h2", "Be short.")]
    with open_history(tmp_path, HISTORY) as store:
        store.add_contents(
            [(name, "prompt", json.dumps({"messages": [{"role": "user", "content": text}]})) for name, text in texts]
        )

    changes = read_file(tmp_path).changes
    assert changes is not None
    (prompt,) = changes.cases.prompts
    assert (prompt.name, prompt.hash_before, prompt.hash_after) == ("support", "h1", "h2")
    assert "Be kind." in str(prompt.before)
    assert "Be short." in str(prompt.after)


def test_cases_stand_as_in_the_dataset(tmp_path: Path) -> None:
    places = [("b", 30), ("c", 4), ("a", 200)]
    results = [make_result(name, location=dataclasses.replace(PLACE, line=line)) for name, line in places]
    write(tmp_path, finished_run(NOW, 21), *results)

    assert [case.result.name for case in read_file(tmp_path).cases] == ["c", "b", "a"]


def test_the_trend_ends_with_the_run_and_knows_runs_of_pytest_alone(tmp_path: Path) -> None:
    write(tmp_path, finished_run(BEFORE, 20), make_result("a"))
    write(tmp_path, dataclasses.replace(finished_run("20261120-090000-dddddd", 20), kind=RunKind.REGATE))
    write(tmp_path, finished_run(NOW, 21), make_result("a"))
    write(tmp_path, finished_run("20261122-080000-cccccc", 22), make_result("a"))

    assert [point.run_id for point in read_file(tmp_path).trend] == [BEFORE, NOW]


def test_a_run_that_did_not_come_to_its_end_has_its_numbers_and_no_verdict(tmp_path: Path) -> None:
    run = make_run(NOW, status=RunStatus.INTERRUPTED)
    write(tmp_path, run, make_result("a", 1.0), make_result("b", 0.0), comparison=None)

    report = read(tmp_path)
    assert (report.verdict, report.fails) == (None, False)
    assert report.files[0].comparison.metrics.mean_score == 0.5
    assert report.files[0].changes is None


def test_the_worst_gate_is_the_verdict() -> None:
    gates = [
        GateResult(FILE, "score", Verdict.PASSED, "", PLACE),
        GateResult(FILE, "judges.exact", Verdict.INCONCLUSIVE, "", PLACE, is_accepted=True),
        GateResult(FILE, "min_score", Verdict.FAILED, "", PLACE),
    ]
    file = ReportedFile(dataclasses.replace(COMPARED, gates=tuple(gates)))
    report = RunReport(make_run(), Path(), (file, ReportedFile(COMPARED)))

    assert (file.verdict, report.verdict, report.fails) == (Verdict.FAILED, Verdict.FAILED, True)
    assert [gate.gate for gate in report.gates] == ["min_score", "judges.exact", "score", "score"]
    accepted = ReportedFile(dataclasses.replace(COMPARED, gates=tuple(gates[:2])))
    assert not RunReport(make_run(), Path(), (accepted,)).fails

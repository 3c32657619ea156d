"""Questions about runs and datasets, and removing runs: the same in each database that a history may be in."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from pytest_promptevals.cli import main
from pytest_promptevals.errors import UsageError
from pytest_promptevals.history import pruning
from pytest_promptevals.history.dataset_queries import (
    count_runs,
    find_case_files,
    find_version,
    read_texts,
    read_versions,
)
from pytest_promptevals.history.drops import dropped_runs
from pytest_promptevals.history.filter_hints import why_none
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.pruning import plan_pruning, plan_removal, remove_runs
from pytest_promptevals.history.run_cases import count_low_cases, read_low_cases, read_results
from pytest_promptevals.history.run_queries import find_file, find_run, list_runs
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.history.tables import case_results, contents, dataset_versions
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.runs import GitState, Run, RunFile, RunKind, RunStatus
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import FILE, PLACE, make_result, make_run

OTHER = "evals/other.eval.yaml"


@pytest.fixture
def store(history: HistorySubject) -> Iterator[HistoryStore]:
    with history.open() as store:
        yield store


def make_comparison(file: str = FILE, *verdicts: Verdict, **changes: Any) -> Comparison:
    gates = tuple(GateResult(file, "score", verdict, "because", PLACE) for verdict in verdicts)
    return dataclasses.replace(Comparison(file, Metrics(2, 2, 0, 1.0, 1.0), has_baseline=True, gates=gates), **changes)


def add_run(
    store: HistoryStore,
    run_id: str,
    *results: CaseResult,
    comparisons: tuple[Comparison, ...] | None = None,
    version: str = "v1",
    **changes: Any,
) -> Run:
    """Record a run that finished, whose id begins with its day: by default two results of one file."""
    day = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T12:00:00.000+00:00"
    results = results or (make_result("a"), make_result("b"))
    files = tuple(
        RunFile(file, version, 2, models={"openai/gpt-5-mini": "gpt-5-mini-2026"})
        for file in sorted({result.file for result in results})
    )
    described = {"started_at": day, "status": RunStatus.FINISHED, "files": files, **changes}
    run = make_run(run_id, **described)
    if comparisons is None:
        comparisons = tuple(make_comparison(file.file, Verdict.PASSED) for file in files)
    store.add_run(run, results, comparisons)
    return run


def wanted(store: HistoryStore, **fields: Any) -> list[str]:
    with store.reading() as connection:
        return [summary.run.id for summary in list_runs(connection, RunFilter(**fields))]


def test_a_list_says_what_runs_came_to_newest_first(store: HistoryStore) -> None:
    low = make_comparison(OTHER, Verdict.PASSED, Verdict.REGRESSED, metrics=Metrics(4, 1, 2, 0.25, 0.5))
    both = (make_result("a"), make_result("a", file=OTHER))
    old = add_run(store, "20261101-1", *both, comparisons=(make_comparison(), low))
    new = make_run("20261102-1", started_at="2026-11-02T12:00:00.000+00:00")
    store.start_run(new)
    store.add_results(new.id, [make_result("a"), make_result("b"), make_result("c", file=OTHER)])

    with store.reading() as connection:
        running, finished = list_runs(connection, RunFilter())
        assert list_runs(connection, RunFilter(), limit=1) == (running,)

    assert (running.run, running.files, running.cases, running.errors) == (new, 2, 3, None)
    assert (running.mean_score, running.pass_rate, running.verdicts) == (None, None, ())
    assert finished.run == dataclasses.replace(old, files=())
    assert (finished.files, finished.cases, finished.errors) == (2, 6, 2)
    # Two cases with 1.0, two with 0.25; of four with a score, three passed.
    assert (finished.mean_score, finished.pass_rate) == (0.625, 0.75)
    assert finished.verdicts == ("regressed", "passed")


def test_a_run_without_scores_has_no_mean_and_an_accepted_verdict_is_named_too(store: HistoryStore) -> None:
    gate = GateResult(FILE, "score", Verdict.INCONCLUSIVE, "because", PLACE, is_accepted=True)
    comparison = Comparison(FILE, Metrics(1, 0, 1, None, None), gates=(gate,))
    add_run(store, "20261101-1", make_result("a", None), comparisons=(comparison,))
    empty = make_run("20261102-1", started_at="2026-11-02T12:00:00.000+00:00")
    store.start_run(empty)

    with store.reading() as connection:
        nothing, errors = list_runs(connection, RunFilter())

    assert (errors.cases, errors.errors, errors.mean_score, errors.pass_rate) == (1, 1, None, None)
    assert errors.verdicts == ("inconclusive",)
    assert (nothing.files, nothing.cases) == (0, 0)


def test_filters_choose_runs(store: HistoryStore) -> None:
    add_run(store, "20261101-1", make_result("a", tags=("smoke", "a%b")), git=GitState("abc" + "0" * 37, "main", False))
    add_run(store, "20261102-1", make_result("a", file=OTHER), name="release", git=GitState("b" * 40, None, True))
    add_run(store, "20261103-1", kind=RunKind.REGATE, status=RunStatus.INTERRUPTED, git=None)

    assert wanted(store) == ["20261103-1", "20261102-1", "20261101-1"]
    assert wanted(store, branch="main") == ["20261101-1"]
    assert wanted(store, commit="abc0") == ["20261101-1"]
    assert wanted(store, commit="%") == []
    assert wanted(store, name="release") == ["20261102-1"]
    assert wanted(store, kind=RunKind.REGATE) == ["20261103-1"]
    assert wanted(store, status=RunStatus.FINISHED) == ["20261102-1", "20261101-1"]
    assert wanted(store, since="2026-11-02T12:00:00.000+00:00") == ["20261103-1", "20261102-1"]
    assert wanted(store, until="2026-11-02T12:00:00.000+00:00") == ["20261101-1"]
    assert wanted(store, tag="smoke") == wanted(store, tag="a%b") == ["20261101-1"]
    assert wanted(store, tag="smok") == wanted(store, tag="%") == []
    assert wanted(store, tag="smoke", branch="other") == []


def test_a_verdict_chooses_the_finished_runs_of_which_it_is_the_worst(store: HistoryStore) -> None:
    accepted = GateResult(FILE, "score", Verdict.INCONCLUSIVE, "because", PLACE, is_accepted=True)
    good, bad = make_comparison(FILE, Verdict.PASSED), make_comparison(OTHER, Verdict.REGRESSED)
    add_run(store, "20261101-1", comparisons=(make_comparison(FILE, Verdict.NO_BASELINE),))
    add_run(store, "20261102-1", comparisons=(good,))
    add_run(store, "20261103-1", comparisons=(dataclasses.replace(good, gates=(*good.gates, accepted)),))
    add_run(store, "20261104-1", comparisons=(make_comparison(FILE, Verdict.INCONCLUSIVE), bad))
    add_run(store, "20261105-1", comparisons=(good,), status=RunStatus.INTERRUPTED)

    assert wanted(store, verdict=Verdict.REGRESSED) == ["20261104-1"]
    assert wanted(store, verdict=Verdict.INCONCLUSIVE) == ["20261103-1"]
    assert wanted(store, verdict=Verdict.PASSED) == ["20261102-1"]
    assert wanted(store, verdict=Verdict.NO_BASELINE) == ["20261101-1"]
    assert wanted(store, verdict=Verdict.FAILED) == []


def why(store: HistoryStore, **fields: Any) -> str:
    with store.reading() as connection:
        return why_none(connection, RunFilter(**fields))


def test_a_filter_that_fits_no_run_says_what_there_is(store: HistoryStore) -> None:
    assert why(store, branch="main") == "the history has no runs yet; run pytest first"
    git = GitState("abc" + "0" * 37, "main", is_dirty=False)
    add_run(store, "20261101-1", make_result("a", tags=("smoke", "größe")), git=git, name="release")
    add_run(store, "20261102-1", git=GitState("b" * 40, None, is_dirty=False))

    assert why(store) == why(store, branch="main") == ""
    assert why(store, branch="mian") == "no run was made on branch 'mian'. Did you mean 'main'?"
    assert why(store, file="x.py") == f"no run has results of 'x.py'. Known: {FILE}."
    assert why(store, tag="größ") == "no run has a case with the tag 'größ'. Did you mean 'größe'?"
    assert why(store, commit="zzz") == ("no run was made at a commit that begins with 'zzz'. Known: bbbbbbb, abc0000.")
    assert why(store, model="gpt-5") == "no run asked the model 'gpt-5'. Known: openai/gpt-5-mini."
    assert why(store, name="x") == "no run is saved as 'x'. Known: release."
    assert why(store, since="2030-01-01T00:00:00.000+00:00") == (
        "no run began at 2030-01-01T00:00 or later: the newest began at 2026-11-02T12:00 (UTC)."
    )
    assert why(store, until="2020-01-01T00:00:00.000+00:00") == (
        "no run began before 2020-01-01T00:00: the oldest began at 2026-11-01T12:00 (UTC)."
    )
    assert (
        why(store, status=RunStatus.RUNNING, kind=RunKind.REJUDGE)
        == "no run is running. no run is of the kind rejudge."
    )
    assert why(store, verdict=Verdict.FAILED, branch="main") == "no run came to the verdict failed."
    assert why(store, verdict=Verdict.PASSED, branch="main", commit="b", status=RunStatus.FINISHED) == (
        "there are runs for each of --branch, --commit and --status, but none for all of them"
    )


def test_many_known_ones_are_cut(store: HistoryStore) -> None:
    for number in range(7):
        add_run(store, f"20261101-{number}", name=f"n{number}")

    assert why(store, name="x") == "no run is saved as 'x'. Known: n0, n1, n2, n3, n4 and 2 more."


def test_a_file_is_known_by_the_end_of_its_path(store: HistoryStore) -> None:
    add_run(store, "20261101-1")
    add_run(store, "20261102-1", make_result("a", file="tests/test_x.py::test_a"))
    running = make_run("20261103-1", started_at="2026-11-03T12:00:00.000+00:00")
    store.start_run(running)
    store.add_results(running.id, [make_result("a")])

    assert wanted(store, file=FILE) == wanted(store, file="support.eval.yaml") == ["20261103-1", "20261101-1"]
    assert wanted(store, file="tests/test_x.py") == ["20261102-1"]
    assert wanted(store, file="port.eval.yaml") == []


def test_a_model_is_known_by_its_name_and_by_what_it_answered_as(store: HistoryStore) -> None:
    add_run(store, "20261101-1")
    add_run(store, "20261102-1", make_result("a", model="scripted/echo"), files=())

    assert wanted(store, model="openai/gpt-5-mini") == wanted(store, model="gpt-5-mini") == ["20261101-1"]
    assert wanted(store, model="gpt-5-mini-2026") == ["20261101-1"]
    assert wanted(store, model="scripted/echo") == wanted(store, model="echo") == ["20261102-1"]
    assert wanted(store, model="gpt-5") == wanted(store, model="cho") == []


def test_a_run_is_found_by_latest_id_beginning_and_name(store: HistoryStore) -> None:
    add_run(store, "20261101-1", name="20261102")
    add_run(store, "20261102-1", name="release")
    add_run(store, "20261102-12", name="release")

    with store.reading() as connection:
        assert find_run(connection, "latest") == "20261102-12"
        assert find_run(connection, "20261102-1") == "20261102-1"
        assert find_run(connection, "20261101") == "20261101-1"
        assert find_run(connection, "release") == find_run(connection, "name:release") == "20261102-12"
        assert find_run(connection, "run:20261102-12") == "20261102-12"
        assert find_run(connection, "run:20261101") == "20261101-1"
        assert find_run(connection, "20261102") == "20261101-1"  # a name goes before the beginning of an id


def test_a_text_that_means_no_run_or_several_is_an_error(store: HistoryStore) -> None:
    with store.reading() as connection:
        with pytest.raises(UsageError, match=r"^there are no runs in the history yet; run pytest first$"):
            find_run(connection, "latest")
        with pytest.raises(UsageError, match=r"^there are no runs in the history yet; run pytest first$"):
            find_run(connection, "2026")
    for number in range(7):
        add_run(store, f"20261101-{number}", name="release")

    with store.reading() as connection:
        with pytest.raises(UsageError) as several:
            find_run(connection, "20261101")
        with pytest.raises(UsageError) as unknown:
            find_run(connection, "relaese")
        with pytest.raises(UsageError, match=r"^'' is no run or saved name that is known\."):
            find_run(connection, "")
        with pytest.raises(UsageError, match=r"^'branch:main' is no run or saved name that is known\."):
            find_run(connection, "branch:main")
        with pytest.raises(UsageError) as no_name:
            find_run(connection, "name:20261101-1")

    assert str(several.value) == (
        "'20261101' is the beginning of several runs: 20261101-6, 20261101-5, 20261101-4, 20261101-3, 20261101-2 and "
        "2 more; write more of it"
    )
    assert str(unknown.value) == (
        "'relaese' is no run or saved name that is known. Did you mean 'release'? Of the history, its newest run is "
        "20261101-6; names: release."
    )
    assert str(no_name.value).startswith("'20261101-1' is no name that is known.")


def test_a_file_of_the_history_is_found_by_its_path_or_the_end_of_it(store: HistoryStore) -> None:
    with (
        store.reading() as connection,
        pytest.raises(UsageError, match=r"^the history knows no eval files yet; run pytest first$"),
    ):
        find_file(connection, FILE)
    function = "tests/test_x.py::test_a"
    files = ("a/x.eval.yaml", "b/x.eval.yaml", "x.eval.yaml", function)
    add_run(store, "20261101-1", *(make_result("a", file=file) for file in (FILE, *files)))

    with store.reading() as connection:
        assert find_file(connection, FILE) == find_file(connection, "support.eval.yaml") == FILE
        assert find_file(connection, "tests/test_x.py") == function
        assert find_file(connection, "x.eval.yaml") == "x.eval.yaml"
        with pytest.raises(UsageError, match=r"^the history has no run of 'sport.eval.yaml'\."):
            find_file(connection, "sport.eval.yaml")
    add_run(store, "20261102-1", *(make_result("a", file=file) for file in ("a/y.eval.yaml", "b/y.eval.yaml")))
    with store.reading() as connection, pytest.raises(UsageError) as several:
        find_file(connection, "y.eval.yaml")
    assert str(several.value) == (
        "'y.eval.yaml' means several files of the history: a/y.eval.yaml, b/y.eval.yaml; write the whole path"
    )


def test_cases_that_did_not_pass_come_with_what_was_said_errors_first(store: HistoryStore) -> None:
    def low(name: str, score: float) -> CaseResult:
        scores = (
            Score("style", 0.0, passed=False, required=False, explanation="plain"),
            Score("exact", score, passed=False, explanation=f"{name} is wrong"),
            Score("rubric", score, passed=False, explanation="also wrong"),
        )
        return make_result(name, score, scores=scores)

    error = make_result("d", None, error=ErrorRecord("provider", "down"))
    run = add_run(store, "20261101-1", low("a", 0.4), low("b", 0.2), make_result("c"), error)

    with store.reading() as connection:
        found = read_low_cases(connection, run.id)
        assert count_low_cases(connection, run.id) == 3
        assert read_low_cases(connection, run.id, limit=1) == found[:1]

    assert [(case.name, case.score, case.said) for case in found] == [
        ("d", None, "down"),
        ("b", 0.2, "exact: b is wrong"),
        ("a", 0.4, "exact: a is wrong"),
    ]
    assert (found[0].file, found[0].path, found[0].line) == (FILE, FILE, 7)


def test_single_results_are_read_by_name_case_or_node_id(store: HistoryStore) -> None:
    results = (make_result("a[v1]"), make_result("a[v2]"), make_result("a", file=OTHER), make_result("b"))
    run = add_run(store, "20261101-1", *results)

    with store.reading() as connection:
        assert read_results(connection, run.id, "a[v2]") == (results[1],)
        assert read_results(connection, run.id, "a") == (results[2], results[0], results[1])
        assert read_results(connection, run.id, f"{OTHER}::a") == (results[2],)
        with pytest.raises(UsageError, match=r"^run 20261101-1 has no case 'a\[v3\]'. Did you mean 'a\[v2\]'\?$"):
            read_results(connection, run.id, "a[v3]")


def add_version(store: HistoryStore, version: str, created_at: str, *members: tuple[str, str]) -> None:
    store.add_dataset(FILE, version, created_at, members)


def test_versions_of_a_dataset_come_in_the_order_in_which_they_were_run(store: HistoryStore) -> None:
    add_version(store, "b1", "2026-11-01T12:00:00.000+00:00", ("a", "1"))
    add_version(store, "a1", "2026-11-02T12:00:00.000+00:00", ("a", "1"), ("b", "2"))
    add_version(store, "a2", "2026-11-03T12:00:00.000+00:00")
    for number, version in enumerate(("b1", "b1", "a1"), start=1):
        add_run(store, f"20261101-{number}", version=version)

    with store.reading() as connection:
        first, second, third = read_versions(connection, FILE)
        assert read_versions(connection, OTHER) == ()
        assert count_runs(connection, FILE) == {"b1": 2, "a1": 1}
        assert find_version(connection, FILE, "b") == find_version(connection, FILE, "20261101-2") == first
        assert find_version(connection, FILE, "latest") == second
        with pytest.raises(UsageError, match=r"^'a' is the beginning of several versions: a1, a2; write more of it$"):
            find_version(connection, FILE, "a")
    assert (first.file, first.version, first.members) == (FILE, "b1", {"a": "1"})
    assert (first.created_at, third.members) == ("2026-11-01T12:00:00.000+00:00", {})


def test_a_version_that_is_not_known_is_an_error(store: HistoryStore) -> None:
    add_version(store, "b1", "2026-11-01T12:00:00.000+00:00", ("a", "1"))
    add_run(store, "20261101-1", version="gone")
    add_run(store, "20261102-1", make_result("a", file=OTHER))

    with store.reading() as connection:
        with pytest.raises(UsageError) as unknown:
            find_version(connection, FILE, "c1")
        with pytest.raises(UsageError) as not_kept:
            find_version(connection, FILE, "20261101-1")
        with pytest.raises(UsageError) as not_run:
            find_version(connection, FILE, "20261102-1")

    assert str(unknown.value).startswith(f"{FILE} has no version 'c1'. ")
    assert "As a run, too, it is not found: 'c1' is no run or saved name that is known." in str(unknown.value)
    assert str(not_kept.value) == f"the history has not kept the cases of version gone of {FILE}"
    assert str(not_run.value) == (
        f"run 20261102-1 does not say which cases {FILE} had: it did not run it, or did not end"
    )


def test_texts_are_read_by_their_hashes(store: HistoryStore) -> None:
    store.add_contents([(f"h{number}", "case", f'{{"input":{number}}}') for number in range(1200)])

    with store.reading() as connection:
        texts = read_texts(connection, {*(f"h{number}" for number in range(1200)), "unknown"})

    assert len(texts) == 1200
    assert texts["h7"] == {"input": 7}


def test_the_files_of_cases_are_those_of_the_newest_run(store: HistoryStore) -> None:
    add_run(store, "20261101-1", make_result("a", location=Location("old.jsonl", 1)))
    places = (Location("b.jsonl", 1), Location("a.jsonl", 1), Location("a.jsonl", 2))
    add_run(store, "20261102-1", *(make_result(str(line), location=line) for line in places))

    with store.reading() as connection:
        assert find_case_files(connection, FILE) == ("a.jsonl", "b.jsonl")
        assert find_case_files(connection, "unknown") == ()


def test_pruning_keeps_the_newest_runs_and_the_young_ones(store: HistoryStore) -> None:
    for day in range(1, 6):
        add_run(store, f"2026110{day}-1")

    with store.reading() as connection:
        by_count = plan_pruning(connection, keep=2)
        by_age = plan_pruning(connection, before="2026-11-03T12:00:00.000+00:00")
        by_both = plan_pruning(connection, keep=4, before="2026-11-03T12:00:00.000+00:00")
        nothing = plan_pruning(connection, keep=5)

    assert by_count.runs == ("20261103-1", "20261102-1", "20261101-1")
    assert (by_count.results, by_count.kept) == (6, {})
    assert by_count.size == by_count.total * 6 // 10 > 0
    assert by_age.runs == ("20261102-1", "20261101-1")
    assert by_both.runs == ("20261101-1",)
    assert (nothing.runs, nothing.results, nothing.size) == ((), 0, 0)


def test_pruning_leaves_what_was_saved_what_is_running_and_what_baselines_need(store: HistoryStore) -> None:
    add_run(store, "20261101-1", make_result("a"), make_result("gone"))
    add_run(store, "20261102-1", name="release")
    add_run(store, "20261103-1", make_result("a"), make_result("b"))
    add_run(store, "20261104-1", make_result("b"))
    add_run(store, "20261105-1", make_result("a", 0.0), comparisons=(make_comparison(FILE, Verdict.REGRESSED),))
    add_run(store, "20261106-1", make_result("a", file=OTHER))
    store.start_run(make_run("20261107-1", started_at="2026-11-07T12:00:00.000+00:00"))
    compared = make_comparison(FILE, Verdict.INCONCLUSIVE, baseline_run="20261106-1")
    add_run(store, "20261108-1", make_result("b"), comparisons=(compared,))

    with store.reading() as connection:
        removal = plan_pruning(connection, keep=0, in_use=["20261105-1"])

    assert removal.kept == {
        "20261107-1": "it is still running",
        "20261106-1": f"the newest run of {FILE} was compared with it",
        "20261105-1": "it is the baseline that evals_baseline names",
        "20261104-1": f"it has the last good results of {FILE}",
        "20261103-1": f"it has the last good results of {FILE}",
        "20261102-1": "it is saved as release",
    }
    # The newest run is inconclusive, and that was made to fail: its scores are no baseline's.
    assert removal.runs == ("20261108-1", "20261101-1")


def test_the_first_run_stays_while_all_others_were_compared_with_runs_that_were_named(store: HistoryStore) -> None:
    first = make_comparison(FILE, Verdict.NO_BASELINE, has_baseline=False)
    add_run(store, "20261101-1", comparisons=(first,))
    add_run(store, "20261102-1", comparisons=(make_comparison(FILE, Verdict.PASSED, baseline_run="20261101-1"),))
    add_run(store, "20261103-1", comparisons=(make_comparison(FILE, Verdict.PASSED, baseline_run="20261102-1"),))

    with store.reading() as connection:
        removal = plan_pruning(connection, keep=1)

    assert removal.kept == {"20261101-1": f"it has the last good results of {FILE}"} | {
        "20261102-1": f"the newest run of {FILE} was compared with it"
    }


def test_a_run_of_some_of_the_judges_has_no_good_results_to_keep(store: HistoryStore) -> None:
    partial = partial_fingerprint("c" * 16, 1, "mean")
    add_run(store, "20261101-1", make_result("a"), make_result("b"))
    add_run(store, "20261102-1", make_result("a", case_fingerprint=partial), make_result("b", case_fingerprint=partial))

    with store.reading() as connection:
        removal = plan_pruning(connection, keep=0)

    assert removal.runs == ("20261102-1",)


def test_of_runs_over_the_same_few_cases_the_newest_has_their_last_good_results(store: HistoryStore) -> None:
    add_run(store, "20261101-1", make_result("a"))
    add_run(store, "20261102-1", make_result("a"))
    add_run(store, "20261103-1", make_result("b"))

    with store.reading() as connection:
        removal = plan_pruning(connection, keep=0)

    assert removal.runs == ("20261101-1",)


def count(store: HistoryStore, table: Any) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_removed_runs_are_gone_with_all_that_no_other_run_needs(
    store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_AT_ONCE", 1)
    shared = RunFile(FILE, "v1", 2, prompts={"p": "prompt-new"}, judges={"j": "judge"})
    add_run(
        store, "20261101-1", files=(dataclasses.replace(shared, dataset_version="v0", prompts={"p": "prompt-old"}),)
    )
    add_run(store, "20261102-1")
    add_run(store, "20261103-1", make_result("a"), files=(shared,))
    add_version(store, "v0", "2026-11-01T12:00:00.000+00:00", ("a", "case-old"), ("b", "case"))
    add_version(store, "v1", "2026-11-02T12:00:00.000+00:00", ("b", "case"))
    texts = ("prompt-old", "prompt-new", "judge", "case-old", "case", "orphan")
    store.add_contents([(text, "case", "{}") for text in texts])

    remove_runs(store, ["20261101-1", "20261102-1"])

    assert wanted(store) == ["20261103-1"]
    assert count(store, case_results) == 1
    with store.reading() as connection:
        left = set(connection.scalars(select(contents.c.hash)))
        assert [version.version for version in read_versions(connection, FILE)] == ["v1"]
        assert plan_removal(connection, ["20261103-1"]).results == 1
    assert left == {"prompt-new", "judge", "case"}


def test_what_was_compared_with_a_drop_stays_as_bad_after_that_is_gone(
    history: HistorySubject, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_AT_ONCE", 1)
    passed = make_comparison(FILE, Verdict.PASSED)
    beside = {day: dataclasses.replace(passed, baseline_run=f"2026110{day}-1") for day in range(1, 8)}
    other = dataclasses.replace(passed, file=OTHER, baseline_run="20261102-1")
    add_run(store, "20261101-1", make_result("a", 0.9))
    add_run(store, "20261102-1", make_result("a", 0.1), comparisons=(make_comparison(FILE, Verdict.REGRESSED),))
    add_run(store, "20261103-1", make_result("a", 0.2), comparisons=(beside[2], other))
    add_run(store, "20261104-1", make_result("a", 0.3), make_result("b", 0.3), comparisons=(beside[3],))
    red = make_comparison(FILE, Verdict.REGRESSED)
    add_run(store, "20261105-1", make_result("a", 0.4), comparisons=(red,), name="smaller")
    add_run(store, "20261106-1", make_result("c", 0.5), comparisons=(beside[5],))
    add_run(store, "20261107-1", make_result("d", 0.6), comparisons=(beside[1],))

    remove_runs(store, ["20261102-1", "20261103-1", "20261105-1", "20261101-1"])

    with store.reading() as connection:
        assert set(connection.scalars(dropped_runs(FILE))) == {"20261104-1"}
    assert [case.name for case in read_last_good(history.place, WantedItems(FILE, "abcd"))] == ["c", "d"]

    add_run(store, "20261108-1", make_result("a", 0.3), comparisons=(beside[4],))
    with store.reading() as connection:
        assert set(connection.scalars(dropped_runs(FILE))) == {"20261104-1", "20261108-1"}
        assert set(connection.scalars(dropped_runs(OTHER))) == set()


def test_texts_stay_while_a_run_may_still_say_that_they_are_its_own(store: HistoryStore) -> None:
    add_run(store, "20261101-1", version="v0")
    add_version(store, "v9", "2026-11-02T12:00:00.000+00:00", ("b", "case"))
    store.add_contents([("case", "case", "{}")])
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    store.start_run(make_run("20261109-1", started_at=now))

    remove_runs(store, ["20261101-1"])

    assert (count(store, contents), count(store, dataset_versions)) == (1, 1)


def test_commands_work_with_each_database(
    history: HistorySubject, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(history.rootdir)
    (history.rootdir / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    add_version(store, "v1", "2026-11-01T12:00:00.000+00:00", ("a", "1"))
    for number in (1, 2, 3):
        add_run(store, f"20261101-{number}", make_result("a", 0.0))

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--history", history.setting])
        assert result.exit_code == 0, result.output
        return result.output

    assert len(call("runs").splitlines()) == 5
    assert "1 case did not pass" in call("show", "latest")
    assert call("dataset", "versions", FILE).splitlines()[-1].startswith("v1 ")
    assert "removed 1 run (20261101-3)" in call("runs", "rm", "latest", "--yes")
    assert "removed 1 run (20261101-1)" in call("runs", "prune", "--keep", "0", "--yes")
    assert wanted(store) == ["20261101-2"]

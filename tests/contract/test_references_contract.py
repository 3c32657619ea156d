"""What a reference to a run of the history stands for, in each database."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history import references
from pytest_promptevals.history.reference_cases import describe_runs, read_cases, runs_of_file
from pytest_promptevals.history.references import Reference, find_reference
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import GitState, RunFile, RunKind, RunStatus
from tests.support.checkouts import Checkout
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import FILE, make_case, make_result, make_run

A, B = "a" * 40, "ab" * 20


class Past:
    """A history with runs, each newer than the one before."""

    def __init__(self, store: HistoryStore, rootdir: Path) -> None:
        self._store = store
        self._rootdir = rootdir
        self._runs = 0

    def add(self, *results: CaseResult, commit: str | None = A, branch: str | None = "main", **changes: Any) -> str:
        """Add a finished run, by default of one result, and return its id."""
        self._runs += 1
        is_dirty, comparisons = changes.pop("is_dirty", False), changes.pop("comparisons", ())
        run = make_run(
            f"20261122-0600{self._runs:02}-abcdef",
            started_at=f"2026-11-22T06:00:{self._runs:02}.000+00:00",
            status=changes.pop("status", RunStatus.FINISHED),
            git=None if commit is None else GitState(commit, branch, is_dirty),
            **changes,
        )
        self._store.add_run(run, results or (make_result("a"),), comparisons)
        return run.id

    def find(self, text: str) -> Reference:
        """Return what a reference stands for."""
        with self._store.reading() as connection:
            return find_reference(connection, text, self._rootdir)

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        """Give a connection to read from."""
        return self._store.reading()

    def ids(self, text: str) -> list[str]:
        """Return the runs that a reference stands for."""
        return [run.id for run in self.find(text).runs]

    def problem(self, text: str) -> str:
        """Return why a reference stands for nothing."""
        with pytest.raises(UsageError) as caught:
            self.find(text)
        return str(caught.value)

    def choose(self, text: str, file: str = FILE, level: int = 3, *, passes_over_drops: bool = False) -> list[str]:
        """Return the runs that are the baseline of an eval file."""
        with self._store.reading() as connection:
            reference = find_reference(connection, text, self._rootdir)
            chosen = runs_of_file(connection, reference, file, level, passes_over_drops=passes_over_drops)
            return [run.id for run in chosen]

    def scores(self, text: str, file: str = FILE, level: int = 3) -> dict[str, float]:
        """Return the scores of the baseline of an eval file."""
        with self._store.reading() as connection:
            chosen = runs_of_file(connection, find_reference(connection, text, self._rootdir), file, level)
            return {case.name: case.score for case in read_cases(connection, chosen, file, level)}

    def words(self, text: str) -> str:
        """Return what the baseline is called."""
        with self._store.reading() as connection:
            chosen = runs_of_file(connection, find_reference(connection, text, self._rootdir), FILE)
            return describe_runs(connection, chosen, FILE)


@pytest.fixture
def past(history: HistorySubject) -> Iterator[Past]:
    with history.open() as store:
        yield Past(store, history.rootdir)


@pytest.fixture
def checkout(history: HistorySubject, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(history.rootdir, monkeypatch)


def test_latest_is_the_newest_run_that_finished(past: Past) -> None:
    first, second = past.add(), past.add(is_dirty=True, commit=B)
    past.add(status=RunStatus.RUNNING)
    past.add(status=RunStatus.INTERRUPTED)
    for kind in (RunKind.ATTRIBUTE, RunKind.REGATE, RunKind.REJUDGE, RunKind.RERUN):
        past.add(kind=kind)

    assert past.ids("latest") == [second, first]


def test_without_a_run_latest_is_nothing_yet(past: Past) -> None:
    assert past.find("latest") == Reference((), "the history has no finished run yet")


def test_a_run_is_meant_by_its_id_or_a_beginning_that_no_other_has(past: Past) -> None:
    first = past.add(is_dirty=True)
    second = past.add()
    past.add(status=RunStatus.INTERRUPTED)

    assert past.ids(first) == past.ids("20261122-060001") == past.ids("run:20261122-060001") == [first]
    several = f"is the beginning of several runs: {second}, {first}; write more of it"
    assert past.problem("20261122-06") == f"'20261122-06' {several}"
    assert past.problem("2026") == f"'2026' {several}"
    assert past.problem("run:20") == f"'20' {several}"


def test_few_digits_are_the_beginning_of_a_run_only_where_they_are_nothing_else(past: Past) -> None:
    first = past.add()
    assert past.ids("2026") == past.ids("20261") == past.ids("run:2") == [first]

    second = past.add(branch="2026")

    assert past.ids("2026") == [second]
    assert past.problem("2027").startswith("'2027' is no run, saved name, branch or commit that is known.")


def test_what_looks_like_a_run_and_is_none_is_not_known(past: Past) -> None:
    assert past.problem("20261122").startswith("'20261122' is no run, saved name, branch or commit that is known.")


def test_a_run_that_did_not_finish_is_no_baseline(past: Past) -> None:
    run_id = past.add(status=RunStatus.INTERRUPTED)

    assert past.problem(run_id) == f"run {run_id} is interrupted: only a run that finished can be compared with"


def test_the_newest_run_of_a_name_wins(past: Past) -> None:
    first, second = past.add(name="v1"), past.add(name="v1", is_dirty=True)

    assert past.ids("v1") == past.ids("name:v1") == [second, first]


def test_a_branch_means_its_runs_without_uncommitted_changes(past: Past) -> None:
    past.add(branch="other")
    first, second = past.add(branch="feature/x"), past.add(branch="feature/x", commit=B)
    past.add(branch="feature/x", is_dirty=True)

    assert past.ids("feature/x") == past.ids("branch:feature/x") == [second, first]


def test_a_branch_with_uncommitted_runs_alone_says_so(past: Past) -> None:
    past.add(is_dirty=True)

    assert past.find("main") == Reference(
        (),
        "no finished run is recorded of branch main: those that there are had uncommitted changes, so name one by its "
        "id",
    )


def test_runs_of_a_detached_head_are_those_of_a_branch_that_holds_their_commit(past: Past, checkout: Checkout) -> None:
    first = past.add(commit=checkout.first, branch=None)
    second = past.add(commit=checkout.commit(), branch=None)
    past.add(commit=B, branch=None)

    assert past.ids("main") == [second, first]


def test_a_branch_without_a_run_is_known_and_has_none_yet(past: Past, checkout: Checkout) -> None:
    assert past.find("main") == Reference((), "no finished run is recorded of branch main")


def test_a_commit_is_meant_by_its_beginning_with_or_without_git(past: Past) -> None:
    past.add(commit=A)
    run_id = past.add(commit=B)
    past.add(commit=B, is_dirty=True)

    assert past.ids(B[:7]) == past.ids(B) == past.ids(f"commit:{B[:7]}") == [run_id]


def test_a_beginning_that_two_commits_have_is_said(past: Past) -> None:
    past.add(commit="1234567a" * 5)
    past.add(commit="1234567b" * 5)

    assert past.problem("1234567") == (
        f"'1234567' fits several commits: {'1234567b' * 5}, {'1234567a' * 5}; write more of the hash"
    )


def test_a_commit_is_meant_by_what_git_takes_for_one(past: Past, checkout: Checkout) -> None:
    checkout.git("tag", "released")
    run_id = past.add(commit=checkout.first)
    checkout.commit()

    assert past.ids("released") == past.ids("HEAD~1") == past.ids("commit:HEAD~1") == [run_id]


def test_a_commit_without_a_run_is_said(past: Past, checkout: Checkout) -> None:
    run_id = past.add(commit=checkout.first, is_dirty=True)

    assert past.problem("HEAD") == (
        f"no finished run is recorded at commit {checkout.first[:7]}, without uncommitted changes; check it out and "
        f"run its evals, or name another baseline. Of the history, its newest run is {run_id}; branches: main."
    )


def test_the_merge_base_is_the_nearest_commit_with_a_run_before_head_left_the_default_branch(
    past: Past, checkout: Checkout
) -> None:
    second = checkout.commit()
    third = checkout.commit()  # not recorded
    checkout.git("checkout", "-b", "feature")
    feature = checkout.commit()
    older, newer = past.add(commit=checkout.first), past.add(commit=second)
    past.add(commit=third, is_dirty=True)
    past.add(commit=feature, branch="feature")
    again = past.add(commit=second)

    assert past.ids("merge-base") == [again, newer, older]


def test_runs_of_other_branches_do_not_hide_those_of_the_merge_base(
    past: Past, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MOST_RUNS", 2)
    monkeypatch.setattr(references, "_BATCH", 1)
    second = checkout.commit()
    checkout.git("checkout", "-b", "feature")
    checkout.commit()
    past.add(commit=checkout.first)
    old, near = past.add(commit=checkout.first), past.add(commit=second)
    for _ in range(3):
        past.add(commit=B, branch="other")

    assert past.ids("merge-base") == [near, old]


def test_a_merge_base_without_a_run_is_nothing_yet(past: Past, checkout: Checkout) -> None:
    assert past.find("merge-base") == Reference(
        (),
        f"no finished run is recorded at {checkout.first[:7]}, where HEAD left main, nor at a commit before it",
    )


def test_a_merge_base_without_a_run_in_a_shallow_clone_says_what_to_do(
    past: Past, checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit()
    clone = tmp_path / "clone"
    checkout.git("clone", "--depth", "1", f"file://{checkout.path}", str(clone))
    past._rootdir = clone

    assert past.problem("merge-base").endswith(
        ", nor at a commit before it; this clone is shallow; fetch its whole history with 'git fetch --unshallow' (in "
        "CI: fetch-depth 0)"
    )


def test_a_merge_base_that_cannot_be_found_is_said(past: Past) -> None:
    assert past.problem("merge-base").endswith("is in no git checkout that has a commit")


def test_a_name_goes_before_a_branch_and_that_is_said(past: Past) -> None:
    named, of_branch = past.add(name="release", branch="main"), past.add(branch="release")

    assert past.ids("release") == [named]
    assert past.find("release").notice == "the saved name is meant; branch:release means the branch"
    assert past.ids("branch:release") == [of_branch]


def test_what_is_not_known_is_said_with_what_there_is(past: Past) -> None:
    run_id = past.add(name="v1")
    past.add(branch="feature", kind=RunKind.ATTRIBUTE)

    assert past.problem("mian") == (
        f"'mian' is no run, saved name, branch or commit that is known. Did you mean 'main'? Of the history, its "
        f"newest run is {run_id}; names: v1; branches: feature, main."
    )
    assert past.problem("name:main").startswith("'main' is no name that is known. Did you mean 'branch:main'? Of")


def test_an_empty_history_knows_nothing(past: Past) -> None:
    assert past.problem("lates") == (
        "'lates' is no run, saved name, branch or commit that is known. Did you mean 'latest'? The history has no "
        "finished run yet."
    )


def test_each_eval_file_takes_the_newest_run_that_has_scores_of_it(past: Past) -> None:
    first = past.add(make_result("a"), make_result("a", file="b.eval.yaml"))
    past.add(make_result("a", None))
    third = past.add(make_result("a", file="b.eval.yaml"))

    assert past.choose("latest") == [first]
    assert past.choose("latest", "b.eval.yaml") == [third]
    assert past.choose("latest", "c.eval.yaml") == []


def test_a_file_that_ran_long_ago_still_has_a_baseline(past: Past) -> None:
    first = past.add(make_result("a", file="b.eval.yaml"))
    for _ in range(11):
        past.add()

    assert past.choose("latest", "b.eval.yaml") == [first]


@pytest.mark.parametrize("text", ["latest", "main", A[:7], "HEAD", "merge-base", "release"])
def test_a_file_that_ran_before_the_newest_runs_that_are_read_still_has_a_baseline(
    past: Past, checkout: Checkout, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(references, "MOST_RUNS", 2)
    made = {"commit": A if text == A[:7] else checkout.first, "name": "release"}
    older = past.add(make_result("a", file="b.eval.yaml"), **made)
    first = past.add(make_result("a", file="b.eval.yaml"), **made)
    past.add(make_result("a", None, file="b.eval.yaml"), **made)
    past.add(make_result("a", file="b.eval.yaml"), commit=B, branch="other", kind=RunKind.RERUN)
    for _ in range(2):
        past.add(**made)

    assert past.choose(text, "b.eval.yaml") == [first]
    assert past.choose(text, "c.eval.yaml") == []
    assert len(past.ids(text)) == 2
    with past.reading() as connection:
        reference = past.find(text).without([first])
        assert [run.id for run in runs_of_file(connection, reference, "b.eval.yaml")] == [older]


def test_a_drop_is_passed_over_for_a_run_before_the_newest_ones_that_are_read(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MOST_RUNS", 2)
    good, bad = past.add(), past.add(comparisons=[make_dropped(Verdict.REGRESSED)])
    past.add(make_result("a", file="b.eval.yaml"))

    assert past.choose("latest", passes_over_drops=True) == [good]
    assert past.choose("latest") == [bad]


def test_what_moves_is_asked_beyond_the_newest_runs_for_those_of_an_earlier_time(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MOST_RUNS", 2)
    first = past.add()
    for _ in range(3):
        past.add()

    reference = past.find("latest").as_of("2026-11-22T06:00:02.000+00:00")
    with past.reading() as connection:
        assert [run.id for run in runs_of_file(connection, reference, FILE)] == [first]


def test_scores_of_a_part_of_the_judges_count_for_runs_of_that_part(past: Past) -> None:
    whole = past.add()
    partial = past.add(make_result("a", case_fingerprint="level1:" + "c" * 16))

    assert past.choose("latest") == past.choose("latest", level=2) == [whole]
    assert past.choose("latest", level=1) == [partial]


def test_the_shards_of_one_run_are_one_baseline(past: Past) -> None:
    shard: dict[str, Any] = {"selection": "s" * 16, "selected": 3}
    past.add(make_result("a", 0.1), shard="1/3", **shard)
    past.add(make_result("b", 0.2), shard="2/3", **shard)
    past.add(make_result("x", 0.9), shard="3/3", selection="other")
    past.add(make_result("x", 0.9), shard="2/2", **shard)
    past.add(make_result("x", 0.9), shard="3/3", commit=B, **shard)
    past.add(make_result("a", 0.3), shard="1/3", **shard)

    assert past.scores("latest") == {"a": 0.3, "b": 0.2}
    assert past.words("latest").endswith("of branch main at aaaaaaa and 1 more of its shards")


def test_a_shard_of_a_dirty_checkout_stands_alone(past: Past) -> None:
    past.add(make_result("a", 0.1), shard="1/2", selection="s", is_dirty=True)
    past.add(make_result("b", 0.2), shard="2/2", selection="s", is_dirty=True)

    assert past.scores("latest") == {"b": 0.2}


def test_a_run_is_called_by_its_id_with_where_it_was_made(past: Past) -> None:
    plain = past.add(commit=None)
    named = past.add(name="v1", is_dirty=True)
    detached = past.add(branch=None)

    assert past.words(plain) == f"run {plain}"
    assert past.words(named) == f"run {named}, saved as v1, of branch main at aaaaaaa with uncommitted changes"
    assert past.words(detached) == f"run {detached} at aaaaaaa"


def test_a_run_of_a_selection_says_so(past: Past) -> None:
    file = RunFile(FILE, cases=3)
    some = past.add(make_result("a[m1]"), make_result("a[m2]"), make_result("b"), files=(file,))
    whole = past.add(make_result("a"), make_result("b"), make_result("c"), files=(file,))

    assert past.words(some).endswith(" (2 of 3 cases)")
    assert not past.words(whole).endswith("cases)")


def test_the_cases_of_a_run_are_those_that_a_baseline_file_would_keep(past: Past, history: HistorySubject) -> None:
    trials = (
        Trial(1, Response("x" * 2010, latency=1.23456, cost=0.5), (), 1.0, passed=True),
        Trial(2, Response("y"), (), 0.5, passed=True),
    )
    scores = (Score("exact", 1.0, True), Score("fuzzy", 0.5, True))
    run_id = past.add(
        make_result("b", 0.75, trials=trials, scores=scores, prompt_hash="p" * 16), make_result("a", None)
    )

    with history.open() as store, store.reading() as connection:
        chosen = find_reference(connection, run_id, history.rootdir).runs
        (short,) = read_cases(connection, chosen, FILE)
        (whole,) = read_cases(connection, chosen, FILE, whole={"b"})

    assert short == make_case(
        "b",
        0.75,
        output="x" * 2000 + "… [10 more characters]",
        scores={"exact": 1.0, "fuzzy": 0.5},
        trials=2,
        trial_scores=(1.0, 0.5),
        latency=1.23,
        output_length=1005.5,
        prompt_hash="p" * 16,
    )
    assert whole.output == "x" * 2010


@pytest.mark.parametrize("verdict", [Verdict.REGRESSED, Verdict.INCONCLUSIVE])
def test_a_baseline_that_moves_passes_over_runs_that_dropped(past: Past, verdict: Verdict) -> None:
    good, bad = past.add(), past.add(comparisons=[make_dropped(verdict)])

    assert past.choose("latest") == [bad]
    assert past.choose("latest", passes_over_drops=True) == [good]
    assert past.find("latest").is_moving
    assert past.find("main").is_moving
    assert not past.find(bad).is_moving


def test_a_drop_that_may_be_chance_and_was_let_through_is_a_baseline(past: Past) -> None:
    past.add()
    dropped = make_dropped(Verdict.INCONCLUSIVE)
    (gate,) = dropped.gates
    lucky = past.add(comparisons=[dataclasses.replace(dropped, gates=(dataclasses.replace(gate, is_accepted=True),))])

    assert past.choose("latest", passes_over_drops=True) == [lucky]
    assert "became worse" not in past.words("latest")


def test_a_run_that_was_compared_with_one_that_dropped_is_passed_over_too(past: Past) -> None:
    good, bad = past.add(), past.add(comparisons=[make_dropped(Verdict.REGRESSED)])
    passed = dataclasses.replace(make_dropped(Verdict.PASSED), baseline_run=bad)
    as_bad = past.add(comparisons=[passed])
    past.add(comparisons=[dataclasses.replace(passed, baseline_run=as_bad)])

    assert past.choose("latest", passes_over_drops=True) == [good]


def test_a_drop_that_was_saved_under_a_name_is_meant(past: Past) -> None:
    past.add()
    meant = past.add(name="smaller", comparisons=[make_dropped(Verdict.REGRESSED)])
    after = past.add(comparisons=[dataclasses.replace(make_dropped(Verdict.PASSED), baseline_run=meant)])

    assert past.choose("latest", passes_over_drops=True) == [after]


def test_a_baseline_that_became_worse_itself_is_called_so(past: Past) -> None:
    past.add()
    bad = past.add(comparisons=[make_dropped(Verdict.REGRESSED)])

    assert past.words(bad) == f"run {bad} of branch main at {A[:7]}, which became worse itself"


def test_a_run_that_dropped_is_better_than_no_baseline(past: Past) -> None:
    bad = past.add(comparisons=[make_dropped(Verdict.REGRESSED)])

    assert past.choose("latest", passes_over_drops=True) == [bad]


def test_a_drop_of_another_file_does_not_matter(past: Past) -> None:
    bad = past.add(comparisons=[dataclasses.replace(make_dropped(Verdict.REGRESSED), file="other.eval.yaml")])
    past.add(make_result("z", file="third.eval.yaml"))

    assert past.choose("latest", passes_over_drops=True) == [bad]


def make_dropped(verdict: Verdict) -> Comparison:
    """Return the comparison of a file whose score gate found a drop."""
    gate = GateResult(FILE, "score", verdict, "it fell", Location(FILE, 1))
    return Comparison(FILE, Metrics(1, 1, 0, 1.0, 1.0), has_baseline=True, gates=(gate,))

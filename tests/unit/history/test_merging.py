from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.merging import Merged, Part, merge_parts
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import GitState, ItemOutcome, OutcomeKind, Run, RunFile, RunKind, RunStatus
from tests.support.sample_results import FILE, make_result

COMMIT = "1a2b3c4" + "0" * 33


def part(share: str | None, *names: str, run_id: str = "", place: str = "", **changes: Any) -> Part:
    """A finished run with a result of each name; of six cases, unless ``changes`` say otherwise."""
    run_id = run_id or f"20261122-1200{(share or '9')[0]:0>2}-aaaaaa"
    run = Run(
        id=run_id,
        started_at=f"2026-11-22T{run_id[9:11]}:{run_id[11:13]}:{run_id[13:15]}.000+00:00",
        status=RunStatus.FINISHED,
        finished_at=f"2026-11-22T13:00:{run_id[13:15]}+00:00",
        git=GitState(COMMIT, "main", is_dirty=False),
        shard=share,
        selected=6,
        selection="abc",
        calls=2,
        cached=1,
        cost=0.5,
        spent=0.25,
    )
    return Part(dataclasses.replace(run, **changes), place, lambda: tuple(map(make_result, names)))


def three() -> list[Part]:
    return [part("1/3", "a", "b"), part("2/3", "c", "d"), part("3/3", "e", "f")]


def names(merged: Merged) -> list[str]:
    return [result.name for result in merged.results]


def test_shares_are_one_run_whose_numbers_add_up() -> None:
    merged = merge_parts(three())

    assert names(merged) == ["a", "b", "c", "d", "e", "f"]
    run = merged.run
    assert (run.kind, run.shard, run.status, run.parent) == (RunKind.RUN, None, RunStatus.RUNNING, None)
    assert (run.selected, run.selection, run.calls, run.cached, run.cost, run.spent) == (6, "abc", 6, 3, 1.5, 0.75)
    assert (run.started_at, run.finished_at) == ("2026-11-22T12:00:01.000+00:00", "2026-11-22T13:00:03+00:00")
    assert merged.notices == ()


def test_the_run_is_the_same_in_whatever_order_its_shares_are_named() -> None:
    first = merge_parts(three())
    again = merge_parts([*reversed(three()), *three()])

    assert again.run == first.run
    assert names(again) == names(first)
    assert first.run.id.startswith("20261122-120001-")
    assert first.run.id not in first.parts


def test_a_run_of_which_one_share_had_uncommitted_changes_had_them() -> None:
    clean, dirty = (GitState(COMMIT, "main", is_dirty=is_dirty) for is_dirty in (False, True))
    states = [clean, None, dirty, clean]
    parts = [part(f"{number}/4", str(number), selected=4, git=state) for number, state in enumerate(states, start=1)]

    with pytest.raises(HistoryError):
        merge_parts(parts)  # one without a checkout is of no commit
    parts[1] = part("2/4", "2", selected=4, git=clean)
    assert merge_parts(parts).run.git == dirty
    parts[2] = part("3/4", "3", selected=4, git=clean)
    assert merge_parts(parts).run.git == clean


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": {"temperature": 1}}, "they ran evals/a.eval.yaml with other parameters"),
        ({"prompts": {"short": "h2"}}, "they ran evals/a.eval.yaml with another prompt short"),
        ({"prompts": {"": "h2"}}, "they ran evals/a.eval.yaml with another prompt"),
        ({"judges": {"exact": "h2"}}, "they ran evals/a.eval.yaml with another judge exact"),
    ],
)
def test_shares_of_different_prompts_parameters_or_judges_are_refused(change: dict[str, Any], message: str) -> None:
    file = RunFile("evals/a.eval.yaml", prompts={"short": "h1", "": "h1"}, judges={"exact": "h1"})
    parts = three()
    parts[0] = part("1/3", "a", "b", files=(file,))
    parts[1] = part("2/3", "c", "d", files=(dataclasses.replace(file, models={"a/b": "b-1"}),))
    parts[2] = part("3/3", "e", "f")
    assert len(merge_parts(parts).results) == 6  # of the third, nothing is known
    parts[2] = part("3/3", "e", "f", files=(dataclasses.replace(file, **change),))

    with pytest.raises(HistoryError, match=f"{message}$"):
        merge_parts(parts)


def test_shares_follow_each_other_by_number_not_as_text() -> None:
    numbers = [10, 2, 12, 1, 11, 3, 4, 9, 5, 8, 6, 7]
    parts = [part(f"{n}/12", f"c{n}", selected=12, run_id=f"20261122-1200{n:02}-aaaaaa") for n in numbers]

    merged = merge_parts(parts)

    assert names(merged) == [f"c{number}" for number in range(1, 13)]
    assert merged.parts == tuple(f"20261122-1200{number:02}-aaaaaa" for number in range(1, 13))


def test_a_cost_that_one_share_does_not_know_is_unknown() -> None:
    run = merge_parts([*three()[:2], part("3/3", "e", "f", cost=None)]).run

    assert (run.cost, run.spent) == (None, 0.75)


def test_the_command_line_is_that_of_the_shares_without_the_share() -> None:
    spellings = (("-q", "--evals-shard", "1/3", "-k", "x"), ("-q", "--evals-shard=1/3", "-k", "x"))

    for arguments in spellings:
        shares = [part("1/3", "a", "b", arguments=arguments), *three()[1:]]
        assert merge_parts(shares).run.arguments == ("-q", "-k", "x")


def test_of_a_share_that_was_run_twice_the_newest_that_finished_counts() -> None:
    older = part("3/3", "old", run_id="20261122-110003-bbbbbb")
    stopped = part("3/3", "x", run_id="20261122-130003-cccccc", status=RunStatus.INTERRUPTED)

    merged = merge_parts([*three(), older, stopped])

    assert names(merged) == ["a", "b", "c", "d", "e", "f"]
    assert merged.notices == ("share 3/3 was run 3 times; what counts is run 20261122-120003-aaaaaa, share 3/3",)


def test_a_missing_share_is_an_error_that_says_how_much_is_missing() -> None:
    with pytest.raises(HistoryError) as error:
        merge_parts(three()[:1])

    assert str(error.value) == (
        "shares 2/3, 3/3 of the run at commit 1a2b3c4 are missing: 4 of 6 selected cases have no result. Run 'pytest "
        "--evals-shard 2/3', or add its history file, then merge again"
    )


def test_a_share_without_cases_need_not_be_there() -> None:
    merged = merge_parts([part("1/3", "a", "b", "c"), part("2/3", "d", "e", "f")])

    assert merged.notices == ("share 3/3 had no cases",)


def test_a_history_without_a_share_is_left_out_beside_shares() -> None:
    merged = merge_parts([part("1/2", "a", "b", "c"), part(None, "z", place="x.db"), part("2/2", "d", "e", "f")])

    assert len(merged.results) == 6
    assert merged.notices == ("run 20261122-120009-aaaaaa in x.db is no share and is left out",)


def test_runs_of_different_cases_are_merged_without_shares() -> None:
    parts = [part(None, "a", selected=1), part(None, "b", run_id="20261122-120010-dddddd", selected=2)]

    assert merge_parts(parts).run.selected == 3


FIRST = "20261122-120001-aaaaaa, share 1/3"
SECOND = "20261122-120002-aaaaaa, share 2/3"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            part("2/3", "c", git=GitState("f" * 40, "main", is_dirty=False), place="b.db"),
            (
                f"run {FIRST} and run {SECOND} in b.db cannot be merged: one is of commit 1a2b3c4, "
                "the other of commit fffffff; run all of them at one commit"
            ),
        ),
        (
            part("2/3", "c", git=None),
            (
                f"run {FIRST} and run {SECOND} cannot be merged: one is of commit 1a2b3c4, the "
                "other of no commit; run all of them at one commit"
            ),
        ),
        (
            part("2/4", "c"),
            (
                f"run {FIRST} and run 20261122-120002-aaaaaa, share 2/4 cannot be merged: one is a "
                "share of 3, the other of 4; give all jobs one N"
            ),
        ),
        (
            part("2/3", "c", selection="def", selected=4),
            (
                f"run {FIRST} and run {SECOND} cannot be merged: they are shares of different "
                "selections, of 6 and of 4 cases; give all jobs the same files and options"
            ),
        ),
        (
            part("2/3", "c", kind=RunKind.RERUN),
            f"run {SECOND} is a rerun: only runs that ask for answers are merged",
        ),
        (
            part("2/3", "c", status=RunStatus.INTERRUPTED),
            (
                f"run {SECOND} did not finish (it is interrupted), so there is no verdict on the whole: run 'pytest "
                "--evals-shard 2/3' again, then merge again"
            ),
        ),
        (
            part("2/3", "b"),
            (
                f"{FILE}::b was run in run {FIRST} and in run {SECOND}: the parts of a run may "
                "have no case in common; divide them with --evals-shard"
            ),
        ),
    ],
    ids=["commit", "no-commit", "number", "selection", "rerun", "unfinished", "overlap"],
)
def test_runs_that_do_not_belong_together_are_named_with_the_reason(other: Part, message: str) -> None:
    with pytest.raises(HistoryError) as error:
        merge_parts([three()[0], other, three()[2]])

    assert str(error.value) == message


def test_one_run_alone_that_is_no_share_needs_no_merging() -> None:
    with pytest.raises(HistoryError) as error:
        merge_parts([part(None, "a", place="x.db")])

    assert str(error.value) == (
        "run 20261122-120009-aaaaaa in x.db is no share of a run (--evals-shard), and alone it needs no merging; name "
        "the others, or their history files"
    )


@pytest.mark.parametrize("dirty", [0, 1, 2])
def test_a_share_of_an_edited_checkout_makes_the_whole_one(dirty: int) -> None:
    parts = three()
    edited = dataclasses.replace(parts[dirty].run, git=GitState(COMMIT, "main", is_dirty=True))
    parts[dirty] = dataclasses.replace(parts[dirty], run=edited)

    assert merge_parts(parts).run.git == GitState(COMMIT, "main", is_dirty=True)


def test_ten_shares_and_more_are_in_the_order_of_their_numbers() -> None:
    parts = [
        part(f"{number}/11", str(number), run_id=f"20261122-1200{number:02}-aaaaaa", selected=11)
        for number in range(1, 12)
    ]

    assert [result.name for result in merge_parts(parts).results] == [str(number) for number in range(1, 12)]


def test_what_pytest_made_of_items_is_that_of_all_shares_each_once() -> None:
    ordinary = ItemOutcome("test_a.py::test_it", OutcomeKind.FAILED, "assert False")
    again = dataclasses.replace(ordinary, kind=OutcomeKind.TEARDOWN)
    other = ItemOutcome("test_b.py::test_it", OutcomeKind.XFAILED)
    first, second, third = three()
    parts = [
        dataclasses.replace(first, run=dataclasses.replace(first.run, outcomes=(ordinary, again))),
        dataclasses.replace(second, run=dataclasses.replace(second.run, outcomes=(ordinary, other))),
        third,
    ]

    assert merge_parts(parts).run.outcomes == (ordinary, again, other)


def test_results_are_those_of_the_shares_as_they_are() -> None:
    result = make_result("a", 0.25, reused_from="r1")
    other: CaseResult = make_result("b", None)

    merged = merge_parts([Part(part("1/1", "x").run, "", lambda: (result, other))])

    assert merged.results == (result, other)

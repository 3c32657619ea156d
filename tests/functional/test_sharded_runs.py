"""``--evals-shard``: the shares that CI jobs run side by side."""

from __future__ import annotations

import re

import pytest

from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.runs import Run
from tests.support.project import EvalProject

WRONG = "ERROR: --evals-shard: '5/4' is no shard: I counts from 1 to N, such as 1/4, 2/4, 3/4 and 4/4."


@pytest.fixture
def evals(project: EvalProject) -> EvalProject:
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(20)]
    project.write_cases("a.eval.yaml", rows)
    project.write("rows.jsonl", "".join(f'{{"id": "row{number}"}}\n' for number in range(10)))
    project.write(
        "test_rows.py",
        """
        import pytest

        def test_ordinary(): pass

        @pytest.mark.evals("rows.jsonl")
        def test_row(case): pass
        """,
    )
    return project


def ran(result: pytest.RunResult) -> set[str]:
    names = re.findall(r"^(?:\[gw\d\].* )?(\S+::\S+)(?: PASSED.*|\s*)$", result.stdout.str(), re.MULTILINE)
    return {name for name in names if "gate[" not in name}


def newest_run(project: EvalProject) -> Run:
    store = HistoryStore.open(project.path / ".promptevals/history.db")
    run = max(store.runs(), key=lambda run: run.started_at)
    store.close()
    return run


def test_shards_are_disjoint_and_together_all_with_a_record_that_says_so(evals: EvalProject) -> None:
    everything = ran(evals.run("-v"))
    whole = newest_run(evals)
    results = [evals.run("-v", f"--evals-shard={number}/3", *extra) for number, extra in ((1, ()), (2, ("-n2",)))]
    runs = [newest_run(evals)]
    results.append(evals.run("-v", "--evals-shard=3/3"))
    runs.append(newest_run(evals))
    shares = [ran(result) for result in results]

    assert len(everything) == 31
    assert set.union(*shares) == everything
    # Ordinary tests run in every job; cases, those of test functions too, in one.
    assert sum(map(len, shares)) == 31 + 2
    assert set.intersection(*shares) == {"test_rows.py::test_ordinary"}
    assert results[0].parseoutcomes()["deselected"] == 31 - len(shares[0])
    assert [run.shard for run in (whole, *runs)] == [None, "2/3", "3/3"]
    assert {(run.selected, run.selection) for run in (whole, *runs)} == {(30, whole.selection)}


def test_a_share_does_not_change_with_what_else_is_selected(evals: EvalProject) -> None:
    share = ran(evals.run("-v", "--evals-shard=1/2"))
    narrow = ran(evals.run("-v", "--evals-shard=1/2", "-k", "c1"))

    assert narrow == {name for name in share if "::c1" in name}


@pytest.mark.parametrize("extra", [(), ("-n2",), ("test_none.py",)], ids=["plain", "n2", "no-evals"])
def test_a_shard_that_there_is_not_is_a_usage_error(evals: EvalProject, extra: tuple[str, ...]) -> None:
    evals.write("test_none.py", "def test_none(): pass\n")

    result = evals.run("--evals-shard=5/4", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert WRONG in result.stderr.lines

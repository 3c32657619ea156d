"""``pytest --last-failed`` and ``--stepwise``: cases that were chosen because they had failed are no baseline."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject

FUNCTION = """
import pytest

@pytest.mark.evals("q.jsonl")
def test_app(case, evals):
    evals.judge(case.input)
"""
EXTRA = pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])


def answer(project: EvalProject, **outputs: str) -> None:
    """Write an eval file of six cases; those that are not named were answered well."""
    names = [f"c{number}" for number in range(1, 7)]
    cases = [{"id": name, "input": name, "expected": "good", "output": outputs.get(name, "good")} for name in names]
    project.write_cases("a.eval.yaml", cases, head="judges: [exact]\n")


def ask(project: EvalProject, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(project.path / ".promptevals/history.db")) as connection:
        return [value for (value,) in connection.execute(f"{query} ORDER BY started_at, runs.id")]


def kinds(project: EvalProject) -> list[str]:
    return ask(project, "SELECT kind FROM runs")


def counts(project: EvalProject) -> list[int]:
    return ask(project, "SELECT count(*) FROM runs JOIN case_results ON runs.id = run_id GROUP BY runs.id")


def means_before(project: EvalProject) -> list[float]:
    return ask(project, "SELECT mean_before FROM comparisons JOIN runs ON runs.id = run_id")


@EXTRA
def test_what_failed_before_and_passes_now_does_not_make_the_baseline_better(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    answer(project, c1="bad")
    project.run(*extra)
    answer(project)
    project.run("--last-failed", *extra)
    answer(project, c1="bad")
    project.run(*extra)

    assert kinds(project) == ["run", "rerun", "run"]
    assert counts(project) == [6, 1, 6]
    assert means_before(project)[-1] == pytest.approx(5 / 6)


@EXTRA
def test_where_nothing_had_failed_all_cases_run_and_that_is_a_run_like_any_other(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    answer(project)
    project.run(*extra)
    project.run("--lf", *extra)

    assert kinds(project) == ["run", "run"]
    assert counts(project) == [6, 6]


def test_what_is_left_after_a_failure_is_a_rerun_in_steps(project: EvalProject) -> None:
    answer(project, c3="bad")
    project.run("--stepwise")
    project.run("--stepwise")
    answer(project)
    project.run("--stepwise")
    project.run("--stepwise")
    answer(project, c3="bad")
    project.run("--stepwise")
    project.run("--stepwise-reset")

    # Each is a run of its own: what it counts is what it ran.
    assert kinds(project) == ["run", "rerun", "rerun", "run", "run", "run"]
    assert counts(project) == [3, 1, 4, 6, 3, 3]


@pytest.mark.parametrize("chosen", [("a.eval.yaml::c1", "a.eval.yaml::c2"), ("-k", "c1 or c2")], ids=["ids", "name"])
@EXTRA
def test_failures_that_are_chosen_by_hand_are_a_rerun_too(
    project: EvalProject, chosen: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    answer(project, c1="bad", c2="bad")
    project.run(*extra)
    answer(project, c1="bad")
    project.run(*chosen, *extra)
    project.run(*extra)

    assert kinds(project) == ["run", "rerun", "run"]
    assert counts(project) == [6, 2, 6]
    assert means_before(project)[-1] == pytest.approx(4 / 6)


def test_a_choice_that_is_not_of_failures_alone_is_a_run_like_any_other(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()
    project.run("a.eval.yaml::c1", "a.eval.yaml::c2")
    project.run("-k", "c2")

    assert kinds(project) == ["run", "run", "run"]


def test_an_eval_file_of_failures_alone_is_run_like_any_other(project: EvalProject) -> None:
    answer(project, **{f"c{number}": "bad" for number in range(1, 7)})
    project.run()
    project.run()

    assert kinds(project) == ["run", "run"]


def test_tests_over_a_dataset_that_failed_are_a_rerun_too(project: EvalProject) -> None:
    cases = '{"id": "c1", "input": "x", "expected": "y"}\n{"id": "c2", "input": "x", "expected": "x"}\n'
    project.write("q.jsonl", cases)
    project.write("evals.yaml", "judges: [exact]")
    project.write("test_app.py", FUNCTION)
    project.run()
    project.run("-k", "c1")
    project.run()

    assert kinds(project) == ["run", "rerun", "run"]


def test_what_is_accepted_is_wanted_whatever_chose_it(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()
    project.run("a.eval.yaml::c1", "--evals-accept", "c1")

    assert kinds(project) == ["run", "run"]


def test_without_the_cache_of_pytest_there_are_no_known_failures(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()
    project.run("-p", "no:cacheprovider", "a.eval.yaml::c1")

    assert kinds(project) == ["run", "run"]


def test_a_rerun_that_was_interrupted_goes_on_as_what_the_new_one_is(project: EvalProject) -> None:
    answer(project, c1="bad", c2="bad")
    project.run()
    project.run("--lf", "-x")
    goes_on = project.run("--evals-resume")

    assert "continued run" in goes_on.stdout.str()
    assert kinds(project) == ["run", "run"]


@pytest.mark.parametrize("chosen", ["--lf", "a.eval.yaml::c1"])
def test_a_baseline_that_a_rerun_writes_says_so(project: EvalProject, chosen: str) -> None:
    answer(project, c1="bad")
    project.run("--evals-save-baseline").stdout.no_fnmatch_line("*by luck*")
    answer(project)

    result = project.run(chosen, "--evals-save-baseline")

    result.stdout.fnmatch_lines(
        [
            "baseline saved: baselines/a.eval.yaml.jsonl (6 cases); 1 of them from a rerun of",
            "  what had failed, which scores too high by luck: run all cases to save what",
            "  they score",
        ]
    )


def test_a_name_for_a_rerun_says_so(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()

    result = project.run("--lf", "--evals-save-baseline=mine")

    assert (
        "--evals-baseline mine compares with it; it is a rerun of what had failed, which scores too high by luck: "
        "run all cases to save what they score"
    ) in " ".join(result.stdout.str().split())


def test_a_rerun_is_listed_as_one(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()
    project.run("--lf")

    assert "  rerun  " in CliRunner().invoke(main, ["runs"]).output
    assert "kind: rerun, of what had failed before" in CliRunner().invoke(main, ["show", "latest"]).output

"""``--evals-baseline``: what a run is compared with."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import Any

import pytest

from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Change, Comparison
from pytest_promptevals.records.runs import Run
from tests.support.checkouts import Checkout
from tests.support.project import EvalProject

BOTH = pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
HEAD = "case_policy: gate\njudges: [exact]\n"
MODEL = """
    case_policy: gate
    prompt: prompt.md
    model: scripted/one
    judges: [exact]
    providers:
      scripted:
        script:
          - {match: kind, reply: good}
          - {match: "", reply: bad}
"""


def rows(*outputs: str) -> list[dict[str, Any]]:
    """Cases c1, c2, ... that expect "good" and were answered with those outputs."""
    return [
        {"id": f"c{number}", "input": f"question {number}", "expected": "good", "output": output}
        for number, output in enumerate(outputs, start=1)
    ]


def write(project: EvalProject, *outputs: str, file: str = "a.eval.yaml", head: str = HEAD) -> None:
    project.write_cases(file, rows(*outputs), head=head)


def newest(project: EvalProject) -> tuple[Run, dict[str, Comparison]]:
    """The newest run, and its comparisons by file."""
    with HistoryStore.open(project.path / ".promptevals" / "history.db") as history:
        run = history.runs(1)[0]
        return run, {comparison.file: comparison for comparison in history.comparisons(run.id)}


def count_runs(project: EvalProject) -> int:
    with HistoryStore.open(project.path / ".promptevals" / "history.db") as history:
        return len(history.runs())


@pytest.fixture
def checkout(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """The project as a repository; what a run writes is ignored."""
    (project.path / ".gitignore").write_text("*\n!*.eval.yaml\n!prompt.md\n!.gitignore\n", encoding="utf-8")
    return Checkout(project.path, monkeypatch)


@BOTH
def test_a_run_is_compared_with_the_run_of_a_name(project: EvalProject, extra: tuple[str, ...]) -> None:
    write(project, "good", "bad")
    project.run("--evals-save-baseline", "v1")
    named = newest(project)[0]
    write(project, "good", "good")
    project.run("--evals-save-baseline")  # the committed one is another

    result = project.run("--evals-baseline", "v1", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml *2 *2 *1.000 *0.500 *+0.500 *passed"])
    comparison = newest(project)[1]["a.eval.yaml"]
    assert (comparison.baseline_run, comparison.baseline) == (named.id, f"run {named.id}, saved as v1")
    assert project.run(*extra).stdout.str().count("1.000   1.000") == 1


@BOTH
def test_a_case_is_held_to_what_it_was_in_that_run(project: EvalProject, extra: tuple[str, ...]) -> None:
    ratchet = "case_policy: ratchet\njudges: [exact]\n"
    write(project, "good", "bad", head=ratchet)
    project.run("--evals-save-baseline", "v1")
    write(project, "bad", "bad", head=ratchet)
    project.run("--evals-save-baseline")

    held = project.run("--evals-baseline=v1", *extra)
    let_through = project.run(*extra)

    assert (held.ret, let_through.ret) == (1, 0)
    held.stdout.fnmatch_lines(["FAILED a.eval.yaml::c1 - exact failed, score 0.00 (was 1.00)*"])


@BOTH
@pytest.mark.parametrize("is_option", [True, False], ids=["option", "ini"])
def test_an_unknown_baseline_ends_the_run_before_anything_is_paid(
    project: EvalProject, extra: tuple[str, ...], *, is_option: bool
) -> None:
    write(project, "good")
    project.run("--evals-save-baseline", "before")
    if not is_option:
        project.write("pytest.ini", "[pytest]\nevals_baseline = befour\n")

    result = project.run(*(("--evals-baseline", "befour") if is_option else ()), *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    source = "--evals-baseline" if is_option else "evals_baseline"
    result.stderr.fnmatch_lines(
        [f"ERROR: {source} befour: 'befour' is no run, saved name, branch or commit that is known. Did you mean*"]
    )
    assert count_runs(project) == 1


@BOTH
def test_an_unknown_baseline_is_nothing_to_tests_that_are_no_evals(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    project.write("pytest.ini", "[pytest]\nevals_baseline = nope\n")
    write(project, "good")
    project.write("test_plain.py", "import pytest\n\n@pytest.mark.parametrize('x', [1])\ndef test_one(x):\n    pass\n")

    project.run("test_plain.py", *extra).assert_outcomes(passed=1)
    project.run("-k", "test_one", *extra).assert_outcomes(passed=1, deselected=0 if extra else 1)
    assert not (project.path / ".promptevals").exists()


@BOTH
def test_tests_over_a_dataset_do_not_pass_without_their_baseline(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write("pytest.ini", "[pytest]\nevals_baseline = nope\n")
    project.write("a.eval.jsonl", '{"id": "one", "input": "x", "expected": "x"}\n')
    project.write(
        "evals.yaml", "model: scripted/echo\njudges: [{rubric: {criteria: helpfulness, model: scripted/echo}}]\n"
    )
    project.write(
        "test_app.py",
        """
        import pytest

        @pytest.mark.evals("a.eval.jsonl")
        def test_app(case, evals):
            evals.output("x")
        """,
    )

    result = project.run("test_app.py", *extra)

    if extra:  # which tests are evals, only the workers know, and they cannot end the session
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["*insufficient data: evals_baseline nope: 'nope' is no run, saved name, *"])
    else:
        assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_nothing_is_looked_up_to_collect(project: EvalProject) -> None:
    write(project, "good")

    assert project.run("--co", "--evals-baseline=nope").ret == 0
    project.write("b.eval.yaml", "nope: 1\n")
    broken = project.run("--evals-baseline=nope")
    assert broken.ret == pytest.ExitCode.INTERRUPTED
    assert "nope: 1" not in broken.stderr.str()


def test_without_a_history_no_run_can_be_named(project: EvalProject) -> None:
    write(project, "good")

    result = project.run("--evals-baseline=latest", "--evals-history=off")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-baseline latest: there is no history to look it up in, for 'evals_history' is off"]
    )


def test_the_first_run_of_all_has_nothing_to_be_compared_with(project: EvalProject) -> None:
    write(project, "good")

    first, second = project.run("--evals-baseline=latest"), project.run("--evals-baseline=latest")

    assert (first.ret, second.ret) == (0, 0)
    first.stdout.fnmatch_lines(["--evals-baseline latest: the history has no finished run yet"])
    second.stdout.fnmatch_lines(["a.eval.yaml *1 *1 *1.000 *1.000 *0.000 *passed"])


def test_an_eval_file_without_results_in_the_baseline_says_so(project: EvalProject) -> None:
    write(project, "good")
    project.run("--evals-save-baseline=v1")
    write(project, "good", file="b.eval.yaml")

    result = project.run("--evals-baseline=v1")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["b.eval.yaml: v1 has no scores of it, so nothing to compare with"])


def test_each_file_is_compared_with_the_newest_run_that_has_it(project: EvalProject) -> None:
    write(project, "good", "bad")
    write(project, "bad", file="b.eval.yaml")
    project.run()
    write(project, "good", "good")
    project.run("-k", "c1", "a.eval.yaml")

    project.run("--evals-baseline=latest")

    found = newest(project)[1]
    assert found["a.eval.yaml"].baseline.endswith(" (1 of 2 cases)")
    assert found["a.eval.yaml"].baseline_run != found["b.eval.yaml"].baseline_run
    assert [delta.name for delta in found["a.eval.yaml"].deltas_with(Change.NEW)] == ["c2"]


def test_a_branch_is_compared_with_what_was_committed_there(project: EvalProject, checkout: Checkout) -> None:
    write(project, "good", "good")
    checkout.commit()
    project.run()
    of_main = newest(project)[0]
    write(project, "bad", "bad")
    project.run()  # uncommitted: not what main is
    checkout.git("checkout", "-b", "feature")
    checkout.commit()

    project.run("--evals-baseline=main")

    comparison = newest(project)[1]["a.eval.yaml"]
    assert (comparison.mean_before, comparison.mean_after) == (1.0, 0.0)
    commit = checkout.git("rev-parse", "--short=7", "main")
    assert comparison.baseline == f"run {of_main.id} of branch main at {commit}"


def test_the_merge_base_is_compared_with_whatever_main_has_become(project: EvalProject, checkout: Checkout) -> None:
    write(project, "good", "bad", "bad")
    checkout.commit()
    project.run()
    checkout.git("checkout", "-b", "feature")
    checkout.git("checkout", "main")
    write(project, "good", "good", "good")
    checkout.commit()
    project.run()
    checkout.git("checkout", "feature")
    write(project, "good", "good", "bad")
    checkout.commit()

    project.run("--evals-baseline=merge-base")

    assert newest(project)[1]["a.eval.yaml"].mean_before == pytest.approx(1 / 3)


@pytest.mark.parametrize("reference", ["merge-base", "nope"])
def test_a_reference_without_a_repository_is_one_sentence(project: EvalProject, reference: str) -> None:
    write(project, "good")
    project.run()

    result = project.run("--evals-baseline", reference)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line]
    assert re.match(f"ERROR: --evals-baseline {reference}: .* is (in )?no ", line)


def test_a_name_that_is_a_branch_too_is_said(project: EvalProject, checkout: Checkout) -> None:
    write(project, "good")
    checkout.commit()
    project.run("--evals-save-baseline=v1")
    checkout.git("branch", "v1")

    project.run("--evals-baseline=v1").stdout.fnmatch_lines(
        ["--evals-baseline v1: the saved name is meant; branch:v1 means the branch"]
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_branch_is_not_taken_for_the_name_of_a_run(
    project: EvalProject, checkout: Checkout, extra: tuple[str, ...]
) -> None:
    write(project, "good")
    checkout.commit()

    result = project.run("--evals-save-baseline=main", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    words = "there is a branch of that name, which '--evals-baseline main' would no longer mean; choose another name"
    result.stderr.fnmatch_lines([f"ERROR: --evals-save-baseline main: {words}"])


@pytest.mark.parametrize("name", ["HEAD", "v1"])
def test_what_git_knows_as_a_commit_is_not_taken_for_the_name_of_a_run(
    project: EvalProject, checkout: Checkout, name: str
) -> None:
    write(project, "good")
    checkout.commit()
    checkout.git("tag", "v1")

    result = project.run(f"--evals-save-baseline={name}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    words = f"there is a commit of that name, which '--evals-baseline {name}' would no longer mean; choose another name"
    result.stderr.fnmatch_lines([f"ERROR: --evals-save-baseline {name}: {words}"])


def test_edited_renamed_new_and_missing_cases_are_told_apart(project: EvalProject, checkout: Checkout) -> None:
    write(project, "good", "good", "good", "good")
    checkout.commit()
    project.run()
    same, edited, renamed, _ = rows("good", "good", "bad", "good")
    new = {"id": "n1", "input": "new", "expected": "good", "output": "bad"}
    cases = [edited | {"expected": "better"}, new, renamed | {"id": "r3"}, same]
    project.write_cases("a.eval.yaml", cases, head=HEAD)
    checkout.git("checkout", "-b", "feature")
    checkout.commit()

    project.run("--evals-baseline=merge-base")

    comparison = newest(project)[1]["a.eval.yaml"]
    changes = {delta.name: (delta.change, delta.renamed_from) for delta in comparison.deltas}
    assert changes == {
        "c1": (Change.SAME, None),
        "c2": (Change.EDITED, None),
        "r3": (Change.WORSE, "c3"),
        "n1": (Change.NEW, None),
        "c4": (Change.MISSING, None),
    }
    assert (comparison.mean_before, comparison.mean_after) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("edit", "change"),
    [
        (("prompt.md", "kind", "quick"), Change.WORSE),
        (("a.eval.yaml", "scripted/one", "scripted/two"), Change.SAME),
        (("a.eval.yaml", "judges: [exact]", "judges: [contains]"), Change.EDITED),
        (("a.eval.yaml", '"expected": "good"', '"expected": "other"'), Change.EDITED),
    ],
    ids=["prompt", "model", "judge", "case"],
)
def test_scores_are_compared_across_prompts_and_models_but_not_across_cases_and_judges(
    project: EvalProject, checkout: Checkout, edit: tuple[str, str, str], change: Change
) -> None:
    file, old, new = edit
    project.write("prompt.md", "Be kind. {{ input }}\n")
    project.write_cases("a.eval.yaml", [{"id": "c1", "input": "x", "expected": "good"}], head=MODEL)
    checkout.commit()
    project.run()
    text = (project.path / file).read_text(encoding="utf-8")
    project.write(file, text.replace(old, new))
    checkout.git("checkout", "-b", "feature")
    checkout.commit()

    project.run("--evals-baseline=merge-base")

    (delta,) = newest(project)[1]["a.eval.yaml"].deltas
    assert delta.change is change


def test_a_history_that_somebody_else_wrote_into_is_no_baseline_and_no_traceback(project: EvalProject) -> None:
    write(project, "good", "good")
    project.run()
    with contextlib.closing(sqlite3.connect(project.path / ".promptevals/history.db")) as connection:
        connection.execute("UPDATE case_results SET trials = 'abc'")
        connection.commit()

    named, last_good = project.run("--evals-baseline=latest"), project.run()

    words = "its results of a.eval.yaml cannot be read (Expecting value"
    assert (named.ret, last_good.ret) == (1, 0)
    assert "[score] insufficient data: history database" in named.stdout.str()
    assert words in " ".join(named.stdout.str().split())
    assert words in " ".join(last_good.stdout.str().split())


def test_a_green_run_beside_another_run_hides_no_regression_from_the_last_results(project: EvalProject) -> None:
    write(project, *["bad"] * 7)
    project.run("--evals-save-baseline", "v0")
    write(project, *["good"] * 7)
    assert project.run().ret == 0
    write(project, *["bad"] * 7)
    assert project.run().ret == 1

    assert project.run("--evals-baseline", "v0").ret == 0

    again = project.run()
    assert again.ret == 1
    again.stdout.fnmatch_lines(["a.eval.yaml *7 *0 *0.000 *1.000 *-1.000 *regressed"])

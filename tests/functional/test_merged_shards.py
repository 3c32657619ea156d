"""``promptevals merge``: the shares that jobs ran, as one run with one verdict, equal to that of one pytest."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.runs import RunKind, RunStatus
from tests.support.project import EvalProject
from tests.support.workflows import load, play, step_of

QUIET = ("--", "-q", "-p", "no:randomly", "-p", "no:timeout", "-p", "no:socket")
HISTORY = ".promptevals/history.db"
HEAD = "model: scripted/echo\nprompt: '{}'\njudges: [exact]\ngate: {{max_drop: 0.05}}\n"
ALL_RIGHT = "{{ input }}"
SOME_WRONG = "{{ input }}{% if input in wrong %}!{% endif %}"


def write_evals(project: EvalProject, *wrong: str) -> None:
    """Two eval files of 24 cases and a test function over 6, in which the answers to ``wrong`` are wrong."""
    prompt = f"{{% set wrong = {list(wrong)} %}}{SOME_WRONG}".replace("'", "''") if wrong else ALL_RIGHT
    for file in ("a", "b"):
        rows = [{"id": f"c{number}", "input": f"{file}{number}", "expected": f"{file}{number}"} for number in range(24)]
        project.write_cases(f"evals/{file}.eval.yaml", rows, head=HEAD.format(prompt))


@pytest.fixture
def evals(project: EvalProject) -> EvalProject:
    """A project with baselines, in which one of two files has become worse and a test function fails."""
    project.write("pytest.ini", "[pytest]\n")
    project.write("evals/rows.jsonl", "".join(f'{{"id": "row{number}"}}\n' for number in range(6)))
    project.write(
        "evals/test_rows.py",
        """
        import pathlib
        import pytest

        def test_ordinary(): pass

        @pytest.mark.evals("rows.jsonl")
        def test_row(case):
            pathlib.Path("called").touch()
            assert case.id != "row3"
        """,
    )
    write_evals(project)
    project.run("--evals-save-baseline", "--evals-history=off")
    write_evals(project, *(f"a{number}" for number in range(0, 24, 3)), "b1")
    return project


def script_of(job: str, step: str) -> str:
    return str(step_of("github-sharded.yml", job, step)["run"])


def run_jobs(project: EvalProject) -> None:
    """Run the shares as the jobs of the workflow do, each on a checkout of its own, and bring what they leave."""
    shares = load("github-sharded.yml")["jobs"]["shard"]["strategy"]["matrix"]["shard"]
    for number, share in enumerate(shares):
        checkout = project.path.parent / f"{project.path.name}-job{number}"
        shutil.copytree(project.path, checkout)
        assert play(script_of("shard", "Run a share of the evals"), checkout, **{"matrix.shard": share}) == 0
        shutil.copytree(checkout / ".promptevals", project.path / "shards" / f"evals-shard-{number}")


def run_shards(project: EvalProject, count: int, *arguments: str, history: str = "shards/{}/history.db") -> None:
    for number in range(1, count + 1):
        options = (f"--evals-shard={number}/{count}", f"--evals-history={history.format(number)}")
        project.run(*options, *arguments)


def merge(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["merge", *arguments, *QUIET])


def finished_at(path: Path) -> str:
    with HistoryStore.open(path) as store:
        (run,) = store.runs()
    return run.finished_at or ""


def reported(path: Path) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return class, name and what is wrong, of each case and gate that a JUnit file has."""
    cases = ET.parse(path).iter("testcase")  # noqa: S314 - pytest wrote it just now
    return {
        (case.get("classname", ""), case.get("name", ""), tuple(part.tag for part in case if part.tag != "properties"))
        for case in cases
    }


@pytest.mark.skipif(sys.platform == "win32", reason="the scripts of the workflow are for bash")
def test_three_jobs_come_to_the_verdict_of_one_however_often_they_are_merged(
    evals: EvalProject, capfd: pytest.CaptureFixture[str]
) -> None:
    run_jobs(evals)
    whole = evals.run("--evals-history=whole.db", "--junitxml=whole.xml")
    capfd.readouterr()
    (evals.path / "called").unlink()

    status = play(script_of("evals", "Decide"), evals.path)

    printed = capfd.readouterr().out
    assert status == whole.ret == pytest.ExitCode.TESTS_FAILED
    ordinary = ("evals.test_rows", "test_ordinary", ())
    assert reported(evals.path / "evals.xml") == reported(evals.path / "whole.xml") - {ordinary}
    with HistoryStore.open(evals.path / "whole.db") as store:
        (one,) = store.runs()
        expected = {comparison.file: comparison for comparison in store.comparisons(one.id)}
    with HistoryStore.open(evals.path / HISTORY) as store:
        (merged,) = store.runs()
        found = {comparison.file: comparison for comparison in store.comparisons(merged.id)}
        assert len(store.results(merged.id)) == 54
    for file, comparison in expected.items():
        assert [(gate.gate, gate.verdict, gate.explanation) for gate in found[file].gates] == [
            (gate.gate, gate.verdict, gate.explanation) for gate in comparison.gates
        ]
    assert [gate.verdict for gate in found["evals/a.eval.yaml"].gates] == [Verdict.REGRESSED]
    assert (merged.kind, merged.status, merged.shard) == (RunKind.RUN, RunStatus.FINISHED, None)
    assert merged.finished_at == max(map(finished_at, evals.path.glob("shards/*/history.db")))
    assert (merged.selected, merged.selection, merged.calls) == (one.selected, one.selection, one.calls)
    assert [file.dataset_version for file in merged.files] == [file.dataset_version for file in one.files]
    assert "regressed" in printed
    assert not (evals.path / "called").exists()
    write_evals(evals)  # with another prompt, the model would give other answers
    before = (evals.path / HISTORY).read_bytes()
    again = merge(*(f"shards/evals-shard-{number}/history.db" for number in (2, 0, 1)))
    printed = capfd.readouterr().out
    assert again.exit_code == status
    assert "regressed" in printed
    assert "finished already" not in printed
    assert f"run {merged.id} is merged already: the history stays as it is" in printed.splitlines()
    assert (evals.path / HISTORY).read_bytes() == before


def outcomes_of(result: pytest.RunResult) -> dict[str, int]:
    counts = result.parseoutcomes()
    counts.pop("deselected", None)
    return counts


TESTS = """
    import os
    import pytest
    from pytest_promptevals import JudgeError

    expected_here = os.environ.get("WHERE") == "share"

    @pytest.fixture
    def broken_at_the_end():
        yield
        raise OSError("no space left")

    @pytest.fixture
    def broken():
        raise OSError("no server")

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail(raises=ValueError)
    def test_expected_error(case):
        raise ValueError(case.id)

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail(raises=ValueError)
    def test_another_error(case):
        raise KeyError(case.id)

    @pytest.mark.evals("rows.jsonl")
    def test_given_up(case):
        pytest.xfail("not yet")

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail("expected_here", reason="only there")
    def test_condition(case):
        assert False

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail("not expected_here", reason="only elsewhere")
    def test_held(case, evals):
        evals.score("half", 0.5, threshold=0.6)

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail
    def test_fine_after_all(case):
        pass

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail(strict=True, reason="must not pass")
    def test_must_not_pass(case):
        pass

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.skipif("not expected_here", reason="only there")
    def test_there_alone(case):
        assert False

    @pytest.mark.evals("rows.jsonl")
    @pytest.mark.xfail(run=False)
    def test_not_run(case):
        assert False

    @pytest.mark.evals("rows.jsonl")
    def test_skipped(case):
        pytest.skip("no time")

    @pytest.mark.evals("rows.jsonl")
    def test_end(case, broken_at_the_end):
        pass

    @pytest.mark.evals("rows.jsonl")
    def test_fixture(case, broken):
        pass

    @pytest.mark.evals("rows.jsonl")
    def test_assertion(case, evals):
        evals.score("full", 1.0, threshold=0.6)
        assert case.id == "all is well"

    @pytest.mark.evals("rows.jsonl")
    def test_score(case, evals):
        evals.score("half", 0.5, threshold=0.6)

    @pytest.mark.evals("rows.jsonl")
    def test_judge_that_may_break(case, evals):
        try:
            evals.judge(case.id)
        except JudgeError:
            pass

    @pytest.mark.evals("rows.jsonl")
    def test_judge_that_may_not_break(case, evals):
        evals.judge(case.id)
"""


@pytest.mark.parametrize("policy", ["strict", "gate"])
def test_tests_end_as_they_did_whatever_marks_fixtures_and_conditions_say(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], policy: str
) -> None:
    project.write("pytest.ini", f"[pytest]\npythonpath = .\nevals_case_policy = {policy}\n")
    project.write("evals/rows.jsonl", "".join(f'{{"id": "row{number}"}}\n' for number in range(3)))
    project.write("evals/test_rows.py", TESTS)
    project.write("judges.py", "def broken(output):\n    raise ValueError('boom')\n")
    project.write("evals/evals.yaml", "judges:\n  - python: {function: 'judges:broken'}\n")
    marks: list[dict[str, str]] = [{"skip": "later"}, {}, {"xfail": "known"}]
    rows = [{"id": f"c{number}", "input": "x", "expected": "y"} | mark for number, mark in enumerate(marks)]
    project.write_cases("evals/a.eval.yaml", rows, head="model: scripted/echo\njudges: [exact]\n")
    monkeypatch.setenv("WHERE", "share")
    whole = project.run("--evals-history=whole.db")
    run_shards(project, 2)
    monkeypatch.delenv("WHERE")
    capfd.readouterr()

    status = merge("shards").exit_code

    printed = capfd.readouterr().out
    assert pytest.RunResult.parse_summary_nouns([f"=== {printed.splitlines()[-1]} ==="]) == outcomes_of(whole)
    assert outcomes_of(whole).keys() >= {"failed", "passed", "errors", "xfailed", "xpassed", "skipped"}
    assert printed.count("\nin the run that is merged: AssertionError: assert 'row") == 3
    assert "score 1.00 is below" not in printed
    assert status == whole.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("where", ["share", "merge"])
@pytest.mark.parametrize("given", ["wrong", "right", "broken"])
def test_an_expected_failure_of_a_case_is_one_where_it_ran(
    project: EvalProject,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
    given: str,
) -> None:
    project.write("pytest.ini", "[pytest]\npythonpath = .\n")
    project.write(
        "conftest.py",
        """
        import os
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "c0" and os.environ.get("WHERE") == "here":
                    item.add_marker(pytest.mark.xfail(reason="no GPU"))
        """,
    )
    project.write("app.py", "def answer(input):\n    assert input != 'broken'\n    return input\n")
    rows = [{"id": f"c{number}", "input": text, "expected": "right"} for number, text in enumerate((given, "right"))]
    project.write_cases("a.eval.yaml", rows, head="model: python/app:answer\njudges: [exact]\n")
    monkeypatch.setenv("WHERE", "here" if where == "share" else "elsewhere")
    whole = project.run("--evals-history=whole.db")
    run_shards(project, 2)
    monkeypatch.setenv("WHERE", "elsewhere" if where == "share" else "here")
    capfd.readouterr()

    status = merge("shards").exit_code

    printed = capfd.readouterr().out
    assert status == whole.ret
    word = "xpassed" if given == "right" else "xfailed"
    assert (word in outcomes_of(whole)) is (where == "share")
    assert pytest.RunResult.parse_summary_nouns([f"=== {printed.splitlines()[-1]} ==="]) == outcomes_of(whole)


def test_what_is_no_expected_failure_in_the_shares_is_none(
    project: EvalProject, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": "c0", "input": "x", "expected": "y", "xfail": "known"}]
    project.write_cases("a.eval.yaml", rows, head="model: scripted/echo\njudges: [exact]\n")
    run_shards(project, 1, "--runxfail")
    capfd.readouterr()

    assert merge("shards").exit_code == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("share", [1, 2])
def test_ordinary_tests_that_fail_in_a_share_fail_the_whole(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], share: int
) -> None:
    """Also where no case is in their share, as it is in one of the two."""
    project.write("pytest.ini", "[pytest]\nmarkers = gate\n")
    project.write_cases("evals/a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}], head=HEAD.format(ALL_RIGHT))
    project.write(
        "evals/test_a.py",
        """
        import os
        import pytest

        @pytest.mark.gate
        def test_ordinary(): assert "FAILING" not in os.environ, "broken"

        def test_fine(): pass
        """,
    )
    for number in (1, 2):
        with monkeypatch.context() as patch:
            if number == share:
                patch.setenv("FAILING", "1")
            project.run(f"--evals-shard={number}/2", f"--evals-history=shards/{number}/history.db")
    capfd.readouterr()

    status = merge("shards").exit_code

    printed = capfd.readouterr().out
    assert status == pytest.ExitCode.TESTS_FAILED
    assert printed.count("FAILED evals/test_a.py::test_ordinary") == 1
    assert "in the run that is merged: AssertionError: broken" in printed
    assert "1 failed, 1 passed" in printed.splitlines()[-1]


def test_fixtures_and_plugins_that_fail_at_a_case_of_an_eval_file_fail_the_whole(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project.write("pytest.ini", "[pytest]\n")
    project.write(
        "conftest.py",
        """
        import os
        import pytest

        @pytest.fixture(scope="session")
        def server():
            yield
            if not os.environ.get("MERGING"):
                raise OSError("the server hangs")

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_call(item):
            if item.name == "c1" and not os.environ.get("MERGING"):
                pytest.fail("looked at by a plugin")

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "c0" and os.environ.get("MERGING"):
                    item.add_marker(pytest.mark.skip(reason="not on this machine"))
        """,
    )
    project.write("a_rows.jsonl", '{"id": "row"}\n')
    project.write(
        "test_rows.py",
        """
        import pytest

        @pytest.mark.evals("a_rows.jsonl")
        def test_row(case, server, subtests):
            with subtests.test("part"):
                assert case.id == "other"
        """,
    )
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(3)]
    project.write_cases("z.eval.yaml", rows, head="model: scripted/echo\njudges: [exact]\n")
    whole = project.run("test_rows.py", "z.eval.yaml")
    project.run("test_rows.py", "z.eval.yaml", "--evals-shard=1/1", "--evals-history=shards/1/history.db")
    capfd.readouterr()
    monkeypatch.setenv("MERGING", "1")

    status = merge("shards").exit_code

    printed = capfd.readouterr().out
    assert status == whole.ret == pytest.ExitCode.TESTS_FAILED
    for message in ("OSError: the server hangs", "looked at by a plugin", "AssertionError: assert 'row' == 'other'"):
        assert message in str(whole.stdout)
        assert f"in the run that is merged: {message}" in printed
    assert outcomes_of(whole)["errors"] == 1
    assert "skipped" not in printed


def test_cases_that_are_in_no_run_that_is_merged_are_named(
    project: EvalProject, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(6)]
    project.write_cases("a.eval.yaml", rows, head="model: scripted/echo\njudges: [exact]\n")
    project.run("-k", "c0", "--evals-history=runs/1/history.db")
    project.run("-k", "c1", "--evals-history=runs/2/history.db")
    capfd.readouterr()

    assert merge("runs").exit_code == 0

    text = " ".join(capfd.readouterr().out.split())
    assert (
        "a.eval.yaml::c2, a.eval.yaml::c3, a.eval.yaml::c4 and 1 more not in what is merged, and are left out of the "
        "verdict"
    ) in text


def test_shares_of_one_history_count_only_together_from_then_on(evals: EvalProject) -> None:
    write_evals(evals)
    run_shards(evals, 2, "-k", "c1", history=HISTORY)

    # What somebody adds who repeats the options of a share.
    result = CliRunner().invoke(main, ["merge", *QUIET, "--evals-shard=1/2"])

    with HistoryStore.open(evals.path / HISTORY) as store:
        merged = next(run for run in store.runs() if run.kind is RunKind.RUN)
        shares = [run for run in store.runs() if run.kind is not RunKind.RUN]
    assert result.exit_code == 0
    assert [(run.kind, run.parent) for run in shares] == [(RunKind.SHARD, merged.id)] * 2
    options = ("--evals-baseline=latest", "--evals-changed=latest", "--evals-history", HISTORY)
    evals.run("-k", "c1", *options).stdout.fnmatch_lines(["evals/a.eval.yaml*11*1.000*1.000*passed"])
    with HistoryStore.open(evals.path / HISTORY) as store:
        newest = max(store.runs(), key=lambda run: run.started_at)
        assert {comparison.baseline_run for comparison in store.comparisons(newest.id)} == {merged.id}
        assert {result.reused_from for result in store.results(newest.id)} == {merged.id}


def test_what_is_not_what_the_shares_ran_is_refused(project: EvalProject, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(5)]
    project.write_cases("a.eval.yaml", rows)
    run_shards(project, 1, "--evals-max-drop=0.2")
    capfd.readouterr()

    project.write_cases("a.eval.yaml", [{**rows[0], "expected": "y"}, *rows[1:]])
    edited = merge("shards").exit_code, capfd.readouterr().err.splitlines()[0]
    project.write_cases("a.eval.yaml", rows[4:])
    gone = merge("shards").exit_code, capfd.readouterr().err.splitlines()[0]
    project.write("a.eval.yaml", "cases: 3\n")
    broken = merge("shards").exit_code, capfd.readouterr().out

    advice = "give merge the options of the shares that change cases, after '--'; they ran 'pytest "
    assert edited[0] == gone[0] == pytest.ExitCode.USAGE_ERROR
    assert edited[1].startswith(
        f"ERROR: 1 case that ran (a.eval.yaml::c0) is edited, or judged otherwise here: {advice}"
    )
    assert edited[1].endswith(" --evals-max-drop=0.2'")
    assert gone[1].startswith(
        "ERROR: 4 cases that ran (a.eval.yaml::c0, a.eval.yaml::c1, a.eval.yaml::c2 and 1 more) are not among those "
        f"here: {advice}"
    )
    assert broken[0] == pytest.ExitCode.INTERRUPTED
    assert "a.eval.yaml:1" in broken[1]
    assert "not among those here" not in broken[1]
    with HistoryStore.open(project.path / HISTORY) as store:
        assert store.runs() == ()


@pytest.mark.parametrize("name", ["evals/[de].eval.yaml", "evals/de [1]/x.eval.yaml", "evals/a::b.eval.yaml"])
def test_files_whose_names_pytest_would_take_for_tests_are_merged_alone(
    project: EvalProject, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(4)]
    (project.path / name).parent.mkdir(parents=True)
    project.write_cases(name, rows, head="model: scripted/echo\njudges: [exact]\n")
    run_shards(project, 2)
    project.write("evals/broken.eval.yaml", "cases: 3\n")
    capfd.readouterr()

    status = merge("shards").exit_code

    assert (status, capfd.readouterr().out.splitlines()[-1].split(" in ")[0]) == (0, "4 passed")


@pytest.mark.parametrize("way", ["ini", "environment", "option"])
def test_a_model_that_the_project_or_its_user_chose_is_that_of_the_shares(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    models = "python/app:one python/app:two"
    project.write("app.py", "def one(input): return input\n\ndef two(input): return input\n")
    ini = f"[pytest]\npythonpath = .\nevals_model = {models if way == 'ini' else ''}\n"
    project.write("pytest.ini", ini)
    if way == "environment":
        monkeypatch.setenv("PROMPTEVALS_MODEL", models)
    options = ["--evals-model", models] if way == "option" else []
    project.write_cases("a.eval.yaml", [{"id": "c", "input": "x", "expected": "x"}], head="judges: [exact]\n")
    run_shards(project, 2, *options)
    project.write("pytest.ini", f"{ini}evals_changed = latest\nevals_resume = true\n")
    capfd.readouterr()

    status = CliRunner().invoke(main, ["merge", "shards", "--", "-q", *options]).exit_code

    assert (status, capfd.readouterr().out.splitlines()[-1].split(" in ")[0]) == (0, "2 passed")


def test_shares_that_ran_with_other_models_are_refused(project: EvalProject, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(4)]
    project.write_cases("a.eval.yaml", rows, head="model: scripted/echo\njudges: [exact]\n")
    for number, model in enumerate(("scripted/one", "scripted/two"), start=1):
        project.run(
            f"--evals-shard={number}/2", f"--evals-history=shards/{number}/history.db", f"--evals-model={model}"
        )
    capfd.readouterr()

    status = merge("shards").exit_code

    assert status == pytest.ExitCode.USAGE_ERROR
    message = "a.eval.yaml ran with scripted/one in one share and with scripted/two in another: give all jobs one model"
    assert message in capfd.readouterr().err


def test_workers_are_refused_for_they_had_nothing_to_do(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "c", "input": "x", "expected": "x"}])

    result = project.run("--evals-merge=union.db", "-n2")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: merging runs nothing, so there is no work for the workers of -n: leave it out"]
    )

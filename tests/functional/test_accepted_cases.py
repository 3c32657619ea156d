"""``--evals-accept``: single cases are taken over into the committed baseline."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.project import EvalProject

BOTH = pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
HEAD = "case_policy: ratchet\njudges: [exact]\n"


def write(project: EvalProject, *outputs: str, file: str = "a.eval.yaml", **changes: dict[str, Any]) -> None:
    """Cases c1, c2, ... that expect "good" and were answered with those outputs."""
    cases = [
        {"id": f"c{number}", "input": f"question {number}", "expected": "good", "output": output}
        | changes.get(f"c{number}", {})
        for number, output in enumerate(outputs, start=1)
    ]
    project.write_cases(file, cases, head=HEAD)


def scores(project: EvalProject, file: str = "a.eval.yaml") -> dict[str, float]:
    text = (project.path / "baselines" / f"{file}.jsonl").read_text(encoding="utf-8")
    return {case["name"]: case["score"] for case in map(json.loads, text.splitlines())}


@pytest.fixture
def saved(project: EvalProject) -> EvalProject:
    """A baseline of twelve good answers, of which six have become worse since."""
    write(project, *["good"] * 12)
    project.run("--evals-save-baseline")
    write(project, *["bad"] * 6, *["good"] * 6)
    return project


@BOTH
def test_an_accepted_case_is_red_no_more_and_from_then_on(saved: EvalProject, extra: tuple[str, ...]) -> None:
    assert saved.run(*extra).ret == 1

    result = saved.run("--evals-accept", "c1 c2", "--evals-accept=c3", "--evals-accept=c4 c5 c6", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml * 12 * 6  0.500 * 0.500 * 0.000 * passed",
            "accepted into baselines/a.eval.yaml.jsonl: c1, c2, c3, c4, c5, c6",
        ]
    )
    assert list(scores(saved).values()) == [0.0, 1.0, 1.0, 1.0, *[0.0] * 5, *[1.0] * 3]
    assert saved.run(*extra).ret == 0


@BOTH
def test_only_what_is_accepted_is_taken_over(saved: EvalProject, extra: tuple[str, ...]) -> None:
    result = saved.run("--evals-accept=c1", *extra)

    assert result.ret == 1
    assert "FAILED a.eval.yaml::c1 " not in result.stdout.str()
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::c2 *"])
    assert {name for name, score in scores(saved).items() if score == 0} == {"c1"}


@BOTH
def test_what_is_no_case_ends_the_run_before_anything_is_paid(saved: EvalProject, extra: tuple[str, ...]) -> None:
    result = saved.run("--evals-accept", "c1 c21", "-k", "c1", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --evals-accept: no selected case is called 'c21'. Did you mean 'c1*"])
    assert set(scores(saved).values()) == {1.0}


@BOTH
def test_cases_of_a_selection_are_accepted(saved: EvalProject, extra: tuple[str, ...]) -> None:
    result = saved.run("-k", "c1 or c2", "--evals-accept", "a.eval.yaml::c2", *extra)

    result.stdout.fnmatch_lines(["accepted into baselines/a.eval.yaml.jsonl: c2"])
    assert (len(scores(saved)), scores(saved)["c2"], scores(saved)["c1"]) == (12, 0.0, 1.0)


@BOTH
def test_tests_over_a_dataset_are_accepted(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write("evals.yaml", HEAD)
    project.write("a.eval.jsonl", '{"id": "one", "input": "x", "expected": "x"}\n{"id": "two", "expected": "x"}\n')
    test = """
        import pytest

        @pytest.mark.evals("a.eval.jsonl")
        def test_app(case, evals):
            evals.judge("ANSWER")
    """
    project.write("test_app.py", test.replace("ANSWER", "x"))
    project.run("--evals-save-baseline", "test_app.py")
    project.write("test_app.py", test.replace("ANSWER", "y"))

    result = project.run("test_app.py", "--evals-accept", "one", *extra)

    result.stdout.fnmatch_lines(["FAILED test_app.py::test_app[[]two[]] *"])
    result.stdout.fnmatch_lines(["accepted into baselines/test_app.py-test_app.jsonl: one"])
    assert "FAILED test_app.py::test_app[one]" not in result.stdout.str()


def test_a_case_that_is_renamed_or_edited_keeps_one_line(saved: EvalProject) -> None:
    write(saved, *["bad"] * 12, c1={"id": "renamed"}, c2={"expected": "better"}, c3={"id": "new", "input": "new"})

    saved.run("--evals-accept", "renamed c2 new")

    found = scores(saved)
    assert {name for name, score in found.items() if score == 0} == {"renamed", "c2", "new"}
    assert sorted(found) == sorted(["renamed", "c2", "new", "c3", *(f"c{number}" for number in range(4, 13))])


def test_a_case_that_is_asked_of_a_second_model_keeps_no_line_of_its_old_name(project: EvalProject) -> None:
    def ask(*models: str) -> None:
        head = f"prompt: '{{{{ input }}}}'\njudges: [exact]\nmodel: {json.dumps(models)}\n"
        project.write_cases("a.eval.yaml", [{"id": "c1", "input": "good", "expected": "good"}], head=head)

    (project.path / "lamps.py").write_text("def one(input):\n    return input\n\n\ntwo = one\n", encoding="utf-8")
    ask("python/lamps:one")
    project.run_process("--evals-save-baseline")
    assert scores(project) == {"c1": 1.0}
    ask("python/lamps:one", "python/lamps:two")

    project.run_process("--evals-accept=c1")

    assert scores(project) == {"c1[lamps:one]": 1.0, "c1[lamps:two]": 1.0}


def test_a_renamed_case_is_one_line_after_saving(saved: EvalProject) -> None:
    write(saved, *["good"] * 12, c1={"id": "renamed"})

    saved.run("--evals-save-baseline")

    assert sorted(scores(saved)) == sorted(["renamed", *(f"c{number}" for number in range(2, 13))])


def test_a_renamed_case_is_held_to_what_it_was(saved: EvalProject) -> None:
    write(saved, "bad", *["good"] * 11, c1={"id": "renamed"})

    result = saved.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::renamed - exact failed, score 0.00 (was 1.00)*"])


def test_what_has_no_score_is_not_accepted(saved: EvalProject) -> None:
    saved.write_cases(
        "a.eval.yaml",
        [
            {"id": "c1", "input": "x", "expected": "good"},
            {"id": "c2", "input": "x", "output": "bad", "expected": "good", "skip": "later"},
        ],
        head=HEAD + "model: scripted/x\nproviders: {scripted: {script: [{match: nothing, reply: x}]}}\n",
    )

    result = saved.run("--evals-accept", "c1 c2")

    result.stdout.fnmatch_lines(
        [
            "not accepted: a.eval.yaml::c1, for it ended in an error",
            "not accepted: a.eval.yaml::c2, for it was not run",
        ]
    )
    assert set(scores(saved).values()) == {1.0}


@BOTH
@pytest.mark.parametrize("edited", [0, 1], ids=["nothing runs", "another runs"])
def test_what_need_not_run_is_not_accepted_and_said_so(
    project: EvalProject, extra: tuple[str, ...], edited: int
) -> None:
    write(project, *["good"] * 12)
    project.run("--evals-save-baseline")
    path = project.path / "baselines" / "a.eval.yaml.jsonl"
    before = path.read_bytes()
    write(project, *["good"] * 12, c9={"input": "edited"} if edited else {})

    result = project.run("--evals-changed", "--evals-accept", "c3", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["not accepted: a.eval.yaml::c3, for it is unchanged and --evals-changed did not", "  run it"]
    )
    result.stdout.no_fnmatch_line("accepted into*")
    assert path.read_bytes() == before


@BOTH
@pytest.mark.parametrize("edited", [0, 1], ids=["nothing runs", "another runs"])
def test_what_is_no_case_ends_a_run_of_what_changed(project: EvalProject, extra: tuple[str, ...], edited: int) -> None:
    write(project, *["good"] * 12)
    project.run("--evals-save-baseline")
    write(project, *["good"] * 12, c9={"input": "edited"} if edited else {})

    result = project.run("--evals-changed", "--evals-accept", "c21", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --evals-accept: no selected case is called 'c21'. Did you mean 'c2'?"])


@BOTH
def test_an_edited_case_is_accepted_beside_those_that_need_not_run(saved: EvalProject, extra: tuple[str, ...]) -> None:
    result = saved.run("--evals-changed", "--evals-accept", "c1", *extra)

    result.stdout.fnmatch_lines(["accepted into baselines/a.eval.yaml.jsonl: c1"])
    assert {name for name, score in scores(saved).items() if score == 0} == {"c1"}


def test_nothing_is_accepted_of_a_run_that_stopped_early(saved: EvalProject) -> None:
    saved.run("-x", "--evals-accept", "c1").stdout.fnmatch_lines(["nothing accepted: the run stopped early"])

    assert set(scores(saved).values()) == {1.0}


def test_without_a_committed_baseline_a_case_is_accepted_in_the_history(project: EvalProject) -> None:
    write(project, *["good"] * 12)
    project.run()
    write(project, *["bad"] * 6, *["good"] * 6)
    names = " ".join(f"c{number}" for number in range(1, 7))

    result = project.run("--evals-accept", names)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "accepted in the history alone: c1, c2, c3, c4, c5, c6; a.eval.yaml has no*",
            "*pytest --evals-save-baseline saves one",
        ]
    )
    assert not (project.path / "baselines").exists()
    assert project.run().ret == 0


def test_what_is_accepted_in_a_run_that_regressed_is_no_baseline_and_said_so(project: EvalProject) -> None:
    write(project, *["good"] * 12)
    project.run()
    write(project, *["bad"] * 10, "good", "good")

    result = project.run("--evals-accept=c1")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "not accepted: c1; a.eval.yaml has no committed baseline, and a run that is worse",
            "  than allowed is none: accept it in a run of it alone",
        ]
    )
    assert "FAILED a.eval.yaml::c1" in project.run("-k", "c1 and not c10").stdout.str()

    alone = project.run("a.eval.yaml::c1", "--evals-accept=c1")

    assert alone.ret == 0
    alone.stdout.fnmatch_lines(["accepted in the history alone: c1; *"])
    assert project.run("a.eval.yaml::c1").ret == 0


@pytest.mark.parametrize(
    ("option", "why"),
    [("--lf", "of what had failed"), ("--evals-regate=latest", "on the outputs of another")],
    ids=["rerun", "regate"],
)
def test_what_is_accepted_in_a_run_that_is_no_baseline_is_not(project: EvalProject, option: str, why: str) -> None:
    write(project, *["good"] * 12)
    project.run()
    write(project, "bad", "bad", *["good"] * 10)
    project.run()

    result = project.run(option, "--evals-accept", "c1 c2")

    said = " ".join(result.stdout.str().split())
    assert (
        f"not accepted: c1, c2; a.eval.yaml has no committed baseline, and a run {why} is none: "
        "accept them in a run of them alone"
    ) in said


def test_without_any_baseline_nothing_can_be_accepted(project: EvalProject) -> None:
    write(project, "good")

    result = project.run("--evals-accept", "c1", "--evals-history=off")

    result.stdout.fnmatch_lines(["not accepted: c1; a.eval.yaml has no committed baseline, pytest*"])


def test_a_damaged_baseline_is_named_and_left_alone(saved: EvalProject) -> None:
    path = saved.path / "baselines" / "a.eval.yaml.jsonl"
    path.write_text("<<<<<<< HEAD\n", encoding="utf-8")

    result = saved.run("--evals-accept", "c1")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["baselines/a.eval.yaml.jsonl:1: a merge conflict is not resolved*"])
    assert path.read_text(encoding="utf-8") == "<<<<<<< HEAD\n"


def test_a_part_of_the_judges_accepts_nothing(saved: EvalProject) -> None:
    result = saved.run("--evals-accept=c1", "--evals-level=1")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-accept needs the scores of all judges, and level 1 leaves some out; save baselines*"]
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_one_case_and_all_of_them_are_not_taken_over_at_once(saved: EvalProject, extra: tuple[str, ...]) -> None:
    before = (saved.path / "baselines/a.eval.yaml.jsonl").read_bytes()

    result = saved.run("--evals-accept=c1", "--evals-save-baseline", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --evals-accept takes over single cases, and --evals-save-baseline all of them; give one of the two",
        ]
    )
    assert (saved.path / "baselines/a.eval.yaml.jsonl").read_bytes() == before

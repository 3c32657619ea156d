"""Baselines, comparisons, gates and the exit status."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pytest_promptevals.history.store import HistoryStore
from tests.support.project import EvalProject

HEAD = "case_policy: gate\njudges: [exact]\n"


def rows(*outputs: str, **extra: Any) -> list[dict[str, Any]]:
    """Cases c1, c2, ... that expect "good" and were answered with those outputs."""
    return [
        {"id": f"c{number}", "input": "x", "expected": "good", "output": output, **extra}
        for number, output in enumerate(outputs, start=1)
    ]


def test_pytest_edit_pytest_shows_what_got_worse_without_any_set_up(project: EvalProject) -> None:
    project.write("prompt.md", "Be kind. {{ input }}\n")
    script = """
        prompt: prompt.md
        model: scripted/m
        judges: [exact]
        providers:
          scripted:
            script:
              - {match: Be kind, reply: good}
              - {match: "", reply: bad}
    """
    project.write("evals.yaml", script)
    project.write_cases("a.eval.yaml", [{"id": "c1", "input": "x", "expected": "good"}], head="")
    assert project.run().ret == 0
    project.write("prompt.md", "Be quick. {{ input }}\n")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: 1 case worse than the last results without a regression",
            "  c1  1.00 -> 0.00  now fails  a.eval.yaml:2",
        ]
    )
    # The red run does not become what the next one is compared with.
    project.run().stdout.fnmatch_lines(["  c1  1.00 -> 0.00  now fails  a.eval.yaml:2"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_drop_over_max_drop_fails_the_run(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write_cases("evals/a.eval.yaml", rows("good", "good", "good"), head=HEAD)
    assert project.run("--evals-save-baseline", *extra).ret == 0
    project.write_cases("evals/a.eval.yaml", rows("good", "good", "bad"), head=HEAD)

    result = project.run("--junitxml=report.xml", "-rf", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED evals/a.eval.yaml::gate[[]score[]] - regressed: mean score fell by 0.333*"])
    result.stdout.fnmatch_lines(["*1 failed, 2 passed, 1 below in*"])
    suite = ET.parse(project.path / "report.xml").getroot()[0]  # noqa: S314 - written by the line above
    (gate,) = [case for case in suite if case.get("name") == "gate[score]"]
    assert gate.find("failure") is not None
    assert {item.get("name"): item.get("value") for item in gate.iter("property")}["verdict"] == "regressed"
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")


def test_a_drop_within_max_drop_passes(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows(*["good"] * 20), head=HEAD)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows(*["good"] * 19, "bad"), head=HEAD)

    result = project.run("-v")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml::gate[[]score[]] PASSED*100%*"])
    result.stdout.fnmatch_lines(["a.eval.yaml: 1 case worse than the baseline"])


def test_the_option_max_drop_beats_the_eval_file_which_beats_the_ini_file(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows(*["good"] * 4), head=HEAD)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows("good", "good", "good", "bad"), head=HEAD)

    assert project.run("--evals-max-drop=0.3").ret == 0
    assert project.run("--evals-max-drop=0.2").ret == 1
    project.write("pytest.ini", "[pytest]\nevals_max_drop = 0.3\n")
    assert project.run().ret == 0
    project.write_cases("a.eval.yaml", rows("good", "good", "good", "bad"), head=HEAD + "gate: {max_drop: 0.2}\n")
    assert project.run().ret == 1
    assert project.run("--evals-max-drop=0.3").ret == 0


def test_new_missing_and_edited_cases_are_named_and_not_compared(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good", "good"), head=HEAD)
    project.run("--evals-save-baseline")
    kept, edited, _ = rows("good", "bad", "good")
    new = {"id": "n1", "input": "x", "expected": "good", "output": "bad"}
    project.write_cases("a.eval.yaml", [kept, edited | {"input": "edited"}, new], head=HEAD)

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: 1 case new, not in the baseline",
            "  n1",
            "a.eval.yaml: 1 case edited or judged otherwise, so not compared with*",
            "  c2",
            "a.eval.yaml: 1 case missing, lost since the baseline",
            "  c3",
        ]
    )


def test_a_selection_neither_loses_cases_nor_drops_them_from_the_baseline(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD)
    project.run("--evals-save-baseline")

    assert "missing" not in project.run("-k", "c1").stdout.str()
    project.run("-k", "c1", "--evals-save-baseline")
    assert [json.loads(line)["name"] for line in baseline(project).splitlines()] == ["c1", "c2"]


def test_saving_twice_gives_the_same_bytes(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=HEAD)
    project.run("--evals-save-baseline")
    first = baseline(project)

    result = project.run("--evals-save-baseline")

    assert baseline(project) == first
    result.stdout.fnmatch_lines(
        ["baseline saved: baselines/a.eval.yaml.jsonl (2 cases, 1 of them below their", "  thresholds)"]
    )


def test_a_run_that_stopped_early_decides_and_saves_nothing(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("bad", "good"), head="judges: [exact]\ngate: {min_score: 1}\n")

    result = project.run("-x", "--evals-save-baseline")

    result.stdout.fnmatch_lines(["stopped early: no verdict*", "baselines not saved: the run stopped early"])
    assert "gate" not in result.stdout.str()
    assert not (project.path / "baselines").exists()


@pytest.mark.parametrize(("rule", "gate"), [("min_score: 0.6", "min_score"), ("min_pass_rate: 0.6", "min_pass_rate")])
def test_an_absolute_gate_needs_no_baseline(project: EvalProject, rule: str, gate: str) -> None:
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=f"{HEAD}gate: {{{rule}}}\n")

    result = project.run("-rf")

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"FAILED a.eval.yaml::gate[[]{gate}[]] - failed: *"])


def test_a_run_of_errors_alone_is_insufficient_data_and_fails(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head="judges: [exact]\n")
    project.run("--evals-save-baseline")
    row = {"id": "c1", "input": "x", "expected": "good"}
    head = "judges: [exact]\nmodel: scripted/m\nproviders: {scripted: {script: [{match: x, error: down}]}}\n"
    project.write_cases("a.eval.yaml", [row], head=head)

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["a.eval.yaml [[]score[]] insufficient data: *"])


def test_a_damaged_baseline_fails_and_is_named(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)
    project.run("--evals-save-baseline")
    path = project.path / "baselines/a.eval.yaml.jsonl"
    path.write_text("<<<<<<< HEAD\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["a.eval.yaml [[]score[]] insufficient data: baselines/a.eval.yaml.jsonl:1: *"])


def test_a_full_run_may_save_over_a_damaged_baseline(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD)
    project.write("baselines/a.eval.yaml.jsonl", "<<<<<<< HEAD\n")

    project.run("-k", "c1", "--evals-save-baseline")
    assert baseline(project).startswith("<<<<<<<")
    project.run("--evals-save-baseline")
    assert [json.loads(line)["name"] for line in baseline(project).splitlines()] == ["c1", "c2"]


def test_saving_a_baseline_accepts_a_drop(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=HEAD)

    assert project.run("--evals-save-baseline").ret == 0
    assert project.run().ret == 0


def test_an_emptied_baseline_does_not_pass_for_none(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)
    project.write("baselines/a.eval.yaml.jsonl", "")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*insufficient data: baselines/a.eval.yaml.jsonl*"])


def test_another_threshold_is_no_regression_of_a_majority(project: EvalProject) -> None:
    text = "case_policy: gate\nreducer: majority\njudges: [{{fuzzy: {{threshold: {}}}}}]\n"
    row = {"id": "a", "input": "x", "expected": "abcd", "output": "abxx"}
    project.write_cases("a.eval.yaml", [row], head=text.format(0.4))
    project.run()
    project.write_cases("a.eval.yaml", [row], head=text.format(0.9))

    assert project.run().ret == 0


def test_a_file_that_is_no_database_is_left_alone(project: EvalProject) -> None:
    path = project.write("NOTES.md", "my notes, longer than a header of a database, and no database at all\n" * 20)
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)

    result = project.run("--evals-history=NOTES.md")

    assert path.read_text(encoding="utf-8").startswith("my notes")
    assert "is no database" in " ".join(result.stdout.str().split())


def test_collect_only_reports_no_gates(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=f"{HEAD}gate: {{min_score: 1}}\n")

    assert "gate[" not in project.run("--co").stdout.str()


def test_the_history_holds_every_run(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=HEAD)
    project.run()
    project.run("-k", "c1")

    store = HistoryStore.open(project.path / ".promptevals/history.db")
    second, first = store.runs()
    assert {result.name: result.score for result in store.results(first.id)} == {"c1": 1.0, "c2": 0.0}
    assert [result.name for result in store.results(second.id)] == ["c1"]
    assert second.status.value == "finished"
    assert second.arguments[-2:] == ("-k", "c1")
    store.close()


def test_history_off_writes_nothing(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)

    project.run("--evals-history=off")

    assert not (project.path / ".promptevals").exists()


def test_a_history_that_cannot_be_written_is_one_line_and_no_failure(project: EvalProject) -> None:
    project.write(".promptevals", "a file where the folder should be")
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["history folder*", "*evals_history*"])


def baseline(project: EvalProject) -> str:
    return (project.path / "baselines/a.eval.yaml.jsonl").read_text(encoding="utf-8")

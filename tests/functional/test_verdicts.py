"""Baselines, comparisons, gates and the exit status."""

from __future__ import annotations

import json
import re
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
    # Of a single case it may be chance, and that was let through: the next run is compared with this one.
    project.run().stdout.no_fnmatch_line("*now fails*")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_drop_over_max_drop_fails_the_run(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write_cases("evals/a.eval.yaml", rows(*["good"] * 12), head=HEAD)
    assert project.run("--evals-save-baseline", *extra).ret == 0
    project.write_cases("evals/a.eval.yaml", rows(*["good"] * 6, *["bad"] * 6), head=HEAD)

    result = project.run("--junitxml=report.xml", "-rf", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED evals/a.eval.yaml::gate[[]score[]] - regressed: mean score fell by 0.500*"])
    result.stdout.fnmatch_lines(["*1 failed, 6 passed, 6 below in*"])
    # All of 6 cases that differ are worse: chance does that in 1 of 2^6 runs.
    words = (
        r"mean score fell by 0\.500, from 1\.000 to 0\.500 over 12 cases \(95 % sure it is between 0\.\d\d and "
        r"0\.\d\d\); a drop this large would come by chance in 1 of 64 runs; at most 0\.100 is allowed; a drop of "
        r"0\.\d\d would be found 4 times in 5"
    )
    assert re.search(words, in_one_line(result))
    suite = ET.parse(project.path / "report.xml").getroot()[0]  # noqa: S314 - written by the line above
    (gate,) = [case for case in suite if case.get("name") == "gate[score]"]
    assert gate.find("failure") is not None
    properties = {item.get("name"): item.get("value") for item in gate.iter("property")}
    assert properties["verdict"] == "regressed"
    assert float(properties["p"] or 1) == pytest.approx(1 / 64, abs=1e-5)
    assert re.fullmatch(words, properties["explanation"] or "")
    assert (suite.get("tests"), suite.get("failures")) == ("13", "1")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_drop_that_may_be_chance_passes_with_a_warning(project: EvalProject, extra: tuple[str, ...]) -> None:
    drop(project, 20, 4)

    result = project.run("--junitxml=report.xml", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*=* 16 passed, 4 below, 1 inconclusive in *"])
    words = (
        r"a\.eval\.yaml \[score\] inconclusive: mean score fell by 0\.200, from 1\.000 to 0\.800 over 20 cases \(95 % "
        r"sure it is between a rise of 0\.\d\d and a drop of 0\.\d\d\); that is more than the 0\.100 that is allowed, "
        r"but a drop this large would come by chance in 1 of 16 runs, too often to count \(at most 1 of 20 runs "
        r"would\); about \d\d cases like these would settle it; a drop of 0\.\d\d would be found 4 times in 5"
    )
    assert re.search(words, in_one_line(result))
    suite = ET.parse(project.path / "report.xml").getroot()[0]  # noqa: S314 - written by the line above
    (gate,) = [case for case in suite if case.get("name") == "gate[score]"]
    assert gate.find("failure") is None
    assert {item.get("name"): item.get("value") for item in gate.iter("property")}["verdict"] == "inconclusive"


def test_a_drop_that_may_be_chance_fails_where_that_is_asked_for(project: EvalProject) -> None:
    drop(project, 20, 4)

    assert project.run("--evals-on-inconclusive=fail", "-rf").ret == 1
    drop(project, 20, 4, HEAD + "gate: {on_inconclusive: fail}\n")
    result = project.run("-rf")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::gate[[]score[]] - inconclusive: mean score fell by 0.200*"])
    assert project.run("--evals-on-inconclusive=pass").ret == 0


def test_less_confidence_makes_the_same_drop_red(project: EvalProject) -> None:
    drop(project, 20, 4)

    assert project.run("--evals-confidence=0.9").ret == 1
    drop(project, 20, 4, HEAD + "gate: {confidence: 0.9}\n")
    assert project.run().ret == 1


def test_too_few_cases_to_tell_anything_are_said(project: EvalProject) -> None:
    drop(project, 4, 4)

    result = project.run()

    assert result.ret == 0
    assert "; it takes at least 5 cases to tell any drop from chance" in in_one_line(result)


def test_a_drop_in_one_of_many_files_may_be_chance(project: EvalProject) -> None:
    for name in "bcde":
        project.write_cases(f"{name}.eval.yaml", rows(*["good"] * 5), head=HEAD)
    drop(project, 12, 6)

    alone, among = project.run("a.eval.yaml"), project.run()

    assert (alone.ret, among.ret) == (1, 0)
    assert "in 3 of 10 runs" not in among.stdout.str()
    assert "would come by chance in 1 of 12 runs with 5 such comparisons" in in_one_line(among)


def test_a_drop_that_may_be_chance_is_what_the_next_run_is_compared_with_unless_it_was_made_to_fail(
    project: EvalProject,
) -> None:
    project.write_cases("a.eval.yaml", rows(*["good"] * 20), head=HEAD)
    project.run()
    project.write_cases("a.eval.yaml", rows(*["bad"] * 4, *["good"] * 16), head=HEAD)

    failed, let_through, after = project.run("--evals-on-inconclusive=fail"), project.run(), project.run()

    assert (failed.ret, let_through.ret, after.ret) == (1, 0, 0)
    let_through.stdout.fnmatch_lines(["a.eval.yaml *20 *16 *0.800 *1.000 *-0.200 *inconclusive"])
    after.stdout.fnmatch_lines(["a.eval.yaml *20 *16 *0.800 *0.800 * 0.000 *passed"])


def test_a_real_drop_that_is_allowed_and_a_real_improvement_are_told(project: EvalProject) -> None:
    drop(project, 12, 6)

    allowed = project.run("--evals-max-drop=0.6")
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows(*["good"] * 12), head=HEAD)
    better = project.run()

    assert (allowed.ret, better.ret) == (0, 0)
    allowed.stdout.fnmatch_lines(["a.eval.yaml [[]score[]] passed: mean score fell by 0.500, from 1.000 to*"])
    assert "that is real" in allowed.stdout.str()
    better.stdout.fnmatch_lines(["a.eval.yaml [[]score[]] passed: mean score rose by 0.500, from 0.500 to*"])
    assert "an improvement: " in better.stdout.str()


def test_what_changed_stands_side_by_side(project: EvalProject) -> None:
    drop(project, 12, 6, "case_policy: gate\njudges: [exact, contains: {value: oo, name: vowels}]\n")

    result = project.run()

    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml beside the baseline, over 12 cases:",
            "*before *now *change *95 % sure: from *by chance",
            "  score *1.000 *0.500 *-0.500 *-0.* to -0.* *1 of 64",
            "  pass rate *1.000 *0.500 *-0.500 *",
            "  judge exact *1.000 *0.500 *-0.500 *",
            "  judge vowels *1.000 *0.500 *-0.500 *",
        ]
    )
    assert "output length" in project.run("-v").stdout.str()


def test_where_nothing_changed_there_is_no_table_but_for_a_verbose_run(project: EvalProject) -> None:
    drop(project, 12, 0)

    assert "beside the baseline" not in project.run().stdout.str()
    assert "a.eval.yaml beside the baseline, over 12 cases:" in project.run("-v").stdout.str()


def test_no_line_of_the_summary_is_wider_than_the_terminal(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    judge = "contains: {value: oo, name: a judge with a name that is longer than most}"
    head = f"case_policy: ratchet\njudges: [exact, {judge}]\ngate: {{min_score: 0.9, missing_cases: fail}}\n"
    drop(project, 12, 6, head)

    for arguments in (("-v",), ("-x",), ("--evals-save-baseline",)):
        summary = project.run(*arguments).stdout.str().partition("= evals =")[2].partition("short test summary")[0]
        assert [line for line in summary.splitlines()[1:] if len(line) > 80] == []


def test_a_drop_within_max_drop_passes(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows(*["good"] * 20), head=HEAD)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows(*["good"] * 19, "bad"), head=HEAD)

    result = project.run("-v")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml::gate[[]score[]] PASSED*100%*"])
    result.stdout.fnmatch_lines(["a.eval.yaml: 1 case worse than the baseline"])


def test_the_option_max_drop_beats_the_eval_file_which_beats_the_ini_file(project: EvalProject) -> None:
    drop(project, 20, 5)

    assert project.run("--evals-max-drop=0.3").ret == 0
    assert project.run("--evals-max-drop=0.2").ret == 1
    project.write("pytest.ini", "[pytest]\nevals_max_drop = 0.3\n")
    assert project.run().ret == 0
    project.write_cases("a.eval.yaml", rows(*["bad"] * 5, *["good"] * 15), head=HEAD + "gate: {max_drop: 0.2}\n")
    assert project.run().ret == 1
    assert project.run("--evals-max-drop=0.3").ret == 0


def test_new_missing_and_edited_cases_are_named_and_not_compared(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good", "good"), head=HEAD)
    project.run("--evals-save-baseline")
    kept, edited, _ = rows("good", "bad", "good")
    new = {"id": "n1", "input": "another", "expected": "good", "output": "bad"}
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
        ["baseline saved: baselines/a.eval.yaml.jsonl (2 cases, 1 of them below its", "  thresholds)"]
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
    assert "is no database" in in_one_line(result)


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


def drop(project: EvalProject, cases: int, worse: int, head: str = HEAD) -> None:
    """Save a baseline in which all cases are good, and make some of them bad."""
    project.write_cases("a.eval.yaml", rows(*["good"] * cases), head=head)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows(*["bad"] * worse, *["good"] * (cases - worse)), head=head)


def in_one_line(result: pytest.RunResult) -> str:
    """What was printed, without the ends of its lines."""
    return " ".join(result.stdout.str().split())


def baseline(project: EvalProject) -> str:
    return (project.path / "baselines/a.eval.yaml.jsonl").read_text(encoding="utf-8")

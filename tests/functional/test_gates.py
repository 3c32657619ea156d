"""Every gate, from the eval file or the setting to the exit status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.project import EvalProject

HEAD = "case_policy: gate\njudges: [exact]\n"
MODEL = """
case_policy: gate
judges: [exact]
model: scripted/m
providers: {{scripted: {{script: [{{match: fail, error: down}}, {{match: "", reply: good}}]}}}}
prices: {{scripted/m: {{input: 0, output: 0, call: {call}}}}}
"""


def rows(*outputs: str) -> list[dict[str, Any]]:
    """Cases that expect "good" and were answered with those outputs."""
    return [
        {"id": f"c{number}", "input": f"question {number}", "expected": "good", "output": output}
        for number, output in enumerate(outputs, start=1)
    ]


def asked(count: int, words: str = "question") -> list[dict[str, Any]]:
    """Cases that are put to the model."""
    return [{"id": f"c{number}", "input": f"{words} {number}", "expected": "good"} for number in range(count)]


def failed_gates(result: pytest.RunResult) -> list[str]:
    """The names of the gates that failed, as ``-rf`` lists them."""
    return [
        line.partition("::")[2].partition(" ")[0]
        for line in result.outlines
        if line.startswith("FAILED") and "::gate[" in line
    ]


@pytest.mark.parametrize(
    ("rule", "option"),
    [
        ("min_score: 0.9", "--evals-min-score=0.9"),
        ("min_pass_rate: 0.9", "--evals-min-pass-rate=0.9"),
    ],
)
def test_a_minimum_in_the_file_or_as_a_setting_fails_the_run(project: EvalProject, rule: str, option: str) -> None:
    name = rule.partition(":")[0]
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=f"{HEAD}gate: {{{rule}}}\n")
    from_file = project.run("-rf")
    project.write_cases("a.eval.yaml", rows("good", "bad"), head=HEAD)
    from_option, without = project.run("-rf", option), project.run("-rf")

    assert (from_file.ret, from_option.ret, without.ret) == (1, 1, 0)
    assert failed_gates(from_file) == failed_gates(from_option) == [f"gate[{name}]"]


def test_a_maximum_of_the_cost_fails_the_run(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", asked(4), head=MODEL.format(call=0.1) + "gate: {max_cost: 0.3}\n")

    result = project.run("-rf")

    assert failed_gates(result) == ["gate[max_cost]"]
    result.stdout.fnmatch_lines(["a.eval.yaml [[]max_cost[]] failed: the results cost $0.40; at most $0.30 is allowed"])
    assert project.run("--evals-max-file-cost=0.5").ret == 0


def test_a_cost_that_rises_too_much_fails_the_run(project: EvalProject) -> None:
    gate = "gate: {max_cost_increase: 0.2}\n"
    project.write_cases("a.eval.yaml", asked(8), head=MODEL.format(call=0.1) + gate)
    project.run("--evals-save-baseline", "--evals-cache=off")
    project.write_cases("a.eval.yaml", asked(8), head=MODEL.format(call=0.13) + gate)

    result = project.run("-rf", "--evals-cache=off")

    assert failed_gates(result) == ["gate[max_cost_increase]"]
    assert (
        "a.eval.yaml [max_cost_increase] regressed: cost of a case rose by 30 %, from $0.10 to $0.13 over 8 cases"
    ) in " ".join(result.stdout.str().split())
    assert project.run("--evals-cache=off", "--evals-max-cost-increase=0.4").ret == 0


def test_a_cost_that_rises_with_other_numbers_of_trials_is_not_told_from_chance(project: EvalProject) -> None:
    gate = "gate: {max_cost_increase: 0.2}\n"
    project.write_cases("a.eval.yaml", asked(8), head=MODEL.format(call=0.1) + gate)
    project.run("--evals-save-baseline", "--evals-cache=off")
    project.write_cases("a.eval.yaml", asked(8), head=MODEL.format(call=0.13) + gate)

    result = project.run("--evals-cache=off", "--evals-trials=3")

    assert result.ret == 0
    text = " ".join(result.stdout.str().split())
    assert "a.eval.yaml [max_cost_increase] inconclusive: cost of a case rose by 30 %, from $0.10 to $0.13" in text
    assert "whether it is chance cannot be told: the run has other numbers of trials than the baseline" in text


def test_responses_that_take_too_long_fail_the_run(project: EvalProject) -> None:
    script = "providers: {scripted: {script: [{match: '', reply: good, latency: 0.05}]}}\n"
    head = f"{HEAD}model: scripted/m\n{script}"
    project.write_cases("a.eval.yaml", asked(2), head=head + "gate: {max_latency_p95: 0.001}\n")

    result = project.run("-rf")

    assert failed_gates(result) == ["gate[max_latency_p95]"]
    assert project.run("--evals-max-latency-p95=60").ret == 0


def test_too_many_errors_fail_the_run_by_a_gate_of_their_own(project: EvalProject) -> None:
    cases = [*asked(9), {"id": "down", "input": "fail", "expected": "good"}]
    project.write_cases("a.eval.yaml", cases, head=MODEL.format(call=0) + "gate: {max_error_rate: 0.05}\n")

    result = project.run("-rf")

    assert failed_gates(result) == ["gate[max_error_rate]"]
    result.stdout.fnmatch_lines(
        ["a.eval.yaml [[]max_error_rate[]] failed: 1 case ended in an error, of 10: 10 %; at", "  most 5 % is allowed"]
    )


def test_missing_cases_fail_the_run_where_that_is_asked_for(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good", "good"), head=HEAD)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD)

    warned, failed = project.run("-rf"), project.run("-rf", "--evals-missing-cases=fail")

    assert (warned.ret, failed.ret) == (0, 1)
    warned.stdout.fnmatch_lines(["a.eval.yaml: 1 case missing, lost since the baseline"])
    assert failed_gates(failed) == ["gate[missing_cases]"]
    assert "1 case of the baseline is gone: c3; put it back" in " ".join(failed.stdout.str().split())
    assert project.run("--evals-missing-cases=fail", "--evals-save-baseline").ret == 0
    assert project.run("--evals-missing-cases=fail").ret == 0


def test_a_deselected_case_is_not_missing(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD + "gate: {missing_cases: fail}\n")
    project.run("--evals-save-baseline")

    assert project.run("-k", "c1").ret == 0


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_one_judge_may_drop_less_than_the_score(project: EvalProject, extra: tuple[str, ...]) -> None:
    judges = "judges: [exact: {weight: 0.1}, contains: {value: oo, name: vowels, weight: 10}]\n"
    head = f"case_policy: gate\n{judges}gate: {{judges: {{exact: {{max_drop: 0.05}}}}}}\n"
    project.write_cases("a.eval.yaml", rows(*["good"] * 12), head=head)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", rows(*["good"] * 4, *["oo"] * 8), head=head)

    result = project.run("-rf", *extra)

    assert failed_gates(result) == ["gate[judges.exact]"]
    assert "[judges.exact] regressed: mean score of the judge 'exact' fell by 0.667" in " ".join(
        result.stdout.str().split()
    )


def test_a_gate_on_a_judge_that_there_is_not_is_an_error_at_collection(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD + "gate: {judges: {exat: {max_drop: 0.1}}}\n")

    result = project.run("--co")

    assert result.ret == 2
    result.stdout.fnmatch_lines(["*a.eval.yaml:3: gate.judges.exat: unknown judge 'exat'. Did you mean 'exact'?*"])


def test_a_bad_value_of_a_gate_setting_is_a_usage_error(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good"), head=HEAD)

    result = project.run("--evals-on-inconclusive=warn")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--evals-on-inconclusive: 'warn' is none of: pass, fail.*"])


def test_the_policy_of_a_project_holds_for_files_that_say_nothing(project: EvalProject) -> None:
    project.write("pytest.ini", "[pytest]\nevals_case_policy = gate\n")
    project.write_cases("a.eval.yaml", rows("bad"), head="judges: [exact]\n")
    project.write_cases("b.eval.yaml", rows("bad"), head="case_policy: strict\njudges: [exact]\n")

    project.run().assert_outcomes(failed=1)
    assert project.run("--evals-case-policy=gate").ret == 0


def test_numpy_is_loaded_only_where_there_is_a_baseline(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import sys

        def pytest_unconfigure():
            print("numpy" in sys.modules and "with numpy" or "without numpy")
        """,
    )
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD)

    first, second = project.run_process("-s"), project.run_process("-s")

    first.stdout.fnmatch_lines(["without numpy"])
    second.stdout.fnmatch_lines(["with numpy"])


@pytest.mark.parametrize("file", ["evals/a.eval.yaml", "./evals/a.eval.yaml"])
def test_that_a_gate_cannot_be_selected_is_said(project: EvalProject, file: str) -> None:
    project.write_cases("evals/a.eval.yaml", rows("good"), head=HEAD)

    result, other = project.run(f"{file}::gate[score]"), project.run(f"{file}::gates[score]")

    assert result.ret == other.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: not found: *evals/a.eval.yaml::gate*",
            f"ERROR: a gate is a verdict on a whole eval file and cannot be selected: run 'pytest {file}'",
        ]
    )
    assert "a gate is" not in other.stderr.str()


def test_a_case_that_is_called_gate_can_be_selected(project: EvalProject) -> None:
    models = "case_policy: gate\njudges: [exact]\nmodel: [scripted/echo, scripted/upper]\n"
    project.write_cases("a.eval.yaml", [{"id": "gate", "input": "x", "expected": "x"}], head=models)

    assert project.run("a.eval.yaml::gate[echo]").ret == 0


def test_the_progress_of_a_verbose_run_does_not_go_backwards(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", rows("good", "good"), head=HEAD + "gate: {min_score: 0.1, min_pass_rate: 0.1}\n")

    shown = [line.rpartition("[")[2] for line in project.run("-v").outlines if line.endswith("%]")]
    wrapped = [line for line in project.run().outlines if line.endswith("%]")]

    assert shown == [" 50%]", "100%]", "100%]", "100%]"]
    assert len(wrapped) == 1
    assert wrapped[0].startswith("a.eval.yaml ....")

"""``--evals-adaptive``: further trials where a drop may be chance, against a model of known flakiness."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from pytest_promptevals.history.opening import open_history
from tests.support.project import EvalProject
from tests.support.served import calls, serve
from tests.support.server_fixture import ModelServer

COUNT = 20
PRICES = {"local/echo-model": {"input": 100.0, "output": 200.0}}
COMMAND = ("-q", "--evals-adaptive")
ANYWHERE = pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])


def answer(server: ModelServer, chance: float, seed: int) -> None:
    """Have the model answer "good" with that chance, else "bad"."""
    server.control(rules=[{"reply": "good", "otherwise": "bad", "chance": chance, "seed": seed}])


def write_cases(project: EvalProject, name: str, head: str = "", count: int = COUNT) -> None:
    """Write questions to which "good" is the right answer."""
    cases = [{"id": f"c{number}", "input": f"question {number}", "expected": "good"} for number in range(count)]
    project.write_cases(name, cases, head=head)


def start_over(project: EvalProject, server: ModelServer, chance: float, seed: int) -> None:
    """Save the baseline of a good model, which answers 18 of 20 cases, and put a worse one in its place."""
    answer(server, 0.95, 1)
    assert project.run("-q", "--evals-save-baseline").ret == 0
    shutil.rmtree(project.path / ".promptevals")
    server.reset()
    answer(server, chance, seed)


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """A project whose model is flaky, and whose cases are left to the gates."""
    serve(project, model_server, prompt="{{ input }}", case_policy="gate", prices=PRICES)
    write_cases(project, "a.eval.yaml")
    return project


@ANYWHERE
def test_a_drop_that_may_be_chance_is_found_with_more_trials(
    served: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    start_over(served, model_server, 0.75, 2)
    first = served.run(*extra)
    assert first.ret == 0
    assert calls(model_server) == COUNT

    result = served.run("--evals-adaptive", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: cannot tell yet (mean score fell by 0.30, may be chance): 1 more",
            "  trial of each of 20 cases, about $0.008",
            "a.eval.yaml: cannot tell yet (mean score fell by 0.25, may be chance): 2 more",
            "  trials of each of 20 cases, about $0.016",
            "a.eval.yaml: decided with 4 trials a case: mean score regressed",
            "a.eval.yaml     20      12  0.675   0.900  -0.225  $0.008  regressed",
            "a.eval.yaml: scores are those of all trials; what passes and fails, pass rate,",
            "  cost, latency and length are those of the first pass",
            "80 responses, 20 from the cache; cost $0.032, $0.024 of it paid now",
        ]
    )
    # The only judge's scores are those of the cases, and as likely by chance.
    score, judge = (line.split() for line in result.outlines if line.startswith(("  score  ", "  judge exact  ")))
    assert score[1:] == judge[2:]
    assert "of" in score
    # What was reported of the cases stays as it was.
    result.assert_outcomes(passed=12, failed=1)
    assert calls(model_server) == 4 * COUNT
    again = served.run("--evals-adaptive", *extra)
    assert again.ret == 1
    again.stdout.fnmatch_lines(["80 responses, all from the cache; cost $0.032, none of it paid now"])
    assert calls(model_server) == 4 * COUNT


def test_a_drop_that_was_chance_passes_with_more_trials(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.85, 10)

    result = served.run("--evals-adaptive")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: cannot tell yet (mean score fell by 0.20, may be chance): 1 more",
            "a.eval.yaml: decided with 2 trials a case: mean score passed",
            "a.eval.yaml     20      14  0.825   0.900  -0.075 *passed",
        ]
    )
    assert calls(model_server) == 2 * COUNT


@pytest.mark.parametrize(
    "again",
    [
        ("--evals-regate=latest",),
        ("--evals-rejudge=latest",),
        ("--evals-changed=latest",),
        ("--evals-changed=latest", "-n2"),
    ],
    ids=" ".join,
)
def test_decided_anew_with_nothing_changed_such_a_run_is_the_same(
    served: EvalProject, model_server: ModelServer, again: tuple[str, ...]
) -> None:
    start_over(served, model_server, 0.85, 10)
    gates = ("--evals-max-drop=0.1", "--evals-min-pass-rate=0.7")
    assert served.run("-q", "--evals-adaptive", *gates).ret == 0

    result = served.run(*again, *gates)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml     20      14  0.825   0.900  -0.075 *passed"])
    assert calls(model_server) == 2 * COUNT


def test_only_files_that_cannot_tell_get_more_trials(served: EvalProject, model_server: ModelServer) -> None:
    steady = [{"id": f"s{number}", "input": f"steady {number}", "expected": f"steady {number}"} for number in range(9)]
    served.write_cases("b.eval.yaml", steady, head="")
    answer(model_server, 0.95, 1)
    rule = {"match": "question", "reply": "good", "otherwise": "bad"}
    model_server.control(rules=[{**rule, "chance": 0.95, "seed": 1}])
    assert served.run("-q", "--evals-save-baseline").ret == 0
    shutil.rmtree(served.path / ".promptevals")
    model_server.reset()
    model_server.control(rules=[{**rule, "chance": 0.7, "seed": 4}])

    result = served.run("--evals-adaptive")

    assert result.ret == 1
    result.stdout.no_fnmatch_line("b.eval.yaml: *")
    assert calls(model_server) == 2 * COUNT + len(steady)


@ANYWHERE
def test_further_trials_keep_to_the_budget(
    served: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    # So sure that no trial decides it, in whatever order they are made.
    write_cases(served, "a.eval.yaml", head="parameters: {max_tokens: 2}\ngate: {confidence: 0.999}\n")
    start_over(served, model_server, 0.8, 2)
    served.run("-q", *extra)

    result = served.run("--evals-adaptive", "--evals-max-cost", "0.016", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml: still cannot tell: no further calls are made: *budget*"])
    paid = calls(model_server) - COUNT
    assert 0 < paid < COUNT
    assert paid * 0.0004 <= 0.016


def test_without_a_cache_nothing_is_paid_twice(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.75, 2)

    result = served.run("--evals-adaptive", "--evals-cache", "off")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["80 responses; cost $0.032"])
    assert calls(model_server) == 4 * COUNT


@ANYWHERE
def test_the_history_has_the_result_with_all_trials(
    served: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    start_over(served, model_server, 0.75, 2)

    served.run(*COMMAND, *extra)

    with open_history(served.path, ".promptevals/history.db") as store:
        (run,) = store.runs(10)
        results = store.results(run.id)
        (comparison,) = store.comparisons(run.id)
    assert len(results) == COUNT
    assert {len(result.trials) for result in results} == {4}
    assert sum(result.passed is True for result in results) == 12
    assert run.calls == 4 * COUNT
    assert run.spent == pytest.approx(run.cost)
    (gate,) = comparison.gates
    assert gate.verdict.value == "regressed"


def test_a_named_baseline_keeps_all_trials(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.85, 10)
    served.run(*COMMAND, "--evals-accept", "c1")

    lines = (served.path / "baselines" / "a.eval.yaml.jsonl").read_text(encoding="utf-8").splitlines()
    cases = {case["name"]: case for case in map(json.loads, lines)}
    assert cases["c1"]["trials"] == 2
    assert cases["c2"].get("trials", 1) == 1


def test_without_the_option_there_are_no_further_trials(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.75, 2)

    served.run()

    assert calls(model_server) == COUNT


def test_max_trials_ends_the_rounds(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.8, 2)

    result = served.run("--evals-adaptive", "--evals-max-trials", "2")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: still cannot tell: its cases have 2 trials, the most that",
            "  --evals-max-trials allows",
        ]
    )
    assert calls(model_server) == 2 * COUNT


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (
            "trials: 9\n",
            "every case has 8 trials or more; --evals-max-trials allows more",
        ),
        (
            "reducer: max\n",
            "no case can have further trials: outputs are*",
        ),
    ],
)
def test_what_cannot_get_more_trials_is_said(
    served: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, head: str, reason: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    write_cases(served, "a.eval.yaml", head=head, count=6)
    rule = {"match": "question [0-4]", "reply": "good"}
    model_server.control(rules=[{"reply": "good"}])
    assert served.run("-q", "--evals-save-baseline").ret == 0
    shutil.rmtree(served.path / ".promptevals")
    model_server.control(rules=[rule, {"reply": "bad"}])

    result = served.run("--evals-adaptive")

    assert result.ret == 0
    result.stdout.fnmatch_lines([f"a.eval.yaml: still cannot tell: {reason}"])


def test_recorded_outputs_get_no_further_trials(project: EvalProject) -> None:
    def write(bad: int) -> None:
        outputs = ["bad"] * bad + ["good"] * (8 - bad)
        rows = [
            {"id": f"c{number}", "input": "x", "expected": "good", "output": output}
            for number, output in enumerate(outputs)
        ]
        project.write_cases("a.eval.yaml", rows, head="case_policy: gate\njudges: [exact]\n")

    write(0)
    assert project.run("-q", "--evals-save-baseline").ret == 0
    write(2)

    result = project.run("--evals-adaptive")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml: still cannot tell: no case can have further trials: outputs are*"])


@ANYWHERE
def test_a_test_function_gets_no_further_trials(project: EvalProject, extra: tuple[str, ...]) -> None:
    rows = [json.dumps({"id": f"c{number}", "input": "x", "expected": "good"}) for number in range(8)]
    project.write("a.eval.jsonl", "\n".join(rows) + "\n")
    project.write("evals.yaml", "judges: [exact]\ncase_policy: gate\n")
    function = """
        import pytest

        @pytest.mark.evals("a.eval.jsonl")
        def test_answer(case, evals):
            evals.judge("bad" if case.id in BAD else "good")
    """

    def write(bad: str) -> None:
        project.write("test_it.py", "BAD = " + bad + "\n" + function.replace("\n        ", "\n"))

    write("()")
    assert project.run("-q", "--evals-save-baseline").ret == 0
    write("('c1', 'c2')")

    result = project.run("--evals-adaptive", *extra)

    result.stdout.fnmatch_lines(["test_it.py::test_answer: still cannot tell: a test function cannot be called*"])


def test_too_few_cases_are_not_tried_again(served: EvalProject, model_server: ModelServer) -> None:
    write_cases(served, "a.eval.yaml", count=4)
    model_server.control(rules=[{"reply": "good"}])
    assert served.run("-q", "--evals-save-baseline").ret == 0
    shutil.rmtree(served.path / ".promptevals")
    model_server.reset()
    model_server.control(rules=[{"match": "question 0", "reply": "bad"}, {"reply": "good"}])

    result = served.run("--evals-adaptive")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: still cannot tell: so few independent cases cannot show any drop,",
            "  whatever their trials say; more cases can",
        ]
    )
    assert calls(model_server) == 4


def test_a_judge_of_its_own_gate_gets_more_trials(served: EvalProject, model_server: ModelServer) -> None:
    head = "gate: {max_drop: 0.9, confidence: 0.9, judges: {exact: {max_drop: 0.1}}}\n"
    write_cases(served, "a.eval.yaml", head=head)
    start_over(served, model_server, 0.75, 2)

    result = served.run("--evals-adaptive")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: cannot tell yet (score of judge 'exact' fell by 0.30, may be*",
            "a.eval.yaml: decided with 4 trials a case: score of judge 'exact' regressed",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--evals-max-trials", "1"), "ERROR: --evals-max-trials: 1 is too small; the smallest is 2."),
        (("--evals-max-trials", "many"), "ERROR: --evals-max-trials: 'many' is not a whole number."),
    ],
)
def test_a_bad_number_of_trials_is_refused(project: EvalProject, arguments: Any, message: str) -> None:
    result = project.run(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_run_without_further_trials_does_not_speak_of_them(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.95, 1)

    assert " trials" not in served.run("--evals-adaptive").stdout.str()


def test_quiet_says_nothing_of_rounds(served: EvalProject, model_server: ModelServer) -> None:
    start_over(served, model_server, 0.75, 2)

    result = served.run("-q", "--evals-adaptive")

    assert result.ret == 1
    result.stdout.no_fnmatch_line("*cannot tell yet*")


def test_beside_workers_judges_of_a_conftest_are_found(served: EvalProject, model_server: ModelServer) -> None:
    (served.path / "a.eval.yaml").unlink()
    write_cases(served, "evals/deep/b.eval.yaml", head="judges: [is_good]\n")
    served.write(
        "evals/conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.judge
        def is_good(output):
            return output == "good"
        """,
    )
    start_over(served, model_server, 0.75, 2)

    result = served.run("--evals-adaptive", "-n2")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["evals/deep/b.eval.yaml: decided with 4 trials a case: mean score regressed"])
    assert calls(model_server) == 4 * COUNT

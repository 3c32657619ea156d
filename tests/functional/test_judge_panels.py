"""Several judge models, several samples and fallbacks in a run, and what its end says of them."""

from __future__ import annotations

import json

import pytest

from tests.support.project import EvalProject
from tests.support.served import calls
from tests.support.server_fixture import ModelServer

ANSWERS = """
    import json

    def say(score):
        return json.dumps({"reasoning": f"It is worth {score}.", "score": score})

    def kind():
        return say(5)

    def strict():
        return say(1)

    def moody(trial):
        return say((4, 2)[trial - 1])

    def silent():
        return "I would rather not."

    def broken():
        raise LookupError("no model here")
"""
KIND, STRICT, MOODY, SILENT, BROKEN = (
    f"python/answers:{name}" for name in ("kind", "strict", "moody", "silent", "broken")
)


def write(project: EvalProject, head: str = "", **parameters: object) -> None:
    """Write two cases with recorded outputs and one judge."""
    project.write("answers.py", ANSWERS)
    judge = json.dumps({"rubric": {"criteria": "The answer is polite.", **parameters}})
    cases = [{"id": "a", "input": "x", "output": "y"}, {"id": "b", "input": "xx", "output": "yy"}]
    project.write_cases("a.eval.yaml", cases, head=f"{head}judges: [{judge}]\n")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_panel_decides_together_and_its_agreement_is_told(project: EvalProject, extra: tuple[str, ...]) -> None:
    write(project, panel=[KIND, STRICT, MOODY], aggregate="majority")

    result = project.run(*extra)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["judge rubric: 33% of the panel's pairs agree"])


def test_a_panel_that_says_no_shows_each_vote(project: EvalProject) -> None:
    write(project, panel=[KIND, STRICT], aggregate="min")

    result = project.run()

    result.assert_outcomes(failed=2)
    output = " ".join(str(result.stdout).split())
    assert f"min of {KIND} 1, {STRICT} 0 (0% of the pairs agree); {STRICT}: 1 of 5; It is worth 1." in output


def test_the_noise_of_a_judge_stands_next_to_the_spread_over_trials(project: EvalProject) -> None:
    project.write("answers.py", ANSWERS)
    judge = json.dumps({"rubric": {"criteria": "The answer is polite.", "model": MOODY, "samples": 2, "threshold": 0}})
    project.write_cases(
        "a.eval.yaml", [{"id": "a", "input": "x"}], head=f"model: scripted/echo\ntrials: 2\njudges: [{judge}]\n"
    )

    result = project.run()

    result.assert_outcomes(passed=1)
    # Samples of 0.75 and 0.25, in both trials.
    result.stdout.fnmatch_lines(["judge rubric: noise 0.35 between samples, spread 0 between trials"])


@pytest.mark.parametrize("failing", [SILENT, BROKEN])
def test_the_next_model_judges_where_one_gives_no_grade(project: EvalProject, failing: str) -> None:
    write(project, model=failing, fallback=[KIND])

    result = project.run()

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["judge rubric: a fallback graded 2 of 2 responses"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_model_of_a_panel_that_never_gives_a_grade_is_told_while_the_cases_pass(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    write(project, panel=[KIND, SILENT, BROKEN])

    result = project.run(*extra)

    result.assert_outcomes(passed=2)
    output = " ".join(str(result.stdout).split())
    assert f"judge rubric: {SILENT} gave no grade for 2 of 2 responses: no verdict that can be read" in output
    assert f"judge rubric: {BROKEN} gave no grade for 2 of 2 responses: " in output


@pytest.mark.parametrize("aggregate", ["majority", "min"])
def test_a_panel_of_which_one_of_three_answers_decides_nothing(project: EvalProject, aggregate: str) -> None:
    write(project, panel=[KIND, SILENT, BROKEN], aggregate=aggregate)

    result = project.run()

    result.assert_outcomes(errors=2)
    assert f"{aggregate!r} needs a grade of " in " ".join(str(result.stdout).split())


def test_a_case_that_no_model_can_grade_is_an_error(project: EvalProject) -> None:
    write(project, panel=[SILENT, BROKEN])

    result = project.run()

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"*none of 2 judge models gave a grade: {SILENT}: *"])


def test_one_judge_asked_once_has_no_line(project: EvalProject) -> None:
    write(project, model=KIND)

    result = project.run()

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("judge rubric: *")


def test_a_quiet_run_says_nothing_of_judges(project: EvalProject) -> None:
    write(project, panel=[KIND, STRICT, MOODY], aggregate="majority")

    project.run("-q").stdout.no_fnmatch_line("judge rubric: *")


def test_each_sample_is_a_call_of_its_own_that_is_paid_once(project: EvalProject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"reply": json.dumps({"reasoning": "So.", "score": 5})}])
    providers = {"local": {"type": "openai", "base_url": model_server.open_url}}
    write(project, f"providers: {json.dumps(providers)}\n", model="local/judge", samples=3)

    project.run().assert_outcomes(passed=2)
    assert calls(model_server) == 6
    again = project.run()
    again.assert_outcomes(passed=3)
    assert calls(model_server) == 6
    again.stdout.fnmatch_lines(["6 responses, all from the cache; cost unknown for 2 cases, none of it paid now"])


def test_what_judges_cost_is_told_apart(project: EvalProject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"reply": json.dumps({"reasoning": "So.", "score": 5})}])
    providers = {"local": {"type": "openai", "base_url": model_server.open_url}}
    prices = {"local/judge": {"input": 0, "output": 0, "call": 1}, "local/m": {"input": 0, "output": 0, "call": 2}}
    judge = json.dumps({"rubric": {"criteria": "The answer is polite.", "model": "local/judge"}})
    head = f"providers: {json.dumps(providers)}\nprices: {json.dumps(prices)}\nmodel: local/m\njudges: [{judge}]\n"
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x"}], head=head)

    project.run().stdout.fnmatch_lines(["2 responses; cost $3.00 (judges: $1.00)"])
    project.run().stdout.fnmatch_lines(
        ["2 responses, all from the cache; cost $3.00 (judges: $1.00), none of it paid now"]
    )


def test_a_spent_budget_is_no_reason_for_a_fallback(project: EvalProject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"reply": json.dumps({"reasoning": "So.", "score": 5})}])
    providers = {"local": {"type": "openai", "base_url": model_server.open_url}}
    prices = {"local/judge": {"input": 0, "output": 0, "call": 1}, KIND: "free"}
    head = f"providers: {json.dumps(providers)}\nprices: {json.dumps(prices)}\n"
    write(project, head, model="local/judge", fallback=[KIND])

    result = project.run("--evals-max-cost=1.5")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*not run: budget: *"])

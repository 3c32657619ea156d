"""What is said of a judge that is written wrongly, or that gets no answer: which judge, where, and what to do."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.support.project import EvalProject

CASE: Final = {"id": "late", "input": "Where is it?", "output": "On Friday.", "vars": {"thing": "a day"}}
RULES: Final = "providers: {scripted: {script: [{reply: Hm.}]}}\n"
OWN: Final = """
    id: handover
    version: 1
    category: own
    summary: It is handed over.
    criteria: Is it handed over?
    scale: {anchors: [{value: 1, means: 'no'}, {value: 5, means: 'yes'}]}
    variables: [output]
"""


def write(project: EvalProject, *judges: object, head: str = RULES) -> None:
    project.write_cases("a.eval.yaml", [CASE], head=f"{head}judges: {json.dumps(judges)}\n")


def text_of(result: pytest.RunResult) -> str:
    return " ".join(line.strip() for line in result.outlines)


@pytest.mark.parametrize(
    ("judge", "problem"),
    [
        ({"rubric": "handover"}, "judges.rubric: criteria: there is no rubric 'handover'. Known: closed_question"),
        ({"rubric": "file://x.yaml"}, "criteria: a rubric in a file is written `template: x.yaml`"),
        ({"rubric": "templates/polite.yaml"}, "template: templates/polite.yaml: there is no such file"),
        ({"rubric": {"template": "marked.yaml"}}, "template: marked.yaml:5: criteria: holds {{, {% or {#"),
        ({"g_eval": "helpfulness"}, "criteria: must be a sentence, such as"),
        ({"closed_qa": "tone"}, "the library has a rubric of that name, `rubric: tone`"),
        (
            "faithfulness",
            "judges.faithfulness: unknown judge 'faithfulness'. It is written `rubric: faithfulness` here.",
        ),
        (
            {"rubric": {"criteria": "tone", "panel": ["good", "a/b"]}},
            "panel[0]: must be the name of a model as provider/",
        ),
        ({"rubric": {"criteria": "tone", "parameters": {"model": "x"}}}, "parameters: 'model' is set by the judge"),
        ({"exact": {"value": "x", "treshold": 1}}, "treshold: unknown parameter. Did you mean 'threshold'?"),
    ],
)
def test_a_judge_that_is_written_wrongly_is_an_error_at_collection(
    project: EvalProject, judge: object, problem: str
) -> None:
    write(project, judge)
    project.write("marked.yaml", OWN.replace("Is it handed over?", "'Is {{ thing }} named?'"))

    result = project.run("--evals-judge-model=scripted/judge")

    result.assert_outcomes(errors=1)
    assert "a.eval.yaml:2: judges." in text_of(result)
    assert problem in text_of(result)


def test_a_rubric_is_named_by_its_file_alone(project: EvalProject) -> None:
    write(project, {"rubric": "handover.yaml"}, head="providers: {scripted: {script: [{reply: '{\"score\": 5}'}]}}\n")
    project.write("handover.yaml", OWN)

    project.run("--evals-judge-model=scripted/judge").assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["good", "nobody/x"])
def test_a_judge_model_that_is_none_is_blamed_on_the_setting(project: EvalProject, name: str) -> None:
    write(project, {"rubric": "tone"})

    result = project.run(f"--evals-judge-model={name}")

    result.assert_outcomes(errors=1)
    problem = {
        "good": "must be the name of a model as provider/model, such as openai/gpt-5-mini, not 'good'",
        "nobody/x": "unknown provider 'nobody' in judge model 'nobody/x'.",
    }[name]
    assert f"evals_judge_model (--evals-judge-model, PROMPTEVALS_JUDGE_MODEL): {problem}" in text_of(result)
    assert "a.eval.yaml:2" not in text_of(result)


def test_a_judge_model_that_no_judge_asks_is_no_error(project: EvalProject) -> None:
    write(project, {"contains": "Friday"})

    project.run("--evals-judge-model=good").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "judge",
    [{"rubric": {"criteria": "tone", "name": "fb"}}, {"all_of": [{"rubric": {"criteria": "tone", "name": "fb"}}]}],
)
def test_an_answer_that_cannot_be_read_names_the_judges_label_and_line(project: EvalProject, judge: object) -> None:
    write(project, judge)

    result = project.run("--evals-judge-model=scripted/judge")

    result.assert_outcomes(errors=1)
    assert "a.eval.yaml:2: judge 'fb': scripted/judge gave no verdict that can be read, asked twice" in text_of(result)


def test_a_judge_server_that_is_down_is_named_with_the_judge(project: EvalProject) -> None:
    head = "providers: {local: {type: openai, base_url: 'http://127.0.0.1:9/v1'}}\n"
    write(project, {"rubric": "tone"}, {"rubric": "safety"}, head=head)

    result = project.run("--evals-judge-model=local/judge")

    result.assert_outcomes(errors=1)
    assert "not run: a.eval.yaml:2: judge 'rubric': http://127.0.0.1:9/v1 cannot be reached" in text_of(result)


def test_an_unreadable_answer_is_asked_for_once_more_in_each_run_and_then_read(project: EvalProject) -> None:
    write(project, {"rubric": "It is short."})
    calls = ("--evals-judge-model=scripted/judge", "--evals-cache=use", "-v")
    head = "providers: {scripted: {cache: true, script: [{reply: Hm.}]}}\n"
    write(project, {"rubric": "It is short."}, head=head)
    first = project.run(*calls)
    first.assert_outcomes(errors=1)
    assert "asked twice" in text_of(first)
    assert "a run again asks it once more" in text_of(first)

    second = project.run(*calls)

    second.assert_outcomes(errors=1)
    assert "asked 3 times" in text_of(second)


OWN_JUDGE: Final = """
    import pytest_promptevals


    @pytest_promptevals.judge
    async def likes(output, ask, model: str):
        answer = await ask(model, [pytest_promptevals.Message("user", output)], {})
        return {"passed": answer.text == "Hm.", "explanation": model}


    @pytest_promptevals.judge
    async def prefers(output, ask, model: str = "scripted/mine"):
        answer = await ask(model, [pytest_promptevals.Message("user", output)], {})
        return {"passed": model == "scripted/mine", "explanation": model}
"""


def test_an_own_judge_that_names_no_model_asks_that_of_the_setting(project: EvalProject) -> None:
    project.write("conftest.py", OWN_JUDGE)
    write(project, "likes", "prefers")

    project.run("--evals-judge-model=scripted/judge").assert_outcomes(passed=1)


def test_the_default_of_an_own_judges_model_needs_no_setting(project: EvalProject) -> None:
    project.write("conftest.py", OWN_JUDGE)
    write(project, "prefers")

    project.run().assert_outcomes(passed=1)


def test_without_a_judge_model_an_own_judge_is_an_error_at_collection(project: EvalProject) -> None:
    project.write("conftest.py", OWN_JUDGE)
    write(project, "likes")

    result = project.run()

    result.assert_outcomes(errors=1)
    assert "a.eval.yaml:2: judges.likes: no model to judge with" in text_of(result)


def test_where_only_free_judges_run_an_own_judge_needs_no_model(project: EvalProject) -> None:
    project.write("conftest.py", OWN_JUDGE)
    write(project, "likes", {"contains": "Friday"})

    project.run("--evals-level=1").assert_outcomes(passed=1)


def test_the_provider_of_an_own_judges_model_is_looked_up_at_collection(project: EvalProject) -> None:
    project.write("conftest.py", OWN_JUDGE)
    write(project, {"likes": {"model": "scriptd/any"}})

    result = project.run()

    result.assert_outcomes(errors=1)
    assert (
        "a.eval.yaml:2: judges.likes: unknown provider 'scriptd' in judge model 'scriptd/any'. Did you mean 'scripted'?"
    ) in text_of(result)

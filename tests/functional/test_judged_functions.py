"""Test functions whose judges ask a model: what is planned, selected and told of them."""

from __future__ import annotations

import pytest

from tests.support.project import EvalProject
from tests.support.served import calls, serve
from tests.support.server_fixture import ModelServer

PRICES = {"local/judge": {"input": 0, "output": 0, "call": 10}}
RUBRIC = {"rubric": {"criteria": "It is polite."}}
ROWS = """
    {"id": "one", "input": "a", "expected": "a"}
    {"id": "two", "input": "b", "expected": "b", "priority": 2}
    {"id": "later", "input": "c", "skip": "later"}
"""
JUDGES_IT = "evals.judge(case.input)"
NO_TEST = "plan: the selected cases call no model"


@pytest.fixture
def support(project: EvalProject, model_server: ModelServer) -> EvalProject:
    model_server.control(rules=[{"match": "", "reply": '{"score": 5, "reason": "fine"}'}])
    serve(project, model_server, prices=PRICES, judge_model="local/judge", judges=["icontains", RUBRIC])
    project.write("evals/support.cases.jsonl", ROWS)
    write_test(project)
    return project


def write_test(project: EvalProject, body: str = JUDGES_IT, arguments: str = "case, evals", more: str = "") -> None:
    project.write(
        "test_support.py",
        f'import pytest\n\n\n{more}\n@pytest.mark.evals("evals/support.cases.jsonl")\n'
        f"def test_support({arguments}):\n    {body}\n",
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_plan_counts_what_the_judges_of_test_functions_ask(
    support: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    result = support.run("--evals-plan", *extra)

    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(
        [
            "plan: about 2 calls to make, 0 in the cache; nothing was called",
            "local/judge (judge) *2 *0 *$20.00",
            "Test functions: judges are counted once a test, for 2 tests; a test may judge",
            "  more often, or never. What their own code calls is not known.",
        ]
    )


def test_a_plan_counts_each_test_that_other_parameters_make_of_a_case(support: EvalProject) -> None:
    write_test(support, arguments="case, evals, size", more="@pytest.mark.parametrize('size', [1, 2, 3])")

    result = support.run("--evals-plan", "-k", "one")

    result.stdout.fnmatch_lines(["plan: about 3 calls to make, *", "Test functions: *once a test, for 3 tests; *"])


def test_a_plan_counts_no_judges_of_a_test_that_cannot_judge(support: EvalProject) -> None:
    write_test(support, "assert case.id", arguments="case")

    result = support.run("--evals-plan")

    result.stdout.fnmatch_lines([NO_TEST, "Test functions: what their own code calls is not known (2 tests)."])
    result.stdout.no_fnmatch_line("*local/judge*")


def test_a_plan_counts_no_judges_above_the_level_of_the_run(support: EvalProject) -> None:
    result = support.run("--evals-plan", "--evals-level=1")

    result.stdout.fnmatch_lines([NO_TEST, "Test functions: what their own code calls is not known (2 tests)."])


def test_a_plan_compares_the_outputs_of_test_functions_where_their_baseline_has_one(
    support: EvalProject, model_server: ModelServer
) -> None:
    pairwise = {"pairwise": {"model": "local/judge"}}
    serve(support, model_server, prices=PRICES, judges=[pairwise])
    support.run("--evals-plan").stdout.fnmatch_lines(["plan: about 0 calls to make, *"])
    support.run("-k", "one", "--evals-save-baseline")

    support.run("--evals-plan").stdout.fnmatch_lines(["plan: about 2 calls to make, *"])


def test_a_plan_compares_each_of_the_tests_that_other_parameters_make_with_its_own_baseline(
    support: EvalProject, model_server: ModelServer
) -> None:
    serve(support, model_server, prices=PRICES, judges=[{"pairwise": {"model": "local/judge"}}])
    write_test(support, arguments="case, evals, size", more="@pytest.mark.parametrize('size', [1, 2])")
    support.run("-k", "one and 1", "--evals-save-baseline")

    support.run("--evals-plan").stdout.fnmatch_lines(["plan: about 2 calls to make, *"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
@pytest.mark.parametrize(
    ("expression", "passed", "skipped"),
    [
        ("evals(level=2)", 2, 1),
        ("not evals(level=2)", 0, 0),
        ("evals(level=1)", 0, 0),
        ("evals(priority=2)", 1, 0),
        ("evals(file='evals/support.cases.jsonl') and not evals(priority=2)", 1, 1),
        ("evals(model='test')", 0, 0),
        ("evals", 2, 1),
    ],
)
def test_m_selects_test_functions_as_it_does_eval_items(
    support: EvalProject, expression: str, passed: int, skipped: int, extra: tuple[str, ...]
) -> None:
    result = support.run("-m", expression, "--strict-markers", *extra)

    result.assert_outcomes(passed=passed, skipped=skipped, deselected=0 if extra else 3 - passed - skipped)


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_spent_budget_is_an_error_of_a_test_function_told_once(
    support: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    result = support.run("--evals-max-cost=5", *extra)

    assert calls(model_server) == 0
    result.assert_outcomes(errors=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at call of test_support[[]*[]]*",
            "not run: budget: $0.00 of $5.00 spent, *",
            "evals/support.cases.jsonl:*",
            "the same error as test_support.py::test_support[[]*[]]: 1 more case",
            "ERROR test_support.py::test_support[[]*[]] - not run: budget: *",
        ]
    )
    output = result.stdout.str()
    assert "JudgeError" not in output
    assert output.count("ERROR at call of") == 1


def test_the_result_of_a_test_without_a_score_has_one_trial_and_says_why(support: EvalProject) -> None:
    support.write(
        "conftest.py",
        """
        def pytest_promptevals_case_finished(result):
            print("finished:", result.error.kind, len(result.trials))
        """,
    )

    support.run("--evals-max-cost=5", "-s", "-k", "one").stdout.fnmatch_lines(["*finished: budget 1"])


def test_a_judge_that_cannot_judge_is_an_error_and_no_failure(support: EvalProject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"match": "", "reply": "no verdict"}])

    result = support.run("-k", "one")

    result.assert_outcomes(errors=1, deselected=2)
    result.stdout.fnmatch_lines(["test_support.py::test_support *1 *0 *1 *-*"])


def test_a_test_may_handle_a_judge_that_cannot_judge(support: EvalProject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"match": "", "reply": "no verdict"}])
    write_test(support, "with pytest.raises(pytest_promptevals.JudgeError): evals.judge('a')")
    path = support.path / "test_support.py"
    path.write_text("import pytest_promptevals\n" + path.read_text())

    support.run("-k", "one").assert_outcomes(passed=1, deselected=2)

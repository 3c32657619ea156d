"""What a run works with, where it meets pytest: modes that run nothing, items that run twice, functions with judges."""

from __future__ import annotations

import sqlite3

import pytest

from tests.support.project import EvalProject
from tests.support.served import PRICE, calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

ASKING = """
    from pydantic import BaseModel
    from pytest_promptevals.judges.base import JudgeParameters
    from pytest_promptevals.hookspecs import hookimpl
    from pytest_promptevals.records.responses import Message
    from pytest_promptevals.records.results import Grade

    class Asking:
        name = "asking"
        level = 2
        default_threshold = 0.5
        shorthand = None
        Parameters = JudgeParameters
        models = ("local/echo-model",)

        def __init__(self, parameters):
            pass

        async def judge(self, subject, ask):
            answer = await ask("local/echo-model", [Message("user", subject.response.text)], {})
            return Grade(1.0 if answer.text else 0.0)

    def pytest_promptevals_judges():
        return [Asking]
"""
MARKED = """
    import pytest

    @pytest.mark.evals("rows.jsonl")
    def test_app(case, evals):
        evals.judge(str(case.input))
"""


@pytest.fixture
def marked(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """A project without eval items, whose test function is judged by a model."""
    serve(project, model_server, prices=PRICE, judges=["asking"])
    project.write("conftest.py", ASKING)
    project.write("test_app.py", MARKED)
    rows = "".join(f'{{"id": "c{number}", "input": "x{number % 2}"}}\n' for number in range(4))
    project.write("rows.jsonl", rows)
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",), ("-p", "no:xdist")], ids=["plain", "n2", "without xdist"])
def test_judges_of_test_functions_call_models_and_share_their_answers(
    marked: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    result = marked.run(*extra)

    result.assert_outcomes(passed=4)
    assert calls(model_server) == 2
    result.stdout.re_match_lines(
        [r"4 responses, 2 from the cache; cost (\$0\.\d+) \(judges: \1\), \$0\.\d+ of$", "  it paid now$"]
    )


def test_workers_and_controller_are_one_session_for_the_cache(marked: EvalProject, model_server: ModelServer) -> None:
    marked.run()

    # A session calls for what it has not called for itself, and once only: workers are of one session.
    marked.run("-n2", "--evals-cache=refresh").assert_outcomes(passed=5)
    assert calls(model_server) == 4


def test_a_judge_of_unknown_price_is_an_error_before_the_first_call(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server, judges=["asking"])
    project.write("conftest.py", ASKING)
    project.write_cases("a.eval.yaml", echo_cases(2), head="model: scripted/echo\n")

    result = project.run("--evals-max-cost=1")

    assert (result.ret, calls(model_server)) == (4, 0)
    result.stderr.fnmatch_lines(["*price of local/echo-model is not known*"])


def test_what_nobody_called_for_costs_nothing_that_is_unknown(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "output": "x", "expected": "x"}])
    project.write("rows.jsonl", '{"id": "b", "input": "x", "expected": "x", "judges": ["exact"]}\n')
    project.write("test_app.py", MARKED)

    result = project.run()

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*cost unknown*")
    with sqlite3.connect(project.path / ".promptevals/history.db") as connection:
        assert connection.execute("SELECT calls, cost FROM runs").fetchall() == [(0, 0.0)]


@pytest.mark.parametrize("only", ["--collect-only", "--evals-plan"])
def test_what_calls_nothing_needs_no_prices(project: EvalProject, model_server: ModelServer, only: str) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(1), head="")

    assert project.run("--evals-max-cost=1", only).ret == 0


@pytest.mark.parametrize("only", ["--setup-only", "--setup-plan"])
def test_looking_at_fixtures_calls_nothing(marked: EvalProject, model_server: ModelServer, only: str) -> None:
    marked.write_cases("a.eval.yaml", echo_cases(2), head="")

    assert marked.run(only).ret == 0
    assert calls(model_server) == 0
    assert not (marked.path / ".promptevals").exists()


@pytest.mark.parametrize(("mode", "planned"), [("off", "3 calls to make, 0"), ("use", "1 call to make, 2")])
def test_a_plan_counts_equal_calls_as_the_run_would_make_them(
    project: EvalProject, model_server: ModelServer, mode: str, planned: str
) -> None:
    serve(project, model_server, prices=PRICE)
    rows = [{"id": f"c{number}", "input": "same", "expected": "same"} for number in range(3)]
    project.write_cases("a.eval.yaml", rows, head="")

    project.run("--evals-plan", f"--evals-cache={mode}").stdout.fnmatch_lines([f"plan: {planned} in the cache*"])
    project.run(f"--evals-cache={mode}").assert_outcomes(passed=3)
    assert calls(model_server) == int(planned[0])


def test_a_plan_counts_the_calls_of_judges_that_name_their_models(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server, prices=PRICE, judges=["asking"])
    project.write("conftest.py", ASKING)
    project.write_cases("a.eval.yaml", echo_cases(2), head="")

    project.run("--evals-plan").stdout.fnmatch_lines(["plan: 4 calls*", "local/echo-model (judge)", " *2 *0 *$*"])
    assert calls(model_server) == 0


def test_a_plan_leaves_what_cannot_be_collected_to_pytest(project: EvalProject) -> None:
    project.write("a.eval.yaml", "model: scripted/echo\ncases: 3\n")
    project.write_cases("b.eval.yaml", echo_cases(1))

    result = project.run("--evals-plan")

    assert result.ret == 2
    result.stdout.no_fnmatch_line("plan:*")
    project.run("--evals-plan", "--continue-on-collection-errors").stdout.fnmatch_lines(["plan: 1 call*"])


def test_a_provider_that_does_not_say_what_it_is_ends_its_cases_not_the_run(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        class Factory:
            def identify(self, context):
                raise LookupError("odd")
            def __call__(self, context):
                return None
        def pytest_promptevals_providers():
            return {"boom": Factory()}
        """,
    )
    project.write_cases("a.eval.yaml", echo_cases(1), head="model: boom/x\njudges: [exact]\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["provider error: provider 'boom' does not say what decides*LookupError*"])
    assert project.run("--evals-plan").ret == 0


def test_an_item_that_is_run_again_is_paid_and_counted_once(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(2), head="")
    project.write(
        "conftest.py",
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            if item.name == "c0":
                runtestprotocol(item, nextitem=None)
        """,
    )

    result = project.run()

    assert calls(model_server) == 2
    result.stdout.fnmatch_lines(["2 responses, 1 from the cache; cost $0.000006"])
    with sqlite3.connect(project.path / ".promptevals/history.db") as connection:
        assert connection.execute("SELECT calls, cached, cost = spent FROM runs").fetchall() == [(2, 1, 1)]
        assert connection.execute("SELECT COUNT(*) FROM case_results").fetchone() == (2,)


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_cache_that_cannot_be_kept_is_one_line_and_no_failure(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(4), head="")
    project.write("taken", "a file, where a folder should be\n")

    result = project.run("--evals-cache-file=taken/cache.db", *extra)

    result.assert_outcomes(passed=4)
    assert calls(model_server) == 4
    assert str(result.stdout).count("cannot be made") == 1


def test_a_file_that_is_named_twice_is_paid_once(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(2), head="")

    result = project.run("--keep-duplicates", "a.eval.yaml", "a.eval.yaml")

    assert result.ret == 0
    assert calls(model_server) == 2
    with sqlite3.connect(project.path / ".promptevals/history.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM case_results").fetchone() == (2,)

"""What a run may spend, what it says it will, and that several workers keep to it together."""

from __future__ import annotations

import pytest

from tests.support.project import EvalProject
from tests.support.served import PRICE, calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

LIMITED = {"max_tokens": 10}


@pytest.fixture
def priced(project: EvalProject, model_server: ModelServer) -> EvalProject:
    # Each call costs $10 by itself, so that tokens do not matter.
    serve(project, model_server, prices={"local/echo-model": {"input": 0, "output": 0, "call": 10}}, parameters=LIMITED)
    project.write_cases("a.eval.yaml", echo_cases(8), head="")
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",), ("-n4",)], ids=" ".join)
def test_a_budget_is_never_exceeded_by_all_workers_together(
    priced: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    model_server.control(latency=0.05)

    result = priced.run("--evals-max-cost=35", *extra)

    assert calls(model_server) == 3
    result.assert_outcomes(passed=3, errors=5)
    result.stdout.fnmatch_lines(["*not run: budget: *"])


def test_the_reason_is_told_once(priced: EvalProject) -> None:
    result = priced.run("--evals-max-cost=35")

    assert str(result.stdout).count("ERROR at setup of") == 1
    result.stdout.fnmatch_lines(["the same error as a.eval.yaml::c3: 4 more cases"])


def test_cached_responses_cost_nothing_of_it(priced: EvalProject, model_server: ModelServer) -> None:
    priced.run()

    priced.run("--evals-max-cost=1").assert_outcomes(passed=9)
    assert calls(model_server) == 8


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_an_unknown_price_is_an_error_before_the_first_call(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(4), head="")

    result = project.run("--evals-max-cost=1", *extra)

    assert calls(model_server) == 0
    assert result.ret != 0
    output = str(result.stdout) + str(result.stderr)
    assert "price of local/echo-model is not known" in output


def test_one_unknown_price_keeps_all_workers_from_calling(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(4), head="")
    project.write_cases("b.eval.yaml", echo_cases(2), head="model: local/other\n")

    result = project.run("--evals-max-cost=1", "-n2")

    assert calls(model_server) == 0
    result.assert_outcomes(errors=6)
    result.stdout.fnmatch_lines(["not run: --evals-max-cost: the price of local/other is not known.*"])


def test_a_price_of_free_is_a_price(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server, prices={"local/echo-model": "free"})
    project.write_cases("a.eval.yaml", echo_cases(4), head="")

    project.run("--evals-max-cost=0").assert_outcomes(passed=4)


def test_an_unknown_price_is_shown_as_unknown(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(2), head="")

    project.run().stdout.fnmatch_lines(["2 responses; cost unknown for 2 cases"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_plan_says_what_would_be_called_and_runs_nothing(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(4), head="")
    project.write("test_plain.py", "def test_plain():\n    open('ran', 'w')\n")
    project.run("-k", "c0")

    result = project.run("--evals-plan", "--evals-trials=2", *extra)

    result.assert_outcomes()
    assert result.ret == 0
    assert calls(model_server) == 1
    assert not (project.path / "ran").exists()
    result.stdout.fnmatch_lines(
        ["plan: 7 calls to make, 1 in the cache; nothing was called", "local/echo-model*8*1*$*"]
    )


def test_a_plan_knows_the_tokens_of_earlier_runs(project: EvalProject, model_server: ModelServer) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    model_server.control(rules=[{"match": "", "reply": "x0", "usage": usage}])
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(1), head="")
    project.run()

    result = project.run("--evals-plan", "--evals-cache=off")

    # 1,000 tokens at $1 a million and 500 at $2.
    result.stdout.fnmatch_lines(["local/echo-model*1*0*1,000*500*$0.002"])


def test_a_plan_of_a_price_that_is_unknown_says_so(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(1), head="")

    project.run("--evals-plan").stdout.fnmatch_lines(["local/echo-model*1*unknown*"])


def test_a_plan_counts_the_calls_of_judges_that_say_whom_they_ask(
    project: EvalProject, model_server: ModelServer
) -> None:
    prices = {**PRICE, "local/a": {"input": 0, "output": 0, "call": 2}}
    judge = {"rubric": {"criteria": "It is polite.", "panel": ["local/a", "local/echo-model"], "samples": 3}}
    serve(project, model_server, prices=prices, parameters=LIMITED, judges=["exact", judge])
    project.write_cases("a.eval.yaml", echo_cases(2), head="")

    result = project.run("--evals-plan", "--evals-trials=2")

    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(
        [
            "plan: 28 calls to make, 0 in the cache; nothing was called",
            "local/echo-model *4 *0 *$*",
            "local/a (judge) *12 *0 *$24.00",
            "local/echo-model (judge)",
            " *12 *0 *$*",
            "Judges: as many calls as they say they make, *",
        ]
    )


def test_a_plan_of_recorded_outputs_has_the_calls_of_their_judges(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server, judges=[{"rubric": {"criteria": "It is polite.", "model": "local/a"}}])
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "output": "y"}], head="")

    project.run("--evals-plan").stdout.fnmatch_lines(
        ["plan: 1 call to make, 0 in the cache; nothing was called", "local/a (judge) *1 *0 *unknown"]
    )

"""The engine works ahead of pytest, never more than it should, and over real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pytest_promptevals.history.store import HistoryStore
from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    project.write(
        "evals.yaml",
        f"""
        model: local/echo-model
        judges: [exact]
        providers:
          local: {{type: openai, base_url: "{model_server.open_url}"}}
        """,
    )
    return project


def cases(count: int) -> list[dict[str, object]]:
    return [{"id": f"c{number}", "input": f"x{number}", "expected": f"x{number}"} for number in range(count)]


def calls(server: ModelServer) -> int:
    return len(server.journal())


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_each_case_is_called_once(served: EvalProject, model_server: ModelServer, extra: tuple[str, ...]) -> None:
    served.write_cases("a.eval.yaml", cases(12), head="")

    served.run(*extra).assert_outcomes(passed=12)
    assert calls(model_server) == 12


def test_only_selected_cases_are_called(served: EvalProject, model_server: ModelServer) -> None:
    served.write_cases("a.eval.yaml", cases(12), head="")

    served.run("-k", "c1").assert_outcomes(passed=3, deselected=9)
    assert calls(model_server) == 3


def test_skipped_cases_are_not_called(served: EvalProject, model_server: ModelServer) -> None:
    rows = cases(3)
    rows[1]["skip"] = True
    served.write_cases("a.eval.yaml", rows, head="")
    served.write(
        "conftest.py",
        """
        import pytest
        def pytest_collection_modifyitems(items):
            items[2].add_marker(pytest.mark.skipif(True, reason="said so"))
            items[0].add_marker(pytest.mark.xfail(run=False))
        """,
    )

    served.run().assert_outcomes(skipped=2, xfailed=1)
    assert calls(model_server) == 0


def test_a_mark_that_does_not_hold_runs_the_case_all_the_same(served: EvalProject, model_server: ModelServer) -> None:
    served.write_cases("a.eval.yaml", cases(1), head="")
    served.write(
        "conftest.py",
        """
        import pytest
        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.skipif(False, reason="no"))
        """,
    )

    served.run().assert_outcomes(passed=1)
    assert calls(model_server) == 1


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only", "--co"])
def test_options_that_only_look_call_nothing(served: EvalProject, model_server: ModelServer, option: str) -> None:
    served.write_cases("a.eval.yaml", cases(2), head="")

    served.run(option)

    assert calls(model_server) == 0
    assert not (served.path / ".promptevals").exists()


def test_calls_run_at_once_up_to_the_ceiling(served: EvalProject, model_server: ModelServer) -> None:
    model_server.control(latency=0.1)
    served.write_cases("a.eval.yaml", cases(30), head="")

    served.run("--evals-concurrency=7").assert_outcomes(passed=30)

    assert model_server.stats()["max_concurrency"] == 7


def test_x_leaves_out_what_has_not_started(served: EvalProject, model_server: ModelServer) -> None:
    model_server.control(latency=0.05)
    rows = cases(100)
    rows[0]["expected"] = "something else"
    served.write_cases("a.eval.yaml", rows, head="")

    served.run("-x", "--evals-concurrency=2").assert_outcomes(failed=1)

    # The window is four cases for each call that may be under way.
    assert calls(model_server) <= 2 * 4 + 2


def test_ctrl_c_stops_within_seconds_and_keeps_what_was_paid_for(
    served: EvalProject, model_server: ModelServer
) -> None:
    model_server.control(latency=0.3)
    served.write_cases("a.eval.yaml", cases(200), head="")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "--evals-concurrency=2", "-p", "no:randomly"],
        cwd=served.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 60
    while calls(model_server) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=15)

    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output
    store = HistoryStore.open(served.path / ".promptevals/history.db")
    (run,) = store.runs()
    assert run.status.value == "interrupted"
    assert len(store.results(run.id)) >= 1
    store.close()


def test_a_server_that_is_not_there_is_one_clear_error(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        cases(1),
        head="model: local/m\njudges: [exact]\nproviders: {local: {type: openai, base_url: 'http://127.0.0.1:9/v1'}}\n",
    )

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["not run: *127.0.0.1:9*base_url*"])


def test_a_missing_key_is_one_clear_error(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", cases(1), head="model: openai/gpt-5-mini\njudges: [exact]\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["provider error: *OPENAI_API_KEY*"])


def test_the_users_own_application_is_a_model(project: EvalProject) -> None:
    project.write("my_app_eval.py", "async def answer(input):\n    return input.upper()\n")
    project.write_cases(
        "evals/a.eval.yaml",
        [{"id": "a", "input": "x", "expected": "X"}],
        head="model: python/my_app_eval:answer\njudges: [exact]\n",
    )

    project.run().assert_outcomes(passed=1)


def test_judges_and_providers_of_a_conftest_are_registered(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        from pydantic import Field
        from pytest_promptevals import Grade, JudgeParameters, Response, TextJudge

        class Shouts(TextJudge):
            '''The response is in capital letters.'''
            name = "shouts"
            class Parameters(JudgeParameters):
                pass
            def grade(self, subject):
                return Grade(float(subject.response.text.isupper()), "not in capital letters")

        class Loud:
            def __init__(self, context):
                self.suffix = context.config.options.get("suffix", "")
            async def complete(self, request):
                return Response(request.messages[-1].content.upper() + self.suffix)
            async def close(self):
                pass

        def pytest_promptevals_judges():
            return [Shouts]

        def pytest_promptevals_providers():
            return {"loud": Loud}
        """,
    )
    project.write_cases(
        "a.eval.yaml",
        [{"id": "a", "input": "x", "expected": "X!"}],
        head="model: loud/any\njudges: [exact, shouts]\nproviders: {loud: {suffix: '!'}}\n",
    )

    project.run().assert_outcomes(passed=1)


def test_a_conftest_registers_for_its_own_folder(project: EvalProject) -> None:
    for folder, word in (("a", "first"), ("b", "second")):
        project.write(
            f"{folder}/conftest.py",
            f"""
            from pytest_promptevals import Response

            class Says:
                def __init__(self, context): ...
                async def complete(self, request): return Response("{word}")
                async def close(self): ...

            def pytest_promptevals_providers():
                return {{"says": Says}}
            """,
        )
        project.write_cases(
            f"{folder}/x.eval.yaml",
            [{"id": "c", "input": "x", "expected": word}],
            head="model: says/m\njudges: [exact]\n",
        )

    project.run().assert_outcomes(passed=2)


def test_two_plugins_with_a_judge_of_one_name_are_a_usage_error(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        from pytest_promptevals import TextJudge

        class Exact(TextJudge):
            '''Mine.'''
            name = "exact"

        def pytest_promptevals_judges():
            return [Exact]
        """,
    )
    project.write_cases("a.eval.yaml", cases(1))

    result = project.run()

    assert "two plugins register a judge named 'exact'" in result.stdout.str() + result.stderr.str()
    assert result.ret != 0


@pytest.mark.parametrize("hook", ["run_started(run)", "case_finished(run, result)", "run_finished(run, comparisons)"])
def test_a_hook_that_fails_costs_nobody_their_results(project: EvalProject, hook: str) -> None:
    project.write("conftest.py", f"def pytest_promptevals_{hook}: raise OSError('no room')\n")
    project.write_cases("a.eval.yaml", cases(2))

    result = project.run()

    result.assert_outcomes(passed=2)
    name = hook.partition("(")[0]
    result.stdout.fnmatch_lines([f"a plugin failed in pytest_promptevals_{name}: OSError: no room"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("async def complete(self, request): return 'text'", "Odd.complete returned 'text', not a Response"),
        ("def complete(self, request): return 'text'", "Odd.complete is no coroutine function: make it 'async def'"),
    ],
)
def test_a_provider_that_breaks_the_protocol_is_an_error_of_its_cases(
    project: EvalProject, body: str, message: str
) -> None:
    project.write(
        "conftest.py",
        f"class Odd:\n    def __init__(self, context): ...\n    {body}\n    async def close(self): ...\n"
        "def pytest_promptevals_providers(): return {'odd': Odd}\n",
    )
    project.write_cases("a.eval.yaml", cases(1), head="model: odd/m\njudges: [exact]\n")

    project.run().stdout.fnmatch_lines([f"provider error: {message}"])


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("judges(): return [3]", "pytest_promptevals_judges returned 3: no class with a 'name'"),
        (
            "judges(): return 3",
            "pytest_promptevals_judges must return a list of judge classes, or a mapping of names, not 3",
        ),
        ("providers(): return 3", "pytest_promptevals_providers must return a mapping of names, not 3"),
    ],
)
def test_a_hook_that_returns_something_else_is_one_line(project: EvalProject, hook: str, message: str) -> None:
    project.write("conftest.py", f"def pytest_promptevals_{hook}\n")
    project.write_cases("a.eval.yaml", cases(1))

    result = project.run()

    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
    assert "registry.py" not in result.stdout.str()


def test_it_runs_without_a_terminal(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "y"}])

    assert project.run("-p", "no:terminal").ret == 1


def test_hooks_of_a_run_are_called(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        def pytest_promptevals_run_started(run): print("STARTED", bool(run.id))
        def pytest_promptevals_case_finished(run, result): print("CASE", result.name, result.score)
        def pytest_promptevals_run_finished(run, comparisons):
            print("FINISHED", run.status.value, [comparison.file for comparison in comparisons])
        """,
    )
    project.write_cases("a.eval.yaml", cases(1))

    project.run("-s").stdout.fnmatch_lines(
        ["*STARTED True", "*CASE c0 1.0*", "*FINISHED finished [[]'a.eval.yaml'[]]*"]
    )


def test_a_defect_in_a_provider_ends_a_case_not_the_run(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        from pytest_promptevals import Response

        class Odd:
            def __init__(self, context): ...
            async def complete(self, request):
                if request.messages[-1].content == "x0":
                    raise LookupError("odd")
                return Response("\\ud800 and more")
            async def close(self): raise RuntimeError("will not close")

        def pytest_promptevals_providers():
            return {"odd": Odd}
        """,
    )
    project.write_cases("a.eval.yaml", cases(2), head="model: odd/m\njudges: [{contains: and more}]\n")

    result = project.run()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["provider error: provider 'odd' raised LookupError: odd"])


def test_lone_surrogates_do_not_end_a_run_of_many_processes(project: EvalProject) -> None:
    project.write(
        "odd_app.py",
        "CALL = {'name': 'f\\ud800', 'arguments': {'a': '\\ud800'}}\n"
        "def answer():\n    return {'text': 'x\\ud800', 'tool_calls': [CALL]}\n",
    )
    project.write_cases("a.eval.yaml", cases(2), head="model: python/odd_app:answer\njudges: [exact]\n")
    project.write("c.jsonl", '{"id": "one"}\n')
    project.write(
        "test_odd.py",
        """
        import pytest

        @pytest.mark.evals("c.jsonl")
        def test_odd(case, evals):
            evals.output("\\ud800")
            evals.score("z", 0.5, threshold=0.9, explanation="\\ud800")
        """,
    )

    project.run("-n2").assert_outcomes(failed=3)


def test_a_worker_that_crashes_leaves_the_gates_of_its_file(project: EvalProject) -> None:
    project.write(
        "gone_app.py", "import os\ndef answer(input):\n    os._exit(1) if input == 'x2' else None\n    return input\n"
    )
    project.write_cases(
        "a.eval.yaml", cases(4), head="model: python/gone_app:answer\njudges: [exact]\ngate: {min_score: 0.5}\n"
    )

    result = project.run("-n1", "--max-worker-restart=0", "-v")

    assert "is a folder" not in result.stdout.str()


def test_a_crashed_worker_loses_only_its_running_case(project: EvalProject) -> None:
    project.write(
        "boom_app.py", "import os\ndef answer(input):\n    os._exit(1) if input == 'x1' else None\n    return input\n"
    )
    project.write_cases("a.eval.yaml", cases(6), head="model: python/boom_app:answer\njudges: [exact]\n")

    result = project.run("-n2")

    assert result.ret == 1
    assert result.parseoutcomes()["passed"] >= 5

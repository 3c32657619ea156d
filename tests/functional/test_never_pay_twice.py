"""A response that was paid for is used again: counted at the server."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.support.project import EvalProject
from tests.support.served import PRICE, calls, echo_cases, serve
from tests.support.server_fixture import ModelServer


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    serve(project, model_server, prices=PRICE)
    project.write_cases("a.eval.yaml", echo_cases(6), head="")
    return project


@pytest.mark.parametrize("again", [(), ("-n2",), ("-x",), ("--maxfail=3",), ("-k", "c1")], ids=" ".join)
def test_a_second_run_calls_nothing(served: EvalProject, model_server: ModelServer, again: tuple[str, ...]) -> None:
    served.run()

    assert served.run(*again).ret == 0
    assert calls(model_server) == 6


def test_what_was_called_under_xdist_is_not_called_without(served: EvalProject, model_server: ModelServer) -> None:
    served.run("-n2").assert_outcomes(passed=6)

    served.run()
    assert calls(model_server) == 6


def test_only_the_changed_prompt_is_paid_again(served: EvalProject, model_server: ModelServer) -> None:
    served.run()
    rows = echo_cases(6)
    rows[2]["input"] = rows[2]["expected"] = "new"
    served.write_cases("a.eval.yaml", rows, head="")

    served.run()
    assert calls(model_server) == 7


def test_the_last_failed_are_judged_again_without_a_call(served: EvalProject, model_server: ModelServer) -> None:
    rows = echo_cases(3)
    rows[1]["expected"] = "something else"
    served.write_cases("a.eval.yaml", rows, head="")
    served.run().assert_outcomes(passed=2, failed=1)
    rows[1]["expected"] = "x1"
    served.write_cases("a.eval.yaml", rows, head="")

    served.run("--lf").assert_outcomes(passed=1)
    assert calls(model_server) == 3


def test_trials_are_calls_of_their_own_and_replayed_as_such(served: EvalProject, model_server: ModelServer) -> None:
    served.run("--evals-trials=3")
    assert calls(model_server) == 18

    served.run("--evals-trials=3")
    served.run("--evals-trials=2")
    assert calls(model_server) == 18
    served.run("--evals-trials=4")
    assert calls(model_server) == 24


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_equal_requests_under_way_share_one_call(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    serve(project, model_server)
    model_server.control(latency=0.1)
    project.write_cases(
        "a.eval.yaml", [{"id": f"c{n}", "input": "same", "expected": "same"} for n in range(8)], head=""
    )

    project.run(*extra).assert_outcomes(passed=8)
    assert calls(model_server) == 1


def test_refresh_calls_once_and_keeps_the_new_responses(served: EvalProject, model_server: ModelServer) -> None:
    served.run()

    served.run("--evals-cache=refresh")
    assert calls(model_server) == 12
    served.run()
    assert calls(model_server) == 12


def test_off_calls_each_time_and_keeps_nothing(served: EvalProject, model_server: ModelServer) -> None:
    served.run("--evals-cache=off")
    served.run("--evals-cache=off")

    assert calls(model_server) == 12
    assert not (served.path / ".promptevals/cache.db").exists()


def test_replay_never_calls_and_a_miss_is_an_error(served: EvalProject, model_server: ModelServer) -> None:
    served.run("-k", "c0 or c1")

    result = served.run("--evals-cache=replay", "--evals-history=off")

    result.assert_outcomes(passed=2, errors=4)
    assert calls(model_server) == 2
    result.stdout.fnmatch_lines(["ERROR a.eval.yaml::c2 *", "ERROR a.eval.yaml::c5 *"])
    result.stdout.fnmatch_lines(["not run: there is no kept response of 'echo-model' *"])


def test_replay_pays_for_no_python_function_either(project: EvalProject) -> None:
    project.write("app.py", "def answer(input):\n    open('called', 'w')\n    return input\n")
    project.write_cases("a.eval.yaml", echo_cases(1), head="model: python/app:answer\njudges: [exact]\n")

    result = project.run("--evals-cache=replay")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*its responses are not kept, so they cannot be replayed*"])
    assert not (project.path / "called").exists()


def test_python_functions_are_called_again_unless_the_user_wants_them_kept(project: EvalProject) -> None:
    project.write("app.py", "def answer(input):\n    open('called', 'a').write('.')\n    return input\n")
    project.write_cases("a.eval.yaml", echo_cases(1), head="model: python/app:answer\njudges: [exact]\n")
    project.run()
    project.run()
    assert (project.path / "called").read_text(encoding="utf-8") == ".."
    project.write("evals.yaml", "providers: {python: {cache: true}}\n")

    project.run()
    project.run()
    assert (project.path / "called").read_text(encoding="utf-8") == "..."


def test_a_provider_that_is_not_to_be_cached_is_called_again(project: EvalProject, model_server: ModelServer) -> None:
    local = {"type": "openai", "base_url": model_server.open_url, "cache": False}
    serve(project, model_server, providers={"local": local})
    project.write_cases("a.eval.yaml", echo_cases(2), head="")
    project.run()

    project.run()
    assert calls(model_server) == 4


def test_the_summary_says_what_came_from_the_cache_and_what_was_paid(served: EvalProject) -> None:
    first = served.run()
    second = served.run()

    first.stdout.re_match_lines([r"6 responses; cost \$0\.000018$"])
    second.stdout.re_match_lines([r"6 responses, all from the cache; cost \$0\.000018, none of it paid now"])


def test_the_history_knows_what_a_run_paid(served: EvalProject) -> None:
    served.run()
    served.run()

    with sqlite3.connect(served.path / ".promptevals/history.db") as connection:
        rows = connection.execute("SELECT calls, cached, cost > 0, spent > 0 FROM runs ORDER BY started_at").fetchall()
    assert rows == [(6, 0, 1, 1), (6, 6, 1, 0)]


def test_recordings_replay_without_database_and_without_server(served: EvalProject, model_server: ModelServer) -> None:
    served.run("--evals-recordings=recorded")
    (recording,) = (served.path / "recorded").rglob("*.jsonl")
    before = recording.read_bytes()
    (served.path / ".promptevals/cache.db").unlink()

    served.run("--evals-recordings=recorded", "--evals-cache=replay").assert_outcomes(passed=7)
    served.run("--evals-recordings=recorded", "-n2").assert_outcomes(passed=7)

    assert calls(model_server) == 6
    assert recording.read_bytes() == before
    assert recording.relative_to(served.path).as_posix() == "recorded/a.eval.yaml.jsonl"
    assert [json.loads(line)["key"] for line in before.decode().splitlines()] == sorted(
        json.loads(line)["key"] for line in before.decode().splitlines()
    )


def test_no_key_is_written_anywhere(
    project: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", model_server.openai_url)
    project.write_cases("a.eval.yaml", echo_cases(2), head="model: openai/echo-model\njudges: [exact]\n")

    project.run("--evals-recordings=recorded").assert_outcomes(passed=2)

    files = [path for folder in (".promptevals", "recorded") for path in (project.path / folder).rglob("*.*")]
    assert len(files) >= 3
    assert not any(b"secret-of-mine" in path.read_bytes() for path in files if path.is_file())


def test_a_price_that_is_given_later_holds_for_kept_responses_too(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(2), head="")
    project.run().stdout.fnmatch_lines(["2 responses; cost unknown for 2 cases"])

    serve(project, model_server, prices=PRICE)
    result = project.run()

    result.stdout.fnmatch_lines(["2 responses, all from the cache; cost $0.000006, none of it paid now"])
    assert calls(model_server) == 2


def test_a_resume_with_nothing_to_resume_says_so(served: EvalProject) -> None:
    served.run()

    result = served.run("--evals-resume")

    assert "there was no run that did not finish, so this is a new one" in " ".join(str(result.stdout).split())

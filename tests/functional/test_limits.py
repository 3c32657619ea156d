"""A provider that limits, is overloaded, has no more money or is not there: counted at the server."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import socket
import threading
import time

import pytest

from pytest_promptevals.pytest_glue import progress
from tests.support.project import EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer


def date_in(seconds: float) -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


def serve_anthropic(project: EvalProject, server: ModelServer) -> None:
    provider = {"type": "anthropic", "base_url": f"{server.url}/open"}
    serve(project, server, model="claude/echo-model", providers={"claude": provider}, parameters={"max_tokens": 10})


def assert_all_answered_once(server: ModelServer, count: int) -> None:
    stats = server.stats()
    assert (stats["paid"], stats["duplicates"]) == (count, 0)


@pytest.mark.parametrize("is_announced", [False, True], ids=["silent", "announced"])
def test_a_rate_limit_costs_no_case(project: EvalProject, model_server: ModelServer, *, is_announced: bool) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(150), head="")
    limit = {"requests": 50, "seconds": 0.4, "is_announced": is_announced}
    model_server.control(latency=0.01, rate_limit=limit)

    project.run().assert_outcomes(passed=150)

    assert_all_answered_once(model_server, 150)
    refused = model_server.stats()["limited"]
    # In each window some are refused before the first of them is back; who is told beforehand asks for less.
    assert refused <= 35 if is_announced else 1 <= refused <= 150


@pytest.mark.parametrize(
    ("how", "least"),
    [("retry_after_ms", 0.6), ("retry_after", 1.0), ("date", 1.0), ("nothing", 0.0)],
    ids=["ms", "seconds", "date", "nothing"],
)
def test_a_storm_of_refusals_costs_no_case_and_waits_as_long_as_it_is_asked_to(
    project: EvalProject, model_server: ModelServer, how: str, least: float
) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(40), head="")
    headers = {
        "retry_after_ms": {"retry-after-ms": "600"},
        "retry_after": {"retry-after": "1"},
        "date": {"retry-after": date_in(2.1)},
    }
    model_server.control(faults=[{"status": 429, "times": 12, "headers": headers.get(how, {})}])
    started = time.monotonic()

    project.run().assert_outcomes(passed=40)

    assert time.monotonic() - started >= least
    assert_all_answered_once(model_server, 40)
    assert calls(model_server) == 40 + 12


def test_while_a_server_asks_to_wait_nobody_asks_it(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(40), head="")
    model_server.control(latency=0.05, faults=[{"status": 429, "times": 4, "retry_after_ms": 1500}])
    asked_meanwhile: list[int] = []

    def look() -> None:
        while calls(model_server) < 4:
            time.sleep(0.01)
        time.sleep(0.7)
        asked_meanwhile.append(calls(model_server))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    project.run("--evals-concurrency=4").assert_outcomes(passed=40)
    looker.join(10)

    assert asked_meanwhile == [4]
    assert calls(model_server) == 44


def test_an_overloaded_anthropic_is_asked_again_until_all_are_answered(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve_anthropic(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(40), head="")
    model_server.control(faults=[{"mode": "overloaded", "times": 60}])

    # More refusals than retries: an overload is no fault of the call.
    project.run("--evals-retries=0").assert_outcomes(passed=40)

    assert_all_answered_once(model_server, 40)
    assert calls(model_server) == 40 + 60


def test_concurrency_falls_in_a_storm_and_grows_again(
    project: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = progress.ProgressReporter.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "interval", 0.01)
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(400), head="")
    model_server.control(latency=0.03, faults=[{"status": 429, "times": 130}])

    result = project.run("--evals-progress=plain")

    limits = [int(limit) for limit in re.findall(r"limit (\d+)", str(result.stdout))]
    lowest = limits.index(min(limits))
    assert limits[lowest] <= 4
    assert max(limits[lowest:]) >= 32
    assert_all_answered_once(model_server, 400)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_an_exhausted_quota_stops_its_provider_at_once_and_no_other(
    project: EvalProject, model_server: ModelServer, kind: str
) -> None:
    path = "/open/v1" if kind == "openai" else "/open"
    other = {"type": "openai", "base_url": f"http://localhost:{model_server.port}/open/v1"}
    providers = {"poor": {"type": kind, "base_url": model_server.url + path}, "rich": other}
    serve(project, model_server, providers=providers, parameters={"max_tokens": 10})
    project.write_cases("a.eval.yaml", echo_cases(300), head="model: poor/poor-model\n")
    project.write_cases("b.eval.yaml", echo_cases(20), head="model: rich/rich-model\n")
    model_server.control(latency=0.02, faults=[{"mode": "exhausted", "match": "poor-model"}])

    result = project.run("--evals-concurrency=8")

    result.assert_outcomes(passed=20, errors=300)
    models = [entry["body"]["model"] for entry in model_server.journal()]
    assert models.count("rich-model") == 20
    assert 1 <= models.count("poor-model") <= 8
    assert str(result.stdout).count("ERROR at setup of") == 1
    result.stdout.fnmatch_lines(
        [
            "not run: poor grants no more calls: *",
            "the same error as *: 299 more cases",
        ]
    )


def test_each_exhausted_provider_says_so_once(project: EvalProject, model_server: ModelServer) -> None:
    other = {"type": "openai", "base_url": f"http://localhost:{model_server.port}/open/v1"}
    providers = {"one": {"type": "openai", "base_url": model_server.open_url}, "two": other}
    serve(project, model_server, providers=providers, model=["one/m", "two/m"])
    project.write_cases("a.eval.yaml", echo_cases(10), head="")
    model_server.control(faults=[{"mode": "exhausted"}])

    result = project.run("--evals-concurrency=1")

    result.assert_outcomes(errors=20)
    assert calls(model_server) == 2
    assert str(result.stdout).count("ERROR at setup of") == 2
    result.stdout.fnmatch_lines(
        ["not run: one grants*", "not run: two grants*", "the same error as a.eval.yaml::c0[[]one/m]: 9 more cases"]
    )


def test_requests_per_minute_are_kept(project: EvalProject, model_server: ModelServer) -> None:
    local = {"type": "openai", "base_url": model_server.open_url, "requests_per_minute": 600}
    serve(project, model_server, providers={"local": local})
    project.write_cases("a.eval.yaml", echo_cases(25), head="")
    started = time.monotonic()

    project.run().assert_outcomes(passed=25)

    # Ten at once, then one every 0.1 s.
    assert 1.45 <= time.monotonic() - started <= 15
    assert calls(model_server) == 25


def test_a_server_that_is_not_there_is_waited_for_once_not_once_for_each_case(project: EvalProject) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        head = f"model: local/m\njudges: [exact]\nproviders: {{local: {{type: openai, base_url: '{url}'}}}}\n"
        project.write_cases("a.eval.yaml", echo_cases(100), head=head)
        started = time.monotonic()

        result = project.run("--evals-retries=3", "--evals-concurrency=1")

    # A case waits for 1.75 s on average and 3.5 s at most, four of them side by side: all would take 44 s.
    assert time.monotonic() - started < 12
    result.assert_outcomes(errors=100)
    result.stdout.fnmatch_lines([f"not run: {url} cannot be reached (Connection refused). Start the server, *"])


def test_a_timeout_is_not_tried_again_for_it_may_have_been_paid(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(4), head="")
    model_server.control(faults=[{"mode": "hang", "match": "x[12]"}])

    result = project.run("--evals-timeout=0.5")

    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["timeout error: *no answer within 0.5 s. *"])
    assert calls(model_server) == 4


def test_a_refused_key_stops_its_provider_and_is_told_once(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(50), head="")
    model_server.control(faults=[{"status": 401, "mode": "status"}])

    result = project.run("--evals-concurrency=4")

    result.assert_outcomes(errors=50)
    assert calls(model_server) <= 4
    assert str(result.stdout).count("ERROR at setup of") == 1
    result.stdout.fnmatch_lines(["not run: * wants a key (401: *", "the same error as a.eval.yaml::c0: 49 more cases"])


def test_a_missing_key_is_told_once(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", echo_cases(9), head="model: openai/gpt-5-mini\njudges: [exact]\n")

    result = project.run()

    result.assert_outcomes(errors=9)
    assert str(result.stdout).count("ERROR at setup of") == 1
    result.stdout.fnmatch_lines(["provider error: *OPENAI_API_KEY*", "the same error as a.eval.yaml::c0: 8 more cases"])

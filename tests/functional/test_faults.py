"""All that a server and a network can do wrong, once each: what is tried again, what is an error, what was asked."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import http.server
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.support.project import EvalProject
from tests.support.served import PRICE, calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

KINDS: Final = ("openai", "anthropic")
PASSING: Final[Mapping[str, dict[str, Any]]] = {
    **{f"status {status}": {"status": status} for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
    "dropped": {"mode": "close"},
    "dropped with RST": {"mode": "reset"},
    "cut off in a body of known length": {"mode": "truncate"},
    "cut off in a chunked body": {"mode": "cut"},
    "reset in mid-body": {"mode": "reset_within"},
    "badly packed": {"mode": "badly_packed"},
    "half of its JSON": {"mode": "text", "body": '{"choices": ['},
    "no JSON": {"mode": "text", "body": "not found, sorry"},
    "overloaded": {"mode": "overloaded"},
    "200 with an error of the server": {"mode": "error_body"},
}
"""Faults after which the same call may succeed."""
FINAL: Final[Mapping[str, tuple[dict[str, Any], str]]] = {
    "400": ({"status": 400}, "provider error: {url} rejected the request (400: injected). Correct the prompt or *"),
    "404": ({"status": 404}, "provider error: {url} has no such API, or no model 'echo-model' (404: injected). *"),
    "html": ({"mode": "html"}, "provider error: {url} answered with a web page (Welcome to the proxy) instead of *"),
    "garbled": ({"mode": "garbled"}, "provider error: {url} answered with something that is no HTTP. If that is *"),
    "empty": ({"mode": "empty"}, "provider error: {url} answered with no c* If that is the wrong server, correct *"),
    "error in 200": (
        {"mode": "body", "body": {"error": {"message": "no such thing", "type": "invalid_request_error"}}},
        "provider error: {url} answered with an error: no such thing. If that is the wrong server, correct *",
    ),
    "drip": ({"mode": "trickle"}, "timeout error: local/echo-model: no answer within 1 s. Raise 'timeout' in the *"),
    "endless": ({"mode": "endless"}, "timeout error: local/echo-model: no answer within 1 s. Raise 'timeout' in the *"),
}
"""Faults that another try does not mend, and how the error of each begins."""


def serve_kind(project: EvalProject, server: ModelServer, kind: str) -> str:
    """Write an ``evals.yaml`` with the server as that kind of provider; return its base URL."""
    url = server.open_url if kind == "openai" else f"{server.url}/open"
    serve(project, server, providers={"local": {"type": kind, "base_url": url}}, parameters={"max_tokens": 10})
    return url


def write_named(project: EvalProject, names: Mapping[str, object]) -> None:
    """Write a case for each name, which is its input, and what the echoing model will answer."""
    cases = [{"id": f"c{number}", "input": name, "expected": name} for number, name in enumerate(names)]
    project.write_cases("a.eval.yaml", cases, head="")


def asked(server: ModelServer) -> Counter[str]:
    """Return how often each question reached the server."""
    return Counter(entry["body"]["messages"][-1]["content"] for entry in server.journal())


@pytest.mark.parametrize("kind", KINDS)
def test_a_passing_fault_costs_one_more_request_and_no_case(
    project: EvalProject, model_server: ModelServer, kind: str
) -> None:
    serve_kind(project, model_server, kind)
    write_named(project, PASSING)
    model_server.control(faults=[{"match": f'"{name}"', "times": 1, **fault} for name, fault in PASSING.items()])

    project.run("--evals-retries=1").assert_outcomes(passed=len(PASSING))

    assert asked(model_server) == dict.fromkeys(PASSING, 2)
    stats = model_server.stats()
    assert (stats["paid"], stats["duplicates"]) == (len(PASSING), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_final_fault_is_one_request_and_one_clear_error(
    project: EvalProject, model_server: ModelServer, kind: str
) -> None:
    url = serve_kind(project, model_server, kind)
    write_named(project, FINAL)
    model_server.control(faults=[{"match": f'"{name}"', **fault} for name, (fault, _) in FINAL.items()])

    result = project.run("--evals-timeout=1")

    result.assert_outcomes(errors=len(FINAL))
    assert asked(model_server) == dict.fromkeys(FINAL, 1)
    # What two cases have in common is told once.
    texts = dict.fromkeys(text.format(url=url) for _, text in FINAL.values())
    result.stdout.fnmatch_lines([*texts, "the same error as a.eval.yaml::c6: 1 more case"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_fault_that_stays_is_tried_as_often_as_the_user_wants(
    project: EvalProject, model_server: ModelServer
) -> None:
    url = serve_kind(project, model_server, "openai")
    write_named(project, {"broken": 0, "dropped": 0, "sound": 0})
    model_server.control(faults=[{"match": '"broken"', "status": 500}, {"match": '"dropped"', "mode": "close"}])

    result = project.run("--evals-retries=2")

    result.assert_outcomes(passed=1, errors=2)
    assert asked(model_server) == {"broken": 3, "dropped": 3, "sound": 1}
    result.stdout.fnmatch_lines(
        [
            f"provider error: {url} failed to answer (500: injected). Try again. (tried 3 times in *)",
            f"provider error: {url} dropped the connection before its answer was complete. Try again. (tried 3 times*)",
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_a_filter_stopped_is_judged(project: EvalProject, model_server: ModelServer, kind: str) -> None:
    serve_kind(project, model_server, kind)
    reason = "content_filter" if kind == "openai" else "refusal"
    model_server.control(rules=[{"match": "bomb", "reply": "I cannot", "finish_reason": reason}])
    cases = [
        {"id": "meant", "input": "a bomb", "expected": "I cannot"},
        {"id": "not-meant", "input": "another bomb", "expected": "Take some flour"},
    ]
    project.write_cases("a.eval.yaml", cases, head="")

    project.run().assert_outcomes(passed=1, failed=1)
    assert calls(model_server) == 2


class _LateServer(http.server.ThreadingHTTPServer):
    """Has an address from the start, and listens when it is told to."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo, bind_and_activate=False)
        self.asked = 0
        self.server_bind()

    def listen(self) -> None:
        self.server_activate()
        self.serve_forever(poll_interval=0.05)


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _LateServer)
        self.server.asked += 1
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = {"role": "assistant", "content": body["messages"][-1]["content"]}
        answer = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""


@contextlib.contextmanager
def listening_after(seconds: float) -> Iterator[_LateServer]:
    server = _LateServer()
    timer = threading.Timer(seconds, server.listen)
    timer.start()
    try:
        yield server
    finally:
        timer.cancel()
        timer.join(0.01)
        if timer.is_alive():
            server.shutdown()
        server.server_close()


def test_a_server_that_refuses_at_first_is_waited_for(project: EvalProject) -> None:
    with listening_after(0.6) as server:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        head = f"model: local/m\njudges: [exact]\nproviders: {{local: {{type: openai, base_url: '{url}'}}}}\n"
        project.write_cases("a.eval.yaml", echo_cases(6), head=head)

        project.run("--evals-retries=12").assert_outcomes(passed=6)

    assert server.asked == 6


def test_a_name_that_nobody_has_and_a_server_without_tls_are_clear_errors(
    project: EvalProject, model_server: ModelServer
) -> None:
    urls = {"dns": "http://no-such-host.invalid/v1", "tls": f"https://127.0.0.1:{model_server.port}/v1"}
    for name, url in urls.items():
        head = f"model: {name}/m\njudges: [exact]\nproviders: {{{name}: {{type: openai, base_url: '{url}'}}}}\n"
        project.write_cases(f"{name}.eval.yaml", echo_cases(5), head=head)
    started = time.monotonic()

    result = project.run("--evals-retries=1")

    result.assert_outcomes(errors=10)
    assert time.monotonic() - started < 10
    assert model_server.stats()["requests"] == {}
    result.stdout.fnmatch_lines(
        [
            "not run: http://no-such-host.invalid/v1 cannot be reached*",
            f"not run: {urls['tls']} does not speak TLS as it should (*). If it is a server without TLS, *",
        ]
    )


JUMPING_CLOCK = """
    import datetime
    import itertools
    import time

    DAY = 86400
    real_time, real_datetime = time.time, datetime.datetime
    jumps = itertools.cycle([0, DAY, -DAY])


    class Jumping(real_datetime):
        @classmethod
        def now(cls, tz=None):
            return real_datetime.fromtimestamp(real_time() + next(jumps), tz)


    time.time = lambda: real_time() + next(jumps)
    datetime.datetime = Jumping
"""


def test_a_clock_that_jumps_by_days_neither_stops_nor_hurries_a_run(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server, prices=PRICE)
    project.write("conftest.py", JUMPING_CLOCK)
    project.write_cases("a.eval.yaml", echo_cases(30), head="")
    soon = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=4), usegmt=True)
    refusal = {"status": 429, "times": 5, "headers": {"retry-after": soon}}
    model_server.control(faults=[refusal, {"status": 500, "times": 3}])
    started = time.monotonic()

    project.run_process("--evals-max-wait=60").assert_outcomes(passed=30)
    project.run_process("--evals-resume").assert_outcomes(passed=31)  # a verdict is among them

    assert time.monotonic() - started < 30
    assert calls(model_server) == 30 + 5 + 3
    assert model_server.stats()["duplicates"] == 0

"""``evals_notify``: who is told of a run, and that it never changes one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject
from tests.support.receivers import HttpReceiver, http_receiver, mail_receiver
from tests.support.served import PRICE, echo_cases, serve
from tests.support.server_fixture import ModelServer


@pytest.fixture
def web() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


def write_eval(project: EvalProject, answer: str) -> None:
    head = f"judges: [exact]\nmodel: s/m\nproviders: {{s: {{type: scripted, script: [{{reply: {answer}}}]}}}}\n"
    gated = f"{head}gate: {{min_score: 0.5}}\n"
    project.write_cases("some.eval.yaml", [{"id": "a", "input": "x", "expected": "right"}], gated)


def test_a_failing_gate_and_its_recovery_are_told_once_each(project: EvalProject, web: HttpReceiver) -> None:
    write_eval(project, "wrong")
    red = project.run("--evals-notify", web.url)
    write_eval(project, "right")
    green = [project.run("--evals-notify", web.url) for _ in range(2)]

    assert (red.ret, *(result.ret for result in green)) == (1, 0, 0)
    assert [message["title"].partition(":")[0] for message in web.received] == ["failed", "recovered"]
    assert "[min_score] failed: mean score is 0.000 over 1 case; at least 0.500" in web.received[0]["message"]
    assert "hunter2" not in f"{red.stdout}{red.stderr}"
    assert "red all the same" not in web.received[1]["title"]
    assert b"hunter2" not in (project.path / ".promptevals" / "history.db").read_bytes()


def test_a_recovery_that_a_failing_test_stands_beside_says_so(project: EvalProject, web: HttpReceiver) -> None:
    write_eval(project, "wrong")
    project.run()
    write_eval(project, "right")
    project.write("test_x.py", "def test_x(): assert 0")
    assert project.run("--evals-notify", web.url).ret == 1

    (told,) = web.received
    assert told["title"].startswith("recovered")
    assert told["title"].endswith("the run is red all the same, with 1 failure")


def test_reruns_of_failures_and_shares_of_a_run_tell_nobody(project: EvalProject, web: HttpReceiver) -> None:
    write_eval(project, "wrong")
    project.run()
    results = [project.run("--evals-notify", web.url, *more) for more in (["--last-failed"], ["--evals-shard", "1/1"])]

    assert [result.ret for result in results] == [1, 1]
    assert web.received == []


def test_a_merged_run_is_told_once_however_often_it_is_merged(
    project: EvalProject, web: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_eval(project, "wrong")
    project.run("--evals-shard", "1/1", "--evals-history=shards/history.db")
    monkeypatch.setenv("PROMPTEVALS_NOTIFY", web.url)
    arguments = ["merge", "shards", "--", "-p", "no:randomly", "-p", "no:socket"]
    statuses = [CliRunner().invoke(main, arguments).exit_code for _ in range(2)]

    assert statuses == [1, 1]
    assert len(web.received) == 1


def test_of_all_processes_only_the_controller_tells(project: EvalProject, web: HttpReceiver) -> None:
    write_eval(project, "wrong")
    project.run("--evals-notify", f"{web.url} bad", "-n", "2").stdout.fnmatch_lines(
        ["evals_notify: entry 2 is no URL that apprise understands, so nobody is notified", "*= evals =*"]
    )

    assert len(web.received) == 1


def test_a_spent_budget_is_told_by_mail(
    project: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(project, model_server, prices=PRICE, parameters={"max_tokens": 10})
    project.write_cases("a.eval.yaml", echo_cases(2), head="")
    with mail_receiver() as mailbox:
        monkeypatch.setenv("PROMPTEVALS_NOTIFY", mailbox.url)
        project.run("--evals-max-cost=0", "-o", "evals_notify_on=budget")

    assert mailbox.received[0]["Subject"] == f"budget spent: evals of {project.path.name}, 2 cases not run"


def test_a_notification_that_fails_changes_no_verdict(project: EvalProject, web: HttpReceiver) -> None:
    web.status = 500
    project.write("pytest.ini", f"[pytest]\nfilterwarnings = error\nevals_notify = ${{HOOK}} bad {web.url}\n")
    write_eval(project, "wrong")
    result = project.run()

    result.assert_outcomes(failed=2)
    missing = "evals_notify: the environment variable HOOK is not set, so nobody is notified by"
    result.stdout.fnmatch_lines(
        [
            "collected 1 item",
            missing,
            "evals_notify: entry 2 is no URL that apprise understands, so nobody is notified",
            "some.eval.yaml FF*",
            missing,
            "the notification to entry 2 was not sent: it is no URL that apprise understands",
            "the notification to json://127.0.0.1:[0-9]* was not sent: it answered with status",
        ]
    )


def test_a_session_that_runs_no_eval_says_and_sends_nothing(project: EvalProject, web: HttpReceiver) -> None:
    write_eval(project, "wrong")
    result = project.run("--evals-notify", f"{web.url} bad", "--collect-only")

    assert web.received == []
    result.stdout.no_fnmatch_line("*evals_notify*")


def test_an_unknown_event_is_told_with_those_that_there_are(project: EvalProject) -> None:
    result = project.run("--evals-notify-on", "regresion")

    result.stderr.fnmatch_lines(
        ["*--evals-notify-on: 'regresion' is none of: regression, recovery, budget. Did you mean 'regression'?"]
    )

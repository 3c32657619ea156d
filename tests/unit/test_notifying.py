"""Sending notifications, to real servers on loopback."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_promptevals.notifying import find_problems, find_receivers, send
from pytest_promptevals.records.notifications import Event, Notification
from tests.support.receivers import HttpReceiver, http_receiver, mail_receiver

TOLD = Notification(Event.REGRESSION, "regressed: evals of shop", "evals/a.eval.yaml <b>\n  [score] regressed: too low")


def send_to(receiver: HttpReceiver, timeout: float = 10.0) -> list[str]:
    receivers, _ = find_receivers([receiver.url], {})
    return send(receivers, TOLD, timeout)


def test_a_web_server_and_a_mailbox_get_title_and_text() -> None:
    with http_receiver() as web, mail_receiver() as mailbox:
        receivers, problems = find_receivers([web.url, mailbox.url], {})
        assert send(receivers, TOLD) == problems == []

    assert (web.received[0]["title"], web.received[0]["message"]) == (TOLD.title, TOLD.body)
    assert web.received[0]["type"] == "failure"
    assert mailbox.received[0]["Subject"] == TOLD.title
    text = mailbox.received[0].get_body(("plain",))
    assert text is not None
    # Some versions of apprise leave one blank of two.
    assert [line.strip() for line in text.get_content().split("\n") if line.strip()] == [
        line.strip() for line in TOLD.body.split("\n")
    ]


def test_a_recovery_is_a_success() -> None:
    with http_receiver() as web:
        receivers, _ = find_receivers([web.url], {})
        send(receivers, Notification(Event.RECOVERY, "recovered", "all of it"))

    assert web.received[0]["type"] == "success"


def test_modules_in_the_users_folder_are_none_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("apprise", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('mine')\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with http_receiver() as web:
        assert send_to(web) == []

    assert [message["title"] for message in web.received] == [TOLD.title]


def shown(web: HttpReceiver) -> str:
    """Where it listens, without the secrets of its URL."""
    return f"json://{urlsplit(web.url).netloc.rpartition('@')[2]}"


def test_what_a_server_refuses_names_its_status_and_no_secret() -> None:
    with http_receiver() as web:
        web.status = 503
        problems = send_to(web)

    assert problems == [f"the notification to {shown(web)} was not sent: it answered with status 503"]


def test_a_server_that_is_away_is_named() -> None:
    with http_receiver() as web:
        pass

    assert send_to(web) == [
        f"the notification to {shown(web)} was not sent: it cannot be reached, or refused it",
    ]


def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    with http_receiver() as web:
        web.may_answer.clear()
        problems = send_to(web, timeout=0.5)
        web.may_answer.set()

    assert problems == [f"the notification to {shown(web)} was not sent: it did not answer within 0.5 s"]


def test_a_process_that_cannot_be_started_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    receivers, _ = find_receivers(["json://localhost"], {})
    (problem,) = send(receivers, TOLD)

    assert problem.startswith("the notification to json://localhost was not sent: no process can be started: ")


def test_variables_stand_for_secrets() -> None:
    receivers, problems = find_receivers(["slack://${TOKEN}/x", "json://host/${TOKEN}"], {"TOKEN": "s3cret"})

    assert [receiver.url for receiver in receivers] == ["slack://s3cret/x", "json://host/s3cret"]
    assert problems == []


def test_logins_from_variables_are_quoted_whatever_they_hold() -> None:
    values = {"USER": "me@x", "PASSWORD": "a/b?c#d@e%20", "WHOLE": "json://a:b@c/d", "TO": "x@y"}
    urls = ["mailto://${USER}:${PASSWORD}@host?to=${TO}", "${WHOLE}", "json://host/${TO}/@"]
    receivers, _ = find_receivers(urls, values)

    assert [(receiver.url, receiver.shown) for receiver in receivers] == [
        ("mailto://me%40x:a%2Fb%3Fc%23d%40e%2520@host?to=x@y", "mailto://host"),
        ("json://a:b@c/d", "${WHOLE}"),
        ("json://host/x@y/@", "json://…"),
    ]


@pytest.mark.parametrize("environment", [{}, {"HOOK": ""}], ids=["unset", "empty"])
def test_a_variable_that_is_not_set_is_named(environment: dict[str, str]) -> None:
    receivers, problems = find_receivers(["${HOOK}"], environment)

    assert receivers == []
    assert problems == ["evals_notify: the environment variable HOOK is not set, so nobody is notified by it"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("jsons://user:pass@hooks.test:8443/s3cret?key=s3cret", "jsons://hooks.test:8443"),
        ("json://[::1]:8443/s3cret", "json://[::1]:8443"),
        ("jsons://user:s3c@ret@hooks.test:8443/x", "jsons://…"),
        ("mailto://evals:Tr0ub@s3cret/3@127.0.0.1?to=team@shop.example", "mailto://…"),
        ("mailto://evals:s3/cret#d@127.0.0.1", "mailto://…"),
        ("mailto://evals:12/3@127.0.0.1", "mailto://…"),
        ("mailto://evals:s3?cret@127.0.0.1", "mailto://…"),
        ("mailto://user:pass@mail.test?to=a@b.test", "mailto://mail.test"),
        ("https://hooks.test/services/s3cret/more", "https://hooks.test"),
        ("slack://s3cret/s3cret", "slack://…"),
        ("tgram://s3cret:more/s3cret", "tgram://…"),
        ("s3cret", "entry 1"),
    ],
)
def test_only_what_is_no_secret_of_a_url_is_shown(url: str, shown: str) -> None:
    (receiver,), _ = find_receivers([url], {})

    assert receiver.shown == shown
    assert "s3cret" not in repr(receiver)


def test_a_url_that_apprise_does_not_know_is_told_beforehand(caplog: pytest.LogCaptureFixture) -> None:
    receivers, _ = find_receivers(["nonsense://x/y", "json://localhost"], {})

    (problem,) = find_problems(receivers)
    assert problem == (
        "evals_notify: nonsense://… is no URL that apprise understands, so nobody is notified by it; its documentation "
        "lists the services and their URLs"
    )
    assert caplog.records == []  # apprise logs the URL
    assert send(receivers[:1], TOLD) == [
        "the notification to nonsense://… was not sent: it is no URL that apprise understands"
    ]


def test_without_the_extra_its_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    receivers, _ = find_receivers(["json://localhost"], {})
    expected = ['notifications need the package apprise; install it with: pip install "pytest-promptevals[notify]"']

    assert find_problems(receivers) == expected
    assert send(receivers, TOLD) == expected
    assert find_problems([]) == []

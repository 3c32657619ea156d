"""The loopback model server refuses what the real servers refuse, and never outlives its tests."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.server_fixture import ModelServer

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"Authorization": "Bearer k"}
ANTHROPIC_HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
USER = [{"role": "user", "content": "Hello"}]
SYSTEM = [{"role": "system", "content": "Hello"}]
CHAT_TOOL = {"type": "function", "function": {"name": "f"}}


def post(server: ModelServer, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    data = json.dumps({"model": "m", **body}).encode()
    request = urllib.request.Request(server.url + path, data=data, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {}),
        ("/v1/chat/completions", {"messages": []}),
        ("/v1/chat/completions", {"messages": [{"role": "robot", "content": "x"}]}),
        ("/v1/chat/completions", {"messages": [{"role": "user"}]}),
        ("/v1/chat/completions", {"messages": USER, "model": ""}),
        ("/v1/chat/completions", {"messages": USER, "tools": [{"name": "f"}]}),
        ("/v1/chat/completions", {"messages": USER, "response_format": {"type": "json_schema"}}),
        ("/v1/responses", {"messages": USER}),
        ("/v1/responses", {"input": USER, "max_tokens": 3}),
        ("/v1/responses", {"input": USER, "tools": [CHAT_TOOL]}),
        ("/v1/responses", {"input": USER, "text": {"format": {"type": "json_schema", "json_schema": {}}}}),
    ],
)
def test_a_request_that_openai_would_refuse_is_refused(
    model_server: ModelServer, path: str, body: dict[str, Any]
) -> None:
    status, answer = post(model_server, path, body, HEADERS)
    assert status == 400
    assert set(answer["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": USER},
        {"max_tokens": 3},
        {"messages": [], "max_tokens": 3},
        {"messages": SYSTEM, "max_tokens": 3},
        {"messages": USER, "max_tokens": 3, "response_format": {"type": "text"}},
        {"messages": USER, "max_tokens": 3, "tools": [{"function": {"name": "f"}}]},
        {"messages": USER, "max_tokens": 3, "tool_choice": "auto"},
        {"messages": USER, "max_tokens": 3, "output_config": {"format": {"type": "json_schema"}}},
    ],
)
def test_a_request_that_anthropic_would_refuse_is_refused(model_server: ModelServer, body: dict[str, Any]) -> None:
    status, answer = post(model_server, "/v1/messages", body, ANTHROPIC_HEADERS)
    assert (status, answer["type"], answer["error"]["type"]) == (400, "error", "invalid_request_error")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/chat/completions", {}),
        ("/v1/responses", {"Authorization": "Bearer bad-key"}),
        ("/v1/messages", {"anthropic-version": "2023-06-01"}),
        ("/v1/messages", {"anthropic-version": "2023-06-01", "Authorization": "Bearer k"}),
    ],
)
def test_a_request_without_a_good_key_is_refused(model_server: ModelServer, path: str, headers: dict[str, str]) -> None:
    assert post(model_server, path, {"messages": USER, "input": USER, "max_tokens": 3}, headers)[0] == 401


def test_answers_that_were_paid_for_are_counted(model_server: ModelServer) -> None:
    model_server.control(faults=[{"match": "fails", "status": 500}, {"match": "breaks", "mode": "truncate"}])
    for text in ("once", "twice", "twice", "fails"):
        post(model_server, "/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}, HEADERS)
    with pytest.raises(http.client.IncompleteRead):
        post(model_server, "/v1/chat/completions", {"messages": [{"role": "user", "content": "breaks"}]}, HEADERS)
    stats = model_server.stats()
    assert (stats["requests"], stats["paid"], stats["duplicates"]) == ({"chat": 5}, 3, 1)


def test_more_than_the_rate_limit_is_refused_until_the_next_window(model_server: ModelServer) -> None:
    model_server.control(rate_limit={"requests": 2, "seconds": 0.5})

    def ask_often() -> list[int]:
        return [post(model_server, "/v1/chat/completions", {"messages": USER}, HEADERS)[0] for _ in range(4)]

    assert ask_often() == [200, 200, 429, 429]
    time.sleep(0.5)
    assert ask_often() == [200, 200, 429, 429]
    assert model_server.stats()["limited"] == 4


def test_a_reset_takes_back_what_was_set(model_server: ModelServer) -> None:
    model_server.control(rate_limit={"requests": 1}, headers={"x-set": "1"}, encoding="gzip")
    model_server.reset()
    statuses = [post(model_server, "/v1/chat/completions", {"messages": USER}, HEADERS)[0] for _ in range(2)]
    assert statuses == [200, 200]
    assert model_server.stats()["paid"] == 2


def test_the_server_ends_with_the_process_that_started_it() -> None:
    code = """
import os
from tests.support.server_fixture import ModelServer
print(ModelServer().start().url, flush=True)
os._exit(0)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    request = urllib.request.Request(result.stdout.strip() + "/__stats")  # noqa: S310 - loopback
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(request, timeout=5)  # noqa: S310 - loopback

"""Our idea of the wire formats against servers that nobody here wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import ProviderStatusError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall
from tests.support.third_party import AIMOCK, FAKELLM, RAIN, ThirdPartyServer, install, running

# Installing a server may take longer than a test may.
pytestmark = pytest.mark.timeout(600)

TOOL = {"type": "function", "function": {"name": "find_order", "parameters": {"type": "object", "properties": {}}}}
KINDS = {"openai": "/v1", "openai-responses": "/v1", "anthropic": ""}


def run_server(server: ThirdPartyServer, factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = install(server, factory.getbasetemp() / "servers")
    with running(server, folder, factory.mktemp("config")) as url:
        yield url


@pytest.fixture(scope="module")
def fakellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_server(FAKELLM, tmp_path_factory)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from run_server(AIMOCK, tmp_path_factory)


@pytest.fixture(
    params=["fakellm openai", "fakellm anthropic", "aimock openai", "aimock openai-responses", "aimock anthropic"]
)
def target(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A type of provider, and the base URL of a server for it."""
    server, _, kind = request.param.partition(" ")
    return kind, request.getfixturevalue(server) + KINDS[kind]


def ask(target: tuple[str, str], *texts: str, **parameters: Any) -> list[Response]:
    kind, url = target
    config = ProviderConfig("third-party", kind, {"base_url": url, "api_key_env": "THIRD_PARTY_KEY"})

    async def run() -> list[Response]:
        provider = pytest_promptevals_providers()[kind](ProviderContext(config, Path()))
        requests = [
            Request("gpt-5-mini", (Message("system", "Be brief."), Message("user", text)), parameters) for text in texts
        ]
        try:
            return list(await asyncio.gather(*(provider.complete(request) for request in requests)))
        finally:
            await provider.close()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIRD_PARTY_KEY", "sk-third-party")


def test_the_answer_comes_back(target: tuple[str, str]) -> None:
    (response,) = ask(target, "What about the weather?", temperature=0, max_tokens=50)
    assert (response.text, response.finish_reason) == (RAIN, "stop")
    assert response.model == "gpt-5-mini"
    assert type(response.usage.input_tokens) is int
    assert type(response.usage.output_tokens) is int
    assert response.usage.reasoning_tokens is None


def test_a_tool_call_comes_back(target: tuple[str, str]) -> None:
    (response,) = ask(target, "Where is my order?", tools=[TOOL])
    (call,) = response.tool_calls
    assert call == ToolCall("find_order", {"id": "A-17"}, call.id)
    assert response.finish_reason == "tool_calls"


def test_a_rate_limit_is_retryable(target: tuple[str, str]) -> None:
    with pytest.raises(ProviderStatusError, match=r"limits how much may be asked \(429: Slow down\)") as caught:
        ask(target, "I ask too often.")
    assert (caught.value.status, caught.value.retryable) == (429, True)


def test_many_calls_at_once_come_back(target: tuple[str, str]) -> None:
    responses = ask(target, *(f"The weather in city {number}?" for number in range(20)))
    assert [response.text for response in responses] == [RAIN] * 20


def test_the_wait_that_the_server_asks_for_is_read(aimock: str) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask(("openai", f"{aimock}/v1"), "I ask too often.")
    assert caught.value.retry_after == 7.0


def test_vectors_asked_for_together_are_those_asked_for_alone(aimock: str) -> None:
    config = ProviderConfig("third-party", "openai", {"base_url": f"{aimock}/v1", "api_key_env": "THIRD_PARTY_KEY"})
    texts = ["Where is my order?", "Where is my parcel?", "It rains."]

    def embed(*wanted: str) -> list[Response]:
        async def run() -> list[Response]:
            provider: Any = pytest_promptevals_providers()["openai"](ProviderContext(config, Path()))
            requests = [
                Request("text-embedding-3-small", (Message("user", text),), kind="embedding") for text in wanted
            ]
            try:
                return list(await asyncio.gather(*(provider.embed(request) for request in requests)))
            finally:
                await provider.close()

        return asyncio.run(run())

    together = [response.embedding for response in embed(*texts)]

    assert together == [embed(text)[0].embedding for text in texts]
    assert len(set(together)) == len(texts)

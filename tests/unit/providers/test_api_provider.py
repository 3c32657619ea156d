from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderStatusError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers import api_provider
from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.api_provider import ApiProvider
from pytest_promptevals.providers.chat_wire import chat_format
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.limits import RateLimits
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message
from tests.unit.providers.endpoints import make_endpoint

REQUEST: Final = Request("m-1", (Message("user", "Größe?"),))
GOOD: Final = json.dumps({"choices": [{"message": {"content": "5 €"}}]}).encode()


class FakeTransport:
    """Answers every request alike, after a while."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None, seconds: float = 0.0) -> None:
        self.answer = Answer(status, "", headers or {}, GOOD)
        self.seconds = seconds
        self.payloads: list[bytes] = []
        self.opened = self.closed = self.most = self.under_way = 0

    async def open(self) -> FakeTransport:
        self.opened += 1
        await asyncio.sleep(0)
        return self

    async def send(self, payload: bytes) -> Answer:
        self.payloads.append(payload)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return self.answer

    async def close(self) -> None:
        self.closed += 1


def provider(
    transport: FakeTransport, *, concurrency: int = 4, told: list[tuple[str, RateLimits]] | None = None
) -> ApiProvider:
    context = ProviderContext(
        ProviderConfig("acme", "openai"),
        Path(),
        concurrency=concurrency,
        timeout=1.0,
        report_limits=lambda model, limits: (told if told is not None else []).append((model, limits)),
    )
    return ApiProvider(transport.open, make_endpoint(), chat_format(is_official=False), context)


def test_a_request_is_sent_as_compact_json() -> None:
    transport = FakeTransport()
    assert asyncio.run(provider(transport).complete(REQUEST)).text == "5 €"
    assert transport.payloads == ['{"model":"m-1","messages":[{"role":"user","content":"Größe?"}]}'.encode()]


def test_the_transport_is_opened_once_for_all_calls() -> None:
    transport = FakeTransport()

    async def ask_often() -> None:
        asked = provider(transport)
        await asyncio.gather(*(asked.complete(REQUEST) for _ in range(5)))
        await asked.close()

    asyncio.run(ask_often())
    assert (transport.opened, transport.closed, len(transport.payloads)) == (1, 1, 5)


def test_a_call_that_is_given_up_leaves_the_opening_to_the_others() -> None:
    transport = FakeTransport()

    async def give_up_and_ask() -> str:
        asked = provider(transport)
        first = asyncio.ensure_future(asked.complete(REQUEST))
        second = asyncio.ensure_future(asked.complete(REQUEST))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).text

    assert asyncio.run(give_up_and_ask()) == "5 €"
    assert transport.opened == 1


def test_a_provider_that_called_nothing_opens_nothing() -> None:
    transport = FakeTransport()
    asyncio.run(provider(transport).close())
    assert (transport.opened, transport.closed) == (0, 0)


def test_a_closed_provider_makes_no_more_calls() -> None:
    async def close_and_ask() -> None:
        asked = provider(FakeTransport())
        await asked.close()
        await asked.complete(REQUEST)

    with pytest.raises(ProviderError) as caught:
        asyncio.run(close_and_ask())
    assert str(caught.value) == "provider 'acme' (evals.yaml:4) was closed and can make no more calls"


def test_a_transport_that_cannot_be_opened_fails_every_call_and_closes() -> None:
    class Broken(FakeTransport):
        async def open(self) -> FakeTransport:
            await super().open()
            raise ProviderConfigError("no certificates")

    transport = Broken()

    async def ask_twice_and_close() -> list[str]:
        asked = provider(transport)
        errors = [str(await asyncio.gather(asked.complete(REQUEST), return_exceptions=True)) for _ in range(2)]
        await asked.close()
        return errors

    assert asyncio.run(ask_twice_and_close()) == ["[ProviderConfigError('no certificates')]"] * 2
    assert (transport.opened, transport.closed) == (1, 0)


def test_the_wait_for_a_connection_is_neither_latency_nor_timed() -> None:
    transport = FakeTransport(seconds=0.3)

    async def ask_in_turn() -> list[float | None]:
        asked = provider(transport, concurrency=1)
        responses = await asyncio.gather(*(asked.complete(REQUEST) for _ in range(5)))
        return [response.latency for response in responses]

    latencies = asyncio.run(ask_in_turn())
    assert transport.most == 1
    assert all(latency is not None and 0.3 <= latency < 0.6 for latency in latencies)


@pytest.mark.parametrize("status", [200, 429])
def test_rate_limits_are_passed_on(status: int) -> None:
    told: list[tuple[str, RateLimits]] = []
    transport = FakeTransport(status, {"x-ratelimit-remaining-requests": "3"})
    asyncio.run(asyncio.wait_for(_outcome(provider(transport, told=told)), 1))
    assert told == [("m-1", RateLimits(requests_remaining=3))]


def test_nothing_is_passed_on_where_no_limits_are_told() -> None:
    told: list[tuple[str, RateLimits]] = []
    asyncio.run(provider(FakeTransport(), told=told).complete(REQUEST))
    assert told == []


async def _outcome(asked: ApiProvider) -> object:
    return (await asyncio.gather(asked.complete(REQUEST), return_exceptions=True))[0]


@pytest.mark.parametrize(("status", "is_answer"), [(200, True), (299, True), (300, False), (404, False)])
def test_only_a_good_status_is_an_answer(status: int, *, is_answer: bool) -> None:
    outcome = asyncio.run(_outcome(provider(FakeTransport(status))))
    assert isinstance(outcome, ProviderStatusError) != is_answer


def test_the_version_of_a_package_that_is_not_installed_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_provider, "_PACKAGE", "no-such-package")
    assert api_provider._user_agent() == "no-such-package/unknown"

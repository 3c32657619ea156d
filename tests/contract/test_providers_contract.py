"""What every provider must do, and what every provider of an API must do."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from pytest_promptevals.errors import ProviderError
from pytest_promptevals.hookspecs import Provider
from pytest_promptevals.records.codec import decode, encode
from pytest_promptevals.records.responses import Response, ToolCall, Usage
from tests.support.applications import SLOW
from tests.support.provider_subjects import API_SUBJECTS, KEY, SUBJECTS, Subject
from tests.support.server_fixture import ModelServer

T = TypeVar("T")

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "find_order", "parameters": SCHEMA}}


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param  # type: ignore[no-any-return] # pytest types params as Any


@pytest.fixture(params=API_SUBJECTS, ids=lambda subject: subject.name)
def api(request: pytest.FixtureRequest) -> Subject:
    return request.param  # type: ignore[no-any-return] # pytest types params as Any


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, model_server: ModelServer) -> None:
    for name, value in {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": model_server.openai_url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": model_server.url,
    }.items():
        monkeypatch.setenv(name, value)


def use(subject: Subject, server: ModelServer, work: Callable[[Provider], Awaitable[T]], **options: Any) -> T:
    """Make a provider, do the work with it, and close it, all on one loop."""

    async def run() -> T:
        provider = subject.make(server, **options)
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(run())


def ask(subject: Subject, server: ModelServer, text: str = "Hello there", **parameters: Any) -> Response:
    return use(subject, server, lambda provider: provider.complete(subject.request(text, **parameters)))


def test_a_call_returns_the_answer(subject: Subject, model_server: ModelServer) -> None:
    assert ask(subject, model_server, "How are you?").text == "How are you?"


def test_the_parts_of_a_response_have_their_types(subject: Subject, model_server: ModelServer) -> None:
    response = ask(subject, model_server)
    assert type(response) is Response
    assert response.tool_calls == ()
    for tokens in (response.usage.input_tokens, response.usage.output_tokens):
        assert tokens is None or type(tokens) is int
    assert response.latency is None or (type(response.latency) is float and response.latency >= 0)
    assert response.refusal is None


def test_a_response_can_be_stored(subject: Subject, model_server: ModelServer) -> None:
    response = ask(subject, model_server, "Größe: 5 €\n\U0001f600")
    assert decode(Response, encode(response)) == response


def test_fifty_calls_at_once_each_get_their_own_answer(subject: Subject, model_server: ModelServer) -> None:
    texts = [f"question {number}" for number in range(50)]

    async def ask_all(provider: Provider) -> list[Response]:
        return list(await asyncio.gather(*(provider.complete(subject.request(text)) for text in texts)))

    assert [response.text for response in use(subject, model_server, ask_all)] == texts


def test_a_cancelled_call_leaves_the_provider_usable(subject: Subject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"match": SLOW, "mode": "hang"}])

    async def cancel_and_ask(provider: Provider) -> Response:
        calls = [asyncio.ensure_future(provider.complete(subject.request(f"{SLOW} {n}"))) for n in range(5)]
        await asyncio.sleep(0.1)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        return await provider.complete(subject.request("again"))

    assert use(subject, model_server, cancel_and_ask).text == "again"


def test_closing_twice_does_no_harm(subject: Subject, model_server: ModelServer) -> None:
    async def close_twice(provider: Provider) -> bool:
        await provider.complete(subject.request())
        await provider.close()
        await provider.close()
        return True

    assert use(subject, model_server, close_twice)


def test_a_failure_is_one_clear_error_without_a_key(subject: Subject, model_server: ModelServer) -> None:
    with pytest.raises(ProviderError) as caught:
        use(subject, model_server, lambda provider: provider.complete(subject.request(is_failing=True)))
    assert len(str(caught.value)) > 20
    assert "\n" not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_failed_call_leaves_the_provider_usable(subject: Subject, model_server: ModelServer) -> None:
    async def fail_and_ask(provider: Provider) -> Response:
        with pytest.raises(ProviderError):
            await provider.complete(subject.request(is_failing=True))
        return await provider.complete(subject.request("again"))

    assert use(subject, model_server, fail_and_ask).text == "again"


def test_each_provider_calls_its_own_api(api: Subject, model_server: ModelServer) -> None:
    ask(api, model_server)
    assert [entry["api"] for entry in model_server.journal()] == [api.api]


def test_latency_is_the_time_that_the_call_took(api: Subject, model_server: ModelServer) -> None:
    model_server.control(latency=0.2)
    latency = ask(api, model_server).latency
    assert latency is not None
    assert 0.2 <= latency < 2


def test_usage_and_the_resolved_model_are_known(api: Subject, model_server: ModelServer) -> None:
    response = ask(api, model_server, "three short words")
    assert (response.usage.input_tokens, response.usage.output_tokens) == (8, 3)
    assert response.usage.cached_tokens == 0
    assert response.model is not None
    assert response.model.startswith("model-1-2026")


def test_unknown_usage_is_none(api: Subject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"usage": {}}])
    assert ask(api, model_server).usage == Usage()


def test_structured_output_is_asked_for_and_returned(api: Subject, model_server: ModelServer) -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA, "strict": True}}
    response = ask(api, model_server, "Oslo", response_format=response_format)
    assert json.loads(response.text) == {"city": "Oslo", "days": 1}
    assert response.finish_reason == "stop"


def test_tool_calls_are_returned(api: Subject, model_server: ModelServer) -> None:
    calls = [{"name": "find_order", "arguments": {"city": "Oslo", "days": 2}}]
    model_server.control(rules=[{"tool_calls": calls}])
    response = ask(
        api, model_server, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "find_order"}}
    )
    (call,) = response.tool_calls
    assert call == ToolCall("find_order", {"city": "Oslo", "days": 2}, call.id)
    assert call.id
    assert (response.text, response.finish_reason) == ("", "tool_calls")


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_finish_reasons_are_in_openais_words(api: Subject, model_server: ModelServer, reason: str) -> None:
    model_server.control(rules=[{"finish_reason": reason}])
    assert ask(api, model_server).finish_reason == reason


def test_a_refusal_is_kept(api: Subject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"refusal": "I cannot help with that."}])
    response = ask(api, model_server)
    assert (response.text, response.refusal) == ("", "I cannot help with that.")


def test_lone_surrogates_are_replaced(api: Subject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"reply": "half \ud83d a pair"}])
    assert ask(api, model_server).text == "half \ufffd a pair"


def test_a_parameter_that_nobody_knows_reaches_the_server(api: Subject, model_server: ModelServer) -> None:
    ask(api, model_server, temperature=0, top_k=3, made_up={"deep": [1, None]})
    body = model_server.journal()[0]["body"]
    assert (body["temperature"], body["top_k"], body["made_up"]) == (0, 3, {"deep": [1, None]})


def test_streaming_is_refused_before_anything_is_sent(api: Subject, model_server: ModelServer) -> None:
    with pytest.raises(ProviderError, match=r"^the parameter 'stream' cannot be set; responses are read whole$"):
        ask(api, model_server, stream=True)
    assert model_server.journal() == []


def test_nothing_is_retried(api: Subject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"status": 503}])
    with pytest.raises(ProviderError, match=r"failed to answer \(503: injected\)"):
        ask(api, model_server)
    assert len(model_server.journal()) == 1


def test_a_timeout_counts_the_whole_call(api: Subject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"mode": "trickle"}])
    with pytest.raises(ProviderError, match=r"gave no answer within 0\.3 s\."):
        use(api, model_server, lambda provider: provider.complete(api.request()), timeout=0.3)


@pytest.mark.parametrize(
    ("fault", "text", "is_retryable"),
    [
        ({"mode": "html"}, "answered with a web page (Welcome to the proxy) instead of JSON", False),
        ({"mode": "text", "body": '{"id": "1", "choi'}, "answered with JSON that is damaged or cut off", True),
        ({"mode": "empty"}, "answered with no ", False),
        ({"mode": "error_body", "message": "out of memory"}, "answered with an error: out of memory", False),
        ({"mode": "body", "body": {}}, "answered with no ", False),
        ({"mode": "body", "body": [None]}, "answered with a JSON list", False),
        ({"mode": "truncate"}, "dropped the connection before its answer was complete", True),
        ({"mode": "close"}, "dropped the connection before its answer was complete", True),
        ({"mode": "reset"}, "dropped the connection before its answer was complete", True),
        ({"status": 429, "retry_after": 7}, "limits how much may be asked (429: injected)", True),
        ({"status": 529}, "failed to answer (529: injected)", True),
        ({"status": 400, "message": "too warm"}, "rejected the request (400: too warm)", False),
        ({"status": 502, "mode": "html"}, "failed to answer (502: Welcome to the proxy)", True),
    ],
    ids=lambda value: value.get("mode") or str(value["status"]) if isinstance(value, dict) else "",
)
def test_what_goes_wrong_is_one_clear_error(
    api: Subject, model_server: ModelServer, fault: dict[str, Any], text: str, *, is_retryable: bool
) -> None:
    model_server.control(faults=[fault])
    with pytest.raises(ProviderError) as caught:
        ask(api, model_server)
    assert text in str(caught.value)
    assert caught.value.retryable == is_retryable
    assert caught.value.retry_after == fault.get("retry_after")


def test_an_unknown_model_is_named_with_the_setting(api: Subject, model_server: ModelServer) -> None:
    with pytest.raises(ProviderError, match=r"has no model 'no-such-model' \(404: .*\)\. Correct 'model:' in the eval"):
        use(api, model_server, lambda provider: provider.complete(api.request(is_failing=True)))

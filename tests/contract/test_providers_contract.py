"""What every provider must do, and what every provider of an API must do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import traceback
from array import array
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from pytest_promptevals.errors import ProviderConnectionError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import Provider
from pytest_promptevals.records.codec import decode, encode
from pytest_promptevals.records.embeddings import decode_vector
from pytest_promptevals.records.limits import RateLimits
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall, Usage
from tests.support.applications import SLOW
from tests.support.model_apis import CHAT, MESSAGES, RESPONSES
from tests.support.provider_subjects import API_SUBJECTS, KEY, SUBJECTS, Subject
from tests.support.server_fixture import ModelServer
from tests.support.word_vectors import word_vector

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


@pytest.mark.parametrize("mode", ["trickle", "endless", "hang"])
def test_a_timeout_counts_the_whole_call(api: Subject, model_server: ModelServer, mode: str) -> None:
    model_server.control(faults=[{"mode": mode}])
    with pytest.raises(ProviderTimeoutError) as caught:
        use(api, model_server, lambda provider: provider.complete(api.request()), timeout=0.3)
    assert str(caught.value) == (
        f"{api.url(model_server)} gave no answer within 0.3 s. Allow more with --evals-timeout, or ask for less."
    )
    assert caught.value.retryable


NOTHING = {"chat": "choices", "responses": "output", "messages": "content"}
WRONG_SERVER = "If that is the wrong server, correct {setting}."
PAGE = f"answered with a web page (Welcome to the proxy) instead of JSON. {WRONG_SERVER}"
CUT_JSON = f"answered with JSON that is damaged or cut off: '…[1,'. {WRONG_SERVER}"
BROKEN = f"answered with an error: out of memory. {WRONG_SERVER}"
A_LIST = f"answered with a JSON list where an object should be. {WRONG_SERVER}"
NO_HTTP = f"answered with something that is no HTTP. {WRONG_SERVER}"
DROPPED = "dropped the connection before its answer was complete. Try again."
FAILED = "failed to answer ({status}: injected). Try again."
FAILED_PAGE = "failed to answer ({status}: Welcome to the proxy). Try again."
REJECTED = "rejected the request (400: injected). Correct the prompt or the parameters."
LIMITED = (
    "limits how much may be asked (429: injected). Try again later, or set 'requests_per_minute' or "
    "'tokens_per_minute' of {provider}."
)


@pytest.mark.parametrize(
    ("fault", "text", "meaning"),
    [
        ({"mode": "html"}, PAGE, ""),
        ({"mode": "text", "body": "[1,"}, CUT_JSON, "retry"),
        ({"mode": "text", "body": ""}, f"answered with nothing. {WRONG_SERVER}", "retry"),
        ({"mode": "empty"}, f"answered with no {{nothing}}. {WRONG_SERVER}", ""),
        ({"mode": "error_body", "message": "out of memory"}, BROKEN, "retry"),
        ({"mode": "body", "body": {}}, f"answered with no {{nothing}}. {WRONG_SERVER}", ""),
        ({"mode": "body", "body": [None]}, A_LIST, ""),
        ({"mode": "badly_packed"}, "sent an answer that cannot be unpacked. Try again.", "retry"),
        ({"mode": "garbled"}, NO_HTTP, ""),
        *(({"mode": mode}, DROPPED, "retry") for mode in ("truncate", "cut", "close", "reset", "reset_within")),
        ({"status": 400}, REJECTED, ""),
        *(({"status": status}, FAILED, "retry") for status in (408, 409, 425, 500, 502, 503, 504)),
        *(({"status": status, "mode": "html"}, FAILED_PAGE, "retry") for status in (502, 503, 504)),
        ({"status": 503, "retry_after": 7}, FAILED, "retry overload"),
        ({"status": 529}, FAILED, "retry overload"),
        ({"status": 429}, LIMITED, "retry overload"),
        ({"status": 429, "retry_after": 7}, LIMITED, "retry overload"),
        ({"mode": "overloaded"}, "failed to answer ({overloaded}). Try again.", "retry overload"),
        (
            {"mode": "exhausted"},
            "grants this account no more calls ({exhausted}). Check its plan and its bills.",
            "exhausted",
        ),
    ],
    ids=lambda value: "-".join(str(item) for item in value.values()) if isinstance(value, dict) else "",
)
def test_what_goes_wrong_is_one_clear_error(
    api: Subject, model_server: ModelServer, fault: dict[str, Any], text: str, meaning: str
) -> None:
    model_server.control(faults=[fault])
    with pytest.raises(ProviderError) as caught:
        ask(api, model_server)
    error = caught.value
    spoken = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}[api.api or ""]
    wanted = text.format(
        setting=api.url_setting,
        provider=api.shown,
        status=fault.get("status"),
        nothing=NOTHING[spoken.name],
        overloaded=f"{spoken.overloaded.status}: {spoken.overloaded.message}",
        exhausted=f"{spoken.exhausted.status}: {spoken.exhausted.message}",
    )
    assert str(error) == f"{api.url(model_server)} {wanted}"
    flags = {"retry": error.retryable, "overload": error.is_overload, "exhausted": error.is_exhausted}
    assert [name for name, is_set in flags.items() if is_set] == meaning.split()
    assert error.retry_after == fault.get("retry_after")
    assert not isinstance(error, ProviderConnectionError) or error.was_sent
    assert KEY not in "".join(traceback.format_exception(error))


def test_a_filtered_answer_is_a_response(api: Subject, model_server: ModelServer) -> None:
    model_server.control(rules=[{"reply": "", "finish_reason": "content_filter"}])
    response = ask(api, model_server)
    assert (response.text, response.finish_reason) == ("", "content_filter")


def test_a_packed_answer_is_unpacked(api: Subject, model_server: ModelServer) -> None:
    model_server.control(encoding="gzip")
    assert ask(api, model_server, "Hello " * 100).text == "Hello " * 100


def test_a_long_prompt_is_sent_and_answered(api: Subject, model_server: ModelServer) -> None:
    text = "0123456789" * 200_000
    assert ask(api, model_server, text).text == text


@pytest.mark.parametrize("is_limited", [False, True])
def test_rate_limits_are_told(api: Subject, model_server: ModelServer, *, is_limited: bool) -> None:
    told: list[tuple[str, RateLimits]] = []
    # The reset of Anthropic is a date without a fraction.
    model_server.control(rate_limit={"requests": 1, "seconds": 30, "is_announced": True})

    async def ask_twice(provider: Provider) -> object:
        await provider.complete(api.request())
        return await provider.complete(api.request()) if is_limited else None

    with pytest.raises(ProviderError, match="limits how much may") if is_limited else contextlib.nullcontext():
        use(api, model_server, ask_twice, report_limits=lambda model, limits: told.append((model, limits)))
    assert len(told) == 1 + is_limited
    for model, limits in told:
        assert (model, limits.requests_limit, limits.requests_remaining) == (api.model, 1, 0)
        assert limits.requests_reset is not None
        assert 25 < limits.requests_reset <= 30


def test_an_unknown_model_is_named_with_the_setting(api: Subject, model_server: ModelServer) -> None:
    with pytest.raises(
        ProviderError, match=r"has no model 'no-such-model' \(404: .*\)\. Correct the name of the model"
    ):
        use(api, model_server, lambda provider: provider.complete(api.request(is_failing=True)))


@pytest.fixture(params=[item for item in API_SUBJECTS if item.api != "messages"], ids=lambda subject: subject.name)
def embedder(request: pytest.FixtureRequest) -> Subject:
    return request.param  # type: ignore[no-any-return] # pytest types params as Any


def embed(subject: Subject, server: ModelServer, *texts: str, model: str = "vectors", **settings: Any) -> list[Any]:
    async def embed_all(provider: Any) -> list[Any]:
        wanted = [Request(model, (Message("user", text),), kind="embedding") for text in texts]
        return await asyncio.gather(*(provider.embed(item) for item in wanted), return_exceptions=True)

    return use(subject, server, embed_all, **settings)


def test_texts_become_vectors_in_one_request_however_it_gets_there(
    embedder: Subject, model_server: ModelServer
) -> None:
    texts = [f"text number {number}" for number in range(20)]

    responses = embed(embedder, model_server, *texts)

    assert [list(decode_vector(item.embedding)) for item in responses] == [
        list(array("f", word_vector(text))) for text in texts
    ]
    assert sum(item.usage.input_tokens for item in responses) == 60
    (sent,) = model_server.journal()
    assert (sent["api"], sent["body"]["input"]) == ("embeddings", texts)
    assert decode(Response, encode(responses[0])) == responses[0]


def test_a_vector_that_is_not_there_is_one_clear_error(embedder: Subject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"mode": "empty"}])

    outcomes = embed(embedder, model_server, "a", "b")

    assert [type(outcome) for outcome in outcomes] == [ProviderError] * 2
    assert "answered with 0 vectors to 2 texts" in str(outcomes[0])


def test_vectors_of_an_unknown_model_name_the_setting(embedder: Subject, model_server: ModelServer) -> None:
    (outcome,) = embed(embedder, model_server, "a", model="no-such-model")

    assert "has no model 'no-such-model' (404: " in str(outcome)


def test_the_rate_limits_of_vectors_are_told(embedder: Subject, model_server: ModelServer) -> None:
    told: list[str] = []
    model_server.control(rate_limit={"requests": 1, "seconds": 30, "is_announced": True})

    embed(embedder, model_server, "a", "b", report_limits=lambda model, _: told.append(model))

    assert told == ["vectors"]


def test_providers_that_make_no_vectors_have_no_method_for_it(subject: Subject, model_server: ModelServer) -> None:
    assert hasattr(subject.make(model_server), "embed") is (subject.api in {"chat", "responses"})

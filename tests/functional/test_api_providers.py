"""What the providers of APIs send, and to whom: keys, headers, parameters, connections."""

from __future__ import annotations

import asyncio
import importlib.metadata
import traceback
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_promptevals.errors import (
    ProviderConfigError,
    ProviderError,
    ProviderStatusError,
)
from pytest_promptevals.hookspecs import Provider, ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from tests.support.server_fixture import ModelServer

KEY: Final = "sk-functional-0123456789"
PROMPT: Final = (Message("user", "Hello"),)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, model_server: ModelServer) -> None:
    """An environment full of credentials that must only go where they belong."""
    for name, value in {
        "OPENAI_API_KEY": KEY,
        "OPENAI_ADMIN_KEY": "sk-admin-of-the-environment",
        "OPENAI_ORG_ID": "org-environment",
        "OPENAI_PROJECT_ID": "project-environment",
        "OPENAI_CUSTOM_HEADERS": "X-Gateway: token-of-the-gateway",
        "OPENAI_BASE_URL": model_server.openai_url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_AUTH_TOKEN": "token-environment",
        "ANTHROPIC_CUSTOM_HEADERS": "authorization: Bearer stray\nX-Gateway: token-of-the-gateway",
        "ANTHROPIC_BASE_URL": model_server.url,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["lean", "sdk"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both ways to a server: what goes over them is the same."""
    way: str = request.param
    return way


def make(kind: str, *, concurrency: int = 50, **options: Any) -> Provider:
    location = Location("evals/evals.yaml", 4) if options else None
    config = ProviderConfig("mine" if options else kind, kind, options, location)
    return pytest_promptevals_providers()[kind](ProviderContext(config, Path(), concurrency=concurrency, timeout=5.0))


def ask(kind: str, model: str = "model-1", parameters: dict[str, Any] | None = None, **options: Any) -> Response:
    async def run() -> Response:
        provider = make(kind, **options)
        try:
            return await provider.complete(Request(model, PROMPT, parameters or {}))
        finally:
            await provider.close()

    return asyncio.run(run())


def sent(server: ModelServer) -> tuple[dict[str, str], dict[str, Any]]:
    (entry,) = server.journal()
    return entry["headers"], entry["body"]


def test_openai_gets_its_key_and_what_the_environment_holds_for_it(model_server: ModelServer, transport: str) -> None:
    ask("openai", transport=transport)
    headers, _ = sent(model_server)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-organization"] == "org-environment"
    assert headers["openai-project"] == "project-environment"
    assert headers["x-gateway"] == "token-of-the-gateway"
    assert headers["user-agent"] == f"pytest-promptevals/{importlib.metadata.version('pytest-promptevals')}"


@pytest.mark.parametrize("kind", ["openai", "openai-responses"])
def test_a_given_server_gets_nothing_of_the_environment(model_server: ModelServer, kind: str, transport: str) -> None:
    ask(kind, base_url=model_server.open_url, transport=transport)
    headers, _ = sent(model_server)
    assert not {"authorization", "openai-organization", "openai-project", "x-gateway"} & headers.keys()


def test_a_given_server_gets_what_its_options_say(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine-12345")
    ask(
        "openai",
        base_url=model_server.openai_url,
        api_key_env="MY_KEY",
        organization="org-mine",
        project="project-mine",
        headers={"X-Tenant": "t1"},
        transport=transport,
    )
    headers, _ = sent(model_server)
    assert headers["authorization"] == "Bearer sk-mine-12345"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-mine", "project-mine")
    assert headers["x-tenant"] == "t1"


def test_what_the_user_wrote_goes_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, model_server: ModelServer, transport: str
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "OPENAI-project: custom\nx-gateway: 1\nopenai-organization: custom")
    ask("openai", organization="org-mine", headers={"X-GATEWAY": "2"}, transport=transport)
    headers, _ = sent(model_server)
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-mine", "custom")
    assert headers["x-gateway"] == "2"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_header_of_the_user_goes_over_the_key(model_server: ModelServer, name: str, transport: str) -> None:
    ask("openai", headers={name: "Bearer own-token"}, transport=transport)
    assert sent(model_server)[0]["authorization"] == "Bearer own-token"


def test_a_header_of_the_user_stands_in_for_a_key(model_server: ModelServer, transport: str) -> None:
    ask("openai", base_url=model_server.openai_url, headers={"authorization": "Bearer own"}, transport=transport)
    assert sent(model_server)[0]["authorization"] == "Bearer own"


def test_anthropic_gets_its_key_and_no_other_credential(model_server: ModelServer, transport: str) -> None:
    ask("anthropic", transport=transport)
    headers, _ = sent(model_server)
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["x-gateway"] == "token-of-the-gateway"
    assert "authorization" not in headers


def test_a_given_server_of_anthropics_api_gets_no_key(model_server: ModelServer, transport: str) -> None:
    ask("anthropic", base_url=f"{model_server.url}/open", transport=transport)
    headers, _ = sent(model_server)
    assert not {"authorization", "x-api-key", "x-gateway"} & headers.keys()


def test_another_version_of_anthropics_api_may_be_asked_for(model_server: ModelServer, transport: str) -> None:
    ask("anthropic", headers={"Anthropic-Version": "2099-01-01"}, transport=transport)
    assert sent(model_server)[0]["anthropic-version"] == "2099-01-01"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_user_and_password_of_an_address_are_sent_as_such(model_server: ModelServer, kind: str, transport: str) -> None:
    path = "open" if kind == "anthropic" else "open/v1"
    url = f"http://user:secret@127.0.0.1:{model_server.port}/{path}?version=1&x=%20y"
    ask(kind, base_url=url, transport=transport)
    (entry,) = model_server.journal()
    assert entry["headers"]["authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert entry["query"] == {"version": "1", "x": " y"}


def test_both_transports_send_the_same_body(model_server: ModelServer) -> None:
    parameters = {"temperature": 0.1, "stop": ["Größe", "\U0001f600"], "made_up": {"deep": [1, None, 1e30]}}
    for transport in ("lean", "sdk"):
        ask("openai", parameters=parameters, transport=transport)
    assert model_server.stats()["duplicates"] == 1


def test_a_given_server_gets_max_tokens_as_written(model_server: ModelServer) -> None:
    ask("openai", parameters={"max_tokens": 7}, base_url=model_server.open_url)
    assert sent(model_server)[1]["max_tokens"] == 7


def test_the_responses_api_may_be_chosen_by_an_option(model_server: ModelServer) -> None:
    ask("openai", parameters={"max_tokens": 7}, base_url=model_server.open_url, api="responses")
    ask("openai-responses", parameters={"max_tokens": 7}, base_url=model_server.open_url, api="chat")
    responses, chat = model_server.journal()
    assert (responses["api"], responses["body"]["max_output_tokens"]) == ("responses", 7)
    assert (chat["api"], chat["body"]["max_tokens"]) == ("chat", 7)


def test_as_many_calls_run_at_once_as_there_may_be_and_waiting_is_no_latency(
    model_server: ModelServer, transport: str
) -> None:
    model_server.control(latency=0.5)

    async def ask_often() -> list[Response]:
        provider = make("openai", concurrency=10, transport=transport)
        responses = await asyncio.gather(*(provider.complete(Request("model-1", PROMPT)) for _ in range(30)))
        await provider.close()
        return list(responses)

    latencies = [response.latency for response in asyncio.run(ask_often())]
    stats = model_server.stats()
    assert (stats["requests"], stats["max_concurrency"]) == ({"chat": 30}, 10)
    assert all(latency is not None and 0.5 <= latency < 1.0 for latency in latencies)


def test_an_answer_with_a_very_long_header_is_read(model_server: ModelServer, transport: str) -> None:
    model_server.control(headers={"x-policy": "a" * 20_000})
    assert ask("openai", transport=transport).text == "Hello"


def test_the_lean_transport_asks_for_answers_that_are_not_packed(model_server: ModelServer) -> None:
    ask("openai", transport="lean")
    headers, _ = sent(model_server)
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


def test_connections_are_used_again(model_server: ModelServer, transport: str) -> None:
    async def ask_in_turn() -> None:
        provider = make("openai", concurrency=4, transport=transport)
        for _ in range(3):
            await asyncio.gather(*(provider.complete(Request("model-1", PROMPT)) for _ in range(4)))
        await provider.close()

    asyncio.run(ask_in_turn())
    assert model_server.stats()["connections"] <= 4


@pytest.mark.parametrize(("kind", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")])
def test_a_refused_key_names_its_variable_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, kind: str, variable: str, transport: str
) -> None:
    monkeypatch.setenv(variable, "bad-key")
    with pytest.raises(ProviderStatusError, match=rf"refused the key in {variable} \(401: .*\*\*\*.*\)") as caught:
        ask(kind, transport=transport)
    assert "bad-key" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("kind", "path"), [("openai", "/v1"), ("anthropic", "")])
def test_a_server_that_wants_a_key_names_the_option(model_server: ModelServer, kind: str, path: str) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask(kind, base_url=model_server.url + path)
    assert "wants a key (401: " in str(caught.value)
    assert "as 'api_key_env' of provider 'mine' (evals/evals.yaml:4)." in str(caught.value)


@pytest.mark.parametrize("kind", ["openai", "openai-responses", "anthropic"])
def test_a_missing_key_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, model_server: ModelServer, kind: str
) -> None:
    variable = "ANTHROPIC_API_KEY" if kind == "anthropic" else "OPENAI_API_KEY"
    monkeypatch.delenv(variable)
    with pytest.raises(ProviderConfigError, match=f"the environment variable {variable} is not set"):
        ask(kind)
    assert model_server.journal() == []


def test_a_wrong_path_names_the_setting(model_server: ModelServer, transport: str) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai", base_url=f"{model_server.url}/nowhere", transport=transport)
    assert str(caught.value) == (
        f"{model_server.url}/nowhere has no such API (404: 404: Not Found). "
        "Correct 'base_url' of provider 'mine' (evals/evals.yaml:4)."
    )


def test_a_redirect_is_not_followed(model_server: ModelServer, transport: str) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai", base_url=f"{model_server.url}/moved", transport=transport)
    assert str(caught.value).startswith(f"{model_server.url}/moved has moved (301: Moved Permanently). Correct ")
    assert model_server.journal() == []


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"retry_after_ms": 1500}, 1.5),
        ({"retry_after": "Wed, 21 Oct 2015 12:01:30 GMT", "headers": {"date": "Wed, 21 Oct 2015 12:00:00 GMT"}}, 90),
    ],
)
def test_a_wait_is_read_in_every_form(
    model_server: ModelServer, fault: dict[str, Any], seconds: float, transport: str
) -> None:
    model_server.control(faults=[{"status": 429, **fault}])
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai", transport=transport)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("parameters", [{"temperature": float("nan")}, {"made_up": "\ud800"}])
def test_what_no_request_can_hold_is_one_clear_error(parameters: dict[str, Any], transport: str) -> None:
    with pytest.raises(ProviderError, match=r"^the call of http://.*/v1 failed: (Value|UnicodeEncode)Error: "):
        ask("openai", parameters=parameters, transport=transport)


def test_an_unknown_api_is_refused(model_server: ModelServer) -> None:
    with pytest.raises(ProviderConfigError, match=r"'api' is 'respones'\. Did you mean 'responses'\?$"):
        ask("openai", base_url=model_server.open_url, api="respones")


def test_anthropic_has_no_option_api(model_server: ModelServer) -> None:
    with pytest.raises(ProviderConfigError, match="unknown option 'api'"):
        ask("anthropic", base_url=model_server.url, api="chat")


@pytest.mark.filterwarnings("error")
def test_a_model_that_the_sdk_warns_about_is_called_all_the_same(model_server: ModelServer) -> None:
    from anthropic.resources.messages.messages import DEPRECATED_MODELS  # noqa: PLC0415 - the SDK takes seconds

    model = next(iter(DEPRECATED_MODELS))
    assert ask("anthropic", model=model, transport="sdk").text == "Hello"

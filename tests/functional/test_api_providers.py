"""What the providers of APIs send, and to whom: keys, headers, parameters, connections."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_promptevals.errors import (
    ProviderConfigError,
    ProviderConnectionError,
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


def test_openai_gets_its_key_and_what_the_environment_holds_for_it(model_server: ModelServer) -> None:
    ask("openai")
    headers, _ = sent(model_server)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-organization"] == "org-environment"
    assert headers["openai-project"] == "project-environment"


@pytest.mark.parametrize("kind", ["openai", "openai-responses"])
def test_a_given_server_gets_nothing_of_the_environment(model_server: ModelServer, kind: str) -> None:
    ask(kind, base_url=model_server.open_url)
    headers, _ = sent(model_server)
    assert not {"authorization", "openai-organization", "openai-project", "x-gateway"} & headers.keys()


def test_a_given_server_gets_what_its_options_say(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine-12345")
    ask(
        "openai",
        base_url=model_server.openai_url,
        api_key_env="MY_KEY",
        organization="org-mine",
        project="project-mine",
        headers={"X-Tenant": "t1"},
    )
    headers, _ = sent(model_server)
    assert headers["authorization"] == "Bearer sk-mine-12345"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-mine", "project-mine")
    assert headers["x-tenant"] == "t1"


def test_a_header_of_the_user_goes_over_the_key(model_server: ModelServer) -> None:
    ask("openai", headers={"authorization": "Bearer own-token"})
    assert sent(model_server)[0]["authorization"] == "Bearer own-token"


def test_anthropic_gets_its_key_and_no_other_credential(model_server: ModelServer) -> None:
    ask("anthropic")
    headers, _ = sent(model_server)
    assert headers["x-api-key"] == KEY
    assert "authorization" not in headers


def test_a_given_server_of_anthropics_api_gets_no_key(model_server: ModelServer) -> None:
    ask("anthropic", base_url=f"{model_server.url}/open")
    headers, _ = sent(model_server)
    assert not {"authorization", "x-api-key", "x-gateway"} & headers.keys()


def test_a_given_server_gets_max_tokens_as_written(model_server: ModelServer) -> None:
    ask("openai", parameters={"max_tokens": 7}, base_url=model_server.open_url)
    assert sent(model_server)[1]["max_tokens"] == 7


def test_the_responses_api_may_be_chosen_by_an_option(model_server: ModelServer) -> None:
    ask("openai", parameters={"max_tokens": 7}, base_url=model_server.open_url, api="responses")
    ask("openai-responses", parameters={"max_tokens": 7}, base_url=model_server.open_url, api="chat")
    responses, chat = model_server.journal()
    assert (responses["api"], responses["body"]["max_output_tokens"]) == ("responses", 7)
    assert (chat["api"], chat["body"]["max_tokens"]) == ("chat", 7)


def test_as_many_calls_run_at_once_as_there_may_be(model_server: ModelServer) -> None:
    model_server.control(latency=0.3)

    async def ask_often() -> None:
        provider = make("openai", concurrency=40)
        await asyncio.gather(*(provider.complete(Request("model-1", PROMPT)) for _ in range(60)))
        await provider.close()

    asyncio.run(ask_often())
    assert model_server.stats() == {"requests": {"chat": 60}, "max_concurrency": 40}


@pytest.mark.parametrize(("kind", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")])
def test_a_refused_key_names_its_variable_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, kind: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "bad-key")
    with pytest.raises(ProviderStatusError, match=rf"refused the key in {variable} \(401: .*\*\*\*.*\)") as caught:
        ask(kind)
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


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_refused_connection_names_the_address_and_the_setting(kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(ProviderConnectionError) as caught:
            ask(kind, base_url=url)
    assert str(caught.value).startswith(f"{url} cannot be reached (")
    assert str(caught.value).endswith(
        "). Start the server, or correct 'base_url' of provider 'mine' (evals/evals.yaml:4)."
    )


def test_a_wrong_path_names_the_setting(model_server: ModelServer) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai", base_url=f"{model_server.url}/nowhere")
    assert str(caught.value) == (
        f"{model_server.url}/nowhere has no such API (404: 404: Not Found). "
        "Correct 'base_url' of provider 'mine' (evals/evals.yaml:4)."
    )


def test_a_redirect_is_not_followed(model_server: ModelServer) -> None:
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai", base_url=f"{model_server.url}/moved")
    assert str(caught.value).startswith(f"{model_server.url}/moved has moved (301: Moved Permanently). Correct ")
    assert model_server.journal() == []


def test_a_wait_in_milliseconds_is_read(model_server: ModelServer) -> None:
    model_server.control(faults=[{"status": 429, "retry_after_ms": 1500}])
    with pytest.raises(ProviderStatusError) as caught:
        ask("openai")
    assert caught.value.retry_after == 1.5


@pytest.mark.parametrize("parameters", [{"temperature": float("nan")}, {"made_up": "\ud800"}])
def test_what_no_request_can_hold_is_one_clear_error(parameters: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match=r"^the call of http://.*/v1 failed: (Value|UnicodeEncode)Error: "):
        ask("openai", parameters=parameters)


def test_a_provider_that_was_closed_is_one_clear_error() -> None:
    async def ask_closed() -> None:
        provider = make("openai")
        await provider.close()
        await provider.complete(Request("model-1", PROMPT))

    with pytest.raises(ProviderError):
        asyncio.run(ask_closed())


def test_an_unknown_api_is_refused(model_server: ModelServer) -> None:
    with pytest.raises(ProviderConfigError, match=r"'api' is 'respones'\. Did you mean 'responses'\?$"):
        ask("openai", base_url=model_server.open_url, api="respones")


def test_anthropic_has_no_option_api(model_server: ModelServer) -> None:
    with pytest.raises(ProviderConfigError, match="unknown option 'api'"):
        ask("anthropic", base_url=model_server.url, api="chat")


def test_an_openai_provider_does_not_import_the_other_sdk() -> None:
    code = """
import pathlib, sys
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import ProviderConfig
pytest_promptevals_providers()["openai"](ProviderContext(ProviderConfig("openai", "openai"), pathlib.Path()))
assert "openai" in sys.modules
print("anthropic" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.filterwarnings("error")
def test_a_model_that_the_sdk_warns_about_is_called_all_the_same(model_server: ModelServer) -> None:
    from anthropic.resources.messages.messages import DEPRECATED_MODELS  # noqa: PLC0415 - the SDK takes seconds

    model = next(iter(DEPRECATED_MODELS))
    assert ask("anthropic", model=model).text == "Hello"

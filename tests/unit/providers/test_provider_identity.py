from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import ProviderConfig

OPENAI = "https://api.openai.com/v1"


@pytest.fixture(autouse=True)
def _no_keys(clean_environment: None) -> None:
    """Nothing here may need a key."""


def identify(kind: str, **options: Any) -> object:
    factory: Any = pytest_promptevals_providers()[kind]
    return factory.identify(ProviderContext(ProviderConfig("mine", kind, options), Path()))


@pytest.mark.parametrize(
    ("kind", "identity"),
    [
        ("openai", {"base_url": OPENAI, "api": "chat"}),
        ("openai-responses", {"base_url": OPENAI, "api": "responses"}),
        ("anthropic", {"base_url": "https://api.anthropic.com"}),
        ("python", None),
        ("recorded", None),
        ("scripted", None),
    ],
)
def test_a_provider_is_its_address_and_its_api(kind: str, identity: object) -> None:
    assert identify(kind) == identity


def test_the_api_may_be_chosen_by_an_option() -> None:
    assert identify("openai", api="responses") == identify("openai-responses")
    assert identify("openai-responses", api="chat") == identify("openai")


def test_another_address_is_another_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway:1/")
    assert identify("anthropic") == {"base_url": "http://gateway:1"}
    assert identify("anthropic", base_url="http://other:1") == {"base_url": "http://other:1"}


def test_what_decides_no_answer_is_no_part_of_it() -> None:
    options = {"api_key_env": "NOT_SET", "organization": "o", "project": "p", "transport": "sdk", "headers": {"X": "1"}}
    assert identify("openai", **options) == identify("openai")


def test_an_address_has_one_spelling_and_no_secrets() -> None:
    identity = identify("anthropic", base_url="https://user:password@Host.TEST:8/Path/?key=1#x")
    assert identity == {"base_url": "https://host.test:8/Path"}


def test_a_bad_option_is_said() -> None:
    with pytest.raises(ProviderConfigError, match=r"'api' is 'chatt'\. Did you mean 'chat'\?"):
        identify("openai", api="chatt")
    with pytest.raises(ProviderConfigError, match="is no address of a server"):
        identify("anthropic", base_url="localhost")

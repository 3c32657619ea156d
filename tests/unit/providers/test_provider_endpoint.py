from __future__ import annotations

from typing import Any, Final

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.endpoint import Address, Endpoint, read_address, read_endpoint
from pytest_promptevals.providers.families import ApiFamily
from pytest_promptevals.records.cases import Location, ProviderConfig

FAMILY: Final = ApiFamily(
    sdk="acme",
    sdk_headers=("Authorization",),
    default_url="https://api.acme.test/v1",
    key_variable="ACME_KEY",
    url_variable="ACME_URL",
    headers_variable="ACME_HEADERS",
    options=("base_url", "api_key_env", "headers"),
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "key-of-acme")
    for name in ("ACME_URL", "ACME_HEADERS", "OTHER_KEY"):
        monkeypatch.delenv(name, raising=False)


def read(**options: Any) -> Endpoint:
    location = Location("evals/evals.yaml", 4) if options else None
    return read_endpoint(ProviderConfig("acme", "acme", options, location), FAMILY)


def problem(**options: Any) -> str:
    with pytest.raises(ProviderConfigError) as caught:
        read(**options)
    return str(caught.value)


def test_a_built_in_provider_has_the_familys_address_and_key() -> None:
    endpoint = read()
    assert endpoint.address == Address(FAMILY.default_url, is_given=False, is_official=True)
    assert (endpoint.key, endpoint.key_variable) == ("key-of-acme", "ACME_KEY")
    assert endpoint.url_setting == "the environment variable ACME_URL"


def test_the_environment_may_name_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", " http://localhost:1/v1 ")
    endpoint = read()
    assert endpoint.address == Address("http://localhost:1/v1", is_given=False, is_official=False)
    assert endpoint.key == "key-of-acme"


def test_the_official_address_is_known_with_a_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", f"{FAMILY.default_url}/")
    assert read().address.is_official


def test_a_given_address_gets_neither_key_nor_headers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", "http://localhost:1/v1")
    monkeypatch.setenv("ACME_HEADERS", "X-Token: secret\nX-Other : 1")
    endpoint = read(base_url="http://localhost:2/v1", headers={"X-Own": "1"})
    assert endpoint.address == Address("http://localhost:2/v1", is_given=True, is_official=False)
    assert (endpoint.key, endpoint.key_variable) == (None, None)
    assert (endpoint.headers, endpoint.environment_headers) == ({"X-Own": "1"}, {})
    assert endpoint.url_setting == "'base_url' of provider 'acme' (evals/evals.yaml:4)"


def test_headers_of_the_environment_go_to_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_HEADERS", "X-Token: secret-1")
    endpoint = read(headers={"X-Own": "1"})
    assert (endpoint.headers, endpoint.environment_headers) == ({"X-Own": "1"}, {"X-Token": "secret-1"})
    assert endpoint.hide_secrets("wrong token: secret-1") == "wrong token: ***"


def test_an_address_is_read_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_KEY")
    assert read_address(ProviderConfig("acme", "acme"), FAMILY).url == FAMILY.default_url


@pytest.mark.parametrize(
    ("url", "joined"),
    [
        ("http://host/v1", "http://host/v1/chat"),
        ("http://host/v1/", "http://host/v1/chat"),
        ("http://host", "http://host/chat"),
        ("http://user:password@host:8/v1?version=2&x=%20#part", "http://host:8/v1/chat?version=2&x=%20"),
    ],
)
def test_paths_are_appended_to_the_address(url: str, joined: str) -> None:
    assert Address(url, is_given=True, is_official=False).join("/chat") == joined


def test_a_named_variable_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", " other \n")
    endpoint = read(base_url="http://localhost:2/v1", api_key_env="OTHER_KEY")
    assert (endpoint.key, endpoint.key_variable) == ("other", "OTHER_KEY")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ACME_KEY") if value is None else monkeypatch.setenv("ACME_KEY", value)
    assert problem() == (
        "provider 'acme' needs a key, and the environment variable ACME_KEY is not set. "
        "Set it, or name another variable with 'api_key_env'."
    )


@pytest.mark.parametrize("key", ["two\nlines", "sk-\u2026", "a\x00b"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr("os.environ", {"ACME_KEY": key})
    assert problem() == (
        "provider 'acme': the key in the environment variable ACME_KEY holds a character that no key has, such as a "
        "line break. Correct it."
    )


def test_an_unknown_option_gets_the_nearest_known_one() -> None:
    assert problem(base_ulr="x") == (
        "provider 'acme' (evals/evals.yaml:4): unknown option 'base_ulr'. Did you mean 'base_url'?"
    )


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://a/b", "http://", "http://a b/", "http://a:99999/", "http://[x/"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert problem(base_url=url) == (
        f"provider 'acme' (evals/evals.yaml:4): {url!r} is no address of a server; "
        "write one such as 'http://localhost:8000/v1'"
    )


def test_a_bad_address_does_not_show_its_password() -> None:
    assert "'htp://host/v1' is no address" in problem(base_url="htp://user:secret@host/v1")


@pytest.mark.parametrize("value", [3, "", " ", ["x"]])
def test_an_option_that_is_no_text_is_refused(value: Any) -> None:
    assert problem(base_url=value) == f"provider 'acme' (evals/evals.yaml:4): 'base_url' is {value!r}; write a text"


def test_messages_show_neither_keys_nor_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "from-environment")
    headers = {"Authorization": "Bearer literal-token", "X-Mine": "env:OTHER_KEY", "X-Team": "evaluators"}
    endpoint = read(base_url="http://user:pass%2Bword@host/v1?token=a", api_key_env="ACME_KEY", headers=headers)
    text = "key-of-acme literal-token from-environment pass%2Bword pass+word dXNlcjpwYXNzK3dvcmQ= evaluators Bearer"
    assert endpoint.hide_secrets(text) == "*** *** *** *** *** *** evaluators Bearer"
    assert endpoint.hide_secrets("Basic auth") == "Basic auth"
    assert endpoint.shown_url == "http://host/v1"


@pytest.mark.parametrize("name", ["X-Api-Key", "authorization", "X-Access-Token", "Cookie", "X-Client-Secret"])
def test_a_header_with_the_name_of_a_secret_holds_one(name: str) -> None:
    assert read(headers={name: "abcd-1"}).hide_secrets("abcd-1") == "***"


def test_a_key_that_begins_like_another_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "token")
    monkeypatch.setenv("OTHER_KEY", "token-and-more")
    assert read(headers={"X-Token": "env:OTHER_KEY"}).hide_secrets("token-and-more token") == "*** ***"


def test_a_key_too_short_to_be_one_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "x")
    assert read().hide_secrets("next example") == "next example"

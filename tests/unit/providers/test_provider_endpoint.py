from __future__ import annotations

from typing import Any, Final

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.endpoint import ApiFamily, Endpoint, read_endpoint
from pytest_promptevals.records.cases import Location, ProviderConfig

FAMILY: Final = ApiFamily(
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
    assert (endpoint.base_url, endpoint.key, endpoint.key_variable) == (FAMILY.default_url, "key-of-acme", "ACME_KEY")
    assert endpoint.is_official
    assert not endpoint.is_given
    assert endpoint.url_setting == "the environment variable ACME_URL"


def test_the_environment_may_name_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", " http://localhost:1/v1 ")
    endpoint = read()
    assert (endpoint.base_url, endpoint.key) == ("http://localhost:1/v1", "key-of-acme")
    assert not endpoint.is_official
    assert not endpoint.is_given


def test_a_given_address_gets_neither_key_nor_headers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", "http://localhost:1/v1")
    monkeypatch.setenv("ACME_HEADERS", "X-Token: secret\nno colon\nX-Other : 1")
    endpoint = read(base_url="http://localhost:2/v1", headers={"X-Own": "1"})
    assert (endpoint.base_url, endpoint.key, endpoint.key_variable) == ("http://localhost:2/v1", None, None)
    assert endpoint.headers == {"X-Token": None, "X-Other": None, "X-Own": "1"}
    assert endpoint.is_given
    assert endpoint.url_setting == "'base_url' of provider 'acme' (evals/evals.yaml:4)"


def test_headers_of_the_environment_are_left_to_the_sdk_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_HEADERS", "X-Token: secret")
    assert read(headers={"X-Own": "1"}).headers == {"X-Own": "1"}


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


def test_headers_come_from_the_file_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "Bearer token-1\n")
    endpoint = read(headers={"X-Team": " evals ", "Authorization": "env:OTHER_KEY"})
    assert endpoint.headers == {"X-Team": "evals", "Authorization": "Bearer token-1"}


def test_the_users_headers_go_over_our_own_whatever_their_case() -> None:
    endpoint = read(headers={"authorization": "Bearer own"})
    assert endpoint.add_headers({"Authorization": None, "X-Api-Key": "k"}) == {
        "X-Api-Key": "k",
        "authorization": "Bearer own",
    }


def test_headers_to_leave_out_do_not_bring_back_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_HEADERS", "authorization: Bearer stray")
    endpoint = read(base_url="http://localhost:2/v1")
    assert endpoint.add_headers({"Authorization": None}) == {"Authorization": None, "authorization": None}


def test_a_header_without_its_variable_names_it() -> None:
    assert problem(headers={"X-Token": "env:OTHER_KEY"}) == (
        "provider 'acme' (evals/evals.yaml:4): header 'X-Token' needs the environment variable 'OTHER_KEY', which is "
        "not set. Set it."
    )


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"X Y": "1"}, "header 'X Y' has a character that no header name can have. Correct it."),
        ({"X": 3}, "header 'X' is 3; write a text, or 'env:NAME' for an environment variable"),
        ({"X": "a\nb"}, "header 'X' is empty or holds a character that no header can have. Correct it."),
        ({"X": " "}, "header 'X' is empty or holds a character that no header can have. Correct it."),
        (["X"], "'headers' is ['X']; write a mapping of names to texts"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Any, what: str) -> None:
    assert problem(headers=headers) == f"provider 'acme' (evals/evals.yaml:4): {what}"


def test_messages_show_neither_keys_nor_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "from-environment")
    headers = {"Authorization": "Bearer literal-token", "X-Token": "env:OTHER_KEY", "X-Team": "evaluators"}
    endpoint = read(base_url="http://user:password1@host/v1?token=a", api_key_env="ACME_KEY", headers=headers)
    text = "key-of-acme literal-token from-environment password1 evaluators Bearer"
    assert endpoint.hide_secrets(text) == "*** *** *** *** evaluators Bearer"
    assert endpoint.shown_url == "http://host/v1"


def test_a_key_that_begins_like_another_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "token")
    monkeypatch.setenv("OTHER_KEY", "token-and-more")
    assert read(headers={"X-Token": "env:OTHER_KEY"}).hide_secrets("token-and-more token") == "*** ***"


def test_a_key_too_short_to_be_one_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "x")
    assert read().hide_secrets("next example") == "next example"

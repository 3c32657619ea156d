from __future__ import annotations

from typing import Any, Final

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.headers import (
    basic_authorization,
    merge_headers,
    names_in_environment,
    read_environment_headers,
    read_headers,
)
from pytest_promptevals.records.cases import Location, ProviderConfig

WHERE: Final = "provider 'acme' (evals/evals.yaml:4)"


def config(headers: Any) -> ProviderConfig:
    return ProviderConfig("acme", "acme", {"headers": headers}, Location("evals/evals.yaml", 4))


def test_later_headers_go_over_earlier_ones_whatever_the_case_of_their_names() -> None:
    merged = merge_headers({"Authorization": "a", "X-One": "1"}, {"authorization": "b"}, {"X-TWO": "2"})
    assert merged == {"Authorization": "b", "X-One": "1", "X-TWO": "2"}


def test_names_are_spelled_as_they_are_wanted() -> None:
    assert merge_headers({"x-api-key": "k"}, spelling=("X-Api-Key", "Unused")) == {"X-Api-Key": "k"}


def test_headers_come_from_the_file_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "Bearer token-1\n")
    assert read_headers(config({"X-Team": " evals ", "Authorization": "env:OTHER_KEY"})) == {
        "X-Team": "evals",
        "Authorization": "Bearer token-1",
    }


def test_a_header_without_its_variable_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_KEY", raising=False)
    with pytest.raises(ProviderConfigError) as caught:
        read_headers(config({"X-Token": "env:OTHER_KEY"}))
    assert str(caught.value) == (
        f"{WHERE}: header 'X-Token' needs the environment variable 'OTHER_KEY', which is not set. Set it."
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
    with pytest.raises(ProviderConfigError) as caught:
        read_headers(config(headers))
    assert str(caught.value) == f"{WHERE}: {what}"


def test_an_environment_variable_holds_a_header_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_HEADERS", "X-One: a: b \nno colon\n\n X-Two :\nX-One: c\r\n")
    assert read_environment_headers("ACME_HEADERS", config({})) == {"X-One": "c", "X-Two": ""}


def test_a_variable_that_is_not_set_holds_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_HEADERS", raising=False)
    assert read_environment_headers("ACME_HEADERS", config({})) == {}
    assert names_in_environment("ACME_HEADERS") == []


@pytest.mark.parametrize(("line", "name"), [("X Y: 1", "X Y"), (": 1", ""), ("X: \u00e9", "X")])
def test_a_header_of_the_environment_that_cannot_be_sent_is_refused_without_its_value(
    monkeypatch: pytest.MonkeyPatch, line: str, name: str
) -> None:
    monkeypatch.setenv("ACME_HEADERS", line)
    with pytest.raises(ProviderConfigError) as caught:
        read_environment_headers("ACME_HEADERS", config({}))
    assert str(caught.value) == (
        f"{WHERE}: the environment variable ACME_HEADERS holds the header {name!r}, which has a character that no "
        "header can have. Correct it."
    )
    assert names_in_environment("ACME_HEADERS") == [name]


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        ("http://host/v1", None),
        ("http://user:secret@host/v1", "Basic dXNlcjpzZWNyZXQ="),
        ("http://user@host", "Basic dXNlcjo="),
        ("http://us%40er:a%2Bb@host", "Basic dXNAZXI6YSti"),
    ],
)
def test_user_and_password_of_an_address_are_basic_authorization(url: str, authorization: str | None) -> None:
    assert basic_authorization(url) == authorization

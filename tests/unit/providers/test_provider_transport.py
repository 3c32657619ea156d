from __future__ import annotations

import urllib.request

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.proxies import has_proxy
from pytest_promptevals.providers.transport import choose_transport
from pytest_promptevals.records.cases import Location, ProviderConfig

URL = "https://models.acme.test/v1"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # What is set on the machine of a developer, on macOS and Windows, is not the environment.
    monkeypatch.setattr(urllib.request, "getproxies", urllib.request.getproxies_environment)
    monkeypatch.setattr(urllib.request, "proxy_bypass", vars(urllib.request)["proxy_bypass_environment"])


def config(transport: str | None) -> ProviderConfig:
    options = {} if transport is None else {"transport": transport}
    return ProviderConfig("acme", "openai", options, Location("a.eval.yaml", 2))


@pytest.mark.parametrize(
    ("variable", "url", "is_proxied"),
    [
        (None, URL, False),
        ("HTTPS_PROXY", URL, True),
        ("https_proxy", URL, True),
        ("HTTP_PROXY", URL, False),
        ("HTTP_PROXY", "http://models.acme.test/v1", True),
        ("ALL_PROXY", URL, True),
    ],
)
def test_a_proxy_holds_for_its_scheme(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, url: str, *, is_proxied: bool
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, "http://proxy.test:8080")
    assert has_proxy(url) == is_proxied


@pytest.mark.parametrize(
    ("exceptions", "url", "is_proxied"),
    [
        ("*", URL, False),
        ("localhost, acme.test", URL, False),
        (".acme.test", URL, False),
        ("models.acme.test:443", "https://models.acme.test:443/v1", False),
        ("models.acme.test:8443", "https://models.acme.test:443/v1", True),
        ("models.acme.test", "https://user:word@models.acme.test:443/v1", False),
        ("other.test", URL, True),
    ],
)
def test_addresses_without_a_proxy_are_excepted(
    monkeypatch: pytest.MonkeyPatch, exceptions: str, url: str, *, is_proxied: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:8080")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert has_proxy(url) == is_proxied


@pytest.mark.parametrize(
    ("wanted", "without_proxy", "with_proxy"),
    [(None, "lean", "sdk"), ("auto", "lean", "sdk"), ("lean", "lean", "lean"), ("sdk", "sdk", "sdk")],
)
def test_a_transport_is_chosen(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, without_proxy: str, with_proxy: str
) -> None:
    assert choose_transport(config(wanted), URL) == without_proxy
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:8080")
    assert choose_transport(config(wanted), URL) == with_proxy


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        choose_transport(config("fast"), URL)
    assert str(caught.value) == ("provider 'acme' (a.eval.yaml:2): 'transport' is 'fast'. Known: auto, lean, sdk.")

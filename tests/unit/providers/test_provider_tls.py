from __future__ import annotations

import platform
import ssl
import sys
from types import SimpleNamespace

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.tls import make_tls_context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str | None]]:
    """Files and folders that contexts were told to trust."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    seen: list[tuple[str | None, str | None]] = []

    def create(*, cafile: str | None = None, capath: str | None = None) -> str:
        seen.append((cafile, capath))
        return "a context"

    monkeypatch.setattr(ssl, "create_default_context", create)
    return seen


def set_paths(monkeypatch: pytest.MonkeyPatch, file: str | None) -> None:
    paths = SimpleNamespace(cafile=file, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SSL_CERT_FILE": "a.pem"}, ("a.pem", None)),
        ({"SSL_CERT_DIR": "certs"}, (None, "certs")),
        ({"SSL_CERT_FILE": "a.pem", "SSL_CERT_DIR": "certs"}, ("a.pem", "certs")),
        ({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "certs"}, (None, "certs")),
    ],
)
def test_the_environment_says_what_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
    trusted: list[tuple[str | None, str | None]],
    environment: dict[str, str],
    named: tuple[str | None, str | None],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    make_tls_context()
    assert trusted == [named]


def test_certificates_that_are_none_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    with pytest.raises(
        ProviderConfigError, match=r"^the certificates that .* SSL_CERT_FILE names, .* cannot be read: "
    ):
        make_tls_context()


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_the_store_of_the_system_is_trusted_where_it_is_no_file(
    monkeypatch: pytest.MonkeyPatch, trusted: list[tuple[str | None, str | None]], system: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    store: dict[int, object] = {ssl.PROTOCOL_TLS_CLIENT: object()}
    monkeypatch.setitem(sys.modules, "truststore", SimpleNamespace(SSLContext=store.get))
    assert make_tls_context() is store[ssl.PROTOCOL_TLS_CLIENT]
    assert trusted == []


@pytest.mark.parametrize("system", ["Darwin", "Linux"])
def test_else_the_files_of_the_system_are_trusted(
    monkeypatch: pytest.MonkeyPatch, trusted: list[tuple[str | None, str | None]], system: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setitem(sys.modules, "truststore", None)
    set_paths(monkeypatch, "/etc/ssl/cert.pem")
    make_tls_context()
    assert trusted == [(None, None)]


@pytest.mark.parametrize(
    ("module", "named"), [(SimpleNamespace(where=lambda: "certifi.pem"), "certifi.pem"), (None, None)]
)
def test_a_system_without_such_files_takes_those_of_certifi(
    monkeypatch: pytest.MonkeyPatch,
    trusted: list[tuple[str | None, str | None]],
    module: object,
    named: str | None,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setitem(sys.modules, "certifi", module)
    set_paths(monkeypatch, None)
    make_tls_context()
    assert trusted == [(named, None)]

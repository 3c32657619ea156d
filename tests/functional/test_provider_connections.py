"""Servers that cannot be reached or not be trusted, and the way to them: the same over both transports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderConnectionError, ProviderError
from pytest_promptevals.hookspecs import Provider, ProviderContext
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.records.cases import Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from tests.support.certificates import make_certificate
from tests.support.server_fixture import ModelServer

KINDS: Final = ("openai", "anthropic")
TRANSPORTS: Final = ("lean", "sdk")
SETTING: Final = "'base_url' of provider 'mine' (evals/evals.yaml:4)"
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

pytestmark = pytest.mark.parametrize("kind", KINDS)
each_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture(scope="module")
def tls_server(certificate: tuple[Path, Path]) -> Iterator[ModelServer]:
    with ModelServer(certificate) as server:
        yield server


def make(kind: str, **options: Any) -> Provider:
    config = ProviderConfig("mine", kind, options, Location("evals/evals.yaml", 4))
    return pytest_promptevals_providers()[kind](ProviderContext(config, Path(), concurrency=4, timeout=5.0))


def ask(kind: str, text: str = "Hello", **options: Any) -> Response:
    async def run() -> Response:
        provider = make(kind, **options)
        try:
            return await provider.complete(Request("model-1", (Message("user", text),)))
        finally:
            await provider.close()

    return asyncio.run(run())


def open_path(kind: str) -> str:
    return "/open" if kind == "anthropic" else "/open/v1"


def failure(kind: str, **options: Any) -> ProviderConnectionError:
    with pytest.raises(ProviderConnectionError) as caught:
        ask(kind, **options)
    assert not caught.value.was_sent
    return caught.value


@pytest.mark.parametrize("mode", ["endless", "trickle", "none"])
def test_an_answer_that_would_fill_the_memory_is_not_read_to_its_end(
    kind: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_promptevals.providers.lean_transport.LONGEST_ANSWER", 3)
    with ModelServer() as server:
        server.control(faults=[] if mode == "none" else [{"mode": mode}])
        url = f"{server.url}{open_path(kind)}"
        with pytest.raises(ProviderConnectionError) as caught:
            ask(kind, base_url=url)
    assert str(caught.value) == (
        f"{url} sends an answer of more than 64 MB. If that is the wrong server, correct {SETTING}."
    )
    assert caught.value.was_sent
    assert not caught.value.retryable


@each_transport
def test_a_refused_connection_names_the_address_and_the_setting_and_may_be_tried_again(
    kind: str, transport: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        error = failure(kind, base_url=url, transport=transport)
    assert str(error) == f"{url} cannot be reached (Connection refused). Start the server, or correct {SETTING}."
    assert error.retryable


@each_transport
@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            (
                "cannot be reached: no server has the name 'models.acme.test' (Name or service not known). Check the "
                f"network, or correct {SETTING}."
            ),
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            f"cannot be reached (Temporary failure in name resolution). Start the server, or correct {SETTING}.",
        ),
    ],
    ids=["unknown", "for-now"],
)
def test_a_name_that_is_not_found_is_said(
    monkeypatch: pytest.MonkeyPatch, kind: str, transport: str, problem: socket.gaierror, text: str
) -> None:
    def find_nothing(*arguments: object, **options: object) -> object:
        raise problem

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)
    error = failure(kind, base_url="https://models.acme.test/v1", transport=transport)
    assert str(error) == f"https://models.acme.test/v1 {text}"
    assert error.retryable == (problem.errno == socket.EAI_AGAIN)


@each_transport
def test_a_certificate_that_nobody_trusts_is_refused(kind: str, transport: str, tls_server: ModelServer) -> None:
    url = tls_server.url + open_path(kind)
    error = failure(kind, base_url=url, transport=transport)
    assert str(error) == (
        f"{url} has a certificate that is not trusted (self-signed certificate). Name the file of the authority that "
        f"signed it in the environment variable SSL_CERT_FILE, or correct {SETTING}."
    )
    assert not error.retryable


@each_transport
def test_a_certificate_that_the_environment_trusts_is_taken(
    monkeypatch: pytest.MonkeyPatch, kind: str, transport: str, tls_server: ModelServer, certificate: tuple[Path, Path]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert ask(kind, base_url=tls_server.url + open_path(kind), transport=transport).text == "Hello"


@each_transport
def test_a_certificate_of_another_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str, transport: str, tls_server: ModelServer, certificate: tuple[Path, Path]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    url = f"https://127.0.0.1:{tls_server.port}{open_path(kind)}"
    error = failure(kind, base_url=url, transport=transport)
    assert "(IP address mismatch, certificate is not valid for '127.0.0.1')" in str(error)
    assert not error.retryable


@each_transport
def test_a_server_without_tls_is_said_to_have_none(kind: str, transport: str, model_server: ModelServer) -> None:
    url = model_server.url.replace("http:", "https:")
    error = failure(kind, base_url=url, transport=transport)
    assert str(error) == (
        f"{url} does not speak TLS as it should (wrong version number). If it is a server without TLS, write 'http://' "
        f"in {SETTING}."
    )
    assert not error.retryable


def test_certificates_that_cannot_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, kind: str, tls_server: ModelServer
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with pytest.raises(ProviderConfigError) as caught:
        ask(kind, base_url=tls_server.url)
    assert str(caught.value) == (
        "the certificates that the environment variable SSL_CERT_FILE names, '/no/such/file.pem', cannot be read: "
        f"[Errno 2] {os.strerror(2)}. Correct it."
    )


@contextlib.contextmanager
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """Run a proxy that answers every request with an error, and yield its address and the first lines it was sent."""
    lines: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    lines.append(connection.recv(65_536).split(b"\r\n")[0])
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lines
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with proxy() as (url, lines):
        monkeypatch.setenv("HTTP_PROXY", url)
        with pytest.raises(ProviderError, match="does not allow this"):
            ask(kind, base_url="http://models.acme.test/v1")
    assert lines[0].startswith(b"POST http://models.acme.test/v1/")


@pytest.mark.parametrize(
    ("options", "exception"),
    [({"transport": "lean"}, ""), ({}, "127.0.0.1"), ({"transport": "sdk"}, "127.0.0.1")],
    ids=["lean", "auto-excepted", "sdk-excepted"],
)
def test_a_proxy_is_passed_by_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
    model_server: ModelServer,
    kind: str,
    options: dict[str, str],
    exception: str,
) -> None:
    with proxy() as (url, lines):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", exception)
        assert ask(kind, base_url=model_server.url + open_path(kind), **options).text == "Hello"
    assert lines == []

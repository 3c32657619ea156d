from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from pytest_promptevals.errors import ProviderConnectionError
from pytest_promptevals.providers.connections import ConnectionFailure, FailureKind, explain_connection, unreachable
from tests.unit.providers.endpoints import SETTING, make_endpoint


def caused_by(cause: BaseException) -> Exception:
    try:
        raise RuntimeError("a library's own words") from cause
    except RuntimeError as error:
        return error


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate."
    return error


def tls_error(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = reason  # type: ignore[assignment] # OpenSSL leaves it empty at times
    return error


@pytest.mark.parametrize(
    ("cause", "kind", "reason"),
    [
        (certificate_error(), FailureKind.CERTIFICATE, "self-signed certificate"),
        (tls_error("WRONG_VERSION_NUMBER"), FailureKind.TLS, "wrong version number"),
        (tls_error(None), FailureKind.TLS, "[ssl: wrong version number] wrong version number"),
        (ssl.SSLEOFError(8, "EOF occurred"), FailureKind.UNREACHABLE, "it closed the connection"),
        (ssl.SSLZeroReturnError(6, "closed"), FailureKind.UNREACHABLE, "it closed the connection"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), FailureKind.NO_SUCH_NAME, "Name not known"),
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), FailureKind.UNREACHABLE, "Try again"),
        (OSError(errno.ECONNREFUSED, "Connect call failed"), FailureKind.UNREACHABLE, os.strerror(errno.ECONNREFUSED)),
        (
            ExceptionGroup("all", [OSError("no number"), OSError(errno.EHOSTUNREACH, "x"), OSError(errno.EPERM, "y")]),
            FailureKind.UNREACHABLE,
            os.strerror(errno.EHOSTUNREACH),
        ),
        (ValueError(""), FailureKind.UNREACHABLE, "a library's own words"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_kept_a_connection_from_being_made_is_read(cause: Exception, kind: FailureKind, reason: str) -> None:
    failure = unreachable(caused_by(cause))
    assert (failure.kind, failure.reason) == (kind, reason)


def test_an_error_without_words_is_named() -> None:
    assert unreachable(ValueError()).reason == "ValueError"


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert unreachable(first).reason == "first"


@pytest.mark.parametrize(
    ("kind", "text", "is_retryable"),
    [
        (
            FailureKind.NO_SUCH_NAME,
            f"cannot be reached: no server has the name 'acme.test' (why). Check the network, or correct {SETTING}.",
            False,
        ),
        (FailureKind.UNREACHABLE, f"cannot be reached (why). Start the server, or correct {SETTING}.", True),
        (
            FailureKind.CERTIFICATE,
            (
                "has a certificate that is not trusted (why). Name the file of the authority that signed it in the "
                f"environment variable SSL_CERT_FILE, or correct {SETTING}."
            ),
            False,
        ),
        (
            FailureKind.TLS,
            f"does not speak TLS as it should (why). If it is a server without TLS, write 'http://' in {SETTING}.",
            False,
        ),
        (FailureKind.DROPPED, "dropped the connection before its answer was complete. Try again.", True),
        (FailureKind.UNPACKABLE, "sent an answer that cannot be unpacked. Try again.", True),
        (
            FailureKind.GARBLED,
            f"answered with something that is no HTTP. If that is the wrong server, correct {SETTING}.",
            False,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, FailureKind) else "",
)
def test_each_failure_says_what_to_do(kind: FailureKind, text: str, *, is_retryable: bool) -> None:
    error = explain_connection(ConnectionFailure(kind, "why"), make_endpoint())
    assert type(error) is ProviderConnectionError
    assert str(error) == f"http://acme.test/v1 {text}"
    assert error.retryable == is_retryable
    assert error.was_sent == (kind in {FailureKind.DROPPED, FailureKind.UNPACKABLE, FailureKind.GARBLED})


def test_the_official_address_is_not_started_by_the_user() -> None:
    official = make_endpoint(url="https://api.acme.test/v1", is_official=True)
    assert str(explain_connection(ConnectionFailure(FailureKind.UNREACHABLE, "no route"), official)) == (
        "https://api.acme.test/v1 cannot be reached (no route). "
        "Check the network, or correct the environment variable ACME_URL."
    )


def test_words_with_braces_are_shown_as_they_are() -> None:
    failure = ConnectionFailure(FailureKind.UNREACHABLE, "{url}")
    assert "cannot be reached ({url})." in str(explain_connection(failure, make_endpoint()))

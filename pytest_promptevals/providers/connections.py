"""Why a server could not be reached, or did not send all of its answer.

The HTTP libraries tell it in exceptions of their own, each in other words. What the operating system or the TLS library
said stands at the bottom of them, and only that is shown: so it reads the same whichever library made the call.
"""

from __future__ import annotations

import enum
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.errors import ProviderConnectionError
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.texts import shorten

_PASSING_LOOKUPS: Final = frozenset({socket.EAI_AGAIN})


class FailureKind(enum.Enum):
    """What became of a connection."""

    NO_SUCH_NAME = "no such name"
    """No server has the name: it is misspelled, or the network knows no such one."""
    UNREACHABLE = "unreachable"
    """Nothing was sent: refused, no route, or the name could not be looked up just now."""
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted."""
    TLS = "tls"
    """The two sides cannot agree on an encrypted connection."""
    DROPPED = "dropped"
    """The connection ended before the answer did."""
    UNPACKABLE = "unpackable"
    """The answer is not packed as it says, or was cut off."""
    GARBLED = "garbled"
    """What came is no HTTP."""
    TOO_LONG = "too long"
    """The answer is larger than any that a model gives."""


_PASSING: Final = frozenset({FailureKind.DROPPED, FailureKind.UNPACKABLE, FailureKind.UNREACHABLE})
_WAS_SENT: Final = frozenset({FailureKind.DROPPED, FailureKind.UNPACKABLE, FailureKind.GARBLED, FailureKind.TOO_LONG})
_SENTENCES: Final = {
    FailureKind.NO_SUCH_NAME: (
        "{url} cannot be reached: no server has the name {host!r} ({reason}). Check the network, or correct {setting}."
    ),
    FailureKind.UNREACHABLE: "{url} cannot be reached ({reason}). {check}, or correct {setting}.",
    FailureKind.CERTIFICATE: (
        "{url} has a certificate that is not trusted ({reason}). Name the file of the authority that signed it in the "
        "environment variable SSL_CERT_FILE, or correct {setting}."
    ),
    FailureKind.TLS: (
        "{url} does not speak TLS as it should ({reason}). If it is a server without TLS, write 'http://' in {setting}."
    ),
    FailureKind.DROPPED: "{url} dropped the connection before its answer was complete. Try again.",
    FailureKind.UNPACKABLE: "{url} sent an answer that cannot be unpacked. Try again.",
    FailureKind.TOO_LONG: ("{url} sends an answer of more than 64 MB. If that is the wrong server, correct {setting}."),
    FailureKind.GARBLED: (
        "{url} answered with something that is no HTTP. If that is the wrong server, correct {setting}."
    ),
}


class ConnectionFailure(Exception):  # noqa: N818 - no error of the project: it never leaves this package
    """A call ended without a whole answer.

    Args:
        kind: what became of the connection.
        reason: a few words on why there was no connection.
    """

    def __init__(self, kind: FailureKind, reason: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def unreachable(error: BaseException) -> ConnectionFailure:
    """Return what kept a library from making a connection."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConnectionFailure(FailureKind.CERTIFICATE, cause.verify_message.rstrip("."))
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return ConnectionFailure(FailureKind.UNREACHABLE, "it closed the connection")
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or shorten(str(cause))).replace("_", " ").lower()
            return ConnectionFailure(FailureKind.TLS, reason)
        if isinstance(cause, socket.gaierror):
            kind = FailureKind.UNREACHABLE if cause.errno in _PASSING_LOOKUPS else FailureKind.NO_SUCH_NAME
            return ConnectionFailure(kind, str(cause.strerror))
    own_words = shorten(str(error)) or type(error).__name__
    return ConnectionFailure(FailureKind.UNREACHABLE, _words_of_the_system(error) or own_words)


def explain_connection(failure: ConnectionFailure, endpoint: Endpoint) -> ProviderConnectionError:
    """Return our error for a call that ended without a whole answer."""
    text = _SENTENCES[failure.kind].format(
        url=endpoint.shown_url,
        reason=failure.reason,
        host=endpoint.address.parts.hostname,
        setting=endpoint.url_setting,
        check="Check the network" if endpoint.address.is_official else "Start the server",
    )
    return ProviderConnectionError(text, retryable=failure.kind in _PASSING, was_sent=failure.kind in _WAS_SENT)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and what led to it, those in groups included."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__context__, cause.__cause__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += reversed(cause.exceptions)


def _words_of_the_system(error: BaseException) -> str:
    """Return what the system says about the first error of its own; each library words it in its own way."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno is not None:
            return os.strerror(cause.errno)
    return ""

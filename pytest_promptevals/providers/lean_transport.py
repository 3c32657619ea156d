"""Calls straight through aiohttp: a tenth of the time that the official SDKs spend on each.

What an answer does not need is left out: cookies, redirects, tracing, retries, a second timeout. The address is parsed
and the headers are built once. Importing aiohttp takes about 0.2 s, so this module is imported late.
"""

from __future__ import annotations

import asyncio
import io
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.connections import ConnectionFailure, FailureKind, unreachable
from pytest_promptevals.providers.headers import merge_headers
from pytest_promptevals.providers.tls import make_tls_context
from pytest_promptevals.providers.transport import Route

_KEPT_SECONDS: Final = 4.0
"""How long an idle connection is kept: many servers close it after 5, and a call that meets that moment is lost."""
_LONGEST_HEADER: Final = 65_536
_LARGE: Final = 2**20
"""Bytes above which aiohttp warns of a body that is no file."""
LONGEST_ANSWER: Final = 2**26
"""Bytes of the longest answer that is read: no model writes 64 MB, and many are under way at once."""
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # An answer is one or two kilobytes: unpacking costs more than it saves. Packed ones are read all the same.
    "Accept-Encoding": "identity",
}


class LeanTransport:
    """Sends requests through one aiohttp session.

    Args:
        session: sends the headers of the API with every call.
        url: where the calls go.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL) -> None:
        self._session = session
        self._url = url

    async def send(self, payload: bytes) -> Answer:
        """Send one request. Raises ``ConnectionFailure``."""
        data = payload if len(payload) < _LARGE else io.BytesIO(payload)
        try:
            answer = await self._session.post(self._url, data=data, allow_redirects=False)
            # A body that is read to its end gives its connection back, and one that is not closes it.
            content = await _read(answer)
        except (aiohttp.ClientError, OSError) as error:
            raise _translate(error) from error
        return Answer(answer.status, answer.reason or "", answer.headers, content)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def open_lean(route: Route) -> LeanTransport:
    """Return a transport for the route. Raises ``ProviderConfigError`` if its certificates cannot be read."""
    url = URL(route.url)
    # Reading a few hundred certificates takes longer than a call.
    tls = await asyncio.to_thread(make_tls_context) if url.scheme == "https" else True
    connector = aiohttp.TCPConnector(
        limit=route.connections,
        keepalive_timeout=_KEPT_SECONDS,
        ssl=tls,
        # The other resolver, used where aiodns happens to be installed, knows less than the system.
        resolver=aiohttp.ThreadedResolver(),
    )
    session = aiohttp.ClientSession(
        connector=connector,
        headers=merge_headers(_HEADERS, route.headers),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
    )
    return LeanTransport(session, url)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body, as long as it is none that would fill the memory. Raises ``ConnectionFailure``."""
    length = answer.content_length
    if length is not None and length <= LONGEST_ANSWER:
        return await answer.read()
    content = bytearray()
    try:
        async for piece in answer.content.iter_any():
            content += piece
            if len(content) > LONGEST_ANSWER:
                raise ConnectionFailure(FailureKind.TOO_LONG)
    except BaseException:
        answer.close()
        raise
    return bytes(content)


def _translate(error: Exception) -> ConnectionFailure:
    if isinstance(error, aiohttp.ClientConnectorError):
        # Its own classes are half those of the system, without what those say.
        return unreachable(error.__cause__ or error)
    if isinstance(error, aiohttp.ClientResponseError):
        return ConnectionFailure(FailureKind.GARBLED)
    if isinstance(error.__cause__, ContentEncodingError):
        return ConnectionFailure(FailureKind.UNPACKABLE)
    return ConnectionFailure(FailureKind.DROPPED)

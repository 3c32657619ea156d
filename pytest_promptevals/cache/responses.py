"""The response cache: a model is asked once, and what it answered is on disk before it is used."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.cache.access import Access
from pytest_promptevals.cache.keeper import Keeper
from pytest_promptevals.cache.operations import NoResponse
from pytest_promptevals.cache.store import Use
from pytest_promptevals.cache.thread import CacheThread
from pytest_promptevals.errors import CacheError, CallNotMadeError
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import Response

CLOSE_SECONDS: Final = 3.0
"""How long a locked database is waited for at the end, to store what is paid for."""


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """A response that is asked for."""

    key: str
    """What ``request_key`` makes of the content."""
    content: JsonObject
    """What ``request_content`` returns: it is stored with the response."""
    file: str = ""
    """Eval file that asks for it; empty if none does."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A response that is being looked up or called for, and that others may share."""

    file: str
    """Eval file that asked first."""
    landing: asyncio.Future[Response | Exception | None]
    """The response, the error of the call, or ``None`` if it was cancelled and somebody else has to see to it."""


class ResponseCache:
    """Hands out responses that were paid for before, and sees to it that each is paid for once.

    All methods are called on one loop. What goes wrong with the files is in ``notices`` and never stops a run.
    """

    def __init__(self, access: Access, mode: str, recordings: Path | None, session: str) -> None:
        self.hits = 0
        """Responses that were not called for: found, or shared with an equal call under way."""
        self._access = access
        self._mode = mode
        self._recordings = recordings
        self._session = session
        self._flights: dict[str, _Flight] = {}
        self._thread: CacheThread | None = None
        self._is_closed = False

    @classmethod
    def open(cls, path: Path, mode: str, recordings: Path | None, session: str) -> ResponseCache:
        """Return a cache. Its files are opened when they are first needed, in a thread of their own.

        Args:
            path: the SQLite file; its folder is made if need be.
            mode: ``use``, ``replay`` (never call), ``refresh`` (call for all that this session has not called for
                itself) or ``off`` (always call, share nothing).
            recordings: folder of the recordings, ``None`` for none.
            session: the run, equal in all of its processes and unlike any other's.
        """
        return cls(Access(path), mode, recordings, session)

    @property
    def notices(self) -> tuple[str, ...]:
        """What went wrong so far, one line each for the user."""
        return tuple(self._access.notices)

    async def fetch(self, request: CacheRequest, call: Callable[[], Awaitable[Response]]) -> Response:
        """Return the recorded or stored response, or the one that ``call`` returns, once it is stored.

        Equal requests under way, in this process or another, share one call. Within the process they share its error
        too; if it is cancelled, another makes it. Raises what ``call`` raises, ``CallNotMadeError`` for what cannot be
        replayed, and ``CacheError`` for a damaged file of recordings.
        """
        if self._mode == "off" or self._is_closed:
            return await call()
        while (flight := self._flights.get(request.key)) is not None:
            outcome = await asyncio.shield(flight.landing)
            if outcome is not None:
                return self._share(outcome, request, flight)
        return await self._fly(request, call)

    async def close(self) -> None:
        """Store what is not stored yet, and close the files. What is fetched after that is called for."""
        self._is_closed = True
        if self._thread is not None:
            self._access.stop_at = time.monotonic() + CLOSE_SECONDS
            await self._thread.close()

    async def _fly(self, request: CacheRequest, call: Callable[[], Awaitable[Response]]) -> Response:
        if self._thread is None:
            keeper = Keeper(self._access, self._mode, self._recordings, self._session)
            self._thread = CacheThread(keeper, self._give_back)
        flight = _Flight(request.file, asyncio.get_running_loop().create_future())
        self._flights[request.key] = flight
        outcome: Response | Exception | None = None
        try:
            found = await self._find(request, self._thread)
            if found is not None:
                outcome = found
                return found
            outcome = response = await self._make(request, call, self._thread)
            await self._thread.save(request.key, request.content, response)
        except Exception as error:
            outcome = error
            raise
        else:
            return response
        finally:
            del self._flights[request.key]
            flight.landing.set_result(outcome)

    async def _find(self, request: CacheRequest, thread: CacheThread) -> Response | None:
        """Return a response that is there, or ``None`` if it is to be called for."""
        answer = await thread.look_up(request.key, request.file)
        if isinstance(answer, CacheError):
            raise answer
        if answer is NoResponse.MISSING:
            raise _cannot_replay(request)
        if not isinstance(answer, Response):
            return None
        self.hits += 1
        return answer

    async def _make(
        self, request: CacheRequest, call: Callable[[], Awaitable[Response]], thread: CacheThread
    ) -> Response:
        try:
            return await call()
        except BaseException:
            thread.release(request.key)
            raise

    def _share(self, outcome: Response | Exception, request: CacheRequest, flight: _Flight) -> Response:
        if isinstance(outcome, Exception):
            raise outcome
        self.hits += 1
        if self._thread is not None and self._recordings is not None and request.file != flight.file:
            self._thread.note_use(Use(request.file, request.key, is_missing=False))
        return dataclasses.replace(outcome, cached=True)

    def _give_back(self, key: str) -> None:
        # Whoever asks for it by now has the claim.
        if key not in self._flights and self._thread is not None:
            self._thread.release(key)


def _cannot_replay(request: CacheRequest) -> CallNotMadeError:
    model = request.content.get("model")
    asker = f" that {request.file} asks for" if request.file else ""
    return CallNotMadeError(
        f"there is no kept response of {model!r} to the call{asker}, and replaying calls no model: this prompt was not "
        "called before, or not with this model, these parameters or so many trials. Run it once with "
        "'--evals-cache use'.",
        reason="replay",
    )

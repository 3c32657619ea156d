"""A model server on loopback that speaks OpenAI's chat completions, Responses and embeddings and Anthropic's Messages.

Run ``python -m tests.support.model_server --port 0`` in the root folder: one line of JSON on stdout says which port it
listens on, and it ends when its stdin is closed, so it never outlives the process that started it. By itself a model
repeats the last user message, and a text's vector counts its words.

======================  ===============================================================================================
``/v1/…``               wants a key, as the real servers do (``Authorization`` or ``x-api-key``); ``bad-key`` is refused
``/open/v1/…``          wants none, as servers on a developer's machine do
``POST /__control``     sets ``latency`` (seconds), ``headers`` (of every answer), ``encoding`` (``gzip`` packs them),
                        ``rate_limit``, ``rules`` and ``faults`` (see below)
``POST /__reset``       forgets everything
``GET /__journal``      the requests so far: ``api``, ``path``, ``query``, ``headers`` (names in lower case), ``body``
``GET /__stats``        ``requests`` by API, ``max_concurrency``, ``paid`` (answers that were sent whole),
                        ``duplicates`` (those among them whose request had the same bytes as an earlier one),
                        ``limited`` (requests over the rate limit), ``connections``
======================  ===============================================================================================

A rule has ``match`` (a regex that is searched for in the last user message) and any of ``reply``, ``tool_calls``
(objects with ``name`` and ``arguments``), ``finish_reason``, ``refusal``, ``usage``, ``headers``, ``logprobs`` (the
API's entries of tokens, told where they are asked for). The first that matches answers. One with a ``chance`` (0..1)
is flaky: it replies ``otherwise`` the rest of the time, by a sequence of each text's own that ``seed`` begins.

A fault has ``match`` (a regex that is searched for in the request's JSON), ``times`` (how often it strikes; always, if
not given), ``mode`` and, where it applies, ``status``, ``retry_after``, ``retry_after_ms``, ``message``, ``code``,
``body`` and ``headers``. Modes:

================  ==============================================  ================  ===================================
``status``        an error in the API's own form                ``close``         no answer: the connection is closed
``exhausted``     the account has no money, as the API says it  ``reset``         the same with RST
``overloaded``    too much load, as the API says it             ``truncate``      ends within a body of known length
``error_body``    an error with status 200                      ``reset_within``  the same with RST
``empty``         an answer without choices or content          ``cut``           ends within a chunked body
``body``          any JSON                                      ``trickle``       a space of the body every 50 ms
``text``          any text                                      ``endless``       the same, chunked, without an end
``html``          a web page                                    ``hang``          no answer ever
``badly_packed``  a body that is not the gzip it says           ``garbled``       something that is no HTTP
================  ==============================================  ================  ===================================

A rate limit has ``requests`` (in a window), ``seconds`` (length of a window; 1 if not given), and ``is_announced``:
then every answer tells in the API's own headers how much is left. A request over the limit gets 429 with the wait until
the next window in ``retry-after-ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gzip
import json
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.model_apis import (
    CHAT,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Api,
    Body,
    Problem,
    Reply,
    instance_of,
    last_user_text,
)
from tests.support.model_limits import RateLimit

UNKNOWN_MODEL: Final = "no-such-model"
BAD_KEY: Final = "bad-key"
Answer = TypeVar("Answer", bound=web.StreamResponse)
Entry: TypeAlias = tuple[str, str, str, dict[str, str], bytes]
"""API, path, query, headers and body of a request."""

_JOURNAL_LENGTH: Final = 20_000
_BREAKS: Final = frozenset({"close", "reset", "hang", "garbled"})
_STREAMS: Final = frozenset({"truncate", "cut", "reset_within", "trickle", "endless"})
_PAGE: Final = "<!DOCTYPE html>\n<html><head><title>Welcome to the proxy</title></head><body>Log in first</body></html>"


class Faults:
    """Faults still to strike, in order."""

    def __init__(self, faults: list[Body]) -> None:
        self._faults = [(re.compile(fault.get("match", "")), dict(fault)) for fault in faults]

    def take(self, text: str) -> Body | None:
        """Return the first fault that matches, and count it."""
        for pattern, fault in self._faults:
            if fault.get("times", 1) > 0 and pattern.search(text):
                if "times" in fault:
                    fault["times"] -= 1
                return fault
        return None


class ModelServer:
    """State and handlers of the server."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget rules, faults and requests."""
        self.latency = 0.0
        self.rules: list[tuple[re.Pattern[str], Body]] = []
        self.sources: dict[str, random.Random] = {}
        self.faults: Faults | None = None
        self.journal: collections.deque[Entry] = collections.deque(maxlen=_JOURNAL_LENGTH)
        self.connections: set[object] = set()
        self.requests: collections.Counter[str] = collections.Counter()
        self.under_way = 0
        self.max_concurrency = 0
        self.headers: dict[str, str] = {}
        self.encoding: str | None = None
        self.rate_limit: RateLimit | None = None
        self.limited = 0
        self.paid: collections.Counter[bytes] = collections.Counter()

    def control(self, settings: Body) -> None:
        """Take over what ``/__control`` was sent."""
        self.latency = settings.get("latency", self.latency)
        if "rules" in settings:
            self.rules = [(re.compile(rule.get("match", ""), re.DOTALL), rule) for rule in settings["rules"]]
        if "faults" in settings:
            self.faults = Faults(settings["faults"]) if settings["faults"] else None
        self.headers = settings.get("headers", self.headers)
        self.encoding = settings.get("encoding", self.encoding)
        if "rate_limit" in settings:
            self.rate_limit = RateLimit(**settings["rate_limit"]) if settings["rate_limit"] else None

    def stats(self) -> Body:
        """Return what ``/__stats`` answers."""
        return {
            "requests": dict(self.requests),
            "max_concurrency": self.max_concurrency,
            "paid": self.paid.total(),
            "duplicates": self.paid.total() - len(self.paid),
            "limited": self.limited,
            "connections": len(self.connections),
        }

    async def answer(self, request: web.Request, api: Api, *, wants_key: bool) -> web.StreamResponse:
        """Handle one model call."""
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if len(headers) < len(request.headers):  # one was sent twice
            headers = {name: ", ".join(request.headers.getall(name)) for name in headers}
        self.journal.append((api.name, request.path, request.query_string, headers, raw))
        self.connections.add(request.transport and request.transport.get_extra_info("peername"))
        self.requests[api.name] += 1
        self.under_way += 1
        self.max_concurrency = max(self.max_concurrency, self.under_way)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            return await self._respond(request, api, raw, self._check_key(api, headers) if wants_key else None)
        finally:
            self.under_way -= 1

    async def _respond(self, request: web.Request, api: Api, raw: bytes, problem: Problem | None) -> web.StreamResponse:
        if self.faults is not None and (fault := self.faults.take(raw.decode())) is not None:
            return self._dress(await _strike(request, api, fault), api)
        if self.rate_limit is not None and (wait := self.rate_limit.take(time.monotonic())) is not None:
            self.limited += 1
            answer = _json(api.error(api.limited), 429, {"retry-after-ms": str(int(wait * 1000) + 1)})
            return self._dress(answer, api)
        body = json.loads(raw)
        problem = problem or _check_model(api, body) or api.check(body)
        if problem is not None:
            return self._dress(_json(api.error(problem), problem.status), api)
        reply = self._reply(api, body)
        answer = self._dress(_json(api.answer(body, reply), headers=reply.headers), api)
        await answer.prepare(request)
        await answer.write_eof()
        self.paid[raw] += 1
        return answer

    def _dress(self, answer: Answer, api: Api) -> Answer:
        """Put the headers that are set for all answers on one that is not under way yet."""
        if answer.prepared:
            return answer
        if self.headers:
            answer.headers.update(self.headers)
        if self.rate_limit is not None and self.rate_limit.is_announced:
            limit = self.rate_limit
            answer.headers.update(api.limit_headers(limit.requests, limit.remaining, limit.left(time.monotonic())))
        if self.encoding == "gzip" and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            answer.body = gzip.compress(answer.body)
            answer.headers["content-encoding"] = "gzip"
        return answer

    def _check_key(self, api: Api, headers: dict[str, str]) -> Problem | None:
        if api is MESSAGES:
            return _check_anthropic_headers(headers)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            return Problem(401, "You didn't provide an API key.", "invalid_api_key")
        if key == BAD_KEY:
            return Problem(401, f"Incorrect API key provided: {key}. Find yours in the dashboard.", "invalid_api_key")
        return None

    def _draw(self, rule: Body, text: str) -> Body:
        """Return what a flaky rule replies now. Each text has its own sequence, whatever else is asked meanwhile."""
        if "chance" not in rule:
            return {}
        key = f"{rule.get('seed', 0)} {text}"
        drawn = self.sources.setdefault(key, random.Random(key)).random()  # noqa: S311 - no secret
        return {} if drawn < rule["chance"] else {"reply": rule["otherwise"]}

    def _reply(self, api: Api, body: Body) -> Reply:
        text = last_user_text(api, body)
        for pattern, rule in self.rules:
            if pattern.search(text):
                return _reply_of(rule | self._draw(rule, text), text)
        schema = api.schema(body)
        return Reply(text if schema is None else json.dumps(instance_of(schema, text)))


def _check_anthropic_headers(headers: dict[str, str]) -> Problem | None:
    if "anthropic-version" not in headers:
        return Problem(400, "anthropic-version: header is required")
    if "authorization" in headers:
        return Problem(401, "Invalid bearer token")
    if "x-api-key" not in headers:
        return Problem(401, "x-api-key header is required")
    return Problem(401, f"invalid x-api-key {BAD_KEY}") if headers["x-api-key"] == BAD_KEY else None


def _check_model(api: Api, body: Body) -> Problem | None:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return Problem(400, "you must provide a model parameter")
    if model != UNKNOWN_MODEL:
        return None
    if api is MESSAGES:
        return Problem(404, f"model: {model}")
    return Problem(404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found")


def _reply_of(rule: Body, text: str) -> Reply:
    calls = tuple(
        (call["name"], call["arguments"] if isinstance(call["arguments"], str) else json.dumps(call["arguments"]))
        for call in rule.get("tool_calls", [])
    )
    return Reply(
        text=rule.get("reply", "" if calls or "refusal" in rule else text),
        tool_calls=calls,
        finish_reason=rule.get("finish_reason"),
        refusal=rule.get("refusal"),
        usage=rule.get("usage"),
        headers=rule.get("headers"),
        logprobs=tuple(rule.get("logprobs", ())),
    )


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers, content_type="application/json")


async def _strike(request: web.Request, api: Api, fault: Body) -> web.StreamResponse:
    mode = fault.get("mode", "status")
    if mode in _BREAKS:
        await _break_off(request, mode)
    if mode in _STREAMS:
        return await _stream(request, mode)
    answer = _odd_answer(api, fault, mode)
    answer.headers.update(_fault_headers(fault))
    return answer


def _odd_answer(api: Api, fault: Body, mode: str) -> web.Response:
    status = fault.get("status", 200)
    if mode in {"html", "text"}:
        kind = "text/html" if mode == "html" else "application/json"
        return web.Response(text=fault.get("body", _PAGE), status=status, content_type=kind)
    if mode == "error_body":
        return _json(api.error(Problem(500, fault.get("message", "the model broke"), fault.get("code"))))
    if mode in {"empty", "body"}:
        return _json(api.empty if mode == "empty" else fault["body"], status)
    if mode == "badly_packed":
        return _json({}, headers={"content-encoding": "gzip"})
    named = {"exhausted": api.exhausted, "overloaded": api.overloaded}
    problem = named.get(mode) or Problem(status, fault.get("message", "injected"), fault.get("code"))
    return _json(api.error(problem), problem.status)


def _fault_headers(fault: Body) -> dict[str, str]:
    names = {"retry_after": "retry-after", "retry_after_ms": "retry-after-ms"}
    return {**{header: str(fault[name]) for name, header in names.items() if name in fault}, **fault.get("headers", {})}


async def _break_off(request: web.Request, mode: str) -> NoReturn:
    """End the connection without an answer."""
    transport = request.transport
    assert transport is not None
    if mode == "hang":
        await asyncio.sleep(3600)
    if mode == "garbled":
        transport.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    if mode == "reset":
        _send_reset(transport)
    transport.close()
    raise asyncio.CancelledError


def _send_reset(transport: asyncio.Transport) -> None:
    # Closing with a linger time of 0 sends RST instead of FIN.
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _stream(request: web.Request, mode: str) -> web.StreamResponse:
    """Send a part of an answer, and no end of it."""
    length = {} if mode in {"cut", "endless"} else {"content-length": "1000"}
    response = web.StreamResponse(headers={"content-type": "application/json", **length})
    await response.prepare(request)
    await response.write(b'{"choices": ')
    while mode in {"trickle", "endless"}:
        await asyncio.sleep(0.05)
        await response.write(b" ")
    transport = request.transport
    assert transport is not None
    if mode == "reset_within":
        await asyncio.sleep(0.05)  # what is under way must have arrived, else the reset overtakes it
        _send_reset(transport)
    transport.close()
    return response


def make_application(server: ModelServer) -> web.Application:
    """Return the application with all its routes."""
    app = web.Application(client_max_size=256 * 2**20)
    apis = {
        "/v1/chat/completions": CHAT,
        "/v1/responses": RESPONSES,
        "/v1/embeddings": EMBEDDINGS,
        "/v1/messages": MESSAGES,
    }
    for path, api in apis.items():
        app.router.add_post(path, _handler(server, api, wants_key=True))
        app.router.add_post(f"/open{path}", _handler(server, api, wants_key=False))
    app.router.add_post("/moved/chat/completions", _redirect)
    app.router.add_post("/__control", _control_handler(server))
    app.router.add_post("/__reset", _reset_handler(server))
    app.router.add_get("/__journal", _journal_handler(server))
    app.router.add_get("/__stats", _stats_handler(server))
    return app


def _handler(server: ModelServer, api: Api, *, wants_key: bool) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await server.answer(request, api, wants_key=wants_key)

    return handle


async def _redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=301, headers={"location": "/v1/chat/completions"})


def _control_handler(server: ModelServer) -> Any:
    async def control(request: web.Request) -> web.Response:
        server.control(await request.json())
        return _json({})

    return control


def _reset_handler(server: ModelServer) -> Any:
    async def reset(request: web.Request) -> web.Response:
        server.reset()
        return _json({})

    return reset


def _journal_handler(server: ModelServer) -> Any:
    async def journal(request: web.Request) -> web.Response:
        entries = [
            {"api": api, "path": path, "query": dict(parse_qsl(query)), "headers": headers, "body": json.loads(raw)}
            for api, path, query, headers, raw in server.journal
        ]
        return _json(entries)

    return journal


def _stats_handler(server: ModelServer) -> Any:
    async def stats(request: web.Request) -> web.Response:
        return _json(server.stats())

    return stats


async def serve(host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """Serve until stdin is closed."""
    runner = web.AppRunner(make_application(ModelServer()), access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, host, port, shutdown_timeout=0.1, ssl_context=tls).start()
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(is_over.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await is_over.wait()
    await runner.cleanup()


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(description="Model server on loopback for tests; ends when its stdin is closed.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--certificate", help="file of a certificate: then TLS is spoken")
    parser.add_argument("--key", help="file of its key")
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    asyncio.run(serve(arguments.host, arguments.port, tls))


if __name__ == "__main__":
    main()

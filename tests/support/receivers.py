"""Where notifications arrive in tests: a web server and a mail server on loopback."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any


@dataclass
class HttpReceiver:
    """A web server that takes JSON."""

    port: int = 0
    status: int = 200
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Set while it answers what it gets."""
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where notifications go, with a secret in its path."""
        return f"json://127.0.0.1:{self.port}/hunter2"


@dataclass
class MailReceiver:
    """A mail server."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where notifications go."""
        return f"mailto://127.0.0.1:{self.port}?from=evals@shop.test&to=team@shop.test&mode=insecure"


@contextlib.contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    """Give a web server that is running."""
    receiver = HttpReceiver()
    receiver.may_answer.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(json.loads(text))
            receiver.may_answer.wait()
            with contextlib.suppress(OSError):  # the other side has gone
                self.send_response(receiver.status)
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
            pass

    with _running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as receiver.port:
        yield receiver


@contextlib.contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """Give a mail server that is running."""
    receiver = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                command = line[:4].upper()
                if command == "QUIT":
                    self._say("221 bye")
                    return
                if command == "DATA":
                    self._say("354 go on")
                    receiver.received.append(self._read_mail())
                self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def _read_mail(self) -> EmailMessage:
            lines = list(iter(self.rfile.readline, b".\r\n"))
            return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

    with _running(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as receiver.port:
        yield receiver


@contextlib.contextmanager
def _running(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

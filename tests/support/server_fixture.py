"""Starting and steering the loopback model server from a test."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_ROOT: Final = Path(__file__).resolve().parents[2]


class ModelServer:
    """A model server in a process of its own; use it as a context manager, or ``start`` and ``stop`` it.

    Args:
        certificate: the files of a certificate and of its key; then the server speaks TLS as ``localhost``, and cannot
            be steered.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._certificate = certificate
        self.port = 0

    def start(self) -> Self:
        """Start the process, and return when it listens."""
        command = [sys.executable, "-m", "tests.support.model_server", "--port", "0"]
        if self._certificate is not None:
            command += ["--certificate", str(self._certificate[0]), "--key", str(self._certificate[1])]
        self._process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the model server did not start; it ended with {self._process.wait(10)}")
        self.port = json.loads(line)["port"]
        return self

    def stop(self) -> None:
        """End the process; more than once does no harm."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the server, and the base URL of the anthropic provider."""
        return f"http://127.0.0.1:{self.port}" if self._certificate is None else f"https://localhost:{self.port}"

    @property
    def openai_url(self) -> str:
        """Base URL of the openai providers."""
        return f"{self.url}/v1"

    @property
    def open_url(self) -> str:
        """Base URL of a server of OpenAI's API that wants no key."""
        return f"{self.url}/open/v1"

    def control(self, **settings: Any) -> None:
        """Set ``latency``, ``rules``, ``faults``, ``headers``, ``encoding`` or ``rate_limit``; see ``model_server``."""
        self._call("/__control", settings)

    def reset(self) -> None:
        """Forget rules, faults and requests."""
        self._call("/__reset", {})

    def journal(self) -> list[dict[str, Any]]:
        """Return the requests since the last reset: ``api``, ``path``, ``headers``, ``body``."""
        entries: list[dict[str, Any]] = self._call("/__journal")
        return entries

    def stats(self) -> dict[str, Any]:
        """Return what was counted since the last reset: ``requests`` by API, ``max_concurrency``, ``paid`` and more."""
        numbers: dict[str, Any] = self._call("/__stats")
        return numbers

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)  # noqa: S310 - our own address
        # A proxy of the environment must not see calls to loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())

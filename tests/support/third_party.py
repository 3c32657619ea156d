"""Model servers that others wrote, installed from their registries and run in processes of their own.

They are installed into the folder that the environment variable ``PROMPTEVALS_TEST_SERVERS`` names, and stay there, or
into one that lasts as long as the session.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

FOLDER_VARIABLE: Final = "PROMPTEVALS_TEST_SERVERS"
RAIN: Final = "It rains in Oslo."
_INSTALL_SECONDS: Final = 300
_START_SECONDS: Final = 30


@dataclass(frozen=True)
class ThirdPartyServer:
    """How one server is installed and started."""

    name: str
    """Its folder: package and version."""
    needs: str | None
    """Program that must be on PATH; ``None`` for Python itself."""
    install: Callable[[Path], None]
    """Installs it into a folder."""
    command: Callable[[Path, Path, int], Sequence[str]]
    """Makes the command from its folder, one for its configuration, and the port."""


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)


def _install_fakellm(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", folder])
    _run([_python_in(folder), "-m", "pip", "install", "--quiet", "--retries", "1", "fakellm==0.3.5"])


def _python_in(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _fakellm_command(folder: Path, config: Path, port: int) -> Sequence[str]:
    rules: list[dict[str, Any]] = [
        {"name": "weather", "when": {"messages_contain": "weather"}, "respond": {"content": RAIN}},
        {
            "name": "order",
            "when": {"messages_contain": "order"},
            "respond": {"tool_calls": [{"name": "find_order", "arguments": {"id": "A-17"}}]},
        },
        {"name": "often", "when": {"messages_contain": "often"}, "respond": {"status": 429, "error": "Slow down"}},
    ]
    file = config / "fakellm.yaml"
    file.write_text(json.dumps({"version": 1, "rules": rules}), encoding="utf-8")
    return [str(_python_in(folder)), "-m", "fakellm.cli", "serve", "--port", str(port), "--config", str(file)]


def _install_aimock(folder: Path) -> None:
    folder.mkdir()
    package = "@copilotkit/aimock@1.43.0"
    _run(
        [
            "npm",
            "install",
            "--prefix",
            folder,
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--fetch-retries=1",
            package,
        ]
    )


def _aimock_command(folder: Path, config: Path, port: int) -> Sequence[str]:
    fixtures: list[dict[str, Any]] = [
        {"match": {"userMessage": "weather"}, "response": {"content": RAIN}},
        {
            "match": {"userMessage": "order"},
            "response": {"toolCalls": [{"name": "find_order", "arguments": {"id": "A-17"}}]},
        },
        {
            "match": {"userMessage": "often"},
            "response": {"error": {"message": "Slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 7},
        },
    ]
    file = config / "fixtures.json"
    file.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    script = folder / "node_modules/@copilotkit/aimock/dist/cli.js"
    return ["node", str(script), "-p", str(port), "-f", str(file), "--log-level", "silent"]


FAKELLM: Final = ThirdPartyServer("fakellm-0.3.5", None, _install_fakellm, _fakellm_command)
"""Speaks chat completions and Anthropic's Messages."""
AIMOCK: Final = ThirdPartyServer("aimock-1.43.0", "npm", _install_aimock, _aimock_command)
"""Speaks chat completions, Responses and Anthropic's Messages."""


def install(server: ThirdPartyServer, session_folder: Path) -> Path:
    """Return the folder the server is installed in. Skips the test where that cannot be done; fails it in CI."""
    if server.needs is not None and shutil.which(server.needs) is None:
        pytest.skip(f"{server.name} needs {server.needs}")
    parent = Path(os.environ.get(FOLDER_VARIABLE) or session_folder)
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / server.name
    if folder.is_dir():
        return folder
    # Installed beside it and then renamed, so that another process never sees half of it.
    temporary = parent / f"{server.name}.{secrets.token_hex(4)}"
    try:
        server.install(temporary)
        temporary.rename(folder)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not folder.is_dir():
            _give_up(server, error)
    return folder


def _give_up(server: ThirdPartyServer, error: Exception) -> None:
    reason = f"{server.name} cannot be installed: {getattr(error, 'stderr', None) or error}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(server: ThirdPartyServer, folder: Path, config: Path) -> Iterator[str]:
    """Run the server, and yield its address."""
    port = _free_port()
    log = config / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server.command(folder, config, port), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=config
        )
    try:
        _wait_for(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not start:\n{log.read_text('utf-8', 'replace')}")

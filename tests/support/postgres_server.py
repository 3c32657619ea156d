"""A real PostgreSQL server on loopback, from the distribution's package, with a database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

PASSWORD: Final = "s3cret/pass@word"  # noqa: S105 - of a server that lives as long as the tests
"""Password of the user ``evals``; in a URL it has to be escaped."""
NOBODY: Final = 65534
_START_SECONDS: Final = 30
_MISSING: Final = "PostgreSQL's programs are not there: install Debian's package postgresql"


class PostgresServer:
    """A server in a folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.port = _free_port()
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def create(self) -> None:
        """Make the cluster. Connections need the password."""
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (self._folder, password):
                os.chown(path, NOBODY, NOBODY)
        options = ["--no-sync", "--auth=scram-sha-256", "--username=evals", f"--pwfile={password}", "--encoding=UTF8"]
        command = [*self._command("initdb"), *options, "--locale=C.UTF-8", "-D", str(self._folder / "data")]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=_START_SECONDS)

    def start(self) -> None:
        """Start the server, and return when it answers."""
        options = ["-F", "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder), "-N", "60"]
        with (self._folder / "log").open("ab") as log:
            command = [*self._command("postgres"), "-D", str(self._folder / "data"), *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError((self._folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, and the connections to it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if self._process.poll() is None else 0)
            self._process.wait(_START_SECONDS)
            self._process = None

    def url(self, database: str, password: str | None = PASSWORD) -> str:
        """Return the setting ``evals_history`` of a database."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql+psycopg://evals{secret}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str = "", like: str = "template0") -> str:
        """Make a database that is empty, or ``like`` another one that nobody is connected to, and return its name."""
        name = name or f"evals_{next(self._numbers)}"
        # To copy files takes half as long as to log each page.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy", "postgres")
        return name

    def has_database(self, name: str) -> bool:
        """Return whether there is a database of that name."""
        return bool(self.execute("SELECT 1 FROM pg_database WHERE datname = %s", "postgres", (name,)))

    def execute(self, statement: str, database: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a statement on a connection of its own, and return its rows."""
        import psycopg  # noqa: PLC0415 - of an extra

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="evals", password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 - of an extra

        try:
            self.execute("SELECT 1", "postgres")
        except psycopg.OperationalError:
            return False
        return True

    def _command(self, program: str) -> list[str]:
        # PostgreSQL refuses to run as root.
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
        return [*user, str(self._programs / program)]


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server in a new folder. Where there can be none, the test is skipped; in CI it fails."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # in a short path: the socket's name may have 107 characters
    server = PostgresServer(_find_programs(), folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _find_programs() -> Path:
    try:
        import psycopg  # noqa: F401, PLC0415 - of an extra
    except ImportError:
        _give_up("the package psycopg is not there: install the extra postgres")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    programs = next((place for place in places if (place / "initdb").exists()), None)
    if programs is None and found is None:
        _give_up(_MISSING)
    return programs or Path(str(found)).resolve().parent


def _give_up(reason: str) -> None:
    if os.environ.get("CI") and sys.platform == "linux":  # elsewhere there is no such package
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

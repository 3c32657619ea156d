"""Runs all evals of a project without calling a model, to learn which recordings they use."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import click

from pytest_promptevals.cache.recordings import LISTING, recording_path, take_uses
from pytest_promptevals.cache.store import Use
from pytest_promptevals.errors import CacheError

SESSION_VARIABLE: Final = "PROMPTEVALS_SESSION"
"""Environment variable that names the session of a pytest run."""

_RAN: Final = (0, 1, 5)
"""Exit statuses of pytest that mean: all that was collected was run, be it nothing."""
_SHOWN_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Replay:
    """What the evals of a project used."""

    uses: Sequence[Use]
    """Responses that were asked for."""
    unfinished: Sequence[str]
    """Cases that ended in an error or were skipped, as dotted names of their files."""

    def used(self) -> dict[str, set[str]]:
        """Return the keys that were found, by eval file."""
        found: dict[str, set[str]] = {}
        for use in self.uses:
            keys = found.setdefault(use.file, set())
            if not use.is_missing:
                keys.add(use.key)
        return found

    def doubt(self, path: Path, folder: Path) -> str:
        """Return why an entry of a file of recordings may be needed though nothing asked for it; empty if it is not."""
        uses = [use for use in self.uses if recording_path(folder, use.file) == path]
        if not uses:
            return "its eval file asked for nothing"
        missing = sum(use.is_missing for use in uses)
        if missing:
            return f"{_count(missing, 'call')} could not be replayed"
        module = _dotted(path.relative_to(folder).as_posix())
        unfinished = sum(name == module or name.startswith(f"{module}.") for name in self.unfinished)
        were = "was" if unfinished == 1 else "were"
        return f"{_count(unfinished, 'case')} had an error or {were} skipped" if unfinished else ""


def replay_evals(rootdir: Path, cache: Path, recordings: Path, arguments: Sequence[str]) -> Replay:
    """Run pytest on the evals of a project, calling no model.

    Args:
        rootdir: where pytest is started.
        cache: the SQLite file of the response cache.
        recordings: folder of the recordings.
        arguments: further arguments of pytest.

    Raises ``click.ClickException`` if not all evals could be collected.
    """
    session = f"{LISTING}{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = _command(cache, recordings, report, arguments)
        done = subprocess.run(  # noqa: S603 - our own Python, on the user's own tests
            command,
            cwd=rootdir,
            env={**os.environ, SESSION_VARIABLE: session},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode not in _RAN or not report.exists():
            tail = "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])
            raise click.ClickException(
                f"pytest could not run all evals (exit status {done.returncode}), so nothing is known to be unused. "
                f"Mend what it says; arguments for it may stand after '--'.\n{tail}"
            )
        unfinished = tuple(_unfinished(report))
    try:
        return Replay(take_uses(cache, session), unfinished)
    except CacheError as error:
        raise click.ClickException(str(error)) from None


def _command(cache: Path, recordings: Path, report: Path, arguments: Sequence[str]) -> list[str]:
    # What the project's own options select or leave out counts for little here: later ones go before them.
    return [
        *(sys.executable, "-m", "pytest", "-q", "-m", "evals", "-k", "", "--maxfail=0", "--evals", "--evals-shard="),
        *("--evals-cache=replay", "--evals-history=off", "--evals-progress=off"),
        *(f"--evals-cache-file={cache}", f"--evals-recordings={recordings}"),
        *(f"--junitxml={report}", "-o", f"cache_dir={report.parent}", *arguments),
    ]


def _unfinished(report: Path) -> Iterator[str]:
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        skipped = case.find("skipped")
        if case.find("error") is not None or (skipped is not None and skipped.get("type") != "pytest.xfail"):
            yield case.get("classname", "")


def _dotted(name: str) -> str:
    """Return how JUnit names the file that recordings belong to."""
    file = re.sub(r"\.py-.*", "", name.removesuffix(".jsonl"))
    return file.replace("/", ".")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"

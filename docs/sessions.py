"""Runs what the pages show, so that they show what happens.

A page is a project. A ``{code-block}`` with a caption is a file of that name, a later one takes its place; a
``console`` block is a session in the project's folder, whose ``pytest`` and ``promptevals`` commands really run. Blocks
of commands that are not to be run are ``sh``. After a change of the output, have the pages written anew::

    python -m docs.sessions docs/*.md
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(
    r"^(?P<fence>```+)(?P<info>.*)\n(?::caption: (?P<caption>.*)\n\n)?(?P<body>(?:.*\n)*?)(?P=fence)$", re.MULTILINE
)
_LANGUAGE: Final = re.compile(r"(?:\{code-block\} )?([\w-]+)")
_PROGRAMS: Final = ("pytest", "promptevals")
# What differs from machine to machine stands in the first lines of a run; a page has dots there.
_HEADER: Final = re.compile(r"^platform .*\n(?:(?:cachedir|rootdir|configfile|testpaths|plugins): .*\n)*", re.MULTILINE)
_VARYING: Final = (
    (r"\bin \d+\.\d+s", "in 0.00s"),
    (r"\b20\d{6}-\d{6}(?:-[0-9a-f]{6})?\b", "20260101-000000"),  # ids of runs
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d", "2026-01-01 00:00"),
    (r"\b20\d\d-\d\d-\d\d\b", "2026-01-01"),  # days on which runs were made
    (r"([=_-])\1{2,}", r"\1\1"),
    (r"\\", "/"),
    (r"\n{2,}", "\n"),
)
_FOREIGN: Final = re.compile(
    "(?:PYTEST|PROMPTEVALS|OPENAI|ANTHROPIC|COV|GITHUB|PYTHON)_?.*|CI|TF_BUILD|TEAMCITY_VERSION|BUILD_NUMBER|FORCE_COLOR|PY_COLORS|NO_COLOR"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    """``yaml``, ``console`` and so on; empty if it names none."""
    caption: str | None
    """Name of the file that it is."""
    body: str
    """Its text."""
    line: int
    """1-based line of the page in which the text begins."""
    span: tuple[int, int]
    """Where the text stands in the page."""


def read_blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [_read_block(found, page) for found in _BLOCK.finditer(page)]


def _read_block(found: re.Match[str], page: str) -> Block:
    language = _LANGUAGE.match(found["info"])
    return Block(
        language=language[1] if language else "",
        caption=found["caption"],
        body=found["body"],
        line=page.count("\n", 0, found.start("body")) + 1,
        span=found.span("body"),
    )


def run_page(page: str, folder: Path) -> Iterator[tuple[Block, str]]:
    """Write the files and run the sessions of a page; yield each session with what it prints."""
    shell = _Shell(folder)
    for block in read_blocks(page):
        if block.caption is not None:
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8", newline="\n")
        elif block.language == "console":
            yield block, shell.run(block.body)


class _Shell:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._status = 0
        kept = {name: value for name, value in os.environ.items() if _FOREIGN.fullmatch(name) is None}
        self._environment = {
            **kept,
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p promptevals",
        }

    def run(self, session: str) -> str:
        """Return a session with its commands and what they print."""
        commands = [line for line in session.splitlines() if line.startswith("$ ")]
        return "".join(f"{command}\n{self._run_command(command[2:])}" for command in commands)

    def _run_command(self, command: str) -> str:
        if command == "echo $?":
            return f"{self._status}\n"
        program, *arguments = shlex.split(command)
        if program not in _PROGRAMS:
            raise ValueError(f"{command!r}: only {' and '.join(_PROGRAMS)} run in a console block; make it a sh block")
        module = {"pytest": "pytest", "promptevals": "pytest_promptevals.cli"}[program]
        code = f"from {module} import main; raise SystemExit(main())"
        done = subprocess.run(  # noqa: S603 - the commands of our own pages
            [sys.executable, "-c", code, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        self._status = done.returncode
        lines = _HEADER.sub("...\n", done.stdout).splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)


def without_varying(output: str) -> str:
    """Return an output without what differs from run to run: times, widths of rules, blank lines."""
    for pattern, replacement in _VARYING:
        output = re.sub(pattern, replacement, output)
    return output.strip()


def record_page(path: Path) -> bool:
    """Write what the sessions of a page print into it, and return whether that changed more than a time."""
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        sessions = list(run_page(page, Path(folder)))
    changed = [(block, text) for block, text in sessions if without_varying(block.body) != without_varying(text)]
    for block, text in reversed(changed):
        start, end = block.span
        page = page[:start] + text.rstrip("\n") + "\n" + page[end:]
    path.write_text(page, encoding="utf-8", newline="\n")
    return bool(changed)


def main(names: list[str]) -> None:
    """Record pages."""
    for name in names:
        if record_page(Path(name)):
            sys.stdout.write(f"{name} was written anew\n")


if __name__ == "__main__":
    main(sys.argv[1:])

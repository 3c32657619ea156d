"""A project in a temporary folder, and pytest run in it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ECHO = "model: scripted/echo\n"
"""A model that answers with the last user message."""


class EvalProject:
    """Writes files and runs pytest among them."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path

    def write(self, name: str, text: str) -> Path:
        """Write a file, its text dedented; folders are made."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def write_cases(self, name: str, cases: Sequence[dict[str, Any]], head: str = ECHO + "judges: [exact]\n") -> Path:
        """Write a YAML eval file with those cases."""
        rows = "".join(f"  - {json.dumps(case)}\n" for case in cases)
        return self.write(name, f"{textwrap.dedent(head)}cases:\n{rows}")

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process, without the plugins that the project's own tests use."""
        return self.pytester.runpytest_inprocess(*_QUIET, *arguments)

    def run_process(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*_QUIET, *arguments)


_QUIET = ("-p", "no:randomly", "-p", "no:timeout", "-p", "no:socket")

"""A rootdir with eval files, for tests that load them without pytest."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.records.cases import Case, Dataset


class EvalFolder:
    """Writes files into a rootdir and loads eval files from it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file; the indentation that all lines of a text share is left out."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(textwrap.dedent(content), encoding="utf-8")
        return path

    def load(self, name: str = "a.eval.yaml") -> Dataset:
        """Load a good eval file."""
        return load_dataset(self.root / name, self.root)

    def load_text(self, content: str | bytes, name: str = "a.eval.yaml") -> Dataset:
        """Write an eval file and load it."""
        self.write(name, content)
        return self.load(name)

    def load_case(self, content: str) -> Case:
        """Load a case written as a mapping of YAML in one line."""
        (case,) = self.load_text(f"cases:\n  - {content}\n").cases
        return case

    def problems(self, name: str = "a.eval.yaml") -> list[str]:
        """Load a bad eval file and return the lines of its error."""
        try:
            self.load(name)
        except DatasetError as error:
            return str(error).split("\n")
        raise AssertionError(f"{name} has no problem")

    def problems_of(self, content: str | bytes, name: str = "a.eval.yaml") -> list[str]:
        """Write a bad eval file and return the lines of its error."""
        self.write(name, content)
        return self.problems(name)

    def problem_of_case(self, content: str) -> str:
        """Return the one problem of a case written as one flow mapping of YAML, without its place."""
        (problem,) = self.problems_of(f"cases:\n  - {content}\n")
        return problem.removeprefix("a.eval.yaml:2: cases[0].")

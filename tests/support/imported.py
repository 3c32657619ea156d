"""Another tool's file, imported with the command and loaded as an eval file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.cases import Dataset


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import."""

    losses: Sequence[str]
    """Lines that name what has no equivalent, without the file's name."""
    text: str
    """The eval file."""
    dataset: Dataset
    """The same, loaded."""

    @property
    def data(self) -> Any:
        """The eval file as data."""
        return parse_yaml(self.text, "imported").value

    @property
    def cases(self) -> Any:
        """Its cases as data."""
        return self.data["cases"]


def import_text(folder: Path, name: str, text: str, *options: str) -> Imported:
    """Import a file with that text, which must succeed. ``folder`` is the working directory."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    result = CliRunner().invoke(main, ["import", name, "-o", "imported.eval.yaml", "--force", *options])
    assert result.exit_code == 0, result.output
    written = folder / "imported.eval.yaml"
    lines = [line.removeprefix(f"{name}:") for line in result.output.splitlines() if line.startswith(f"{name}:")]
    return Imported(lines, written.read_text(encoding="utf-8"), load_dataset(written, folder))


def import_rows(folder: Path, name: str, rows: Sequence[Any], *options: str) -> Imported:
    """Import a file of JSON Lines."""
    return import_text(folder, name, "".join(f"{json.dumps(row)}\n" for row in rows), *options)


def import_error(folder: Path, name: str, text: str, *options: str) -> str:
    """Return what is said about a file that cannot be imported."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    result = CliRunner().invoke(main, ["import", name, "-o", "imported.eval.yaml", *options])
    assert result.exit_code != 0
    return result.output

"""An eval file, exported with the command and read again."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.files.yaml import parse_yaml

_NAME: Final = "a.eval.yaml:"


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export."""

    losses: Sequence[str]
    """Lines that name what has no equivalent, without the file's name."""
    text: str
    """What was written."""

    @property
    def data(self) -> Any:
        """The same as data."""
        return parse_yaml(self.text, "exported").value


def run_export(folder: Path, text: str, *options: str) -> Result:
    """Export an eval file with that text. ``folder`` is the working directory."""
    (folder / "a.eval.yaml").write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return CliRunner().invoke(main, ["dataset", "export", "a.eval.yaml", *options])


def export_text(folder: Path, text: str, *options: str) -> Exported:
    """Export an eval file with that text to a config of promptfoo, which must succeed."""
    target = folder / "promptfooconfig.yaml"
    result = run_export(folder, text, "-o", target.name, "--force", *options)
    assert result.exit_code == 0, result.output
    lines = [
        line.removeprefix("a.eval.yaml:") for line in result.output.splitlines() if line.startswith("a.eval.yaml:")
    ]
    return Exported(lines, target.read_text(encoding="utf-8"))

"""CSV files of other tools, with commas, semicolons or tabs between their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.csv_cases import read_rows
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.text import read_text
from pytest_promptevals.records.json_types import Json

TABLES: Final = (".csv", ".tsv")
"""What names of such files end in."""
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What may stand between cells; spreadsheets write semicolons where a comma stands before the decimals."""
_QUOTED: Final = re.compile(r'"[^"]*"')
_DIRECTIVE: Final = re.compile(r"sep=(.)")
"""A first line with which spreadsheets are told."""


def is_table(path: Path) -> bool:
    """Return whether a file holds rows of cells."""
    return path.suffix.lower() in TABLES


def read_table(path: Path, shown: str) -> Iterator[tuple[Json, Source]]:
    """Yield the rows, each with its place. Raises ``FileProblem`` or ``DatasetError``."""
    text = read_text(path, shown)
    problems = Problems()
    rows = read_rows(text, shown, problems, _find_delimiter(path, text))
    if _DIRECTIVE.match(text):
        next(rows, None)
    _, names = next(rows, (1, []))
    for name in names:
        if name and names.count(name) > 1:
            raise FileProblem(f"two columns are named {name!r}; rename one of them", path=shown, line=1)
    for line, cells in rows:
        if len(cells) > len(names):
            message = f"the row has {len(cells)} cells, but the header names {len(names)} columns"
            raise FileProblem(message, path=shown, line=line)
        yield dict(zip(names, cells, strict=False)), Source(shown, line)
    problems.raise_all()


def name_delimiter(path: Path, shown: str) -> str:
    """Return what is to be said of a CSV file whose cells are separated by something else than commas."""
    if path.suffix.lower() != ".csv":
        return ""
    found = _find_delimiter(path, read_text(path, shown))
    return "" if found == "," else f"{shown}: its cells are separated by {_DELIMITERS.get(found, repr(found))}"


def _find_delimiter(path: Path, text: str) -> str:
    """Return what stands most often between the names in the header; a comma, where nothing does."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    if told := _DIRECTIVE.match(text):
        return told[1]
    header = _QUOTED.sub("", text.lstrip("\n").partition("\n")[0])
    return max(_DELIMITERS, key=header.count)

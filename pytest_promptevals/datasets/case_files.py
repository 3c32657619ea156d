"""The cases of an eval file, in it and in the files that it names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.cases import CaseReader
from pytest_promptevals.datasets.csv_cases import read_csv
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseFileWire, FileEntryWire
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.paths import resolve_inside, shown_path
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json

SUFFIXES: Final = (".jsonl", ".yaml", ".yml", ".csv")
"""Endings of the files that can hold cases."""


class CaseFiles:
    """Reads entries and files of cases into one reader, each file once."""

    def __init__(self, reader: CaseReader, rootdir: Path, problems: Problems) -> None:
        self._reader = reader
        self._rootdir = rootdir
        self._problems = problems
        self._open: list[Path] = []
        self._read_at: dict[Path, Source] = {}

    def read_entries(self, entries: Sequence[Json], source: Source, path: Path) -> None:
        """Read a list of cases and named files, which stands in the file ``path``."""
        with self._opened(path):
            for index, entry in enumerate(entries):
                item = source.part(index)
                if isinstance(entry, dict) and "file" in entry:
                    self._follow(entry, item, path.parent)
                else:
                    self._reader.read(entry, item)

    def read_file(self, path: Path) -> None:
        """Read a file that holds cases and nothing else."""
        shown = shown_path(path, self._rootdir)
        problems, cases = len(self._problems), self._reader.count
        try:
            self._read_text(read_text(path, shown), shown, path)
        except FileProblem as problem:
            self._problems.extend([problem])
        except DatasetError as error:
            self._problems.extend(error.problems)
        if len(self._problems) == problems and self._reader.count == cases:
            self._problems.add("holds no cases; write at least one", Source(shown))

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[None]:
        self._open.append(Path(os.path.realpath(path)))
        try:
            yield
        finally:
            self._open.pop()

    def _follow(self, entry: Mapping[str, Json], source: Source, folder: Path) -> None:
        wire = self._problems.check(FileEntryWire, entry, source)
        if wire is None:
            return
        try:
            found = find_files(wire.file, folder, self._rootdir)
        except (FileNotFoundError, ValueError) as error:
            self._problems.add(str(error), source, ("file",))
            return
        for path in found:
            if self._may_read(path, source):
                self._read_at[path] = source
                self.read_file(path)

    def _may_read(self, path: Path, source: Source) -> bool:
        name = shown_path(path, self._rootdir)
        message = ""
        if path in self._open:
            chain = [shown_path(file, self._rootdir) for file in (*self._open[self._open.index(path) :], path)]
            message = f"the file names itself: {' → '.join(chain)}; remove one of these entries"
        elif path in self._read_at:
            first = self._read_at[path].locate()
            message = f"the file {name} is already named at {first}; remove one of the two entries"
        elif path.suffix not in SUFFIXES:
            message = f"the file {name} cannot hold cases; use a file that ends in {', '.join(SUFFIXES)}"
        if message:
            self._problems.add(message, source, ("file",))
        return not message

    def _read_text(self, text: str, shown: str, path: Path) -> None:
        if path.suffix == ".jsonl":
            self._read_lines(text, shown)
        elif path.suffix == ".csv":
            for case, source in read_csv(text, shown, self._problems):
                self._reader.read(case, source)
        else:
            self._read_yaml(text, shown, path)

    def _read_lines(self, text: str, shown: str) -> None:
        for line, row in read_json_lines(text, shown, self._problems):
            self._reader.read(row, Source(shown, line))

    def _read_yaml(self, text: str, shown: str, path: Path) -> None:
        document = parse_yaml(text, shown)
        source = Source(shown, 1, document)
        value = document.value
        if isinstance(value, list):
            self.read_entries(value, source, path)
        elif value is not None and (wire := self._problems.check(CaseFileWire, value, source)):
            self.read_entries(wire.cases, source.part("cases"), path)


def read_json_lines(text: str, shown: str, problems: Problems) -> Iterator[tuple[int, Json]]:
    """Yield the values of a JSON Lines text with their lines; blank lines are skipped, bad ones noted."""
    for line, row in enumerate(text.split("\n"), 1):
        if not row or row.isspace():
            continue
        try:
            value = parse_json(row, shown, line)
        except FileProblem as problem:
            problems.extend([problem])
        else:
            yield line, value


def find_files(name: str, folder: Path, rootdir: Path) -> list[Path]:
    """Return the files that a name or pattern in a file of that folder stands for, sorted, symlinks resolved.

    Raises ``FileNotFoundError`` if there are none, ``ValueError`` if the pattern is wrong or a file is outside of the
    rootdir.
    """
    path = resolve_inside(name, folder, rootdir)
    if path.is_file():
        return [path]
    if path.is_dir():
        raise FileNotFoundError(f"{name!r} is a folder; name the files in it, such as {name.rstrip('/')}/*.jsonl")
    fixed, pattern = _split_pattern(name)
    if not pattern:
        place = shown_path(path.parent, rootdir)
        raise FileNotFoundError(f"there is no file {path.name!r} in {place}; create it, or correct the name")
    if any("**" in part and part != "**" for part in Path(pattern).parts):
        raise ValueError(f"{name!r} is no pattern: '**' stands for folders, alone between slashes; correct it")
    start = resolve_inside(fixed, folder, rootdir)
    found = {resolve_inside(str(match), start, rootdir) for match in start.glob(pattern) if match.is_file()}
    if not found:
        raise FileNotFoundError(f"no file matches {name!r}; create one, or correct the pattern")
    return sorted(found)


def _split_pattern(name: str) -> tuple[str, str]:
    """Split a name before its first part with a wildcard."""
    parts = Path(name).parts
    first = next((index for index, part in enumerate(parts) if any(sign in part for sign in "*?[")), len(parts))
    return str(Path(*parts[:first])), str(Path(*parts[first:])) if first < len(parts) else ""

"""Files that a config of promptfoo names: tests, prompts, values and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.importers.foreign import Losses, kind_of, read_document, read_records
from pytest_promptevals.datasets.importers.promptfoo_csv import read_row
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.records.json_types import Json

REFERENCE: Final = "file://"
_DATA: Final = (".json", ".yaml", ".yml")
_NO_VARIABLES: Final = "must hold variables by their names, but holds {kind}; left out"
_TESTS: Final = (*_DATA, ".jsonl", ".csv")
_STARS: Final = re.compile(r"\*{2,}")
_NO_FILE: Final = "there is no file {name!r}; left out"
_NO_TESTS: Final = (
    "tests come from a script, a service or a file of another kind; left out. Save them as CSV or YAML first"
)


class Files:
    """Finds and reads files.

    Args:
        folder: of the config; names are relative to it.
        losses: takes files that cannot be read.
    """

    def __init__(self, folder: Path, losses: Losses) -> None:
        self._folder = folder
        self._losses = losses

    def find(self, name: str) -> list[Path]:
        """Return the files that a name or a pattern with ``*`` stands for."""
        path = self._folder / name.removeprefix(REFERENCE)
        if _is_file(path) or not any(mark in name for mark in "*?["):
            return [path] if _is_file(path) else []
        fixed = next(parent for parent in path.parents if not any(mark in str(parent) for mark in "*?["))
        parts = [part if part == "**" else _STARS.sub("*", part) for part in path.relative_to(fixed).parts]
        return sorted(found for found in fixed.glob("/".join(parts)) if _is_file(found))

    def text(self, path: Path) -> str:
        """Return the text of a file. Raises ``FileProblem``."""
        return read_text(path, _shown(path))

    def data(self, reference: Json, source: Source, *, parses: Sequence[str] = _DATA) -> Json:
        """Return what a file holds: data of the endings that are parsed, else text.

        ``None`` and a loss if it cannot be read.
        """
        name = str(reference)
        found = self.find(name)
        if not found or found[0].suffix in (".js", ".ts", ".mjs", ".cjs", ".py", ".rb"):
            what = "is a script, which is not run here; left out" if found else _NO_FILE.format(name=name)
            self._losses.add(source, what)
            return None
        try:
            if found[0].suffix in parses:
                return read_document(found[0], _shown(found[0]))[0]
            return self.text(found[0]).strip()
        except PromptEvalsError as error:
            self._losses.add(source, f"cannot be read: {error}; left out")
            return None

    def tests(self, name: str, source: Source) -> Iterator[tuple[Json, Source]]:
        """Yield the tests of the files that a name or pattern stands for, each with its place."""
        found = self.find(name)
        if not found:
            is_script = not name.removeprefix(REFERENCE).endswith(_TESTS)
            self._losses.add(source, _NO_TESTS if is_script else _NO_FILE.format(name=name))
        for path in found:
            if path.suffix not in _TESTS:
                self._losses.add(source, _NO_TESTS)
                continue
            yield from read_tests(path, _shown(path), self._losses)

    def variables(self, value: Json, source: Source) -> Mapping[str, Json]:
        """Return the variables of a test: as they stand, or of the files that it names."""
        if isinstance(value, dict):
            return value
        found: dict[str, Json] = {}
        for name in value if isinstance(value, list) else [value]:
            for path in self.find(str(name)) or [self._folder / str(name)]:
                data = self.data(str(path), source)
                if isinstance(data, dict):
                    found.update(data)
                elif data is not None:
                    self._losses.add(source, _NO_VARIABLES.format(kind=kind_of(data)))
        return found


def read_tests(path: Path, shown: str, losses: Losses) -> Iterator[tuple[Json, Source]]:
    """Yield the tests of a file, each with its place. Raises ``FileProblem`` or ``DatasetError``."""
    if path.suffix in (".csv", ".jsonl"):
        for row, source in read_records(path, shown):
            is_cells = path.suffix == ".csv" and isinstance(row, dict)
            yield (read_row(row, source, losses) if is_cells and isinstance(row, dict) else row), source
        return
    document, source = read_document(path, shown)
    if isinstance(document, list):
        yield from ((test, source.part(index)) for index, test in enumerate(document))
    else:
        yield document, source


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A text that is longer than names may be.
        return False


def is_reference(value: Json) -> bool:
    """Return whether a value names a file."""
    return isinstance(value, str) and value.startswith(REFERENCE)


def _shown(path: Path) -> str:
    return shown_path(path.absolute(), Path.cwd())

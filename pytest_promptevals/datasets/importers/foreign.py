"""Reading other tools' files so that nothing in them gets lost in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self, TypeGuard

from pytest_promptevals.datasets.importers.tables import TABLES, is_table, read_table
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem, PromptEvalsError
from pytest_promptevals.files.json_places import JsonPlaces
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.drafts import Loss
from pytest_promptevals.records.json_types import Json

NO_EQUIVALENT: Final = "there is no equivalent of it; left out"
"""What is said of a key that nobody asked for."""
_MOST: Final = 1000
"""Trials of a case that an eval file may ask for."""
_YAML: Final = (".yaml", ".yml")
_LINES: Final = (".jsonl", ".ndjson")
_ENDINGS: Final = (".json", *_LINES, *TABLES, *_YAML)
_NO_DATA: Final = (
    f"is no data: it is not JSON, and its name ends in none of {', '.join(_ENDINGS)}; rename it if it is of such a kind"
)


class Losses:
    """What of a foreign file is not taken over."""

    def __init__(self) -> None:
        self._losses: list[Loss] = []

    def add(self, source: Source, message: str, *path: str | int) -> None:
        """Note that a part of the source's value is lost, and why."""
        self._losses.append(Loss(source.locate(path), source.field_of(path), message))

    def listed(self) -> Sequence[Loss]:
        """Return them in the order of their files and lines."""
        return tuple(sorted(self._losses, key=lambda loss: (loss.location.path, loss.location.line)))


class Fields:
    """A mapping of a foreign file. Its keys are taken one by one; what nobody took is lost, and told.

    Used as a context manager: at its end the keys that are left are noted::

        with Fields(row, source, losses) as fields:
            case = {"input": fields.take("question"), "expected": fields.take("answer")}

    Args:
        data: the mapping.
        source: where it stands.
        losses: takes what is left.
    """

    def __init__(self, data: Mapping[str, Json], source: Source, losses: Losses) -> None:
        self.source = source
        self._data = dict(data)
        self._losses = losses

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.lose_rest(NO_EQUIVALENT)

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def take(self, *names: str) -> Json:
        """Return the value of the first of these keys that is there, and count all of them as taken; else ``None``.

        Several names are ways to write one key, such as ``expected_output`` and ``expectedOutput``.
        """
        found = [self._data.pop(name) for name in names if name in self._data]
        return next((value for value in found if value is not None), None)

    def take_text(self, *names: str) -> str:
        """Return the text of one of these keys. What is no text is lost; an empty text stands for it."""
        name = self._name_of(names)
        value = self.take(*names)
        if value is None or isinstance(value, str):
            return value or ""
        self._losses.add(self.source, f"must be a text, but is {kind_of(value)}; left out", name)
        return ""

    def take_number(self, *names: str) -> int | float | None:
        """Return the number of one of these keys. What is none is lost; ``None`` stands for it."""
        name = self._name_of(names)
        value = self.take(*names)
        if value is None or _is_number(value):
            return value
        self._losses.add(self.source, f"must be a number, but is {kind_of(value)}; left out", name)
        return None

    def take_count(self, *names: str) -> int | None:
        """Return the whole number from 1 to 1000 of one of these keys. What is none is lost; ``None`` stands for it."""
        name = self._name_of(names)
        value = self.take_number(*names)
        if value is None or (isinstance(value, int) and 1 <= value <= _MOST):
            return value
        self._losses.add(self.source, f"must be a whole number from 1 to {_MOST}, but is {value}; left out", name)
        return None

    def take_list(self, *names: str) -> list[Json]:
        """Return the list of one of these keys; a single value counts as a list of it, nothing as an empty one."""
        value = self.take(*names)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def take_mapping(self, *names: str) -> dict[str, Json]:
        """Return the mapping of one of these keys. What is no mapping is lost; an empty mapping stands for it."""
        name = self._name_of(names)
        value = self.take(*names)
        if value is None or isinstance(value, dict):
            return value or {}
        self._losses.add(self.source, f"must be a mapping, but is {kind_of(value)}; left out", name)
        return {}

    def lose(self, name: str, message: str) -> None:
        """Take a key, if it is there with a value, and note why it is lost."""
        if self._data.pop(name, None) is not None:
            self._losses.add(self.source, message, name)

    def lose_rest(self, message: str) -> None:
        """Note the same of all keys that are left, but for those without a value."""
        for name in list(self._data):
            self.lose(name, message)

    def rest_names(self) -> list[str]:
        """Return the keys that are left."""
        return list(self._data)

    def rest(self) -> dict[str, Json]:
        """Take all keys that are left."""
        rest, self._data = self._data, {}
        return rest

    def part(self, name: str, *path: str | int) -> Source:
        """Return the source of a key, or of a part of its value."""
        return self.source.part(name, *path)

    def _name_of(self, names: Sequence[str]) -> str:
        return next((name for name in names if name in self._data), names[0])


def read_document(path: Path, shown: str) -> tuple[Json, Source]:
    """Return what a YAML or JSON file holds, with its places.

    Raises ``FileProblem`` or ``DatasetError`` for a file that cannot be read as what its name ends in.
    """
    text = read_text(path, shown)
    suffix = path.suffix.lower()
    if suffix in _YAML:
        document = parse_yaml(text, shown)
        return document.value, Source(shown, 1, document)
    if not text.strip():
        raise FileProblem("is empty", path=shown)
    if suffix not in _ENDINGS and not text.lstrip().startswith(("{", "[")):
        raise FileProblem(_NO_DATA, path=shown)
    value, places = _parse_whole(text, shown), JsonPlaces(text)
    return value, Source(shown, places.line_of(()), places)


def _parse_whole(text: str, shown: str) -> Json:
    try:
        return parse_json(text, shown)
    except FileProblem:
        if _is_of_lines(text):
            message = "holds JSON of one value a line; rename it so that it ends in .jsonl"
            raise FileProblem(message, path=shown) from None
        raise


def _is_of_lines(text: str) -> bool:
    first = [line for line in text.lstrip().split("\n", 3)[:3] if line.strip()][:2]
    try:
        values = [parse_json(line, "") for line in first]
    except FileProblem:
        return False
    return len(values) > 1 and all(isinstance(value, dict | list) for value in values)


def read_records(path: Path, shown: str) -> Iterator[tuple[Json, Source]]:
    """Yield the rows of a JSON Lines or CSV file, or of a YAML or JSON list, each with its place.

    Cells of CSV are texts; those of a row that is too short are left out. Raises ``FileProblem`` or ``DatasetError``.
    """
    if is_lines(path):
        yield from _read_lines(read_text(path, shown), shown)
    elif is_table(path):
        yield from read_table(path, shown)
    else:
        value, source = read_document(path, shown)
        if not isinstance(value, list):
            raise FileProblem(f"must hold a list, but holds {kind_of(value)}", path=shown)
        for index, row in enumerate(value):
            yield row, source.part(index)


def is_lines(path: Path) -> bool:
    """Return whether a file holds JSON, one value a line."""
    return path.suffix.lower() in _LINES


def take_sample(path: Path, shown: str) -> Json:
    """Return what tells formats apart: a whole document, or the first row. ``None`` if it cannot be read so."""
    try:
        if is_lines(path) or is_table(path):
            return next((row for row, _ in read_records(path, shown)), None)
        return read_document(path, shown)[0]
    except PromptEvalsError:
        return None


def why_unreadable(path: Path, shown: str) -> str:
    """Return why there is nothing in a file that could be imported; an empty text if there is something."""
    try:
        _check_data(path, shown)
    except PromptEvalsError as error:
        return str(error)
    return ""


def _check_data(path: Path, shown: str) -> None:
    if not read_text(path, shown).strip():
        raise FileProblem("is empty", path=shown)
    if is_lines(path) or is_table(path):
        if not sum(1 for _ in read_records(path, shown)):
            raise FileProblem("is empty: there are no rows below its header", path=shown)
        return
    value, _ = read_document(path, shown)
    if not isinstance(value, dict | list):
        raise FileProblem(f"holds {kind_of(value)}, and neither rows nor a mapping", path=shown)
    if not value:
        raise FileProblem(f"is empty: there is nothing in its {kind_of(value).removeprefix('a ')}", path=shown)


def _read_lines(text: str, shown: str) -> Iterator[tuple[Json, Source]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield parse_json(line, shown, number), Source(shown, number)


def _is_number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Json) -> str:
    """Return what kind of value it is, in plain words."""
    return _KINDS.get(type(value), "a number")


_JSON_LINES: Final = (".jsonl", ".ndjson")
_KINDS: Final = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}

"""Cases in a CSV file: one a row. Columns that are case keys set those, the others are variables."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator
from typing import Final

from pytest_promptevals.datasets.problems import Problems, shorten
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseWire
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.records.json_types import Json

_LARGEST_CELL: Final = 1 << 30
_DELIMITERS: Final = {";": "semicolons", "\t": "tabs"}
"""What spreadsheets may write in the place of commas."""


def read_csv(text: str, shown: str, problems: Problems) -> Iterator[tuple[dict[str, Json], Source]]:
    """Yield the cases of a CSV text, as a YAML file would hold them, each with its place."""
    rows = read_rows(text, shown, problems)
    header_line, names = next(rows, (1, []))
    columns = [name.strip() for name in names]
    if not _check_header(columns, Source(shown, header_line), problems):
        return
    for line, cells in rows:
        source = Source(shown, line)
        if len(cells) != len(columns):
            message = f"the row has {len(cells)} cells, but the header names {len(columns)} columns; correct the row"
            problems.add(f"{message}, or put cells with a comma into double quotes", source)
            continue
        case = _read_row(columns, cells, source, problems)
        if case is not None:
            yield case, source


def read_rows(text: str, shown: str, problems: Problems, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV text that are not blank, with the line in which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    line = 1
    while True:
        try:
            with _large_cells():
                cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"no valid CSV: {error}; put the cell into double quotes, and double those inside of it"
            problems.add(message, Source(shown, line))
            return
        if cells:
            yield line, cells
        line = reader.line_num + 1


@contextlib.contextmanager
def _large_cells() -> Iterator[None]:
    # The limit belongs to the whole process, whose other users may rely on it.
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _check_header(columns: list[str], source: Source, problems: Problems) -> bool:
    before = len(problems)
    for delimiter, word in _DELIMITERS.items():
        if len(columns) == 1 and delimiter in columns[0]:
            problems.add(f"the cells are separated by {word}; write the file with commas between them", source)
    for index, name in enumerate(columns):
        if not name:
            problems.add(f"column {index + 1} has no name; name it in the first row", source)
        elif name in columns[:index]:
            first = columns.index(name) + 1
            problems.add(f"the columns {first} and {index + 1} are both named {name!r}; rename one of them", source)
        elif name in _NO_COLUMNS:
            problems.add(f"a CSV file has no column {name!r}; {_NO_COLUMNS[name]}", source)
    return len(problems) == before


def _read_row(columns: list[str], cells: list[str], source: Source, problems: Problems) -> dict[str, Json] | None:
    case: dict[str, Json] = {}
    variables: dict[str, Json] = {}
    before = len(problems)
    for name, cell in zip(columns, cells, strict=True):
        if name not in CaseWire.model_fields:
            variables[name] = cell
        elif cell.strip():
            case[name] = _read_cell(name, cell, source, problems)
    if variables:
        case["vars"] = variables
    return case if len(problems) == before else None


def _read_cell(name: str, cell: str, source: Source, problems: Problems) -> Json:
    try:
        return convert_cell(name, cell)
    except ValueError as error:
        problems.add(str(error), source, (name,))
    return None


def convert_cell(name: str, cell: str) -> Json:
    """Return the text of a cell as what a key of a case asks for. Raises ``ValueError``, which says what it must be."""
    read = _READERS.get(name)
    if read is None:
        return cell
    try:
        return read(cell.strip())
    except FileProblem as problem:
        raise ValueError(f"must be JSON; {problem.message}") from None
    except ValueError as error:
        raise ValueError(f"{error}, got {shorten(cell)}") from None


def _read_whole_number(cell: str) -> Json:
    try:
        return int(cell)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _read_number(cell: str) -> Json:
    try:
        return float(cell)
    except ValueError:
        raise ValueError("must be a number") from None


def _read_tags(cell: str) -> Json:
    return [tag for part in cell.split(",") if (tag := part.strip())]


def _read_reason(cell: str) -> Json:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _read_json(cell: str) -> Json:
    return parse_json(cell, "")


_READERS: Final[dict[str, Callable[[str], Json]]] = {
    "weight": _read_number,
    "priority": _read_whole_number,
    "trials": _read_whole_number,
    "tags": _read_tags,
    "skip": _read_reason,
    "xfail": _read_reason,
    "judges": _read_json,
    "metadata": _read_json,
}
_NO_COLUMNS: Final = {"vars": "every column that is no case key is a variable of its own"}

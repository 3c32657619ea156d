"""Results as CSV, JSON and JSON lines, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TextIO

from pytest_promptevals.records.exports import ResultRow
from pytest_promptevals.reports.csv_text import Cell, write_csv
from pytest_promptevals.reports.words import portable_json


def write_result_csv(stream: TextIO, columns: Mapping[str, str], rows: Iterable[ResultRow]) -> None:
    """Write a row for each result; lists and objects are JSON in their cell."""
    write_csv(stream, list(columns), (list(map(_cell, row.values())) for row in rows))


def write_result_lines(stream: TextIO, rows: Iterable[ResultRow]) -> None:
    """Write a line of JSON for each result."""
    stream.writelines(portable_json(row) + "\n" for row in rows)


def write_result_json(stream: TextIO, rows: Iterable[ResultRow]) -> None:
    """Write a list of all results, a result a line."""
    separator = "[\n"
    for row in rows:
        stream.write(separator + portable_json(row))
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)

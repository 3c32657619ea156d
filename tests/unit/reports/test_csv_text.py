from __future__ import annotations

import csv
import io

import pytest

from pytest_promptevals.reports.csv_text import write_csv


def write(*rows: list[object], header: tuple[str, ...] = ("a", "b")) -> str:
    stream = io.StringIO()
    write_csv(stream, header, rows)  # type: ignore[arg-type]  # what a cell may be is what is tested
    return stream.getvalue()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", '=HYPERLINK("http://x")']
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    ((_, cell),) = list(csv.reader(io.StringIO(write(["x", text]), newline="")))[1:]

    assert cell == "'" + text.replace("\r", "\n")


def test_numbers_stay_numbers() -> None:
    assert write([-1.5, -3], [1e-7, 0.1]) == "a,b\n-1.5,-3\n1e-07,0.1\n"


def test_what_is_unknown_is_empty_and_truths_are_words() -> None:
    assert write([None, True], [False, ""]) == "a,b\n,true\nfalse,\n"


def test_quotes_and_line_ends_stay_in_their_cell() -> None:
    text = 'say "hi", then\nleave; größe'

    assert list(csv.reader(io.StringIO(write([text, "1"]), newline=""))) == [["a", "b"], [text, "1"]]


def test_a_carriage_return_begins_no_row() -> None:
    assert write(["a\r=1", "b\r\n+1"]) == 'a,b\n"a\n=1","b\n+1"\n'


def test_blanks_that_a_spreadsheet_leaves_out_are_kept_behind_an_apostrophe() -> None:
    assert write(["\ta", "\nb"]) == "a,b\n'\ta,\"'\nb\"\n"


def test_headings_are_made_safe_too() -> None:
    assert write(header=("=a", "b")) == "'=a,b\n"

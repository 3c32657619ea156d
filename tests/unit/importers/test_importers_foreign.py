from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.foreign import (
    Fields,
    Losses,
    read_document,
    read_records,
    take_sample,
    why_unreadable,
)
from pytest_promptevals.datasets.importers.tables import name_delimiter
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import DatasetError, FileProblem

DATA: dict[str, Any] = {"text": "a", "number": 3, "list": [1], "mapping": {"a": 1}, "nothing": None, "flag": True}


@pytest.fixture
def losses() -> Losses:
    return Losses()


def fields(losses: Losses) -> Fields:
    return Fields(DATA, Source("a.json", 4), losses)


def said(losses: Losses) -> list[str]:
    return [str(loss) for loss in losses.listed()]


def write(folder: Path, name: str, text: str) -> tuple[Path, str]:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name, name


def test_what_nobody_takes_is_lost(losses: Losses) -> None:
    with fields(losses) as found:
        assert (found.take("text"), found.take("none"), "number" in found) == ("a", None, True)

    assert said(losses) == [
        f"a.json:4: {name}: there is no equivalent of it; left out" for name in ("number", "list", "mapping", "flag")
    ]


def test_an_error_says_nothing_of_what_was_not_taken_yet(losses: Losses) -> None:
    with pytest.raises(KeyError), fields(losses):
        raise KeyError

    assert said(losses) == []


def test_several_names_of_one_key_are_all_taken(losses: Losses) -> None:
    found = fields(losses)

    assert found.take("nothing", "text", "number") == "a"
    assert found.rest().keys() == {"list", "mapping", "flag"}


def test_values_of_another_kind_are_named(losses: Losses) -> None:
    found = fields(losses)

    assert (found.take_text("other", "number"), found.take_text("list"), found.take_text("nothing")) == ("", "", "")
    assert (found.take_mapping("text"), found.take_mapping("flag")) == ({}, {})
    assert said(losses) == [
        "a.json:4: number: must be a text, but is a number; left out",
        "a.json:4: list: must be a text, but is a list; left out",
        "a.json:4: text: must be a mapping, but is a text; left out",
        "a.json:4: flag: must be a mapping, but is true or false; left out",
    ]


def test_a_single_value_is_a_list_of_it(losses: Losses) -> None:
    found = fields(losses)

    assert (found.take_list("list"), found.take_list("text"), found.take_list("nothing")) == ([1], ["a"], [])


def test_losses_stand_in_the_order_of_the_file(losses: Losses) -> None:
    for line in (7, 3):
        losses.add(Source("a.json", line), "lost", "key", 0)

    assert said(losses) == ["a.json:3: key[0]: lost", "a.json:7: key[0]: lost"]


def test_a_document_knows_its_lines(tmp_path: Path) -> None:
    value, source = read_document(*write(tmp_path, "a.yaml", "a:\n  - b: 1\n  - c: 2\n"))

    assert value == {"a": [{"b": 1}, {"c": 2}]}
    assert str(source.part("a", 1).locate(("c",))) == "a.yaml:3"


def test_a_json_document_knows_them_too(tmp_path: Path) -> None:
    name = write(tmp_path, "a.json", '[\n  {"q": 1,\n   "w": 2},\n  {"q": 3}\n]')
    rows = [source for _, source in read_records(*name)]

    assert [str(rows[0].locate(("w",))), str(rows[1].locate(("q",)))] == ["a.json:3", "a.json:4"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"q": "x"}\n\n{"q": "y"}\n'),
        ("a.NDJSON", '{"q": "x"}\n\n{"q": "y"}\n'),
        ("a.csv", "q\nx\n\ny\n"),
        ("a.tsv", "q\nx\n\ny\n"),
        ("a.JSON", '[{"q": "x"},\n{"q": "y"}]'),
        ("a.yml", "- q: x\n\n- q: y\n"),
    ],
)
def test_rows_are_read_of_every_kind_of_file(tmp_path: Path, name: str, text: str) -> None:
    assert [row for row, _ in read_records(*write(tmp_path, name, text))] == [{"q": "x"}, {"q": "y"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('q;"a,b,c"\n"x, y";1\n', "a.csv: its cells are separated by semicolons"),
        ('q\t"a,b,c"\n"x, y"\t1\n', "a.csv: its cells are separated by tabs"),
        ('sep=;\nq;"a,b,c"\n"x, y";1\n', "a.csv: its cells are separated by semicolons"),
        ('\nq,"a,b,c"\n"x, y",1\n', ""),
        ('\nq;"a,b,c"\n"x, y";1\n', "a.csv: its cells are separated by semicolons"),
        ('q,"a;b;c;d"\n"x, y",1\n', ""),
    ],
)
def test_what_separates_the_cells_of_a_csv_file_is_seen_in_its_header(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, "a.csv", text)

    ((row, source),) = read_records(*file)

    assert isinstance(row, dict)
    assert (next(iter(row)), list(row.values())) == ("q", ["x, y", "1"])
    assert source.line == 2 + (not text.startswith("q"))
    assert name_delimiter(*file) == said


@pytest.mark.parametrize(("name", "text"), [("a.tsv", "q;a\nx;1\n"), ("a.jsonl", "q;a\n"), ("a.csv", "")])
def test_only_a_csv_file_may_have_other_delimiters(tmp_path: Path, name: str, text: str) -> None:
    assert name_delimiter(*write(tmp_path, name, text)) == ""


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv: is empty"),
        ("a.json", " \n", "a.json: is empty"),
        ("a.yaml", "\n", "a.yaml: is empty"),
        ("a.txt", "", "a.txt: is empty"),
        ("a.csv", "a,b\n", "a.csv: is empty: there are no rows below its header"),
        ("a.json", "[]", "a.json: is empty: there is nothing in its list"),
        ("a.yaml", "{}", "a.yaml: is empty: there is nothing in its mapping"),
        ("a.json", "5", "a.json: holds a number, and neither rows nor a mapping"),
        ("a.yaml", "Just words", "a.yaml: holds a text, and neither rows nor a mapping"),
        ("a.jsonl", '{"a": 1}\n{bad\n', "a.jsonl:2: no valid JSON: expecting property name enclosed in double quotes"),
        ("a.txt", '{"a": ', "a.txt:1: no valid JSON: expecting value at column 7"),
        (
            "README.md",
            "# Words",
            "README.md: is no data: it is not JSON, and its name ends in none of .json, .jsonl, .ndjson, .csv, ",
        ),
        ("a.json", '{"a": 1}\n{"b": 2}\n', "a.json: holds JSON of one value a line; rename it so that"),
        ("a.json", '[{"a": 1}]\n]', "a.json:2: column 1: text after the end of the JSON value; put one value here"),
        ("a.json", '[{"a": 1}]', ""),
        ("a.csv", "a\n1\n", ""),
    ],
)
def test_it_is_said_why_there_is_nothing_to_import(tmp_path: Path, name: str, text: str, message: str) -> None:
    said = why_unreadable(*write(tmp_path, name, text))

    assert said.startswith(message)
    assert bool(said) is bool(message)


def test_cells_of_a_short_row_are_left_out(tmp_path: Path) -> None:
    assert [row for row, _ in read_records(*write(tmp_path, "a.csv", "a,b\n1\n"))] == [{"a": "1"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"a": 1}', "a.json: must hold a list, but holds a mapping"),
        ("a.yaml", "", "a.yaml: must hold a list, but holds nothing"),
        ("a.csv", "a,b\n1,2,3\n", "a.csv:2: the row has 3 cells, but the header names 2 columns"),
    ],
)
def test_files_that_hold_no_rows_say_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises((FileProblem, DatasetError)) as caught:
        list(read_records(*write(tmp_path, name, text)))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "text", "sample"),
    [
        ("a.jsonl", '{"a": 1}\n{"a":', {"a": 1}),
        ("a.csv", "a,b\n1,2\n", {"a": "1", "b": "2"}),
        ("a.json", '{"a": 1}', {"a": 1}),
        ("a.jsonl", "", None),
        ("a.jsonl", "{", None),
        ("a.yaml", "a: [", None),
    ],
)
def test_a_sample_tells_what_a_file_holds(tmp_path: Path, name: str, text: str, sample: Any) -> None:
    assert take_sample(*write(tmp_path, name, text)) == sample


def test_a_file_that_is_not_there_has_no_sample(tmp_path: Path) -> None:
    assert take_sample(tmp_path / "none.json", "none.json") is None


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        list(read_records(*write(tmp_path, "rows.csv", "input,expected,input\na,b,c\n")))
    assert str(caught.value).endswith(":1: two columns are named 'input'; rename one of them")

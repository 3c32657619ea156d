from __future__ import annotations

import csv

import pytest

from pytest_promptevals.records.cases import Case, Location
from tests.support.eval_folder import EvalFolder


def load_csv(folder: EvalFolder, text: str | bytes) -> list[Case]:
    folder.write("c.csv", text)
    return list(folder.load_text("cases: [{file: c.csv}]\n").cases)


def problems_of_csv(folder: EvalFolder, text: str | bytes) -> list[str]:
    folder.write("c.csv", text)
    return folder.problems_of("cases: [{file: c.csv}]\n")


def test_columns_are_case_keys_or_variables(folder: EvalFolder) -> None:
    header = "id,input,city,expected,tags,weight,priority,trials,skip,xfail,group,judges,metadata,output,context,note"
    row = 'a,hi,Rome,ok,"x, y",0.5,2,3,true,known,g,"[{""contains"": ""o""}]","{""k"": 1}",done,seen,'
    (case,) = load_csv(folder, f"{header}\n{row}\n")
    assert case == Case(
        id="a",
        location=Location("c.csv", 2),
        input="hi",
        vars={"city": "Rome", "note": ""},
        expected="ok",
        output=case.output,
        context=("seen",),
        tags=("x", "y"),
        judges=case.judges,
        weight=0.5,
        priority=2,
        group="g",
        trials=3,
        skip="skipped in the dataset",
        xfail="known",
        metadata={"k": 1},
    )
    assert case.output is not None
    assert case.output.text == "done"
    assert [(judge.judge, judge.argument, judge.location.line) for judge in case.judges] == [("contains", "o", 2)]


def test_an_empty_cell_of_a_case_key_says_nothing(folder: EvalFolder) -> None:
    (case,) = load_csv(folder, "id,input,tags,weight,skip,judges\na, ,,,,\n")
    assert case == Case("a", Location("c.csv", 2))


def test_lines_are_right_after_cells_of_several_lines_and_blank_rows(folder: EvalFolder) -> None:
    cases = load_csv(folder, b'\xef\xbb\xbfid,input\r\na,"one\r\ntwo ""three"""\r\n\r\nb,x\r\n')
    assert [(case.id, case.input, case.location.line) for case in cases] == [
        ("a", 'one\ntwo "three"', 2),
        ("b", "x", 5),
    ]


def test_a_row_of_another_length_is_named_and_hides_no_other(folder: EvalFolder) -> None:
    assert problems_of_csv(folder, "id,input\na\nb,Hello, world\nc,x\n") == [
        f"c.csv:{line}: the row has {count} cells, but the header names 2 columns; correct the row, or put cells with "
        "a comma into double quotes"
        for line, count in ((2, 1), (3, 3))
    ]


def test_columns_need_names_of_their_own(folder: EvalFolder) -> None:
    assert problems_of_csv(folder, "id, ,city, id,vars\na,b,c,d,e\n") == [
        "c.csv:1: column 2 has no name; name it in the first row",
        "c.csv:1: the columns 1 and 4 are both named 'id'; rename one of them",
        "c.csv:1: a CSV file has no column 'vars'; every column that is no case key is a variable of its own",
    ]


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_delimiters_than_commas_are_called_so(folder: EvalFolder, delimiter: str, word: str) -> None:
    assert problems_of_csv(folder, f"id{delimiter}input\na{delimiter}b, c\n") == [
        f"c.csv:1: the cells are separated by {word}; write the file with commas between them"
    ]


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("weight", "heavy", 'weight: must be a number, got "heavy"'),
        ("weight", "nan", "weight: must be a finite number, got NaN"),
        ("weight", "-1", "weight: must be above 0, got -1.0"),
        ("priority", "1.5", 'priority: must be a whole number, got "1.5"'),
        ("trials", "0", "trials: must be at least 1, got 0"),
        ("tags", '"a,b c"', "tags[1]: must consist of letters, digits and - _ . + / only"),
        ("judges", "exact", "judges: must be JSON; no valid JSON: expecting value at column 1"),
        ("metadata", "[1]", "metadata: must be a mapping, got [1]"),
        ("id", "a::b", "id: must not hold '::'"),
    ],
)
def test_a_cell_that_its_key_cannot_hold_is_named(folder: EvalFolder, column: str, cell: str, problem: str) -> None:
    (found,) = problems_of_csv(folder, f"input,{column}\nx,{cell}\n")
    assert found.startswith(f"c.csv:2: {problem}")


def test_broken_quotes_are_named_with_the_line_where_the_row_begins(folder: EvalFolder) -> None:
    assert problems_of_csv(folder, 'id,input\na,x\nb,"open\n\n') == [
        "c.csv:3: no valid CSV: unexpected end of data; put the cell into double quotes, and double those inside of it"
    ]


def test_a_cell_of_megabytes_is_read_and_the_limit_of_other_readers_is_kept(folder: EvalFolder) -> None:
    before = csv.field_size_limit()
    (case,) = load_csv(folder, f"id,input\na,{'x' * 5_000_000}\n")
    assert len(str(case.input)) == 5_000_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("text", ["", "\n\n", "id,input\n"])
def test_a_file_without_rows_is_refused(folder: EvalFolder, text: str) -> None:
    assert problems_of_csv(folder, text) == ["c.csv:1: holds no cases; write at least one"]

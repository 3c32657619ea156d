from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.registry import choose_importer, find_importers
from pytest_promptevals.datasets.importers.rows import RowsImporter
from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.drafts import Draft, ImportRequest


def read(folder: Path, *rows: Any, **fields: str) -> Draft:
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    mapped = {key.replace("__", "."): name for key, name in fields.items()}
    return RowsImporter().read(ImportRequest(path, "rows.jsonl", rows[0] if rows else None, mapped))


@pytest.mark.parametrize(
    ("sample", "fields", "is_read"),
    [
        ({"question": "x"}, {}, True),
        ([{"prompt": "x"}], {}, True),
        ({"vars": {"a": 1}}, {}, True),
        ({"vars": "a"}, {}, False),
        ({"asked": "x"}, {}, False),
        ({"asked": "x"}, {"input": "asked"}, True),
        ([], {}, False),
        ("x", {"input": "asked"}, False),
        (None, {}, False),
    ],
)
def test_rows_are_told_from_other_files(sample: Any, fields: dict[str, str], is_read: bool) -> None:
    assert RowsImporter().recognizes(ImportRequest(Path("a.json"), "a.json", sample, fields)) is is_read


def test_usual_names_are_known_and_others_are_variables(tmp_path: Path) -> None:
    row = {"key": "one", "query": "Q", "answer": "A", "response": "R", "contexts": "C", "category": "math", "city": "X"}

    assert read(tmp_path, row).cases == [
        {
            "input": "Q",
            "expected": "A",
            "output": "R",
            "context": ["C"],
            "tags": ["math"],
            "id": "one",
            "vars": {"city": "X"},
        }
    ]


def test_the_first_of_several_usual_names_counts(tmp_path: Path) -> None:
    assert read(tmp_path, {"prompt": "P", "question": "Q"}).cases == [{"input": "Q", "vars": {"prompt": "P"}}]


def test_a_map_goes_before_usual_names(tmp_path: Path) -> None:
    row = {"question": "Q", "asked": "A", "town": "Rome", "note": "n"}

    draft = read(tmp_path, row, input="asked", vars__city="town", metadata__note="note")

    assert draft.cases == [
        {"input": "A", "vars": {"city": "Rome", "question": "Q"}, "metadata": {"note": "n"}},
    ]


def test_a_field_that_is_mapped_to_two_keys_stands_in_both(tmp_path: Path) -> None:
    draft = read(tmp_path, {"question": "Q"}, vars__q="question", input="question")

    assert draft.cases == [{"vars": {"q": "Q"}, "input": "Q"}]


def test_a_map_the_wrong_way_round_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, {"question": "Q"}, question="input")
    assert str(caught.value) == "--map question=input: the key of a case stands first; did you mean input=question?"


@pytest.mark.parametrize(
    ("rows", "prompt"),
    [
        ([{"vars": {"city": "Rome"}, "expected": "Italy"}], "{{ city }}"),
        ([{"a": "x", "b": 1, "c d": 2}, {"a": "y", "b": 2, "e": 3}], "a: {{ a }}\nb: {{ b }}"),
        ([{"city": "Rome"}, {"city": "Oslo", "input": "Where?"}], None),
        ([{"city": "Rome"}, {"town": "Oslo"}], None),
        ([], None),
    ],
)
def test_variables_that_nothing_asks_get_a_prompt(tmp_path: Path, rows: list[Any], prompt: str | None) -> None:
    draft = read(tmp_path, *rows)

    assert draft.settings.get("prompt") == prompt
    assert draft.comments["prompt"] == "The rows name no prompt: write yours here."


def test_a_field_is_taken_once(tmp_path: Path) -> None:
    assert read(tmp_path, {"question": "Q", "answer": "A"}, expected="question").cases == [
        {"expected": "Q", "vars": {"answer": "A"}}
    ]


def test_variables_and_notes_may_be_mappings(tmp_path: Path) -> None:
    rows = ({"vars": {"a": 1}, "metadata": {"b": 2}, "c": 3}, {"input": "x", "vars": "text", "metadata": [1]})

    assert read(tmp_path, *rows).cases == [
        {"vars": {"a": 1, "c": 3}, "metadata": {"b": 2}},
        {"input": "x", "vars": {"vars": "text", "metadata": [1]}},
    ]


def test_a_field_named_as_a_variable_that_is_there_already_is_named(tmp_path: Path) -> None:
    rows = [{"question": "q", "vars": {"lang": "x", "n": 1}, "lang": "y", "n": 1}, {"question": "q", "lang": "y"}]
    mapped = {"question": "q", "town": "Rome", "city": "Oslo"}

    draft, other = read(tmp_path, *rows), read(tmp_path, mapped, vars__city="town")

    assert draft.cases[0]["vars"] == {"lang": "x", "n": 1}
    assert other.cases == [{"input": "q", "vars": {"city": "Rome"}}]
    assert [str(loss) for loss in draft.losses] == [
        "rows.jsonl:1: lang: vars have a value of this name, too, which is kept"
    ]
    assert [loss.field for loss in other.losses] == ["city"]


def test_texts_are_read_as_what_a_mapped_key_asks_for(tmp_path: Path) -> None:
    row = {"q": "a", "w": "4", "t": "3", "p": "-1", "s": "true", "j": '["exact"]', "v": '{"a": 1}', "m": '{"b": 2}'}
    keys = {"input": "q", "weight": "w", "trials": "t", "priority": "p", "skip": "s", "judges": "j"}

    draft = read(tmp_path, row, **keys, vars="v", metadata="m")

    assert draft.cases == [
        {
            "input": "a",
            "weight": 4.0,
            "trials": 3,
            "priority": -1,
            "skip": True,
            "vars": {"a": 1},
            "metadata": {"b": 2},
        }
    ]
    assert (draft.settings, draft.losses) == ({"judges": ["exact"]}, ())


def test_texts_that_cannot_be_read_so_are_named(tmp_path: Path) -> None:
    row = {"q": "a", "w": "x", "t": "1.5", "j": "exact", "v": "[1]"}

    draft = read(tmp_path, row, input="q", weight="w", trials="t", judges="j", vars="v")

    assert draft.cases == [{"input": "a"}]
    assert [str(loss) for loss in draft.losses] == [
        'rows.jsonl:1: w: weight must be a number, got "x"; left out',
        'rows.jsonl:1: t: trials must be a whole number, got "1.5"; left out',
        "rows.jsonl:1: j: judges must be JSON; no valid JSON: expecting value at column 1; left out",
        "rows.jsonl:1: v: vars must be a mapping; left out",
    ]


def test_a_part_of_a_key_that_holds_a_text_is_named(tmp_path: Path) -> None:
    draft = read(tmp_path, {"q": "a", "r": "b"}, input="q", input__more="r")

    assert draft.cases == [{"input": "a"}]
    assert [str(loss) for loss in draft.losses] == ["rows.jsonl:1: r: input is no mapping here; left out"]


def test_what_is_expected_is_asked_for_exactly(tmp_path: Path) -> None:
    draft = read(tmp_path, {"input": "a", "expected": "b"}, {"input": "c", "expected": "d"})

    assert draft.settings == {"judges": ["exact"]}
    said = "Exact words are asked for; 'promptevals judges list' shows what else there is."
    assert draft.comments["judges"] == said


def test_data_is_compared_as_data(tmp_path: Path) -> None:
    draft = read(tmp_path, {"input": "a", "expected": {"b": 1}}, {"input": "c", "expected": "d"}, {"input": "e"})

    assert [case.get("judges") for case in draft.cases] == [["json_equal"], ["exact"], None]


def test_rows_that_hold_nothing_are_named(tmp_path: Path) -> None:
    draft = read(tmp_path, {"input": "a"}, [1], {"input": "", "other": None}, {"expected": "x"})

    assert [str(loss) for loss in draft.losses] == [
        "rows.jsonl:2: the row is no mapping of fields; left out",
        "rows.jsonl:3: the row holds nothing that can be asked; left out",
        "rows.jsonl:4: the row holds nothing that can be asked; left out",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"inpt": "a"}, "--map inpt=…: a case has no key 'inpt'. Did you mean 'input'?"),
        ({"input": "asked"}, "rows.jsonl: --map input=asked: no row has a field 'asked'; there are: input"),
    ],
)
def test_a_wrong_map_is_named(tmp_path: Path, fields: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, {"input": "a"}, **fields)
    assert str(caught.value) == message


def test_rows_that_an_export_wrote_are_rows_again() -> None:
    row: Any = {"id": "a", "input": "q", "expected": "a", "output": "o", "context": ["c"], "metadata": {"k": 1}}

    name, _ = choose_importer(find_importers(), ImportRequest(Path("a.jsonl"), "a.jsonl", row, {}), None)

    assert name == "rows"

"""What differs between two versions of a dataset, in words."""

from __future__ import annotations

from pytest_promptevals.comparison.dataset_changes import DatasetChanges
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.reports.dataset_changes import change_lines, change_text


def edit(before: Json, after: Json, width: int = 80) -> list[str]:
    changes = DatasetChanges(edited=("a",))
    return list(change_lines(changes, {"a": before}, {"a": after}, width=width))[1:]


def test_changes_are_counted_in_words() -> None:
    changes = DatasetChanges(("a", "b"), ("c",), ("d",), (("e", "f"),), 7)

    assert change_text(changes) == "2 added, 1 removed, 1 edited, 1 renamed, 7 the same"
    assert change_text(DatasetChanges(("a",))) == "1 added, 0 the same"
    assert change_text(DatasetChanges(same=1)) == "no change in 1 case"


def test_cases_are_named() -> None:
    changes = DatasetChanges(("a",), ("b",), (), (("c", "d"),))

    assert list(change_lines(changes, {}, {})) == ["added a", "removed b", "renamed c to d"]


def test_many_cases_of_a_kind_are_cut_unless_all_are_wanted() -> None:
    names = tuple(f"c{number}" for number in range(5))
    changes = DatasetChanges(names, edited=names)
    contents: dict[str, Json] = {name: {"input": 1} for name in names}
    now: dict[str, Json] = {name: {"input": 2} for name in names}

    cut = list(change_lines(changes, contents, now, most=1))

    assert cut == [
        "added c0",
        "and 4 more added; --all shows them",
        "edited c0",
        "    input: 1 → 2",
        "and 4 more edited; --all shows them",
    ]
    assert len(list(change_lines(changes, contents, now, most=None))) == 15


def test_short_values_stand_in_one_line() -> None:
    assert edit({"vars": {"name": "Ada"}, "weight": 1.5}, {"vars": {"name": "Eve\x1b[2J"}}) == [
        "    vars.name: Ada → Eve\\x1b[2J",
        "    weight: 1.5 → none",
    ]


def test_long_values_stand_below_each_other() -> None:
    assert edit({"input": "Where is my order A-17?"}, {"input": "Where is it?"}, width=40) == [
        "    input:",
        "      - Where is my order A-17?",
        "      + Where is it?",
    ]


def test_of_several_lines_those_that_differ_are_shown() -> None:
    assert edit({"input": "one\ntwo\nthree\n"}, {"input": "one\n2\nthree\nfour\n"}) == [
        "    input:",
        "      - two",
        "      + 2",
        "      + four",
    ]


def test_a_change_of_line_ends_alone_is_visible() -> None:
    assert edit({"input": "one\ntwo"}, {"input": "one\ntwo\n"}) == [
        "    input:",
        '      - "one\\ntwo"',
        '      + "one\\ntwo\\n"',
    ]


def test_of_a_very_long_line_what_is_around_the_change_is_shown() -> None:
    shared = "x" * 3000

    title, old, new = edit({"input": f"{shared}a{shared}"}, {"input": f"{shared}b{shared}"})

    assert title == "    input:"
    assert old == f"      - …{'x' * 100}a{'x' * 99}…"
    assert new == f"      + …{'x' * 100}b{'x' * 99}…"
    assert edit({"input": f"a{shared}"}, {"input": f"b{shared}"})[1] == f"      - a{'x' * 199}…"


def test_a_case_whose_content_is_not_kept_says_so() -> None:
    assert edit(None, {"input": 1}) == ["    its content is not kept in the history"]

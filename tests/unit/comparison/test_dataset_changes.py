"""What differs between two versions of a dataset."""

from __future__ import annotations

from pytest_promptevals.comparison.dataset_changes import (
    DatasetChanges,
    FieldChange,
    compare_fields,
    compare_members,
)
from pytest_promptevals.records.json_types import Json


def fields(before: Json, after: Json) -> list[tuple[str, Json, Json]]:
    return [(change.field, change.before, change.after) for change in compare_fields(before, after)]


def test_equal_versions_have_no_changes() -> None:
    changes = compare_members({"a": "1", "b": "2"}, {"b": "2", "a": "1"})

    assert changes == DatasetChanges(same=2)
    assert not changes


def test_cases_are_added_removed_edited_and_renamed() -> None:
    before = {"same": "1", "edited": "2", "gone": "3", "old-name": "4"}
    after = {"same": "1", "edited": "2x", "new": "5", "new-name": "4"}

    changes = compare_members(before, after)

    assert changes == DatasetChanges(("new",), ("gone",), ("edited",), (("old-name", "new-name"),), 1)
    assert changes


def test_of_several_equal_cases_each_is_renamed_once() -> None:
    changes = compare_members({"a": "1", "b": "1"}, {"c": "1", "d": "1", "e": "1"})

    assert changes.renamed == (("a", "c"), ("b", "d"))
    assert (changes.added, changes.removed) == (("e",), ())


def test_a_copy_of_a_case_that_is_still_there_is_added() -> None:
    assert compare_members({"a": "1"}, {"a": "1", "b": "1"}) == DatasetChanges(added=("b",), same=1)


def test_fields_are_named_by_their_paths() -> None:
    before: Json = {"input": "x", "vars": {"name": "Ada", "deep": {"a": 1}}, "tags": ["a"]}
    after: Json = {"vars": {"name": "Eve", "deep": {"a": 1, "b": 2}}, "tags": ["a", "b"], "weight": 2.0}

    assert fields(before, after) == [
        ("input", "x", None),
        ("tags", ["a"], ["a", "b"]),
        ("vars.deep.b", None, 2),
        ("vars.name", "Ada", "Eve"),
        ("weight", None, 2.0),
    ]


def test_lists_of_things_with_fields_are_compared_one_by_one() -> None:
    judge: Json = {"judge": "exact", "threshold": 0.5}
    before: Json = {"judges": [judge, {"judge": "fuzzy"}]}
    after: Json = {"judges": [{"judge": "exact", "threshold": 0.9}]}

    assert fields(before, after) == [
        ("judges[0].threshold", 0.5, 0.9),
        ("judges[1]", {"judge": "fuzzy"}, None),
    ]
    assert fields({}, {"judges": [judge]}) == [("judges[0]", None, judge)]


def test_a_value_of_another_kind_is_one_change() -> None:
    assert list(compare_fields({"expected": "a"}, {"expected": ["a", "b"]})) == [
        FieldChange("expected", "a", ["a", "b"])
    ]

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.files.json_places import JsonPlaces
from pytest_promptevals.files.yaml import parse_yaml

TEXT = """
[
  {"a": 1, "b": {
    "c\\u0041": [], "d": [
      1,
      {"e": 12345678901234567890123}]}},

  "x",
  {"a":
    null}
]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        ((0,), 3),
        ((0, "a"), 3),
        ((0, "b"), 3),
        ((0, "b", "cA"), 4),
        ((0, "b", "d", 0), 5),
        ((0, "b", "d", 1, "e"), 6),
        ((1,), 8),
        ((2, "a"), 9),
        ((0, "b", "none", "e"), 3),
        ((1, "none"), 8),
        ((7,), 2),
        (("a",), 2),
    ],
)
def test_a_part_is_found_in_its_line(path: Sequence[str | int], line: int) -> None:
    assert JsonPlaces(TEXT).line_of(path) == line


def test_lines_may_be_asked_in_any_order() -> None:
    places = JsonPlaces(TEXT)

    assert [places.line_of((index,)) for index in (2, 0, 1, 0)] == [9, 3, 8, 3]


@pytest.mark.parametrize("text", ["1", '"a"', "null", "[]", "{}"])
def test_what_has_no_parts_is_one_line(text: str) -> None:
    assert JsonPlaces(f"\n{text}").line_of(("a", 0)) == 2


letters = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | letters,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_lines_are_those_that_yaml_has(value: object) -> None:
    text = json.dumps(value, indent=1)
    document = parse_yaml(text, "a.yaml")

    for path in paths(value):
        assert JsonPlaces(text).line_of(path) == document.line_of(path)


def paths(value: object) -> list[tuple[str | int, ...]]:
    parts: list[tuple[str | int, object]] = []
    if isinstance(value, list | dict):
        parts = list(enumerate(value)) if isinstance(value, list) else list(value.items())
    return [(), *((name, *path) for name, item in parts for path in paths(item))]

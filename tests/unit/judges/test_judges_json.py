from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.records.json_types import Json
from tests.unit.judges.grading import WHERE, explain, grade, passes


@pytest.mark.parametrize(
    "output",
    ['{"a": [1, null]}', " 5\n", '"text"', '```json\n{"a": 1}\n```', "```\n[1]\n```\n", "```JSON [1]```", '"a```b"'],
)
def test_json_and_one_fenced_block_of_it_are_valid(output: str) -> None:
    assert passes("json_valid", output=output)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("", "expecting value at column 1"),
        ("{'a': 1}", "expecting property name enclosed in double quotes at column 2"),
        ('{"a": 1} ok', "column 10: text after the end of the JSON value"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice, first in line 1"),
        ("[NaN]", "NaN is no JSON number"),
        ("[1e999]", "1e999 is too large a number"),
        ('["\\ud83d"]', "\\ud83d is half of a surrogate pair and no character"),
        ("[" * 101 + "]" * 101, "nested more than 100 levels deep"),
        ("[" * 100_000, "nested more than 100 levels deep"),
        ('{\n"a": tru\n}', "line 2: expecting value at column 6"),
        ("\n```json\n[1,\n]\n```", "line 4: expecting value at column 1"),
        ("```yaml\n[1]\n```", "line 1: expecting value at column 1"),
    ],
)
def test_anything_else_is_not_valid(output: str, problem: str) -> None:
    found = grade("json_valid", output=output)
    assert found.value == 0.0
    assert found.explanation.endswith(f"is not valid JSON: {problem}")


def test_the_output_is_quoted_where_it_is_not_valid() -> None:
    assert explain("json_valid", output="Sure! {}") == (
        'the output "Sure! {}" is not valid JSON: expecting value at column 1'
    )


@pytest.mark.parametrize(
    "output",
    [
        'Here you are: {"a": 1}. Anything else?',
        'Here:\n```json\n{"a": 1}\n```\nAnything else?',
        'Here:\n\n  ```\n{"a": 1}\n  ```',
        'Run\n```bash\n{x}\n```\nto get\n```json\n{"a": 1}\n```\n',
        '```json\n{"a": 1}\n```',
        '{"a": 1}',
        ' {"a": 1} {"b": 2}',
    ],
)
def test_json_is_extracted_from_other_text_on_demand(output: str) -> None:
    assert passes("json_equal", {"a": 1}, output=output, extract=True)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("no data", "expecting value at column 1"),
        ('cut off: {"a": [{"b": 1}, ', "expecting value at column 18"),
        ("x\n```json\n[1}\n```\n", "line 3: expecting ',' delimiter at column 3"),
        ("```json\n1\n```\n```json\n2\n```", "2 fenced blocks, of which any could be meant"),
        ("cut off\n```json\n[1", "line 3: expecting ',' delimiter at column 3"),
        ("[" * 100_000, "nested more than 100 levels deep"),
        ("```json\n[1,\n```python\n2]\n```", "line 3: expecting value at column 1"),
    ],
)
def test_no_part_of_broken_json_is_extracted(output: str, problem: str) -> None:
    found = grade("json_valid", output=output, extract=True)
    assert found.value == 0.0
    assert found.explanation.endswith(f"is not valid JSON: {problem}")


@pytest.mark.parametrize("judge", ["json_equal", "json_subset", "json_schema"])
def test_an_output_that_is_no_json_gets_a_zero(judge: str) -> None:
    parameters: dict[str, Json] = {"schema": {}} if judge == "json_schema" else {"value": {}}
    assert not passes(judge, output="Sure!", **parameters)


@pytest.mark.parametrize(
    ("wanted", "output", "equal"),
    [
        ({"a": 1, "b": 2}, '{"b": 2, "a": 1}', True),
        ({"a": 1}, '{"a": 1, "b": 2}', False),
        ({"a": 1, "b": 2}, '{"a": 1}', False),
        ([1, 2], "[1, 2]", True),
        ([1, 2], "[2, 1]", False),
        ([1, 2], "[1]", False),
        ([1], "[1, 2]", False),
        ({}, "{}", True),
        ([], "[]", True),
        ({}, "[]", False),
        ([], "[0]", False),
        (1, "1.0", True),
        (True, "1", False),
        (1, "true", False),
        (0, "false", False),
        (False, "false", True),
        (True, "false", False),
        (1, '"1"', False),
        ("a", '"a"', True),
        ("a", '"b"', False),
        (0, "null", False),
        (2**60 + 1, str(2**60), False),
        ({"a": [{"b": None}]}, '{"a": [{"b": null}]}', True),
        ({"a": [{"b": None}]}, '{"a": [{"b": 0}]}', False),
    ],
)
def test_json_equal_compares_data(wanted: Json, output: str, equal: bool) -> None:
    assert passes("json_equal", wanted, output=output) is equal


def test_json_equal_takes_the_value_before_expected() -> None:
    assert passes("json_equal", output="[1]", expected=[1])
    assert passes("json_equal", [1], output="[1]", expected=[2])


def test_a_null_value_is_json_s_null() -> None:
    assert passes("json_equal", output="null", value=None)
    assert not passes("json_equal", output="0", value=None)


def test_no_value_at_all_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("json_subset", output="null")
    assert str(caught.value) == (
        f"{WHERE}: judge 'json_subset' has nothing to compare with; give a value or add `expected` to the case"
    )


@pytest.mark.parametrize("judge", ["json_equal", "json_subset"])
def test_no_value_at_all_is_an_error_even_if_the_output_is_no_json(judge: str) -> None:
    with pytest.raises(JudgeError, match="has nothing to compare with"):
        passes(judge, output="Sorry!")
    assert not passes(judge, output="Sorry!", expected="Sorry!")


def test_a_text_that_holds_an_object_or_array_is_read() -> None:
    assert passes("json_equal", output='{"a": 1}', expected=' {"a": 1}')
    assert passes("json_equal", "[1]", output="[1]")
    assert passes("json_equal", "[x]", output='"[x]"')
    assert passes("json_equal", "5", output='"5"')


def test_numbers_may_be_apart_by_the_tolerance() -> None:
    assert passes("json_equal", {"a": 1.1}, output='{"a": 1.2}', tolerance=0.1)
    assert not passes("json_equal", {"a": 1.1}, output='{"a": 1.21}', tolerance=0.1)
    assert passes("json_equal", {"a": 100}, output='{"a": 99}', relative_tolerance=0.01)
    assert not passes("json_equal", {"a": True}, output='{"a": 1}', tolerance=1)


def test_the_order_of_items_may_be_ignored() -> None:
    assert passes("json_equal", {"a": [1, [2, 3]]}, output='{"a": [[3, 2], 1]}', ignore_order=True)
    assert not passes("json_equal", [1, 1, 2], output="[1, 2, 2]", ignore_order=True)
    assert not passes("json_equal", [1], output="[1, 1]", ignore_order=True)
    assert passes("json_equal", [], output="[]", ignore_order=True)


def test_items_are_paired_so_that_as_many_as_possible_fit() -> None:
    assert passes("json_equal", [1.0, 1.2], output="[1.1, 0.9]", ignore_order=True, tolerance=0.1)
    assert passes("json_equal", [1, 2, 3, 4], output="[2, 3, 4, 0]", ignore_order=True, tolerance=1)
    assert not passes("json_equal", [1.0, 1.2], output="[1.2, 1.3]", ignore_order=True, tolerance=0.1)


def test_differences_are_listed_with_their_place() -> None:
    wanted: Json = {"a": [1, {"b": "x"}], "c d": 1, "e": None}
    assert explain("json_equal", wanted, output='{"a": [2, {"b": "y"}, 3], "c d": 2}') == (
        '$.a[0] is 2, expected 1; $.a[1].b is "y", expected "x"; $.a[2] is not expected; and more'
    )
    assert explain("json_equal", {"c d": 1, "e": None}, output='{"c d": 2, "f": 1}') == (
        '$["c d"] is 2, expected 1; $.e is missing, expected null; $.f is not expected'
    )
    assert explain("json_equal", [1, 2], output="[1]") == "$[1] is missing, expected 2"
    assert explain("json_equal", [], output="[]") == "equal"


def test_differences_of_bags_are_listed() -> None:
    assert explain("json_equal", [1, 2], output="[1]", ignore_order=True) == "$ holds 1 item, expected 2"
    assert explain("json_equal", [1, 2], output="[1, 3]", ignore_order=True) == "$ lacks the item 2"


def test_a_long_difference_is_shortened() -> None:
    keys = "k" * 70
    output = '{"k": {"k": {"k": {"k": {"k": 2}}}}}'.replace("k", keys)
    wanted: Json = {keys: {keys: {keys: {keys: {keys: 1}}}}}
    explanation = explain("json_equal", wanted, output=output)
    assert explanation == f"${f'.{keys}' * 4}.{'k' * 14}…"
    assert len(explanation) == 301


@pytest.mark.parametrize(
    ("wanted", "output", "share"),
    [
        ({"a": 1}, '{"a": 1, "b": 2}', 1.0),
        ({"a": 1, "b": {"c": 2, "d": 3}}, '{"a": 1, "b": {"c": 2, "d": 4}}', 2 / 3),
        ({"a": 1, "b": {"c": 2, "d": 3}}, '{"a": 1}', 1 / 3),
        ([1], "[1, 2]", 1.0),
        ([1, 2], "[1]", 0.5),
        ([2], "[1, 2]", 0.0),
        ({}, "{}", 1.0),
        ({}, '{"a": 1}', 1.0),
        ({}, "[]", 0.0),
        ({"a": [], "b": {}}, '{"a": [1]}', 0.5),
        ([{"a": 1}], '[{"a": 1, "b": 2}]', 1.0),
        (5, "5", 1.0),
    ],
)
def test_json_subset_is_the_share_of_values_that_are_there(wanted: Json, output: str, share: float) -> None:
    assert grade("json_subset", wanted, output=output).value == pytest.approx(share)


def test_json_subset_may_ignore_the_order_of_items() -> None:
    assert grade("json_subset", [2], output="[1, 2]", ignore_order=True).value == 1.0
    assert grade("json_subset", [2, 2], output="[1, 2]", ignore_order=True).value == 0.5
    assert grade("json_subset", [], output="[1]", ignore_order=True).value == 1.0
    assert (
        grade("json_subset", [{"a": 1}, {"b": 1}], output='[{"a": 1, "b": 1}, {"a": 1}]', ignore_order=True).value
        == 1.0
    )


def test_json_subset_counts_what_is_there_and_lists_what_is_not() -> None:
    assert explain("json_subset", {"a": 1, "b": 2}, output='{"a": 1}') == (
        "1 of 2 values are as expected: $.b is missing, expected 2"
    )
    assert explain("json_subset", {"a": 1}, output='{"a": 1}') == "1 of 1 values are as expected"

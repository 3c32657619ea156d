from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.datasets.importers.finishing import finish, fit_id, fit_tag
from pytest_promptevals.datasets.names import MAX_ID_LENGTH
from pytest_promptevals.prompts.templates import names_in
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.drafts import Draft


def finished(*cases: dict[str, Any], prompt: str = "", texts: dict[str, str] | None = None) -> Any:
    return finish(Draft({"prompt": prompt}, cases, texts=texts or {}), names_in).cases


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("plain", "plain"),
        ("a::b[c]\n d", "a b c d"),
        (" \t\x1b[31m ", "31m"),
        ("[]", ""),
        ("x" * (MAX_ID_LENGTH + 9), "x" * MAX_ID_LENGTH),
    ],
)
def test_an_id_is_what_pytest_can_show(text: str, fit: str) -> None:
    assert fit_id(text) == fit


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("smoke", "smoke"),
        ("two words!", "two-words"),
        ("or", "is-or"),
        ("(a, b)", "a-b"),
        ("__x", "x"),
        ("!!", ""),
    ],
)
def test_a_tag_is_what_pytest_can_select(text: str, fit: str) -> None:
    assert fit_tag(text) == fit


def test_equal_ids_get_a_number() -> None:
    assert [case["id"] for case in finished({"id": "a"}, {"id": "a"}, {"id": "a-2"})] == ["a", "a-2", "a-2-2"]


def test_an_id_of_which_nothing_is_left_is_left_out() -> None:
    assert finished({"id": "[]", "input": "x"}) == [{"input": "x"}]


def test_numbers_are_ids_too() -> None:
    assert finished({"id": 7})[0]["id"] == "7"


def test_keys_stand_in_the_usual_order_and_empty_ones_are_left_out() -> None:
    case = finished({"metadata": {"a": 1}, "expected": None, "tags": ["x y", "x-y", "!"], "context": [], "input": "q"})[
        0
    ]

    assert list(case.items()) == [("input", "q"), ("tags", ["x-y"]), ("metadata", {"a": 1})]


def test_tags_of_which_nothing_is_left_are_left_out() -> None:
    assert finished({"input": "q", "tags": ["!"]}) == [{"input": "q"}]


def test_variables_that_nothing_names_are_metadata() -> None:
    cases = finished(
        {"vars": {"name": "Ada", "idle": 1}, "metadata": {"idle": 2}},
        {"vars": {"name": "Bob", "word": "x"}, "judges": [{"contains": "{{ word }}"}]},
        prompt="Hello {{ name }}",
    )

    assert cases == [
        {"vars": {"name": "Ada"}, "metadata": {"idle": 2}},
        {"vars": {"name": "Bob", "word": "x"}, "judges": [{"contains": "{{ word }}"}]},
    ]


def test_what_a_further_file_names_is_no_idle_variable() -> None:
    assert finished({"vars": {"name": "Ada"}}, texts={"p.md": "Hello {{ name }}"}) == [{"vars": {"name": "Ada"}}]


def test_a_variable_that_templates_know_otherwise_is_metadata() -> None:
    assert finished({"vars": {"context": "x"}}, prompt="{{ context }}") == [{"metadata": {"context": "x"}}]


def test_variables_that_are_no_mapping_are_left_to_the_loader() -> None:
    assert finished({"vars": [1], "metadata": {"a": 1}}) == [{"vars": [1], "metadata": {"a": 1}}]


def test_an_idle_variable_of_the_name_of_a_note_is_lost_with_its_place() -> None:
    cases: list[dict[str, Any]] = [{"input": "q", "vars": {"a": 1, "b": 2}, "metadata": {"a": 1, "b": 3}}] * 2
    done = finish(Draft({}, cases, places=[Location("x.csv", 7)]), names_in, "y.csv")

    assert [case["metadata"] for case in done.cases] == [{"a": 1, "b": 3}] * 2
    said = (
        "vars.b: neither a prompt nor a judge names it, and the metadata has a value of this name, too, which is kept; "
        "left out"
    )
    assert [str(loss) for loss in done.losses] == [f"x.csv:7: {said}", f"y.csv:1: {said}"]

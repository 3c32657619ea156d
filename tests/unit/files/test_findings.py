from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pytest_promptevals.files.findings import find_problems, known_keys
from pytest_promptevals.records.json_types import Json


def _refuse(value: dict[str, int]) -> dict[str, int]:
    if not value:
        raise ValueError("must hold something")
    return value


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    size: int = Field(ge=0)


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    parts: list[Part] = []
    labels: Annotated[dict[str, int], AfterValidator(_refuse)] | list[str] = []
    several: list[int | str] = []
    counts: dict[Literal["red", "green"], int] = {}
    named: dict[Annotated[str, Field(pattern="^[a-z]+$")], int] = {}
    share: float = Field(default=0.5, gt=0, lt=1)
    ending: str = Field(default="", alias="end")
    odd: int = Field(default=3, multiple_of=3)


def problems(data: Json) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(data)
    return [(finding.path, finding.words) for finding in find_problems(caught.value, Whole, data)]


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"parts": [{"size": -1}]}, ("parts", 0, "size"), "must be at least 0"),
        ({"parts": [{}]}, ("parts", 0, "size"), "is missing"),
        ({"parts": [{"size": 1, "siez": 1}]}, ("parts", 0, "siez"), "unknown key. Did you mean 'size'?"),
        ({"en": "x"}, ("en",), "unknown key. Did you mean 'end'?"),
        ({"share": 1}, ("share",), "must be below 1"),
        ({"counts": {"gren": 1}}, ("counts", "gren"), "unknown key. Did you mean 'green'?"),
        ({"named": {"A!": 1}}, ("named", "A!"), "the key must match ^[a-z]+$"),
        ({"odd": 4}, ("odd",), "input should be a multiple of 3"),
    ],
)
def test_a_finding_names_its_place_and_says_what_is_wrong(data: Json, path: tuple[str | int, ...], words: str) -> None:
    assert problems(data) == [(path, words)]


@pytest.mark.parametrize(
    ("labels", "path", "words"),
    [
        ({}, ("labels",), "must hold something"),
        ({"a": "x"}, ("labels", "a"), "must be a whole number"),
        (["a", 2], ("labels", 1), "must be a text"),
        ("a", ("labels",), "must be a mapping or a list"),
    ],
)
def test_of_a_union_only_the_branch_that_was_meant_is_told(
    labels: Json, path: tuple[str | int, ...], words: str
) -> None:
    assert problems({"labels": labels}) == [(path, words)]


def test_each_value_that_fits_no_branch_is_told_once() -> None:
    assert problems({"several": [1, [], 2, {}]}) == [
        (("several", 1), "must be a whole number or a text"),
        (("several", 3), "must be a whole number or a text"),
    ]


def test_a_key_that_is_no_text_is_named_as_one_and_told_to_be_quoted() -> None:
    data: dict[object, object] = {"labels": {7: 1}}
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(data)
    (finding,) = find_problems(caught.value, Whole, data)
    assert (finding.path, finding.words, finding.hint) == (
        ("labels", "7"),
        "the key must be a text",
        "; put it into quotes",
    )


def test_keys_are_named_as_users_write_them() -> None:
    assert known_keys(Part) == ["size"]
    assert known_keys(Whole, ("parts", 0)) == ["size"]
    assert "end" in known_keys(Whole)

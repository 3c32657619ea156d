from __future__ import annotations

import pytest
from pydantic import BaseModel, Field

from pytest_promptevals.datasets.problems import Problems, render_problems, shorten
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import DatasetError, FileProblem


def test_problems_are_raised_by_file_and_line() -> None:
    problems = Problems()
    problems.add("last", Source("b.yaml", 1))
    problems.add("second", Source("a.yaml", 9))
    problems.extend([FileProblem("first", path="a.yaml")])
    with pytest.raises(DatasetError) as caught:
        problems.raise_all()
    assert str(caught.value) == "a.yaml: first\na.yaml:9: second\nb.yaml:1: last"


def test_without_problems_nothing_is_raised() -> None:
    Problems().raise_all()


def test_only_the_first_problems_are_rendered_and_the_rest_is_counted() -> None:
    problems = [FileProblem("bad", path="a.yaml", line=line) for line in range(1, 6)]
    assert render_problems(problems, 3) == "a.yaml:1: bad\na.yaml:2: bad\na.yaml:3: bad\n... and 2 more"
    assert render_problems(problems, 5).endswith("a.yaml:5: bad")


def test_a_value_is_shown_as_json_and_cut() -> None:
    assert shorten({"a": [1, None, "é"]}) == '{"a": [1, null, "é"]}'
    assert shorten("x" * 10_000_000) == '"' + "x" * 59 + "…"


def test_a_rule_without_words_of_ours_is_said_in_those_of_pydantic() -> None:
    class Model(BaseModel):
        part: int = Field(multiple_of=3)

    problems = Problems()
    assert problems.check(Model, {"part": 4}, Source("a.yaml")) is None
    with pytest.raises(DatasetError, match=r"^a.yaml:1: part: input should be a multiple of 3, got 4$"):
        problems.raise_all()

"""``promptevals judges``."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.engine.judging import GROUPS
from pytest_promptevals.engine.registry import builtin_registry


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["judges", *arguments])


def test_list_names_every_judge_and_group_with_its_level_in_80_columns() -> None:
    lines = call("list").output.splitlines()

    begun = [line.split()[:2] for line in lines if not line.startswith(" ")]
    types = builtin_registry().judges.items()
    assert begun == [[name, str(judge.level)] for name, judge in types] + [[name, "-"] for name in GROUPS]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", list(builtin_registry().judges))
def test_show_says_what_a_judge_does_and_takes(name: str) -> None:
    judge = builtin_registry().judges[name]

    output = call("show", name).output

    assert output.startswith(f"{name} (level {judge.level}): ")
    for parameter, field in judge.Parameters.model_fields.items():
        assert f"\n  {field.alias or parameter}: " in output
    assert f"\n  threshold: the smallest score that passes; {judge.default_threshold:g}\n" in output


def test_show_says_what_may_be_chosen_what_is_needed_and_what_is_short() -> None:
    fuzzy, embedding = call("show", "fuzzy").output, call("show", "embedding").output

    assert "`fuzzy: VALUE` is short for `fuzzy: {value: VALUE}`." in fuzzy
    assert "One of: ratio, partial, token_sort, token_set, WRatio. Default:" in " ".join(fuzzy.split())
    assert "Required." in embedding.partition("  model: ")[2].partition("\n  metric")[0]


def test_show_of_a_group_says_what_it_does() -> None:
    assert " ".join(call("show", "any_of").output.split()) == f"any_of: {GROUPS['any_of']}"


def test_an_unknown_judge_is_an_error_with_the_nearest_name() -> None:
    result = call("show", "fuzy")

    assert result.exit_code == 1
    assert result.output == (
        "Error: unknown judge 'fuzy'. Did you mean 'fuzzy'?\n"
        "This shows the judges of the package alone: pytest knows those of a conftest.py or of another plugin, too.\n"
    )


@pytest.mark.parametrize("name", list(builtin_registry().judges))
def test_what_is_shown_of_a_judge_fits_80_columns_without_links(name: str) -> None:
    *prose, parameters = call("show", name).output.split("```")[::2]
    shown = [line for line in "".join([*prose, parameters]).splitlines() if not line.startswith("|")]

    assert max(map(len, shown)) <= 80
    assert not [line for line in shown if "](" in line]

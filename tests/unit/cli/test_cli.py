"""The ``promptevals`` command."""

from __future__ import annotations

import json
from pathlib import Path

import click
import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.cli.schema import SHIPPED_FILE, schema_text


def test_schema_prints_the_schema_that_is_shipped_and_current() -> None:
    result = CliRunner().invoke(main, ["schema"])

    assert result.exit_code == 0
    # If this fails: python -m tests.support.write_schema
    assert result.output == schema_text()


def test_the_schema_takes_what_is_right_and_refuses_what_is_wrong() -> None:
    schema = json.loads(schema_text())
    good = """
        prompt: Hello {{ name }}
        model: openai/gpt-5-mini
        judges: [exact, {contains: x}, {fuzzy: {threshold: 0.8}}, {not: refusal}, {any_of: [exact, {regex: x}]}]
        gate: {max_drop: 0.1, confidence: 0.95}
        cases: [{id: a, vars: {name: Ada}}, {file: more.jsonl}]
    """

    jsonschema.validate(yaml.safe_load(good), schema)
    wrongs: list[dict[str, object]] = [
        {"jugdes": []},
        {"judges": [{"fuzzy": {"thresold": 1}}]},
        {"cases": [{"idd": "a"}]},
    ]
    for wrong in wrongs:
        assert not jsonschema.Draft202012Validator(schema).is_valid({"cases": [], **wrong})


def test_errors_are_broken_into_lines_of_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def said(*arguments: str) -> list[str]:
        return CliRunner().invoke(main, arguments).output.splitlines()

    assert said("runs", "prune")[-2:] == [
        "Error: say which runs go: --keep 100 removes all but the newest 100,",
        "  --older-than 30d those that began more than 30 days ago",
    ]
    assert said("runs", "--since", "yesterday")[-2:] == [
        "Error: Invalid value for '--since': 'yesterday' is no time: write a date",
        "  (2026-11-20), a time of it (2026-11-20T14:30, UTC), or how long ago (7d, 12h)",
    ]
    assert said("runs", "--nonsense")[-1].startswith("Error: No such option")


def test_what_comes_in_lines_is_left_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def listing() -> None:
        raise click.ClickException("two problems:\n  one\n  two")

    monkeypatch.setattr(main, "get_command", lambda *_: listing)

    assert CliRunner().invoke(main, ["listing"]).output == "Error: two problems:\n  one\n  two\n"


def test_help_and_version() -> None:
    assert "schema" in CliRunner().invoke(main, ["-h"]).output
    assert CliRunner().invoke(main, ["--version"]).output.startswith("promptevals, version ")
    assert SHIPPED_FILE.endswith(".json")


@pytest.mark.parametrize("command", [["show"], ["compare"], ["regate"], ["rejudge"], ["dataset", "versions"]])
def test_an_argument_that_is_missing_is_named(command: list[str]) -> None:
    result = CliRunner().invoke(main, command)

    assert result.exit_code == 2
    assert result.output.splitlines()[-1].startswith("Error: Missing argument '")


def test_a_mistyped_command_names_the_right_one() -> None:
    result = CliRunner().invoke(main, ["ini"])

    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == "Error: No such command 'ini'. Did you mean 'init'?"

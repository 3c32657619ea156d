"""The ``promptevals`` command."""

from __future__ import annotations

import json

import jsonschema
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


def test_help_and_version() -> None:
    assert "schema" in CliRunner().invoke(main, ["-h"]).output
    assert CliRunner().invoke(main, ["--version"]).output.startswith("promptevals, version ")
    assert SHIPPED_FILE.endswith(".json")

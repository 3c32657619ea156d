"""``promptevals schema``: the JSON Schema of eval files."""

from __future__ import annotations

import json
from importlib import resources

import click

from pytest_promptevals.datasets.schema import JudgeSchema, eval_file_schema
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.judges.describe import describe_judge
from pytest_promptevals.records.json_types import Json

SHIPPED_FILE = "eval-file.schema.json"
"""Its name in the package ``pytest_promptevals.datasets``."""


@click.command()
def schema() -> None:
    """Print the JSON Schema of eval files, for editors that complete and check them."""
    shipped = resources.files("pytest_promptevals.datasets").joinpath(SHIPPED_FILE)
    click.echo(shipped.read_text(encoding="utf-8"), nl=False)


def schema_text() -> str:
    """Return the schema, generated from the wire models and the judges' parameters, as it is shipped."""
    return json.dumps(generate_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def generate_schema() -> Json:
    """Return the JSON Schema of eval files with all built-in judges."""
    judges = {}
    for name, judge_type in builtin_registry().judges.items():
        description = describe_judge(judge_type)
        judges[name] = JudgeSchema(description.summary, description.parameters, description.shorthand)
    return eval_file_schema(judges)

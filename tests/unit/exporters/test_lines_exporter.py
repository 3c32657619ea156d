from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.files.yaml import parse_yaml
from tests.support.exported import run_export

CASES = """
cases:
  - id: one
    input: Where is A-17?
    vars: {name: Ada}
    expected: {place: Rome}
    output: {text: "In Rome,\\nAda", latency: 2.5, usage: {input_tokens: 3}}
    context: [It went to Rome.]
    tags: [smoke]
    metadata: {source: log}
  - input: "\\u202e\\x1b[31m =1+1"
    weight: 2
    judges: [exact]
"""
HEAD = """
prompt: Hello {{ name }}
model: openai/gpt-5
judges: [contains]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_row_holds_what_a_case_asks_and_expects(folder: Path) -> None:
    result = run_export(folder, HEAD + CASES, "-o", "rows.jsonl")

    assert result.exit_code == 0
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {
            "id": "one",
            "input": "Where is A-17?",
            "vars": {"name": "Ada"},
            "expected": {"place": "Rome"},
            "output": "In Rome,\nAda",
            "context": ["It went to Rome."],
            "tags": ["smoke"],
            "metadata": {"source": "log"},
        },
        {"input": "\u202e\x1b[31m =1+1"},
    ]


def test_what_a_row_has_no_place_for_is_named(folder: Path) -> None:
    result = run_export(folder, HEAD + CASES, "-o", "rows.jsonl")

    assert result.output.splitlines() == [
        "a.eval.yaml:1: prompt: rows hold cases alone; left out",
        "a.eval.yaml:2: model: rows hold cases alone; left out",
        "a.eval.yaml:3: judges: rows hold cases alone; left out",
        "a.eval.yaml:6: output.latency: a recorded output is a text in a row; left out",
        "a.eval.yaml:6: output.usage: a recorded output is a text in a row; left out",
        "a.eval.yaml:14: judges: a row has no such field; left out",
        "a.eval.yaml:14: weight: a row has no such field; left out",
        "7 things in the file without an equivalent there, named above",
        "2 cases written to rows.jsonl",
    ]


def test_rows_become_the_same_cases_again(folder: Path) -> None:
    run_export(folder, HEAD + CASES, "-o", "rows.jsonl")

    result = CliRunner().invoke(main, ["import", "rows.jsonl", "-o", "again.eval.yaml"])

    assert result.exit_code == 0
    again: Any = parse_yaml((folder / "again.eval.yaml").read_text(encoding="utf-8"), "again").value
    one, other = again["cases"]
    assert one == {
        "id": "one",
        "input": "Where is A-17?",
        "expected": {"place": "Rome"},
        "output": "In Rome,\nAda",
        "context": ["It went to Rome."],
        "tags": ["smoke"],
        "judges": ["json_equal"],
        "metadata": {"name": "Ada", "source": "log"},
    }
    assert other == {"input": "\u202e\x1b[31m =1+1"}


def test_rows_are_not_taken_for_records_of_another_tool(folder: Path) -> None:
    run_export(
        folder,
        """
        judges: [exact]
        cases:
          - {input: q, expected: a, output: a, metadata: {k: 1}}
          - {input: r, expected: b, output: b, context: [c], metadata: {k: 1}}
        """,
        *("-o", "r.jsonl"),
    )
    made = CliRunner().invoke(main, ["import", "r.jsonl", "-o", "again.eval.yaml"])

    assert made.exit_code == 0, made.output
    text = (folder / "again.eval.yaml").read_text(encoding="utf-8")
    assert "(rows)" in text
    assert "vars" not in text
    again: Any = parse_yaml(text, "again").value
    assert again["cases"][1]["context"] == ["c"]


def test_rows_in_a_file_that_ends_in_ndjson_are_json_lines(folder: Path) -> None:
    (folder / "r.ndjson").write_text('{"input": "q", "expected": "a"}\n{"input": "r", "expected": "b"}\n')

    made = CliRunner().invoke(main, ["import", "r.ndjson", "-o", "again.eval.yaml"])

    assert made.exit_code == 0, made.output
    again: Any = parse_yaml((folder / "again.eval.yaml").read_text(encoding="utf-8"), "again").value
    assert len(again["cases"]) == 2

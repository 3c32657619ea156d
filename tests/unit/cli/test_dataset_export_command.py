from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.datasets.exporters import registry
from tests.support.exported import export_text, run_export

PLAIN = """
prompt: Hello {{ name }}
model: openai/gpt-5
judges: [{contains: Hello}]
cases: [{id: one, vars: {name: Ada}}]
"""
LOSSY = f"{PLAIN.rstrip()}\ngate: {{max_drop: 0.1}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_of_a_file_of_another_tool_it_is_said_that_it_has_to_be_imported_first() -> None:
    config = "prompts: [Hello]\nproviders: [openai:gpt-5]\ntests: [{assert: [{type: equals, value: x}]}]\n"
    Path("promptfooconfig.yaml").write_text(config, encoding="utf-8")
    Path("wrong.eval.yaml").write_text("cases: 3\n", encoding="utf-8")

    foreign = CliRunner().invoke(main, ["dataset", "export", "promptfooconfig.yaml", "--format", "jsonl"])
    wrong = CliRunner().invoke(main, ["dataset", "export", "wrong.eval.yaml", "--format", "jsonl"])

    assert foreign.exit_code == wrong.exit_code == 1
    assert foreign.output.endswith(
        "It may be a file of promptfoo: 'promptevals import promptfooconfig.yaml' makes an eval file of it.\n"
    )
    assert "promptevals import" not in wrong.output


class Returning:
    """An exporter that returns what it is told."""

    description = "for tests"
    endings = (".acme",)

    def __init__(self, made: Any) -> None:
        self._made = made

    def export(self, request: object) -> Any:
        del request
        return self._made


def error(folder: Path, text: str, *options: str) -> str:
    result = run_export(folder, text, *options)
    assert result.exit_code != 0
    return " ".join(result.output.rpartition("Error: ")[2].split())


def test_without_an_output_the_file_is_printed_and_losses_go_to_stderr(folder: Path) -> None:
    result = run_export(folder, LOSSY, "--format", "jsonl")

    assert result.exit_code == 0
    assert result.stdout == '{"id": "one", "vars": {"name": "Ada"}}\n'
    assert result.stderr.splitlines() == [
        "a.eval.yaml:1: prompt: rows hold cases alone; left out",
        "a.eval.yaml:2: model: rows hold cases alone; left out",
        "a.eval.yaml:3: judges: rows hold cases alone; left out",
        "a.eval.yaml:5: gate: rows hold cases alone; left out",
        "4 things in the file without an equivalent there, named above",
    ]


def test_what_is_written_and_lost_is_told(folder: Path) -> None:
    result = run_export(folder, LOSSY, "-o", "promptfooconfig.yaml")

    assert result.stdout.splitlines() == [
        "a.eval.yaml:5: gate: promptfoo compares no runs; left out",
        "1 thing in the file without an equivalent there, named above",
        "1 case written to promptfooconfig.yaml",
    ]
    assert (folder / "promptfooconfig.yaml").read_text(encoding="utf-8").splitlines()[:4] == [
        "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json",
        "# Made from a.eval.yaml.",
        "# What has no equivalent in promptfoo:",
        "# - a.eval.yaml:5: gate: promptfoo compares no runs; left out",
    ]


def test_strict_writes_nothing_where_something_is_lost(folder: Path) -> None:
    message = "nothing is written: --strict is given, and not everything has an equivalent"

    assert error(folder, LOSSY, "-o", "out.yaml", "--strict") == message
    assert not (folder / "out.yaml").exists()
    assert run_export(folder, PLAIN, "-o", "out.yaml", "--strict").exit_code == 0


def test_a_file_that_is_there_is_only_written_over_with_force(folder: Path) -> None:
    (folder / "out.yaml").write_text("mine", encoding="utf-8")

    assert error(folder, PLAIN, "-o", "out.yaml") == "out.yaml: there already; give --force to write over it"
    assert (folder / "out.yaml").read_text(encoding="utf-8") == "mine"
    assert run_export(folder, PLAIN, "-o", "out.yaml", "--force").exit_code == 0


def test_keys_of_evals_yaml_are_exported_and_lost_at_their_place(folder: Path) -> None:
    (folder / "evals.yaml").write_text("description: d\nreducer: min\nmodel: openai/x\n", encoding="utf-8")

    found = run_export(folder, PLAIN.replace("model: openai/gpt-5\n", ""), "-o", "out.yaml")

    assert found.output.startswith("evals.yaml:2: reducer: promptfoo counts each repetition as a test of its own; left")
    assert "description: d\n" in (folder / "out.yaml").read_text(encoding="utf-8")
    assert "openai:chat:x" in (folder / "out.yaml").read_text(encoding="utf-8")


def test_prompts_of_files_stand_in_the_config(folder: Path) -> None:
    (folder / "p.md").write_text("Hello\n{{ name }}\n", encoding="utf-8")

    assert export_text(folder, PLAIN.replace("Hello {{ name }}", "p.md")).data["prompts"] == ["Hello\n{{ name }}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAIN.replace("vars", "varz"), "a.eval.yaml:4: cases[0].varz: unknown key. Did you mean 'vars'?"),
        (PLAIN.replace("Hello {{ name }}", "none.md"), "a.eval.yaml:1: prompt: 'none.md': no such file (none.md)."),
    ],
)
def test_a_file_that_cannot_be_loaded_says_why(folder: Path, text: str, message: str) -> None:
    assert error(folder, text, "--format", "jsonl").startswith(message)


def test_an_output_without_a_format_is_named(folder: Path) -> None:
    assert error(folder, PLAIN) == "name a format with --format (promptfoo, jsonl), or a file with --output"


def test_a_plugin_that_makes_no_export_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exporters = dataclasses.replace(registry.find_exporters(), entries={"acme": Returning("text")})
    monkeypatch.setattr(registry, "find_exporters", lambda: exporters)

    assert error(folder, PLAIN, "--format", "acme") == (
        "exporter Returning: 'export' must return an Export, not 'text'"
    )


def test_the_help_names_the_formats() -> None:
    result = CliRunner().invoke(main, ["dataset", "export", "-h"])

    said = " ".join(result.output.split())
    assert "One of: promptfoo, a config of promptfoo; jsonl, cases alone, one JSON object a line." in said
    assert "The results of runs are exported by 'promptevals export'." in said

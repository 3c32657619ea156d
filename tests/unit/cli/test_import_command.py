from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.datasets.importers import registry
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.drafts import Draft, ImportRequest, Loss

NO_MODEL = "no model: add 'model: provider/model' to the eval file or to an evals.yaml above it"
ROWS = "question,answer\nWhat is 2 + 2?,4\n,\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


class Returning:
    """An importer that returns what it is told."""

    description = "for tests"

    def __init__(self, draft: Any) -> None:
        self._draft = draft

    def recognizes(self, request: ImportRequest) -> bool:
        return request.path.name == "rows.csv"

    def read(self, request: ImportRequest) -> Any:
        del request
        return self._draft


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments])


def error(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code != 0
    return result.output.rpartition("Error: ")[2].rstrip("\n")


def test_losses_and_what_is_missing_are_told(folder: Path) -> None:
    result = run("rows.csv")

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "rows.csv:3: the row holds nothing that can be asked; left out",
        "1 thing in the file without an equivalent, named above",
        "1 case written to evals/rows.eval.yaml",
        "before it runs:",
        f"  evals/rows.eval.yaml:1: {NO_MODEL}, or give every case an 'output'",
    ]
    assert (folder / "evals" / "rows.eval.yaml").is_file()


def test_nothing_is_missing_where_an_evals_yaml_names_the_model(folder: Path) -> None:
    (folder / "evals.yaml").write_text("model: scripted/echo\n", encoding="utf-8")

    assert "before it runs" not in run("rows.csv", "-o", "rows.eval.yaml").output


def test_further_files_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, Draft({"model": "scripted/echo"}, [{"input": str(number)} for number in range(101)]))

    result = run("rows.csv", "-o", "a.eval.yaml")

    assert result.output.splitlines()[:2] == ["101 cases written to a.eval.yaml", "  with a.cases.jsonl"]
    assert (folder / "a.cases.jsonl").is_file()


def test_strict_writes_nothing_where_something_is_lost(folder: Path) -> None:
    result = run("rows.csv", "--strict")

    assert result.exit_code == 1
    assert " ".join(result.output.split()).endswith(
        "Error: nothing is written: --strict is given, and not everything has an equivalent"
    )
    assert not (folder / "evals").exists()


def test_strict_writes_what_loses_nothing(folder: Path) -> None:
    (folder / "rows.csv").write_text("question\nWhy?\n", encoding="utf-8")

    assert run("rows.csv", "--strict").exit_code == 0


def test_a_file_that_is_there_is_only_written_over_with_force(folder: Path) -> None:
    target = folder / "a.eval.yaml"
    target.write_text("mine", encoding="utf-8")

    assert error("rows.csv", "-o", "a.eval.yaml") == "a.eval.yaml: there already; give --force to write over it"
    assert target.read_text(encoding="utf-8") == "mine"
    assert run("rows.csv", "-o", "a.eval.yaml", "--force").exit_code == 0
    assert target.read_text(encoding="utf-8") != "mine"


def test_a_symlink_to_nowhere_is_there_already(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away") / "a.yaml"
    (folder / "a.eval.yaml").symlink_to(away)

    assert error("rows.csv", "-o", "a.eval.yaml") == "a.eval.yaml: there already; give --force to write over it"
    assert not away.exists()


def test_where_one_of_the_files_cannot_be_written_none_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, Draft({"model": "scripted/echo"}, [{"input": str(number)} for number in range(101)]))
    (folder / "a.cases.jsonl").mkdir()
    (folder / "a.eval.yaml").write_text("mine", encoding="utf-8")

    said = error("rows.csv", "-o", "a.eval.yaml", "--force")

    assert said.startswith("a.cases.jsonl: cannot be written: ")
    assert (folder / "a.eval.yaml").read_text(encoding="utf-8") == "mine"


def test_a_loss_is_one_line_whatever_the_file_calls_its_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = Loss(Location("rows.csv", 2), "bad\n::error file=a.py::pwn", "left out")
    give(monkeypatch, Draft({"model": "scripted/echo"}, [{"input": "a"}], [loss]))

    assert run("rows.csv", "-o", "a.eval.yaml").output.splitlines()[0] == (
        "rows.csv:2: bad\\n::error file=a.py::pwn: left out"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.csv",), "Invalid value for 'SOURCE': File 'none.csv' does not exist."),
        (
            ("rows.csv", "-o", "a.yaml"),
            "'a.yaml' is no name of an eval file; it has to end in .eval.yaml, .eval.yml, .eval.jsonl",
        ),
        (
            ("rows.csv", "-o", "a.eval.jsonl"),
            "a.eval.jsonl: a file of JSON Lines has no place for judges; write to a .eval.yaml file",
        ),
        (("rows.csv", "--format", "row"), "there is no format 'row'. Did you mean 'rows'?"),
        (
            ("rows.csv", "--map", "input"),
            "Invalid value for '--map': 'input' is no pair; write it as KEY=FIELD, such as input=question",
        ),
        (
            ("rows.csv", "--map", "input="),
            "Invalid value for '--map': 'input=' is no pair; write it as KEY=FIELD, such as input=question",
        ),
        (
            ("rows.csv", "--map", "input=a", "--map", "input=b"),
            "Invalid value for '--map': 'input' is mapped twice",
        ),
        (
            ("rows.csv", "--map", "input=asked"),
            "rows.csv: --map input=asked: no row has a field 'asked'; there are: question, answer",
        ),
        (
            ("rows.csv", "--map", "input=question", "--format", "chat"),
            "rows.csv: --map input=question: fields of the format chat have fixed names; leave it out",
        ),
    ],
)
def test_what_is_wrong_is_named(arguments: tuple[str, ...], message: str) -> None:
    assert " ".join(error(*arguments).split()) == message


def test_a_file_without_cases_is_an_error(folder: Path) -> None:
    (folder / "rows.csv").write_text("question,answer\n,x\n", encoding="utf-8")

    assert error("rows.csv", "--format", "rows") == "rows.csv: there are no cases in it, read as rows"


@pytest.mark.parametrize("options", [(), ("--format", "rows"), ("--map", "input=question")])
def test_an_empty_file_is_called_empty(folder: Path, options: tuple[str, ...]) -> None:
    (folder / "rows.csv").write_text("", encoding="utf-8")

    assert error("rows.csv", *options) == "rows.csv: is empty"


def test_semicolons_between_cells_are_seen_and_said(folder: Path) -> None:
    (folder / "rows.csv").write_text("Frage;Antwort\n2 + 2?;4\n", encoding="utf-8")

    result = run("rows.csv", "--map", "input=Frage", "--map", "expected=Antwort", "--strict", "-o", "a.eval.yaml")

    assert result.output.startswith("rows.csv: its cells are separated by semicolons\n1 case written to a.eval.yaml\n")


def test_the_help_lists_the_formats() -> None:
    said = run("--help").output

    assert "--format NAME" in said
    for name, importer in ((name, registry.find_importers().load(name)) for name in registry.find_importers().entries):
        assert f"\n  {name} " in said
        assert " ".join(importer.description.split()) in " ".join(said.split())


def test_a_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    (folder / "a.json").write_text("{", encoding="utf-8")

    assert error("a.json", "--format", "rows").startswith("a.json:1: no valid JSON")


def test_a_place_that_cannot_be_written_is_an_error(folder: Path) -> None:
    (folder / "file").write_text("", encoding="utf-8")

    assert "cannot be written: " in error("rows.csv", "-o", "file/a.eval.yaml")


def give(monkeypatch: pytest.MonkeyPatch, draft: Any) -> None:
    importers = dataclasses.replace(registry.find_importers(), entries={"acme": Returning(draft)})
    monkeypatch.setattr(registry, "find_importers", lambda: importers)


def test_a_plugin_that_makes_no_draft_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, {"cases": []})

    assert error("rows.csv") == "importer 'acme': 'read' must return a Draft, not {'cases': []}"


def test_what_keeps_an_imported_file_from_running_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, Draft({"model": "scripted/echo", "judges": [{"exakt": "a"}]}, [{"input": "a"}]))

    lines = run("rows.csv", "-o", "a.eval.yaml").output.splitlines()

    assert lines[:2] == ["1 case written to a.eval.yaml", "before it runs:"]
    assert lines[2].startswith("  a.eval.yaml:5: ")
    assert "exakt" in lines[2]


def test_what_runs_at_once_is_told_how(folder: Path) -> None:
    folder.joinpath("rows.jsonl").write_text('{"input": "a", "output": "b", "expected": "b"}\n', encoding="utf-8")

    assert run("rows.jsonl", "-o", "a.eval.yaml").output.splitlines()[-1] == "next: pytest a.eval.yaml"

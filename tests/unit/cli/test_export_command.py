from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.records.exports import COLUMNS, TEXT_COLUMNS
from tests.support.compared_runs import BEFORE, HISTORY, NOW, finished_run, write_run
from tests.support.sample_results import make_full_result, make_result
from tests.support.wide_terminal import WIDE

FORMULA = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose history has two runs."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)
    write_run(tmp_path, finished_run(BEFORE, 20), [make_result(FORMULA, 0.25, weight=-1.5), make_full_result()])
    write_run(tmp_path, finished_run(NOW, 21, "topic"), [make_result("broken", None)])
    return tmp_path


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["export", *arguments], env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else result.output


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_results_are_rows_of_csv_that_no_spreadsheet_runs() -> None:
    rows = read_csv(run())

    assert list(rows[0]) == list(COLUMNS)
    assert [row["name"] for row in rows] == [f"'{FORMULA}", "full", "broken"]
    assert (rows[0]["score"], rows[0]["weight"], rows[0]["passed"]) == ("0.25", "-1.5", "false")
    assert json.loads(rows[0]["judges"]) == {"exact": 0.25}
    assert json.loads(rows[1]["tags"]) == ["smoke", "refunds"]
    assert (rows[2]["score"], rows[2]["error_kind"], rows[2]["run"]) == ("", "provider", NOW)


def test_json_is_a_list_and_lines_are_objects() -> None:
    lines = [json.loads(line) for line in run("--format", "jsonl").splitlines()]

    assert json.loads(run("--format", "json")) == lines
    assert [line["name"] for line in lines] == [FORMULA, "full", "broken"]
    assert lines[0]["judges"] == {"exact": 0.25}


def test_texts_come_only_if_they_are_asked_for() -> None:
    (line,) = [json.loads(line) for line in run("--format", "jsonl", "--texts", "--tag", "smoke").splitlines()]

    assert list(line) == [*COLUMNS, *TEXT_COLUMNS]
    assert line["prompt"][0] == {"role": "system", "content": "Be kind."}
    assert (line["expected"], len(line["outputs"])) == (["one", {"two": 2}], 3)
    (row,) = read_csv(run("--texts", "--tag", "smoke"))
    assert json.loads(row["expected"]) == ["one", {"two": 2}]


@pytest.mark.parametrize(
    ("column", "stored", "key", "unknown"),
    [
        ("trials", "garbage", "outputs", []),
        ("trials", '{"a": 1}', "outputs", []),
        ("trials", "null", "outputs", []),
        ("trials", '[1, {"response": 1}, {"response": {"text": 2}}, {}]', "outputs", [None] * 4),
        ("prompt", "garbage", "prompt", None),
        ("prompt", "[1]", "prompt", None),
        ("prompt", '{"messages": 1}', "prompt", None),
        ("expected", "garbage", "expected", None),
    ],
)
def test_a_text_that_somebody_else_wrote_into_the_history_is_not_known(
    folder: Path, column: str, stored: str, key: str, unknown: object
) -> None:
    with contextlib.closing(sqlite3.connect(folder / HISTORY)) as connection, connection:
        connection.execute(f"UPDATE case_results SET {column} = ? WHERE name = 'full'", (stored,))  # noqa: S608 - a name of ours

    (line,) = [json.loads(line) for line in run("--format", "jsonl", "--texts", "--tag", "smoke").splitlines()]

    assert line[key] == unknown


def test_the_options_choose_what_is_exported() -> None:
    def names(*arguments: str) -> list[str]:
        return [row["name"] for row in read_csv(run(*arguments))]

    assert names("--branch", "topic") == ["broken"]
    assert names("--since", "2026-11-21") == ["broken"]
    assert names("--model", "claude") == ["full"]
    assert names("--file", "support.eval.yaml", "--until", "2026-11-21") == [f"'{FORMULA}", "full"]


def test_a_file_is_of_the_format_that_its_name_ends_in(folder: Path) -> None:
    assert run("-o", "out.jsonl") == "3 results written to out.jsonl\n"
    assert len((folder / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    run("-o", "out")
    assert (folder / "out").read_text(encoding="utf-8").startswith("run,started_at,")
    run("-o", "out.csv", "--format", "json")
    assert len(json.loads((folder / "out.csv").read_text(encoding="utf-8"))) == 3


def test_a_file_whose_name_ends_in_another_format_is_refused(folder: Path) -> None:
    assert run("-o", "out.xlsx", status=2).splitlines()[-1] == (
        "Error: 'out.xlsx' ends in no format that is known: use .csv, .json, .jsonl, .parquet, or name one with "
        "--format"
    )
    assert not (folder / "out.xlsx").exists()
    assert run("-o", "out.xlsx", "--format", "csv") == "3 results written to out.xlsx\n"


def test_no_results_are_said_to_be_none() -> None:
    result = CliRunner().invoke(main, ["export", "--format", "json", "--branch", "none"])

    assert result.exit_code == 0
    assert sorted(result.output.splitlines()) == [
        "[]",
        "there are no such results: no run was made on branch 'none'. Known: main, topic.",
    ]
    # All that is asked for is in the history, but not together.
    result = CliRunner().invoke(main, ["export", "--tag", "smoke", "--model", "gpt-5-mini", "--until", "2026-11-21"])
    assert result.stderr == "there are no such results\n"


def test_parquet_keeps_types(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("-o", "out.parquet", "--texts") == "3 results written to out.parquet\n"

    table = parquet.read_table(folder / "out.parquet")
    rows: list[dict[str, Any]] = table.to_pylist()

    assert table.column_names == [*COLUMNS, *TEXT_COLUMNS]
    assert str(table.schema.field("started_at").type) == "timestamp[ms, tz=UTC]"
    assert [row["name"] for row in rows] == [FORMULA, "full", "broken"]
    assert dict(rows[0]["judges"]) == {"exact": 0.25}
    assert (rows[0]["passed"], rows[0]["score"], rows[0]["is_dirty"]) == (False, 0.25, False)
    assert (rows[1]["tags"], rows[1]["trial_scores"]) == (["smoke", "refunds"], [0.8, 0.1 + 0.2])
    assert json.loads(rows[1]["expected"]) == ["one", {"two": 2}]
    assert rows[2]["score"] is None
    assert (rows[2]["started_at"].isoformat(), rows[2]["outputs"]) == ("2026-11-21T08:00:00+00:00", [None])


def test_parquet_of_no_results_has_its_columns(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run("-o", "out.parquet", "--branch", "none")

    assert parquet.read_table(folder / "out.parquet").column_names == list(COLUMNS)


def test_parquet_may_go_into_a_pipe(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    result = CliRunner().invoke(main, ["export", "--format", "parquet"])

    assert parquet.read_table(io.BytesIO(result.stdout_bytes)).num_rows == 3


def test_without_pyarrow_one_sentence_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert run("-o", "out.parquet", status=2).splitlines()[-1] == (
        'Error: Parquet needs the package pyarrow; install it with: pip install "pytest-promptevals[parquet]"'
    )
    assert not (folder / "out.parquet").exists()


def test_bytes_are_kept_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)

    assert run("--format", "parquet", status=2).splitlines()[-1] == (
        "Error: this format is no text for a terminal; name a file with --output"
    )


def test_a_file_that_cannot_be_written_is_named() -> None:
    pytest.importorskip("pyarrow")

    for name in ("new/out.csv", "other/out.parquet"):
        assert run("-o", name).endswith(f"{name}\n")
        assert run("-o", f"{name}/x{Path(name).suffix}", status=1) == (
            f"Error: {name}/x{Path(name).suffix} cannot be written: what should be its folder is a file\n"
        )


CODE = "from pytest_promptevals.cli import main; main()"


def test_a_pipe_gets_utf_8_whatever_the_machine_speaks(folder: Path) -> None:
    write_run(folder, finished_run("20261122-080000-cccccc", 22), [make_result("größe 🙂", 1.0)])
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", CODE, "export"], capture_output=True, env=environment, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe 🙂" in done.stdout.decode("utf-8")
    assert b"\r" not in done.stdout


@pytest.mark.parametrize("command", [["export", "--format", "json"], ["compare", "latest", "latest", "--all"]])
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(folder: Path, command: list[str]) -> None:
    names = [f"case {number} {'x' * 500}" for number in range(400)]
    write_run(folder, finished_run("20261122-080000-cccccc", 22), [make_result(name, 1.0) for name in names])
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""

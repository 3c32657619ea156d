from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.runs import Run, RunKind, RunStatus
from tests.support.compared_runs import HISTORY, finished_run
from tests.support.sample_results import FILE
from tests.support.wide_terminal import WIDE

OTHER = "evals/other.eval.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose history has a few runs."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)
    with open_history(tmp_path, HISTORY) as store:
        for day, score in ((11, 0.5), (12, 0.75), (13, 1.0)):
            run = finished_run(f"202611{day}-080000-aaaaaa", day, "main" if day < 13 else "topic")
            comparisons = [Comparison(FILE, Metrics(4, 2, 0, score, 0.5, judges={"exact": score / 2}))]
            comparisons += [Comparison(OTHER, Metrics(1, 1, 0, 1.0, 1.0))] if day == 12 else []
            store.add_run(run, (), comparisons)
        for run in (_other("14", status=RunStatus.INTERRUPTED), _other("15", kind=RunKind.REGATE)):
            store.add_run(run, (), [Comparison(FILE, Metrics(4, 0, 0, 0.0, 0.0))])
    return tmp_path


def _other(day: str, **changes: object) -> Run:
    return dataclasses.replace(finished_run(f"202611{day}-080000-aaaaaa", int(day)), **changes)  # type: ignore[arg-type]  # fields of a run


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["trends", *arguments], env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output


def read(*arguments: str) -> list[tuple[str, str]]:
    """Return file and day of each point."""
    return [(point["file"], point["started_at"][8:10]) for point in json.loads(run(*arguments, "--format", "json"))]


def test_each_metric_is_a_line_over_the_finished_runs() -> None:
    assert run().splitlines() == [
        f"{OTHER}: 1 run on 2026-11-12",
        "metric     trend  first   last  lowest  highest",
        "score      ▄      1.000  1.000   1.000    1.000",
        "pass rate  ▄      1.000  1.000   1.000    1.000",
        "",
        f"{FILE}: 3 runs from 2026-11-11 to 2026-11-13",
        "metric       trend  first   last  lowest  highest",
        "score        ▁▅█    0.500  1.000   0.500    1.000",
        "pass rate    ▄▄▄    0.500  0.500   0.500    0.500",
        "judge exact  ▁▅█    0.250  0.500   0.250    0.500",
    ]


def test_a_metric_that_is_named_is_shown_run_by_run() -> None:
    assert run("support.eval.yaml", "--metric", "exact", "--last", "2").splitlines() == [
        f"{FILE}: 2 runs from 2026-11-12 to 2026-11-13",
        "metric       trend  first   last  lowest  highest",
        "judge exact  ▁█     0.375  0.500   0.375    0.500",
        "",
        f"judge exact of {FILE}",
        "run                     commit   cases  value  change  verdict",
        "20261112-080000-aaaaaa  1212121      4  0.375       -  -",
        "20261113-080000-aaaaaa  1313131      4  0.500  +0.125  -",
    ]


def test_runs_and_files_are_chosen() -> None:
    assert read(FILE) == [(FILE, "11"), (FILE, "12"), (FILE, "13")]
    assert read("--file", "other.eval.yaml") == [(OTHER, "12")]
    assert read(FILE, "--branch", "main") == [(FILE, "11"), (FILE, "12")]
    assert read(FILE, "--since", "2026-11-12", "--until", "2026-11-13") == [(FILE, "12")]
    assert read(FILE, "--status", "interrupted") == [(FILE, "14")]
    assert read(FILE, "--kind", "regate") == [(FILE, "15")]


def test_csv_has_a_column_for_each_metric() -> None:
    first, second, *_ = run(FILE, "--format", "csv", "--metric", "score", "--metric", "judges.exact").splitlines()

    assert first.endswith(",verdict,score,judges.exact")
    assert second.endswith(",,0.5,0.25")


def test_what_is_not_known_is_said() -> None:
    assert run("--metric", "scores", status=2).splitlines()[-1] == (
        "Error: no run has a metric 'scores'. Did you mean 'score'?"
    )
    assert run("--metric", "judges.exacts", status=2).splitlines()[-1] == (
        "Error: no run has a metric 'judges.exacts'. Did you mean 'judges.exact'?"
    )
    assert run("suport.eval.yaml", status=2).splitlines()[-1] == (
        f"Error: there are no results of 'suport.eval.yaml'. Did you mean '{FILE}'?"
    )
    assert run("--branch", "none", status=1) == (
        "Error: there is no trend to show: no run was made on branch 'none'. Known: main, topic.\n"
    )
    assert run("--since", "2030-01-01", status=1) == (
        "Error: there is no trend to show: no run began at 2030-01-01T00:00 or later: the newest began at "
        "2026-11-15T08:00 (UTC).\n"
    )
    assert run("--since", "2026-11-14", status=1) == (
        "Error: there is no trend to show: the runs that are meant did not finish, are none of pytest, or have no "
        "scores; --status and --kind choose others\n"
    )


def test_a_file_is_of_the_format_that_its_name_ends_in(folder: Path) -> None:
    for name, begin in (("t.csv", "run,"), ("t.json", "[\n"), ("t.txt", OTHER), ("t", OTHER)):
        run("-o", name)
        assert (folder / name).read_text(encoding="utf-8").startswith(begin)
    assert "'t.md' ends in no format that is known: use .txt, .json, .csv, or" in run("-o", "t.md", status=2)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_terminal_without_blocks_gets_signs_that_it_has(encoding: str) -> None:
    code = f"""
import io, sys
class Terminal(io.TextIOWrapper):
    def isatty(self): return True
sys.stdout = Terminal(sys.stdout.buffer, encoding={encoding!r})
from pytest_promptevals.cli import main
main(["trends", {FILE!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"score        _=#    0.500  1.000" in done.stdout

"""``promptevals noise``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import RunFile, RunStatus
from tests.support.sample_results import FILE, make_result, make_run
from tests.support.wide_terminal import WIDE

QUIET = "evals/quiet.eval.yaml"


def noise(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["noise", *arguments])


def problem(*arguments: str) -> str:
    """Return the last line of what is said of a wrong call."""
    result = CliRunner().invoke(main, ["noise", *arguments], env=WIDE)
    assert result.exit_code != 0
    return result.output.splitlines()[-1]


def record(
    path: Path, scores: list[list[float]], file: str = FILE, *, cases: int = 0, status: RunStatus = RunStatus.FINISHED
) -> None:
    """Record a run for each list of scores of the same cases, which are so many in all."""
    path.parent.mkdir(exist_ok=True)
    with HistoryStore.open(path) as store:
        for number, row in enumerate(scores):
            results = [result(f"c{case}", score, file) for case, score in enumerate(row)]
            started = f"2026-11-21T17:{number:02}:00+00:00"
            files = (RunFile(file, cases=cases),)
            run = make_run(f"{file}-{number}-{status.value}-{cases}", started_at=started, status=status, files=files)
            store.add_run(run, results, (Comparison(file, Metrics(1, 1, 0, 1.0, 1.0)),))


def result(name: str, score: float, file: str) -> CaseResult:
    return make_result(name, score, file=file)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def history(folder: Path) -> Path:
    """The history of the project, with two noisy runs of one file, and one run of another."""
    path = folder / ".promptevals" / "history.db"
    record(path, [[1.0] * 10, [1.0] * 9 + [0.0]])
    record(path, [[1.0]], file=QUIET)
    return path


def test_the_noise_of_each_eval_file_is_shown_with_what_to_make_of_it(history: Path) -> None:
    result = noise()

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "eval file                pairs  cases  trials  noise  largest   flips  seen from",
        "-----------------------  -----  -----  ------  -----  -------  ------  ---------",
        "evals/support.eval.yaml      1     10       1  0.100    0.100  10.0 %      0.249",
        "",
        "noise: standard deviation of the change in mean score between two runs that",
        "  asked the same; largest: the largest such change that was seen; flips: share",
        "  of cases that passed in one of the two runs and failed in the other; seen",
        "  from: smallest drop in mean score that stands out at confidence 0.95 with a",
        "  chance of 0.8",
        "",
        "evals/quiet.eval.yaml: no two runs yet that asked the same, each of them anew;",
        "  to measure its noise, run twice: pytest --evals-cache=refresh",
        "  evals/quiet.eval.yaml",
        "evals/support.eval.yaml: the noise hides a drop of 0.10 (max_drop): 7 trials a",
        "  case would show it, or set max_drop to 0.25",
    ]


@pytest.mark.parametrize("status", [RunStatus.FINISHED, RunStatus.INTERRUPTED])
def test_runs_over_a_few_of_the_cases_tell_nothing_of_the_file(history: Path, status: RunStatus) -> None:
    before = noise().output

    record(history, [[1.0], [0.0], [1.0]], cases=10 if status is RunStatus.FINISHED else 1, status=status)

    assert noise().output == before


@pytest.mark.parametrize(
    ("file", "model", "words"),
    [
        (QUIET, "recorded", "its cases carry their outputs, so nothing is asked and nothing changes by chance"),
        (
            "test_app.py::test_app",
            "test",
            (
                "no two runs yet of the same code, at one commit without changes; to measure the noise of a test "
                "function, commit, then run twice: pytest test_app.py::test_app"
            ),
        ),
    ],
)
def test_what_cannot_be_measured_by_asking_anew_is_told_how(folder: Path, file: str, model: str, words: str) -> None:
    with HistoryStore.open(folder / ".promptevals/history.db") as store:
        results = [make_result(file=file, model=model)]
        store.add_run(
            make_run("r", status=RunStatus.FINISHED), results, (Comparison(file, Metrics(1, 1, 0, 1.0, 1.0)),)
        )

    assert [row["hint"] for row in json.loads(noise("--format", "json").output)] == [words]


def test_a_file_is_named_from_the_current_folder_or_the_root(
    history: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "evals").mkdir()
    assert "quiet" not in noise(FILE).output
    monkeypatch.chdir(folder / "evals")
    assert noise("support.eval.yaml").output == noise(FILE).output


def test_a_file_that_the_history_does_not_know_gets_a_hint(history: Path) -> None:
    assert problem("evals/suport.eval.yaml") == (
        "Error: the history has no run of 'evals/suport.eval.yaml'. Did you mean 'evals/support.eval.yaml'?"
    )


def test_json_has_the_numbers(history: Path) -> None:
    quiet, noisy = json.loads(noise("--format", "json", "--max-drop", "0.3").output)

    assert (quiet["file"], quiet["pairs"]) == (QUIET, 0)
    assert noisy == {
        "file": FILE,
        "pairs": 1,
        "cases": 10,
        "trials": 1.0,
        "deviation": pytest.approx(0.1),
        "deviation_of": "cases",
        "largest": pytest.approx(0.1),
        "flips": 0.1,
        "smallest_drop": pytest.approx(0.2486, abs=1e-4),
        "hint": "a drop of 0.30 (max_drop) stands out from the noise",
    }


def test_what_no_number_of_trials_would_show_is_said(history: Path) -> None:
    (data,) = json.loads(noise(FILE, "--format", "json", "--max-drop", "0.01").output)

    assert data["hint"] == (
        "the noise hides a drop of 0.01 (max_drop), and 100 trials a case would not show it: look for what makes the "
        "answers differ: a temperature, a judge, too few cases, or set max_drop to 0.25"
    )


def test_scores_that_never_change_have_no_noise(folder: Path) -> None:
    record(folder / ".promptevals" / "history.db", [[1.0, 0.5], [1.0, 0.5]])

    assert "evals/support.eval.yaml: no noise was seen: all answers scored alike" in noise().output


def test_noise_that_hides_every_drop_is_not_answered_with_a_larger_max_drop(folder: Path) -> None:
    record(folder / ".promptevals" / "history.db", [[1.0], [0.0]])

    (data,) = json.loads(noise("--format", "json", "--max-drop", "1").output)

    assert data["hint"] == "the noise hides a drop of 1.00 (max_drop): 7 trials a case would show it"


def test_the_setting_max_drop_counts(history: Path, folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nevals_max_drop = 0.3\n", encoding="utf-8")

    assert "a drop of 0.30 (max_drop) stands out" in noise().output


def test_a_long_name_gives_room_to_the_numbers(folder: Path) -> None:
    name = "evals/a-folder/with-a-long-name/and-another/support-of-customers.eval.yaml"
    record(folder / ".promptevals" / "history.db", [[1.0], [1.0]], file=name)

    table = noise().output.splitlines()[:3]
    assert max(map(len, table)) <= 80
    assert "omers.eval.yaml" in table[2]


def test_a_name_with_a_space_is_quoted(folder: Path) -> None:
    record(folder / ".promptevals" / "history.db", [[1.0]], file="my evals/a.eval.yaml")

    (data,) = json.loads(noise("--format", "json").output)

    assert data["hint"].endswith('pytest --evals-cache=refresh "my evals/a.eval.yaml"')


def test_an_empty_history_is_said_to_be_so(folder: Path) -> None:
    record(folder / ".promptevals" / "history.db", [])

    assert noise().output == "the history has no eval file yet; run pytest first\n"
    assert noise("a.eval.yaml").exit_code == 2


def test_without_a_history_there_is_nothing_to_measure(folder: Path) -> None:
    result = noise()

    assert result.exit_code == 1
    assert result.output.startswith("Error: there is no history yet:")


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        ("5%", "'5%' is not a valid number; write 0.05 for 5 %."),
        ("5", "5.0 is not in the range 0<=x<=1; write 0.05 for 5 %."),
        ("x", "'x' is not a valid number."),
    ],
)
def test_a_drop_in_percent_is_told_as_a_share(history: Path, drop: str, words: str) -> None:
    assert problem("--max-drop", drop) == f"Error: Invalid value for '--max-drop': {words}"

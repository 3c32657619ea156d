"""``promptevals runs`` and ``promptevals show``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import ErrorRecord, Score, Trial
from pytest_promptevals.records.runs import RunFile, RunStatus
from tests.support.sample_results import FILE, make_full_result, make_result, make_run
from tests.unit.cli.history_project import HISTORY, add_run, call, open_store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that commands run in."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("PROMPTEVALS_HISTORY", "PROMPTEVALS_BASELINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run_ids() -> list[str]:
    return [run["id"] for run in json.loads(CliRunner().invoke(main, ["runs", "--format", "json"]).stdout)]


def test_runs_are_listed_newest_first() -> None:
    add_run("20261101-1")
    add_run("20261102-1", make_result("a"), make_result("b", 0.0), verdict=Verdict.REGRESSED)

    header, _, newest, oldest = call("runs").splitlines()

    assert header.split() == ["run", "when", "git", "result", "cases", "score", "pass"]
    assert newest.startswith("20261102-1 ")
    assert newest.split()[-4:] == ["regressed", "2", "0.50", "50", "%"][-4:]
    assert oldest.startswith("20261101-1 ")


def test_a_list_is_cut_at_its_limit_unless_all_are_wanted() -> None:
    for number in range(3):
        add_run(f"20261101-{number}")

    cut = call("runs", "--limit", "2").splitlines()

    assert len(cut) == 5
    assert cut[-1] == "older ones are left out; --limit N or --all shows more"
    assert (
        len(call("runs", "--limit", "3").splitlines()) == len(call("runs", "--limit", "1", "--all").splitlines()) == 5
    )


def test_a_list_as_json_has_all_that_is_known() -> None:
    run = add_run("20261101-1", name="release", cost=0.5, spent=0.1, calls=3)

    (found,) = json.loads(call("runs", "--format", "json"))

    assert found == {
        "id": run.id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": "finished",
        "kind": "run",
        "parent": None,
        "name": "release",
        "git": {"commit": "a" * 40, "branch": "main", "is_dirty": True},
        "shard": None,
        "files": 1,
        "cases": 1,
        "errors": 0,
        "mean_score": 0.5,
        "passed": 1,
        "pass_rate": 1.0,
        "cost": 0.5,
        "spent": 0.1,
        "verdicts": ["passed"],
    }


def test_options_choose_runs() -> None:
    add_run("20261101-1", status=RunStatus.INTERRUPTED)
    add_run("20261102-1", name="release")

    assert call("runs", "--name", "release").splitlines()[2].startswith("20261102-1")
    assert call("runs", "--status", "interrupted").splitlines()[2].startswith("20261101-1")
    assert call("runs", "--until", "2026-11-02").splitlines()[2].startswith("20261101-1")
    assert call("runs", "--since", "2026-11-02T13:00+01:00").splitlines()[2].startswith("20261102-1")
    assert call("runs", "--branch", "other") == "no run was made on branch 'other'. Known: main.\n"
    assert call("runs", "--kind", "rejudge") == "no run is of the kind rejudge.\n"


def test_a_verdict_chooses_the_runs_that_came_to_it() -> None:
    add_run("20261101-1", verdict=Verdict.NO_BASELINE)
    add_run("20261102-1", verdict=Verdict.INCONCLUSIVE)

    assert "20261102-1" in call("runs", "--status", "inconclusive").splitlines()[2]
    assert call("runs", "--status", "no-baseline") == call("runs", "--status", "no baseline")
    assert "20261101-1" in call("runs", "--status", "no-baseline").splitlines()[2]
    assert call("runs", "--status", "regressed") == "no run came to the verdict regressed.\n"


def test_why_there_is_no_run_goes_beside_the_data() -> None:
    add_run("20261101-1")

    result = CliRunner().invoke(main, ["runs", "--branch", "mian", "--format", "json"])

    assert (result.stdout, result.stderr) == ("[]\n", "no run was made on branch 'mian'. Did you mean 'main'?\n")


def test_the_last_days_can_be_asked_for() -> None:
    now = dt.datetime.now(dt.UTC)
    add_run("20261101-1", started_at=(now - dt.timedelta(hours=30)).isoformat(timespec="milliseconds"))
    add_run("20261102-1", started_at=(now - dt.timedelta(hours=20)).isoformat(timespec="milliseconds"))

    assert len(call("runs", "--since", "1d").splitlines()) == 3
    assert len(call("runs", "--since", "2d").splitlines()) == 4
    assert len(call("runs", "--until", "25h").splitlines()) == 3


def test_a_time_that_is_none_is_an_error() -> None:
    assert (
        "Invalid value for '--since': 'yesterday' is no time: write a date (2026-11-20), a time of it "
        "(2026-11-20T14:30, UTC), or how long ago (7d, 12h)"
    ) in call("runs", "--since", "yesterday", status=2)


def test_choosing_options_before_a_subcommand_are_an_error() -> None:
    assert "options that choose runs stand alone: prune takes none" in call(
        "runs", "--branch", "main", "prune", "--keep", "1", status=2
    )


def test_a_history_without_runs_says_so() -> None:
    open_store().close()

    assert call("runs") == "the history has no runs yet; run pytest first\n"


def test_without_a_history_there_is_a_clear_sentence_and_none_is_made(folder: Path) -> None:
    assert call("runs", status=1) == (
        f"Error: there is no history yet: {HISTORY} is not there. Run pytest first, or name another file with "
        "--history\n"
    )
    assert not (folder / ".promptevals").exists()


def test_a_history_that_is_off_says_so(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nevals_history = off\n", encoding="utf-8")

    assert call("runs", status=1) == (
        "Error: no history is kept: the setting evals_history is off; give it the name of a file, or use --history\n"
    )
    assert "is off" in call("runs", "--history", "off", status=1)


def test_another_history_can_be_named_relative_to_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run("20261101-1")
    (folder / "deep").mkdir()
    monkeypatch.chdir(folder / "deep")

    assert "20261101-1" in call("runs", "--history", f"../{HISTORY}")


def test_what_is_no_history_is_one_clear_line(folder: Path) -> None:
    text = "no database, but some text\n"
    (folder / "notes.txt").write_text(text, encoding="utf-8")
    (folder / "damaged.db").write_text(text, encoding="utf-8")

    assert call("runs", "--history", "notes.txt", status=1).startswith("Error: history database ")
    notice, _ = call("runs", "--history", "damaged.db").splitlines()
    assert notice.startswith(f"history database {folder / 'damaged.db'} was damaged; it is kept as damaged.db.corrupt-")


def test_a_run_is_shown_with_the_cases_that_did_not_pass() -> None:
    scores = (Score("exact", 0.0, passed=False, explanation="expected\n  'x'"),)
    error = make_result("c", None, error=ErrorRecord("provider", "the server is down " * 9))
    add_run("20261101-1", make_result("a"), make_result("b", 0.0, scores=scores), error, calls=3, cost=0.5)

    lines = call("show", "latest").splitlines()

    assert lines[0] == "run 20261101-1: finished"
    assert lines[-5:] == [
        "2 cases did not pass",
        f"  error  {FILE}::c",
        f"         {'the server is down ' * 3}the server is…",
        f"  0.00   {FILE}::b",
        "         exact: expected 'x'",
    ]
    assert call("runs", "show", "latest").splitlines() == lines


def test_many_cases_that_did_not_pass_are_cut_unless_all_are_wanted() -> None:
    add_run("20261101-1", *(make_result(f"c{number}", 0.0) for number in range(12)))

    assert call("show", "20261101").splitlines()[-1] == "  and 2 more; --all shows them"
    assert len(call("show", "20261101", "--all").splitlines()) > len(call("show", "20261101").splitlines())


def test_a_run_in_which_all_passed_lists_no_case() -> None:
    add_run("20261101-1")

    assert "did not pass" not in call("show", "20261101-1")


def test_a_run_is_shown_as_json() -> None:
    add_run("20261101-1")

    shown = json.loads(call("show", "latest", "--format", "json"))

    assert shown["run"]["id"] == "20261101-1"
    assert shown["comparisons"][0]["file"] == FILE


def test_a_case_is_shown_with_what_was_asked_answered_and_judged() -> None:
    scores = (Score("exact", 0.0, passed=False, threshold=1.0, explanation="expected x"),)
    low = make_result("b", 0.0, scores=scores, expected="x")
    add_run("20261101-1", make_result("a"), low, make_result("c", None))

    assert call("show", "latest", "--case", "b").splitlines() == [
        f"{FILE}::b ({FILE}:7)",
        "exact failed, score 0.00: expected x",
        "",
        "answered",
        "    answer of b",
        "expected",
        "    x",
        "judges",
        "    FAIL exact  0.00 (needs 1.00)  expected x",
    ]
    assert call("show", "latest", "--case", "a").splitlines()[1:3] == ["passed, score 1.00", ""]


def test_the_option_that_shows_all_of_a_long_text_is_named() -> None:
    add_run("20261101-1", make_result("a", trials=(Trial(1, Response("word " * 2000), (), 1.0, passed=True),)))

    assert "... 8800 characters left out, --all shows them ..." in call("show", "latest", "--case", "a")
    assert "left out" not in call("show", "latest", "--case", "a", "--all")


def test_of_a_case_all_but_the_texts_fits_the_terminal() -> None:
    said = "the answer names the wrong order number, and none of the two that were asked for"
    scores = (Score("exact", 0.0, passed=False, threshold=1.0, explanation=said),)
    trials = tuple(Trial(number, response=None, score=0.5, passed=False) for number in range(1, 12))
    down = ErrorRecord("provider", "the server is down " * 9)
    add_run("20261101-1", make_result("b", 0.0, scores=scores, trials=trials), make_result("c", None, error=down))

    lines = call("show", "latest", "--case", "b").splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[1:3] == [
        "exact failed, score 0.00: the answer names the wrong order number, and none of",
        "    the two that were asked for",
    ]
    assert lines[-6:] == [
        "    FAIL exact  0.00 (needs 1.00)  the answer names the wrong order number, and",
        "        none of the two that were asked for",
        "trials",
        "    1: 0.50 FAIL  2: 0.50 FAIL  3: 0.50 FAIL  4: 0.50 FAIL  5: 0.50 FAIL",
        "    6: 0.50 FAIL  7: 0.50 FAIL  8: 0.50 FAIL  9: 0.50 FAIL  10: 0.50 FAIL",
        "    11: 0.50 FAIL",
    ]
    assert max(map(len, call("show", "latest", "--case", "c").splitlines())) <= 80


def test_a_case_that_ended_in_an_error_is_shown_with_it() -> None:
    add_run("20261101-1", make_result("c", None))

    assert call("show", "latest", "--case", "c").splitlines()[1] == "provider error: the server is down"


def test_a_case_is_shown_in_full_or_as_json() -> None:
    full = make_full_result()
    long = make_result("long", prompt=full.prompt, trials=full.trials[:1])
    add_run("20261101-1", long)

    assert call("show", "latest", "--case", "long", "--all").splitlines()[0] == f"{FILE}::long ({FILE}:7)"
    (found,) = json.loads(call("show", "latest", "--case", "long", "--format", "json"))
    assert found["name"] == "long"


def test_a_prompt_is_shown_as_the_run_had_it() -> None:
    files = (RunFile("a.eval.yaml", prompts={"ask": "h1"}), RunFile("b.eval.yaml", prompts={"ask": "h2"}))
    add_run("20261101-1", files=files)
    with open_store() as store:
        store.add_contents([("h1", "prompt", '{"messages":[{"role":"user","content":"Say {{ input }}"}]}')])

    assert call("show", "latest", "--prompt", "ask").splitlines() == [
        "a.eval.yaml: prompt ask (h1)",
        "",
        "Say {{ input }}",
        "b.eval.yaml: prompt ask (h2)",
        "",
        "its text is not kept in the history",
    ]
    assert "run 20261101-1 has no prompt 'aks'. Did you mean 'ask'?" in call(
        "show", "latest", "--prompt", "aks", status=2
    )
    assert "--case and --prompt show different things; give one of them" in call(
        "show", "latest", "--prompt", "ask", "--case", "a", status=2
    )


def test_what_is_unknown_is_said_with_a_hint() -> None:
    add_run("20261101-1", name="release")

    assert call("show", "relase", status=2).splitlines()[-1] == (
        "Error: 'relase' is no run or saved name that is known. Did you mean 'release'? Of the history, its newest "
        "run is 20261101-1; names: release."
    )
    assert "run 20261101-1 has no case 'b'." in call("show", "latest", "--case", "b", status=2)


def test_runs_are_removed_after_a_question() -> None:
    add_run("20261101-1", name="release")
    add_run("20261102-1")

    asked = call("runs", "rm", "release", "20261101", given="n\n", status=1)

    assert asked.splitlines()[0] == ("run 20261101-1 is saved as 'release': a baseline of that name will be gone")
    assert asked.splitlines()[1].startswith("Remove 1 run (20261101-1) with 1 result, about 0.")
    assert run_ids() == ["20261102-1", "20261101-1"]
    assert "removed 1 run (20261101-1) with 1 result, about" in call("runs", "rm", "release", given="y\n")
    assert run_ids() == ["20261102-1"]


@pytest.mark.parametrize("length", range(30, 60))
def test_a_question_fits_the_terminal_with_its_choices(length: int) -> None:
    add_run(f"20261101-{'x' * length}")

    answer = CliRunner().invoke(main, ["runs", "rm", "20261101"], input="n\n").output

    assert "[y/N]: " in answer
    assert max(map(len, answer.replace("[y/N]: n", "[y/N]: ").splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments",
    [("runs", "--limit"), ("noise", "--last"), ("compare", "a", "b", "--outputs"), ("trends", "a", "--last")],
)
def test_what_is_no_whole_number_is_called_so(arguments: tuple[str, ...]) -> None:
    name = arguments[-1]
    assert f"Error: Invalid value for '{name}': 'x' is not a valid whole number." in call(*arguments, "x", status=2)


@pytest.mark.parametrize("command", ["runs", "trends", "export"])
def test_the_help_fits_the_terminal(command: str) -> None:
    lines = call(command, "--help").splitlines()

    assert max(map(len, lines)) <= 80
    assert any("--status STATUS" in line for line in lines)
    assert "insufficient-data, inconclusive, passed, no-baseline." in " ".join(" ".join(lines).split())


def test_a_run_that_is_under_way_is_removed_with_a_warning() -> None:
    with open_store() as store:
        store.start_run(make_run("20261101-1"))

    said = call("runs", "rm", "20261101-1", "--yes")

    assert said.splitlines()[:2] == [
        "run 20261101-1 is recorded as running: what its process still brings will be",
        "  lost",
    ]
    assert run_ids() == []


def test_pruning_says_what_would_go_and_what_stays() -> None:
    add_run("20261101-1", name="release")
    for day in range(2, 6):
        add_run(f"2026110{day}-1")

    dry = call("runs", "prune", "--keep", "2", "--dry-run").splitlines()

    assert dry[0] == "run 20261101-1 stays: it is saved as release"
    assert dry[1].startswith("would remove 2 runs (20261103-1, 20261102-1) with 2 results, about 0.")
    assert len(run_ids()) == 5
    assert call("runs", "prune", "--keep", "2", given="n\n", status=1).splitlines()[1].startswith("Remove 2 runs")
    assert len(run_ids()) == 5
    assert "removed 2 runs" in call("runs", "prune", "--keep", "2", "--yes")
    assert run_ids() == ["20261105-1", "20261104-1", "20261101-1"]
    assert call("runs", "prune", "--keep", "9") == "nothing to remove\n"


def test_pruning_by_age_names_many_runs_by_the_first_and_the_last() -> None:
    for number in range(12):
        add_run(f"20261101-{number:02}")
        add_run(f"20261102-{number:02}", name=f"n{number}")

    lines = call("runs", "prune", "--older-than", "1d", "--dry-run").splitlines()

    assert lines[-3] == "and 3 more stay"
    assert "(20261101-01 to 20261101-11) with 11 results" in lines[-2]
    assert max(map(len, lines)) <= 80


def test_pruning_keeps_the_baseline_of_the_settings(folder: Path) -> None:
    for day in range(1, 4):
        add_run(f"2026110{day}-120000-00000{day}")
    (folder / "pytest.ini").write_text("[pytest]\nevals_baseline = run:20261102-120000\n", encoding="utf-8")

    lines = call("runs", "prune", "--keep", "1", "--dry-run").splitlines()

    assert "run 20261102-120000-000002 stays: it is the baseline that evals_baseline names" in lines
    (folder / "pytest.ini").write_text("[pytest]\nevals_baseline = name:gone\n", encoding="utf-8")
    assert "the setting evals_baseline names no run, so what to keep is not known: " in call(
        "runs", "prune", "--keep", "1", status=1
    )


def test_pruning_needs_to_be_told_what_goes() -> None:
    assert call("runs", "prune", status=2).splitlines()[-1] == (
        "Error: say which runs go: --keep 100 removes all but the newest 100, --older-than 30d those that began more "
        "than 30 days ago"
    )
    assert "Invalid value for '--older-than': 'old' is no time: write it as 90min, 12h, 30d or 2w" in call(
        "runs", "prune", "--older-than", "old", status=2
    )
    assert "is longer than there are dates" in call("runs", "prune", "--older-than", f"{10**12}w", status=2)
    assert "days ago there were no dates yet" in call("runs", "prune", "--older-than", "200000w", status=2)

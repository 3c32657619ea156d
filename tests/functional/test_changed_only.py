"""``--evals-changed``: what changed runs, counted at the server; earlier results stand for the rest."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.critic import CRITIC
from tests.support.marked_function import write_function
from tests.support.project import ECHO, EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

CASES = "a.eval.yaml"
NO_CACHE = "--evals-cache=off"
GROUP = "{{{0}: [{{fuzzy: {{threshold: {1}}}}}, {{contains: {2}}}]}}"


@pytest.fixture
def saved(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """A project of ten cases whose baseline is saved."""
    serve(project, model_server, prompt="prompts/ask.md")
    project.write("prompts/ask.md", "{% include 'tail.md' %}")
    project.write("prompts/tail.md", "{{ input }}")
    project.write_cases(CASES, echo_cases(10), head="")
    project.run(NO_CACHE, "--evals-save-baseline").assert_outcomes(passed=10)
    model_server.reset()
    return project


def edit_one(project: EvalProject) -> None:
    """Ask one of the cases something else."""
    changed = {"id": "c3", "input": "y", "expected": "y"}
    project.write_cases(CASES, [*echo_cases(3), changed, *echo_cases(10)[4:]], head="")


def last_results(project: EvalProject) -> dict[str, str | None]:
    """Return the run that each result of the newest run comes from, by name."""
    with sqlite3.connect(project.path / ".promptevals/history.db") as history:
        rows = history.execute(
            "SELECT name, reused_from FROM case_results "
            "WHERE run_id = (SELECT id FROM runs ORDER BY started_at DESC LIMIT 1) ORDER BY name"
        )
        return dict(rows.fetchall())


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_an_edited_case_runs_alone_and_the_verdict_is_over_all(
    saved: EvalProject, model_server: ModelServer, workers: tuple[str, ...]
) -> None:
    edit_one(saved)

    result = saved.run_process(NO_CACHE, "--evals-changed", *workers)

    assert calls(model_server) == 1
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["a.eval.yaml     10      10  1.000 *", "9 cases unchanged since the baseline: results taken from there; 1*"]
    )
    origins = last_results(saved)
    assert len(origins) == 10
    assert [name for name, origin in origins.items() if origin is None] == ["c3"]


def test_nothing_runs_and_all_is_well_where_nothing_changed(saved: EvalProject, model_server: ModelServer) -> None:
    result = saved.run(NO_CACHE, "--evals-changed")

    assert calls(model_server) == 0
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*collected 10 items / 10 deselected / 0 selected"])


@pytest.mark.parametrize("option", ["--evals-changed", "--evals-regate=latest", "--evals-rejudge=latest"])
def test_what_is_reused_is_no_response_from_the_cache(saved: EvalProject, option: str) -> None:
    result = saved.run(NO_CACHE, option)

    result.stdout.no_fnmatch_line("* responses*")
    assert "  calls: " not in CliRunner().invoke(main, ["show", "latest"]).output


def test_of_a_run_of_what_changed_only_that_was_asked_for(saved: EvalProject) -> None:
    edit_one(saved)

    result = saved.run(NO_CACHE, "--evals-changed")

    result.stdout.fnmatch_lines(["1 response; cost unknown for 1 case"])
    assert "  calls: 1; cost unknown" in CliRunner().invoke(main, ["show", "latest"]).output


def test_nothing_runs_in_workers_where_nothing_changed(saved: EvalProject, model_server: ModelServer) -> None:
    result = saved.run_process(NO_CACHE, "--evals-changed", "-n", "2")

    assert calls(model_server) == 0
    assert result.ret == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("prompts/ask.md", "{% include 'tail.md' %}!"),
        ("prompts/tail.md", "{{ input }}?"),
        ("evals.yaml", None),
    ],
    ids=["the template", "a file that it includes", "a judge"],
)
def test_all_cases_run_whose_fingerprint_changed_with(
    saved: EvalProject, model_server: ModelServer, file: str, text: str | None
) -> None:
    path = saved.path / file
    path.write_text(text or path.read_text("utf-8").replace('"exact"', '"contains"'), encoding="utf-8")

    saved.run(NO_CACHE, "--evals-changed")

    assert calls(model_server) == 10


def test_a_judge_that_is_a_function_counts_with_its_source(project: EvalProject) -> None:
    project.write("checks.py", "def is_fine(output):\n    return True\n")
    project.write("a.eval.yaml", "model: scripted/echo\njudges: [{python: checks:is_fine}]\ncases: [{id: a, input: x}]")
    project.run_process("--evals-save-baseline").assert_outcomes(passed=1)

    before = project.run_process("--evals-changed")
    project.write("checks.py", "def is_fine(output):\n    return bool(output)\n")
    after = project.run_process("--evals-changed")

    before.assert_outcomes(passed=1, deselected=1)
    after.assert_outcomes(passed=1)
    after.stdout.no_fnmatch_line("*deselected*")


def test_a_model_that_is_a_function_counts_with_its_source(project: EvalProject) -> None:
    project.write("app.py", "def answer(input):\n    return input\n")
    project.write("a.eval.yaml", "model: python/app:answer\njudges: [exact]\ncases: [{id: a, input: x, expected: x}]")
    project.run_process("--evals-save-baseline").assert_outcomes(passed=1)

    before = project.run_process("--evals-changed")
    project.write("app.py", "def answer(input):\n    return input.upper()\n")
    after = project.run_process("--evals-changed")

    before.assert_outcomes(passed=1, deselected=1)
    assert "1 failed" in after.stdout.str()


def test_without_a_history_the_baseline_itself_speaks_for_the_rest(
    saved: EvalProject, model_server: ModelServer
) -> None:
    shutil.rmtree(saved.path / ".promptevals")
    edit_one(saved)

    result = saved.run(NO_CACHE, "--evals-changed", "--evals-history=off")

    assert calls(model_server) == 1
    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml     10      10  1.000 *"])


def test_a_run_may_be_named_instead_of_the_baseline(saved: EvalProject, model_server: ModelServer) -> None:
    edit_one(saved)
    saved.run(NO_CACHE, "--evals-save-baseline=mine").assert_outcomes(passed=11)
    model_server.reset()

    saved.run(NO_CACHE, "--evals-changed=mine")

    assert calls(model_server) == 0


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_an_unknown_reference_is_said_before_anything_is_paid(
    saved: EvalProject, model_server: ModelServer, workers: tuple[str, ...]
) -> None:
    result = saved.run_process(NO_CACHE, "--evals-changed=nosuch", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert calls(model_server) == 0
    text = result.stdout.str() + result.stderr.str()
    assert "--evals-changed nosuch: 'nosuch' is no run, saved name, branch or commit that is known." in text


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_an_unknown_baseline_is_named_by_its_own_option(saved: EvalProject, workers: tuple[str, ...]) -> None:
    result = saved.run_process("--evals-baseline=nosuch", "--evals-changed", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert "ERROR: --evals-baseline nosuch: 'nosuch' is no run, saved name, branch or commit that is known." in text


def test_more_trials_than_the_baseline_has_are_a_change(saved: EvalProject, model_server: ModelServer) -> None:
    saved.run(NO_CACHE, "--evals-changed", "--evals-trials=2")

    assert calls(model_server) == 20


def test_a_path_after_the_option_is_a_path(saved: EvalProject, model_server: ModelServer) -> None:
    saved.write_cases("other/b.eval.yaml", echo_cases(1), head="")

    saved.run(NO_CACHE, "--evals-changed", "other").assert_outcomes(passed=1)

    assert calls(model_server) == 1


def test_only_the_cases_that_are_selected_are_taken_over(saved: EvalProject, model_server: ModelServer) -> None:
    edit_one(saved)

    result = saved.run(NO_CACHE, "--evals-changed", "-k", "c3 or c4")

    assert calls(model_server) == 1
    assert set(last_results(saved)) == {"c3", "c4"}
    result.stdout.fnmatch_lines(["1 case unchanged since the baseline: results taken from there; 1 case changed"])


def test_looking_at_the_collection_records_nothing(saved: EvalProject, model_server: ModelServer) -> None:
    edit_one(saved)
    runs_before = count_runs(saved.path)

    result = saved.run(NO_CACHE, "--evals-changed", "--collect-only", "-q")

    result.stdout.fnmatch_lines(["a.eval.yaml::c3", "1/10 tests collected (9 deselected)*"])
    assert calls(model_server) == 0
    assert count_runs(saved.path) == runs_before


def test_a_baseline_saved_of_such_a_run_is_whole(saved: EvalProject) -> None:
    path = saved.path / "baselines/a.eval.yaml.jsonl"
    before = path.read_text("utf-8").splitlines()
    edit_one(saved)

    saved.run(NO_CACHE, "--evals-changed", "--evals-save-baseline").assert_outcomes(passed=1, deselected=9)

    after = path.read_text("utf-8").splitlines()
    changed = [json.loads(new)["name"] for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["c3"]


@pytest.mark.parametrize(
    ("then", "judges"),
    [
        ({"text": "brief", "cost": 0.001}, "{regex: {pattern: brief, required: false}}, {contains: right}"),
        ({"text": "right", "cost": 0.005}, "contains: right"),
        ({"text": "right, right", "cost": 0.001}, "contains: right"),
    ],
    ids=["other judges", "a dearer one", "a longer one"],
)
def test_a_result_of_another_run_with_the_same_score_does_not_stand_for_the_baseline(
    project: EvalProject, then: dict[str, object], judges: str
) -> None:
    project.write(
        "app.py",
        "import json\nfrom pathlib import Path\nfrom pytest_promptevals import Response\n\n"
        "def answer(input):\n    return Response(**json.loads(Path('answer.json').read_text()))\n",
    )
    rows = [{"id": f"c{number}", "input": "x"} for number in range(3)]
    project.write_cases(CASES, rows, head=f"model: python/app:answer\njudges: [{judges}]\n")
    project.write("answer.json", json.dumps({"text": "right", "cost": 0.001}))
    project.run_process(NO_CACHE, "--evals-save-baseline").assert_outcomes(passed=3)
    baseline = (project.path / "baselines/a.eval.yaml.jsonl").read_text("utf-8")
    project.write("answer.json", json.dumps(then))
    project.run_process(NO_CACHE)

    result = project.run_process(NO_CACHE, "--evals-changed", "--evals-save-baseline")

    result.assert_outcomes(deselected=3)
    assert (project.path / "baselines/a.eval.yaml.jsonl").read_text("utf-8") == baseline


def test_what_stands_for_unchanged_cases_is_as_long_as_the_baseline_says(project: EvalProject) -> None:
    project.write("app.py", "import random\n\ndef answer(input):\n    return 'right' + 'x' * random.randrange(3000)\n")
    rows = [{"id": f"c{number}", "input": "x"} for number in range(6)]
    head = "model: python/app:answer\njudges: [contains: right]\n"
    project.write_cases(CASES, rows, head=f"{head}trials: 3\n")
    project.write_cases("single.eval.yaml", rows, head=head)
    project.run_process(NO_CACHE, "--evals-save-baseline").assert_outcomes(passed=12)
    baselines = [path.read_text("utf-8") for path in sorted((project.path / "baselines").iterdir())]
    shutil.rmtree(project.path / ".promptevals")

    project.run_process(NO_CACHE, "--evals-changed", "--evals-save-baseline").assert_outcomes(deselected=12)

    assert [path.read_text("utf-8") for path in sorted((project.path / "baselines").iterdir())] == baselines


def count_runs(folder: Path) -> int:
    """Return how many runs the history has."""
    with sqlite3.connect(folder / ".promptevals/history.db") as history:
        (count,) = history.execute("SELECT count(*) FROM runs").fetchone()
    return int(count)


def test_a_failure_is_a_failure_of_a_case_that_nobody_touched_too(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server)
    project.write_cases(CASES, [*echo_cases(3), {"id": "bad", "input": "x", "expected": "y"}], head="")
    project.run("--evals-save-baseline")
    model_server.reset()

    result = project.run("--evals-changed")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::bad*", "*1 failed*3 deselected*"])


@pytest.mark.parametrize("case_policy", ["strict", "gate"])
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize("history", ["kept", "lost"])
def test_a_failure_that_nobody_touched_gets_no_second_chance(
    project: EvalProject, workers: tuple[str, ...], history: str, case_policy: str
) -> None:
    project.write(
        "app.py", "from pathlib import Path\n\ndef answer(input):\n    return Path('answer.txt').read_text()\n"
    )
    head = "model: python/app:answer\njudges: [exact]\n"
    rows = [{"id": f"c{number}", "input": "x", "expected": "yes" if number % 2 else "no"} for number in range(4)]
    project.write_cases(CASES, rows, head=head)
    options = (NO_CACHE, f"--evals-case-policy={case_policy}", *workers)
    project.write("answer.txt", "yes")
    project.run_process(*options, "--evals-save-baseline")
    project.write("answer.txt", "no")
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run_process(*options, "--evals-changed")

    assert result.ret == (1 if case_policy == "strict" else 0)
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml      4       2  0.500   0.500   0.000  passed",
            "4 cases unchanged since the baseline: results taken from there, 2 of them below",
            "  their thresholds; 0 cases changed",
        ]
    )
    assert None not in last_results(project).values()


def test_a_failure_that_stands_is_not_asked_beside_a_case_that_changed(
    project: EvalProject, model_server: ModelServer
) -> None:
    serve(project, model_server, trials=2)
    bad = {"id": "bad", "input": "x", "expected": "y"}
    project.write_cases(CASES, [bad, *echo_cases(3)], head="")
    project.run(NO_CACHE, "--evals-save-baseline")
    project.write_cases(CASES, [bad, *echo_cases(2), {"id": "c2", "input": "new", "expected": "new"}], head="")
    model_server.reset()

    plan = project.run(NO_CACHE, "--evals-changed", "--evals-plan")
    result = project.run(NO_CACHE, "--evals-changed", "--evals-adaptive", "--evals-max-trials=4")

    assert calls(model_server) == 2
    plan.stdout.fnmatch_lines(["plan: 2 calls to make, 0 in the cache; nothing was called"])
    result.stdout.fnmatch_lines(["a.eval.yaml      4       3  0.750 *"])


@pytest.mark.parametrize("history", ["kept", "lost"])
def test_the_review_of_a_failure_that_stands_says_whose_it_is(project: EvalProject, history: str) -> None:
    project.write_cases(CASES, [{"id": "bad", "input": "x", "expected": "y"}], head=f"{ECHO}judges: [exact]\n")
    project.run("--evals-save-baseline")
    (run_id,) = run_ids(project.path)
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run("--evals-changed", "-p", "no:randomly")

    of_run = f"run {run_id}" if history == "kept" else "the baseline"
    result.stdout.fnmatch_lines(
        [
            "exact failed, score 0.00*",
            f"unchanged, so not run again: this is the result of {of_run}",
            "",
            "asked (scripted/echo)",
            "    x",
            "answered",
        ]
    )


def run_ids(folder: Path) -> list[str]:
    """Return the ids of all runs."""
    with sqlite3.connect(folder / ".promptevals/history.db") as history:
        return [run_id for (run_id,) in history.execute("SELECT id FROM runs").fetchall()]


@pytest.mark.parametrize("history", ["kept", "lost"])
@pytest.mark.parametrize("policy", ["ratchet", "strict"])
def test_a_known_failure_stays_let_through(project: EvalProject, policy: str, history: str) -> None:
    project.write_cases(CASES, [{"id": "bad", "input": "x", "expected": "y"}], head=f"{ECHO}judges: [exact]\n")
    project.run("--evals-save-baseline")
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run("--evals-changed", f"--evals-case-policy={policy}")

    assert result.ret == (1 if policy == "strict" else 0)


@pytest.mark.parametrize("history", ["kept", "lost"])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("{fuzzy: {threshold: 0.4}}", "{fuzzy: {threshold: 0.9}}"),
        (GROUP.format("all_of", 0.4, "ab"), GROUP.format("all_of", 0.9, "ab")),
        (GROUP.format("any_of", 0.4, "q"), GROUP.format("any_of", 0.9, "q")),
        ("{not: {fuzzy: {threshold: 0.9}}}", "{not: {fuzzy: {threshold: 0.4}}}"),
        ("{not: {contains: {value: ab, required: false}}}", "{not: {contains: ab}}"),
        ("{any_of: {judges: [contains, exact], required: false}}", "{any_of: [contains, exact]}"),
    ],
    ids=["plain", "in all_of", "in any_of", "below not", "not, now required", "a group, now required"],
)
def test_a_case_that_misses_a_threshold_of_now_fails(project: EvalProject, before: str, now: str, history: str) -> None:
    text = "model: scripted/echo\njudges: [{0}]\ncases: [{{id: a, input: abcd, expected: abxy}}]\n"
    project.write(CASES, text.format(before))
    project.run("--evals-save-baseline").assert_outcomes(passed=1)
    project.write(CASES, text.format(now))
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run("--evals-changed")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::a*"])


def test_a_case_runs_where_what_the_baseline_keeps_does_not_tell_whether_it_passes(project: EvalProject) -> None:
    project.write(
        CASES,
        "model: scripted/echo\njudges: [{all_of: [{fuzzy: {threshold: 0.4}}, {contains: ab}]}]\n"
        "cases: [{id: a, input: abcd, expected: abxy}]\n",
    )
    project.run("--evals-save-baseline").assert_outcomes(passed=1)

    kept = project.run("--evals-changed")
    shutil.rmtree(project.path / ".promptevals")
    lost = project.run("--evals-changed")

    kept.assert_outcomes(passed=1, deselected=1)
    lost.assert_outcomes(passed=2)
    lost.stdout.fnmatch_lines(
        [
            "1 case unchanged since the baseline ran again, since the kept scores do not tell",
            "  whether it passes by the thresholds of now; 0 cases changed",
        ]
    )


def test_what_is_unchanged_and_runs_again_is_told_from_what_is_taken_over(project: EvalProject) -> None:
    judges = "[{all_of: [{fuzzy: {threshold: 0.4}}, {contains: ab}]}]"
    cases = [{"id": name, "input": "abcd", "expected": "abxy", "judges": ["fuzzy"]} for name in ("a", "b")]
    text = f"model: scripted/echo\ncases:\n  - {{id: c, input: abcd, expected: abxy, judges: {judges}}}\n"
    text += "".join(f"  - {json.dumps(case)}\n" for case in cases)
    project.write(CASES, text)
    project.run("--evals-save-baseline")
    shutil.rmtree(project.path / ".promptevals")

    project.run("--evals-changed", "--tb=no").stdout.fnmatch_lines(
        [
            "2 cases unchanged since the baseline: results taken from there, 2 of them below",
            "  their thresholds; 1 other unchanged case ran again, since the kept scores do",
            "  not tell whether it passes by the thresholds of now; 0 cases changed",
        ]
    )


def test_a_run_with_another_threshold_in_between_decides_nothing(project: EvalProject) -> None:
    text = (
        "model: scripted/echo\njudges: [{{fuzzy: {{threshold: {0}}}}}]\n"
        "cases: [{{id: a, input: abcd, expected: abxy}}]\n"
    )
    project.write(CASES, text.format(0.4))
    project.run("--evals-save-baseline").assert_outcomes(passed=1)
    path = project.path / "baselines/a.eval.yaml.jsonl"
    saved = path.read_text("utf-8")
    project.write(CASES, text.format(0.9))
    assert project.run().ret == 1
    project.write(CASES, text.format(0.4))

    result = project.run("--evals-changed", "--evals-save-baseline")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["a.eval.yaml      1       1  *"])
    assert path.read_text("utf-8") == saved


@pytest.mark.parametrize("history", ["kept", "lost"])
def test_weight_group_and_tags_of_an_unchanged_case_are_those_of_now(project: EvalProject, history: str) -> None:
    head = "model: scripted/echo\njudges: [{fuzzy: {threshold: 0.1}}]\n"
    rows = [{"id": "a", "input": "abcd", "expected": "abxy"}, {"id": "b", "input": "x", "expected": "x"}]
    project.write_cases(CASES, rows, head=head)
    project.run("--evals-save-baseline").assert_outcomes(passed=2)
    project.write_cases(CASES, [{**rows[0], "weight": 9, "group": "g", "tags": ["t"]}, rows[1]], head=head)
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run("--evals-changed", "--evals-min-score=0.7")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["a.eval.yaml      2       2  0.550 *"])
    with sqlite3.connect(project.path / ".promptevals/history.db") as database:
        query = "SELECT weight, case_group, tags FROM case_results WHERE name = 'a' ORDER BY id DESC LIMIT 1"
        assert database.execute(query).fetchone() == (9.0, "g", '["t"]')


@pytest.mark.parametrize("history", ["kept", "lost"])
def test_what_a_part_of_the_judges_said_rests_on_as_many_trials_as_before(project: EvalProject, history: str) -> None:
    project.write("conftest.py", CRITIC)
    project.write("critic.txt", "0.9")
    head = "model: scripted/echo\nprompt: '{{ input }}'\ntrials: 3\njudges: [exact, critic]\n"
    rows = [{"id": f"c{number}", "input": f"x{number}", "expected": f"x{number}"} for number in range(20)]
    project.write_cases(CASES, rows, head=head)
    project.run("--evals-save-baseline", "-q").assert_outcomes(passed=20)
    prompt = "'{{ input }}{% if input[-1] in \"13579\" %}!{% endif %}'"
    project.write_cases(CASES, rows, head=head.replace("'{{ input }}'", prompt))
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")

    result = project.run("--evals-changed", "--evals-level=1", "--evals-case-policy=gate")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["a.eval.yaml     20      10  0.500   1.000  -0.500  regressed"])
    with sqlite3.connect(project.path / ".promptevals/history.db") as database:
        found = database.execute("SELECT trials FROM case_results WHERE reused_from IS NOT NULL").fetchall()
    assert [len(json.loads(trials)) for (trials,) in found] == [3] * 10


def test_a_recorded_output_is_a_part_of_what_may_change(project: EvalProject) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "ok", "output": "ok"} for number in range(3)]
    project.write_cases(CASES, rows, head="judges: [exact]\n")
    project.run("--evals-save-baseline").assert_outcomes(passed=3)
    project.write_cases(CASES, [*rows[:2], {**rows[2], "output": "wrong"}], head="judges: [exact]\n")

    result = project.run("--evals-changed")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::c2*", "*2 deselected*"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize("history", ["kept", "lost"])
def test_what_a_run_records_of_its_files_does_not_depend_on_what_was_reused(
    project: EvalProject, workers: tuple[str, ...], history: str
) -> None:
    head = "model: scripted/echo\nprompt: ask.md\nparameters: {temperature: 0}\njudges: [exact, contains]\n"
    project.write("ask.md", "{{ input }}")
    project.write_cases(CASES, echo_cases(4), head=head)
    project.run_process("--evals-save-baseline", *workers).assert_outcomes(passed=4)
    before = last_files(project)
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")
        before[0]["models"] = '{"scripted/echo":"scripted/echo"}'  # a committed baseline does not keep which answered

    project.run_process("--evals-changed", *workers).assert_outcomes(deselected=0 if workers else 4, passed=1)

    assert last_files(project) == before
    assert before[0]["parameters"] == '{"temperature":0}'
    assert set(json.loads(before[0]["judges"])) == {"exact", "contains"}


def last_files(project: EvalProject) -> list[dict[str, str]]:
    """Return what the newest run records of its eval files."""
    with sqlite3.connect(project.path / ".promptevals/history.db") as history:
        history.row_factory = sqlite3.Row
        rows = history.execute(
            "SELECT * FROM run_files WHERE run_id = (SELECT id FROM runs ORDER BY started_at DESC, id DESC LIMIT 1)"
        )
        return [{key: row[key] for key in row.keys() if key != "run_id"} for row in rows]  # noqa: SIM118 - a row yields values


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_it_is_said_where_all_cases_changed(saved: EvalProject, workers: tuple[str, ...]) -> None:
    saved.write("prompts/tail.md", "{{ input }}?")

    result = saved.run_process(NO_CACHE, "--evals-changed", "--tb=no", *workers)

    result.stdout.fnmatch_lines(["no case unchanged since the baseline; 10 cases changed"])


def test_it_is_said_where_there_is_nothing_to_have_changed_since(project: EvalProject) -> None:
    project.write_cases(CASES, [{"id": "a", "input": "x", "expected": "x"}])

    project.run("--evals-changed").stdout.fnmatch_lines(
        ["--evals-changed: there is no baseline of these cases, so 1 case ran"]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_test_functions_are_said_to_run_always(project: EvalProject, workers: tuple[str, ...]) -> None:
    write_function(project)
    project.run_process("--evals-save-baseline").assert_outcomes(passed=1)

    alone = project.run_process("--evals-changed", *workers)
    project.write_cases(CASES, echo_cases(2))
    beside = project.run_process("--evals-changed", *workers)
    project.run_process("--evals-save-baseline").assert_outcomes(passed=3)
    unchanged = project.run_process("--evals-changed", *workers)

    alone.stdout.fnmatch_lines(["--evals-changed: 1 case ran, since test functions always do"])
    beside.stdout.fnmatch_lines(
        [
            "--evals-changed: there is no baseline of these cases, so 2 cases ran; 1 case",
            "  ran, since test functions always do",
        ]
    )
    unchanged.stdout.fnmatch_lines(
        [
            "2 cases unchanged since the baseline: results taken from there; 0 cases changed;",
            "  1 case ran, since test functions always do",
        ]
    )


def test_an_unchanged_case_that_fails_is_not_called_changed(project: EvalProject) -> None:
    project.write_cases(
        CASES, [*echo_cases(3), {"id": "bad", "input": "x", "expected": "y"}], head=f"{ECHO}judges: [exact]\n"
    )
    project.run("--evals-save-baseline")

    project.run("--evals-changed", "--tb=no").stdout.fnmatch_lines(
        [
            "4 cases unchanged since the baseline: results taken from there, 1 of them below",
            "  its thresholds; 0 cases changed",
        ]
    )


def test_a_baseline_that_cannot_be_read_is_not_called_missing(saved: EvalProject) -> None:
    path = saved.path / "baselines/a.eval.yaml.jsonl"
    path.write_text("<<<<<<< HEAD\n" + path.read_text("utf-8"), encoding="utf-8")

    saved.run(NO_CACHE, "--evals-changed").stdout.fnmatch_lines(
        ["--evals-changed: the baseline cannot be read, so 10 cases ran"]
    )

"""--evals-level: only judges up to a level run, and what that leaves alone."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.support.critic import CRITIC
from tests.support.project import EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

HEAD = """
    model: scripted/echo
    prompt: "{{ input }}!"
    judges:
      - contains: x
      - critic
"""
OWN = {"id": "own", "input": "x", "expected": "x", "judges": ["exact"]}
CASES = [{"id": "a", "input": "x"}, {"id": "b", "input": "xx"}]


@pytest.fixture
def judged(project: EvalProject) -> EvalProject:
    project.write("conftest.py", CRITIC)
    project.write("critic.txt", "0.9")
    project.write_cases("a.eval.yaml", CASES, head=HEAD)
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_only_judges_up_to_the_level_run(judged: EvalProject, extra: tuple[str, ...]) -> None:
    result = judged.run("--evals-level=1", *extra)

    result.assert_outcomes(passed=2)
    assert not (judged.path / "critic-ran").exists()
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml *2 *2 *1.000 *",
            "no baseline yet *",
            "  saves one *",
            "level 1: 2 cases scored without their judges above level 1; the baseline's",
            "  scores are taken without them, too",
        ],
        consecutive=True,
    )


def test_the_ini_file_may_say_the_level_and_the_option_goes_before_it(judged: EvalProject) -> None:
    judged.write("pytest.ini", "[pytest]\nevals_level = 1\n")

    judged.run().assert_outcomes(passed=2)
    assert not (judged.path / "critic-ran").exists()
    judged.run("--evals-level=2").stdout.no_fnmatch_line("level *: *")
    assert (judged.path / "critic-ran").exists()


def test_there_is_no_level_beyond_three(judged: EvalProject) -> None:
    result = judged.run("--evals-level=4")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --evals-level: 4 is too large; the largest is 3."])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_case_without_a_judge_of_the_level_is_skipped_and_not_called(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    project.write("conftest.py", CRITIC)
    serve(project, model_server, judges=["critic"])
    project.write_cases("a.eval.yaml", [*echo_cases(3), OWN], head="")

    result = project.run("--evals-level=1", "-rs", "-k", "not own", *extra)

    result.assert_outcomes(skipped=3, deselected=0 if extra else 1)
    assert result.ret == 0
    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(["SKIPPED * --evals-level 1 leaves no judge that scores it: critic (level 2)"])
    result.stdout.no_fnmatch_line("*evals*score*verdict*")
    result.stdout.fnmatch_lines(
        [
            "level 1: 3 cases skipped: all judges that score them are above level 1;",
            "  --evals-level 3 runs them",
        ]
    )


def test_what_is_skipped_for_other_reasons_or_quietly_is_not_said(judged: EvalProject) -> None:
    cases: list[dict[str, Any]] = [
        {"id": "a", "input": "x", "skip": "later"},
        {"id": "b", "input": "x", "judges": [{"contains": "x"}]},
    ]
    judged.write_cases("a.eval.yaml", cases, head="model: scripted/echo\njudges: [critic]\n")

    judged.run("--evals-level=1").stdout.no_fnmatch_line("level 1: * skipped*")
    judged.write_cases("a.eval.yaml", CASES, head="model: scripted/echo\njudges: [critic]\n")
    judged.run("--evals-level=1").stdout.fnmatch_lines(["level 1: *"])
    judged.run("--evals-level=1", "-q").stdout.no_fnmatch_line("level 1: *")


def test_what_is_left_without_a_weight_scores_nothing(judged: EvalProject) -> None:
    judged.write_cases(
        "a.eval.yaml", CASES, head="model: scripted/echo\njudges: [critic, {word_count: {max: 5, weight: 0}}]\n"
    )

    judged.run("--evals-level=1").assert_outcomes(skipped=2)


def test_a_case_with_a_judge_of_the_level_is_still_called(project: EvalProject, model_server: ModelServer) -> None:
    project.write("conftest.py", CRITIC)
    serve(project, model_server, judges=["exact", "critic"])
    project.write_cases("a.eval.yaml", echo_cases(3), head="")

    project.run("--evals-level=1").assert_outcomes(passed=3)
    assert calls(model_server) == 3


def test_a_group_counts_with_the_highest_level_in_it(judged: EvalProject) -> None:
    judged.write_cases("a.eval.yaml", CASES, head="model: scripted/echo\njudges: [{any_of: [{contains: x}, critic]}]\n")

    judged.run("--evals-level=1", "-rs").stdout.fnmatch_lines(["SKIPPED * leaves no judge * any_of (level 2)"])


def test_a_plan_leaves_out_what_would_be_skipped(project: EvalProject, model_server: ModelServer) -> None:
    project.write("conftest.py", CRITIC)
    serve(project, model_server)
    cases: list[dict[str, Any]] = [*echo_cases(2), {"id": "later", "input": "x", "expected": "x", "skip": "later"}]
    project.write_cases("a.eval.yaml", cases, head="judges: [critic]\n")
    project.write_cases("b.eval.yaml", echo_cases(1), head="judges: [exact]\n")

    project.run("--evals-level=1", "--evals-plan").stdout.fnmatch_lines(["plan: 1 call to make, 0 in the cache*"])
    project.run("--evals-plan").stdout.fnmatch_lines(
        ["plan: at least 2 calls to make, 1 in the cache*", "Judge critic: *"]
    )


def test_marks_select_by_the_level_of_all_judges_whatever_runs(judged: EvalProject) -> None:
    judged.write_cases("b.eval.yaml", CASES, head="model: scripted/echo\njudges: [{contains: x}]\n")

    for extra in ((), ("--evals-level=1",)):
        chosen = judged.run("--co", "-q", "-m", "evals(level=2)", *extra)
        assert [line for line in chosen.outlines if "::" in line] == ["a.eval.yaml::a", "a.eval.yaml::b"]


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_full_then_level_1_then_full_shows_no_change(judged: EvalProject, extra: tuple[str, ...]) -> None:
    judged.run(*extra)

    low = judged.run("--evals-level=1", "-v", *extra)
    full = judged.run("-v", *extra)

    for result, score in ((low, "1.000"), (full, "0.950")):
        assert result.ret == 0
        result.stdout.fnmatch_lines([f"*score*passed: mean score is unchanged at {score} over 2 cases*"])
        for word in ("edited", "worse", "better", "new"):
            result.stdout.no_fnmatch_line(f"*{word}*")


def test_a_drop_that_a_level_1_run_could_not_see_is_still_found(judged: EvalProject) -> None:
    judged.run()
    judged.write("critic.txt", "0.6")
    judged.run("--evals-level=1")

    failed, result = judged.run("--evals-on-inconclusive=fail"), judged.run()

    assert (failed.ret, result.ret) == (1, 0)
    result.stdout.fnmatch_lines(["*inconclusive: mean score fell by 0.150, from 0.950 to*"])


def test_a_level_1_run_finds_a_drop_of_its_own_judges(judged: EvalProject) -> None:
    judged.run()
    judged.write_cases("a.eval.yaml", CASES, head=HEAD.replace("{{ input }}!", "{{ input | replace('xx', 'y') }}!"))

    result = judged.run("--evals-level=1")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*inconclusive: mean score fell by 0.500, from 1.000 to*"])


def test_level_1_runs_alone_are_compared_with_each_other(judged: EvalProject) -> None:
    judged.run("--evals-level=1")

    again = judged.run("--evals-level=1", "-v")
    full = judged.run("-v")

    again.stdout.fnmatch_lines(["*passed: mean score is unchanged at 1.000 over 2 cases*"])
    full.stdout.fnmatch_lines(["a.eval.yaml *2 *2 *0.950 *no baseline"])


def test_a_level_1_run_is_compared_with_the_committed_baseline(judged: EvalProject) -> None:
    judged.write("critic.txt", "0.1")
    judged.run("--evals-save-baseline")

    result = judged.run("--evals-level=1", "-v")

    result.stdout.fnmatch_lines(["*passed: mean score is unchanged at 1.000 over 2 cases*"])


def test_trials_that_pass_are_not_compared_with_those_of_all_judges(judged: EvalProject) -> None:
    judged.write_cases("a.eval.yaml", CASES, head=HEAD + "    reducer: majority\n")
    judged.run()

    result = judged.run("--evals-level=1", "-v")
    again = judged.run("--evals-level=1", "-v")

    result.stdout.fnmatch_lines(["*no baseline: the baseline has no case as it is now: 2 new, 0*"])
    again.stdout.fnmatch_lines(["*passed: mean score is unchanged at 1.000 over 2 cases*"])


def test_a_level_1_run_saves_no_baseline(judged: EvalProject) -> None:
    result = judged.run("--evals-level=1", "--evals-save-baseline")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-save-baseline needs the scores of all judges, and level 1 leaves some out; save baselines*"]
    )


def test_skipped_cases_are_not_missing_and_change_nothing_later(judged: EvalProject) -> None:
    cases: list[dict[str, Any]] = [{"id": "a", "input": "x", "judges": [{"contains": "x"}]}, {"id": "b", "input": "xx"}]
    judged.write_cases("a.eval.yaml", cases, head="model: scripted/echo\njudges: [critic]\n")
    judged.run()

    low = judged.run("--evals-level=1", "-v")
    full = judged.run("-v")

    assert low.parseoutcomes() == {"passed": 2, "skipped": 1}  # the case and the gate
    low.stdout.fnmatch_lines(["*passed: mean score is unchanged at 1.000 over 1 case; *", "* (a selection:*"])
    low.stdout.no_fnmatch_line("a.eval.yaml: * missing*")
    full.stdout.fnmatch_lines(["*passed: mean score is unchanged at 0.925 over 2 cases*"])


def test_a_ratchet_holds_what_the_same_judges_passed_before(judged: EvalProject) -> None:
    head = HEAD + "    case_policy: ratchet\n    gate: {max_drop: 1}\n"
    judged.write_cases("a.eval.yaml", CASES, head=head)
    judged.run()
    judged.write_cases("a.eval.yaml", CASES, head=head.replace("{{ input }}!", "{{ input | replace('xx', 'y') }}!"))

    result = judged.run("--evals-level=1")

    result.stdout.fnmatch_lines(["*contains failed, score 0.00*", "FAILED a.eval.yaml::b - *"])


def test_a_ratchet_lets_through_what_the_same_judges_failed_before(judged: EvalProject) -> None:
    judged.write_cases("a.eval.yaml", [{"id": "a", "input": "y"}], head=HEAD + "    case_policy: ratchet\n")
    judged.run()

    judged.run("--evals-level=1").stdout.fnmatch_lines(["1 case below its thresholds, let through:"])


def test_what_passes_at_a_level_is_not_offered_to_the_committed_baseline(judged: EvalProject) -> None:
    """It takes the scores of all judges, and another one may fail the case still."""
    head = HEAD + "    case_policy: ratchet\n"
    judged.write_cases("a.eval.yaml", CASES, head=head.replace("{{ input }}!", "{{ input | replace('xx', 'y') }}!"))
    judged.run("--evals-save-baseline")
    judged.write_cases("a.eval.yaml", CASES, head=head)

    low, full = judged.run("--evals-level=1"), judged.run()

    low.stdout.no_fnmatch_line("*known failure*")
    full.stdout.fnmatch_lines(["1 known failure now passes: pytest --evals-accept b takes it *"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_marked_functions_keep_to_the_level(judged: EvalProject, extra: tuple[str, ...]) -> None:
    (judged.path / "a.eval.yaml").unlink()
    judged.write("evals.yaml", "judges: [critic]\n")
    judged.write("cases.eval.jsonl", '{"id": "a", "input": "x", "judges": ["exact"]}\n{"id": "b", "input": "y"}\n')
    judged.write(
        "test_app.py",
        """
        import pytest

        @pytest.mark.evals("cases.eval.jsonl")
        def test_app(case, evals):
            assert list(evals.judge(case.input)) == ["exact"]
        """,
    )
    judged.write("cases.eval.jsonl", '{"id": "a", "input": "x", "expected": "x", "judges": ["exact"]}\n{"id": "b"}\n')

    judged.run("--evals-level=1", *extra).assert_outcomes(passed=1, skipped=1)
    assert not (judged.path / "critic-ran").exists()


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
@pytest.mark.parametrize("history", ["kept", "lost"])
def test_only_what_changed_runs_at_level_1_beside_a_baseline_of_all_judges(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...], history: str
) -> None:
    project.write("conftest.py", CRITIC)
    project.write("critic.txt", "0.2")
    serve(project, model_server, judges=["exact", {"critic": {"threshold": 0.1}}])
    project.write_cases("a.eval.yaml", echo_cases(4), head="")
    project.run("--evals-cache=off", "--evals-save-baseline").assert_outcomes(passed=4)
    model_server.reset()
    if history == "lost":
        shutil.rmtree(project.path / ".promptevals")
    project.write_cases("a.eval.yaml", [*echo_cases(3), {"id": "new", "input": "y", "expected": "y"}], head="")

    result = project.run("--evals-cache=off", "--evals-changed", "--evals-level=1", *extra)

    assert calls(model_server) == 1
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml      4       4  1.000   1.000   0.000 * passed",
            "3 cases unchanged since the baseline: results taken from there; 1 case changed",
        ]
    )

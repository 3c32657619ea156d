"""--evals-selftest: which cases a model that knows nothing would pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.project import EvalProject
from tests.support.served import calls, serve
from tests.support.server_fixture import ModelServer

HEAD = 'prompt: "Capital of {{ input }}?"\nmodel: scripted/echo\n'
GOOD: list[dict[str, Any]] = [
    {"id": "france", "input": "France", "expected": "Paris", "judges": ["icontains"]},
    {"id": "spain", "input": "Spain", "expected": "Madrid", "judges": ["icontains"]},
]
DEAD: list[dict[str, Any]] = [
    {"id": "short", "input": "Italy", "judges": [{"word_count": {"max": 3}}]},
    {"id": "willing", "input": "Peru", "judges": [{"not": {"contains": "dunno"}}, {"length": {"max": 60}}]},
]


@pytest.fixture
def suite(project: EvalProject) -> EvalProject:
    project.write_cases("evals/good.eval.yaml", GOOD, head=HEAD)
    project.write_cases("evals/dead.eval.yaml", DEAD, head=HEAD)
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_dead_cases_are_listed_with_their_places_and_fail_the_run(suite: EvalProject, extra: tuple[str, ...]) -> None:
    result = suite.run("--evals-selftest", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "=* evals selftest =*",
            "share of cases that an answer passes which knows nothing:",
            "eval file             cases  empty  refusal  echo  shuffled  long  repeat",
            "evals/dead.eval.yaml      2   100%      50%  100%         -    0%     50%",
            "evals/good.eval.yaml      2     0%       0%    0%        0%    0%      0%",
            "",
            "dead cases, which test nothing:",
            "  evals/dead.eval.yaml:4: short: passed by empty; judges: word_count",
            "  evals/dead.eval.yaml:5: willing: passed by empty, refusal; judges: not",
            "    contains, length",
            "",
            "selftest: 2 of 4 cases are dead: an empty answer or a refusal passes. Give them",
            "  a judge that asks for what must be there",
        ],
        consecutive=True,
    )


def test_a_suite_without_dead_cases_passes(suite: EvalProject) -> None:
    result = suite.run("--evals-selftest", "evals/good.eval.yaml")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["selftest: none of 2 cases is passed by an empty answer or a refusal"])
    result.stdout.no_fnmatch_line("dead cases*")


def test_no_model_is_called_and_nothing_is_recorded(project: EvalProject, model_server: ModelServer) -> None:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}], head="")
    project.write("test_plain.py", "def test_plain():\n    open('ran', 'w')\n")

    result = project.run("--evals-selftest")

    assert result.ret == 0
    assert calls(model_server) == 0
    assert not (project.path / ".promptevals").exists()
    assert not (project.path / "ran").exists()
    result.stdout.fnmatch_lines(["a.eval.yaml *1 *0% *0% *100% *- *0% *0%"])


def test_a_selection_is_tested(suite: EvalProject) -> None:
    result = suite.run("--evals-selftest", "-k", "short or spain")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["selftest: 1 of 2 cases is dead: *"])


def test_what_failed_last_time_is_tested_and_stays_what_failed_last_time(suite: EvalProject) -> None:
    suite.run()

    for _ in range(2):
        suite.run("--evals-selftest", "--lf").stdout.fnmatch_lines(
            ["run-last-failure: rerun previous 2 failures*", "selftest: none of 2 cases is *"]
        )


def test_the_answer_of_another_case_is_always_the_same_one(suite: EvalProject) -> None:
    cases: list[dict[str, Any]] = [
        {"id": "one", "input": "x", "expected": ["A", "a"], "judges": [{"exact": "B"}]},
        {"id": "two", "input": "x", "expected": "B", "judges": [{"exact": "A"}]},
        {"id": "three", "input": "x", "judges": [{"exact": "B"}]},
        {"id": "four", "input": "x", "expected": "B", "judges": [{"exact": "A"}]},
    ]
    suite.write_cases("a.eval.yaml", cases, head="model: scripted/echo\n")

    suite.run("--evals-selftest", "a.eval.yaml").stdout.fnmatch_lines(["a.eval.yaml *4 *0% *0% *0% *100% *0% *0%"])


@pytest.mark.parametrize(
    "case",
    [
        {"judges": ["refusal"]},
        {"judges": [{"any_of": [{"contains": "x"}, "refusal"]}]},
        {"expected": "I'm sorry, but I can't help with that.", "judges": [{"contains": "can't help"}]},
        {"expected": "", "judges": ["exact"]},
        {"expected": ["nothing", " "], "judges": [{"length": {"max": 10}}]},
    ],
    ids=json.dumps,
)
def test_a_case_that_wants_a_refusal_or_nothing_is_not_dead(suite: EvalProject, case: dict[str, object]) -> None:
    suite.write_cases("a.eval.yaml", [{"id": "a", "input": "x", **case}], head="model: scripted/echo\n")

    result = suite.run("--evals-selftest", "-v", "a.eval.yaml")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["other cases that such an answer passes:", "  a.eval.yaml:3: a: passed by *"])


def test_a_case_that_wants_no_refusal_is_dead_by_one(suite: EvalProject) -> None:
    judges = [{"any_of": [{"not": "refusal"}, {"contains": "help"}]}]
    suite.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "judges": judges}], head="model: scripted/echo\n")

    suite.run("--evals-selftest", "a.eval.yaml").stdout.fnmatch_lines(
        ["  *: a: passed by empty, refusal; judges: any_of"]
    )


def test_judges_that_ask_are_left_out_unless_the_level_is_given(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals
        from pytest_promptevals import Message

        @pytest_promptevals.judge
        async def asked(output, ask):
            return (await ask("scripted/echo", [Message("user", output or "no")], {})).text == "no"
        """,
    )
    cases: list[dict[str, Any]] = [
        {"id": "a", "input": "x", "judges": ["asked"]},
        {"id": "b", "input": "x", "judges": [{"contains": "zebra"}]},
    ]
    project.write_cases("a.eval.yaml", cases, head="model: scripted/echo\n")
    project.write("pytest.ini", "[pytest]\nevals_level = 2\n")

    free, asking = project.run("--evals-selftest"), project.run("--evals-selftest", "--evals-level=2")

    assert (free.ret, asking.ret) == (0, 1)
    free.stdout.fnmatch_lines(["1 case without a judge up to level 1: not tested"])
    asking.stdout.fnmatch_lines(["  a.eval.yaml:3: a: passed by empty; judges: asked"])


def test_what_cannot_be_judged_does_not_pass(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.judge
        def first_word(output):
            return output.split()[0] == "I'm"
        """,
    )
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x"}], head="model: scripted/echo\njudges: [first_word]\n")

    result = project.run("--evals-selftest")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["  *: a: passed by refusal; *", "1 answer could not be judged, and so did not pass"])


def test_a_case_counts_once_for_all_models_and_once_for_each_prompt(suite: EvalProject) -> None:
    head = 'prompt: ["{{ input }}", "{{ input }}?"]\nmodel: [scripted/echo, scripted/other]\n'
    suite.write_cases("a.eval.yaml", DEAD[:1], head=head)

    result = suite.run("--evals-selftest", "a.eval.yaml")

    result.stdout.fnmatch_lines(["a.eval.yaml *2 *100% *0% *100% *- *0% *", "selftest: 1 of 2 cases is dead: *"])


def test_cases_that_are_skipped_are_not_tested(suite: EvalProject) -> None:
    suite.write_cases("a.eval.yaml", [{**DEAD[0], "skip": "later"}, *GOOD[:1]], head=HEAD)

    suite.run("--evals-selftest", "a.eval.yaml").stdout.fnmatch_lines(["selftest: none of 1 case is passed by *"])


def test_nothing_to_test_is_said_and_no_success(suite: EvalProject) -> None:
    suite.write("test_plain.py", "def test_plain():\n    pass\n")

    result = suite.run("--evals-selftest", "test_plain.py")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["selftest: no eval case is selected"])


def test_a_file_that_cannot_be_collected_is_an_error_as_ever(suite: EvalProject) -> None:
    suite.write("evals/bad.eval.yaml", "cases: [{input: x, judge: exact}]\n")

    result = suite.run("--evals-selftest")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line("*evals selftest*")


def test_only_collecting_goes_before_testing(suite: EvalProject) -> None:
    result = suite.run("--evals-selftest", "--co", "-q")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["evals/dead.eval.yaml::short"])
    result.stdout.no_fnmatch_line("*evals selftest*")


def test_a_plan_and_a_self_test_do_not_go_together(suite: EvalProject) -> None:
    result = suite.run("--evals-selftest", "--evals-plan")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-plan and --evals-selftest both take the place of the run; give one of them"]
    )

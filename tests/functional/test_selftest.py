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
            "  a judge that asks for what must be there; where nothing has to be, the tag",
            "  no-selftest exempts a case",
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


@pytest.fixture
def asking(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """A suite as docs/model-judges.md advises it: a rubric, and a guard of the length beside it."""
    serve(project, model_server)
    judges = "[rubric: {criteria: helpfulness}, word_count: {max: 50}]"
    head = f"model: local/tested\njudge_model: local/judge\njudges: {judges}\n"
    case = {"id": "late", "input": "Where is my order?"}
    project.write_cases("a.eval.yaml", [case], head=head)
    project.write("pytest.ini", "[pytest]\nevals_level = 2\n")
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_case_whose_model_judge_is_left_out_is_not_decided(
    asking: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    result = asking.run("--evals-selftest", *extra)

    assert result.ret == 0
    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml      1      -        -     -         -    0%       -",
            "",
            "cases that are not decided, since a judge was not heard:",
            "  a.eval.yaml:5: late: rubric (level 2)",
            "",
            "--evals-level 2 decides 1 case: it has their judge models asked about the",
            "  useless answers, at least 4 calls, which costs unless they are in the cache;",
            "  --evals-max-cost limits that",
            "selftest: 1 of 1 case is not decided",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(("score", "status"), [(1, 0), (5, 1)])
def test_the_models_of_judges_are_asked_if_the_level_says_so_and_only_they(
    asking: EvalProject, model_server: ModelServer, score: int, status: int
) -> None:
    verdict = {"reasoning": "So.", "need": score, "correctness": score, "usability": score, "score": score}
    model_server.control(rules=[{"reply": json.dumps(verdict)}])

    results = [asking.run("--evals-selftest", "--evals-level=2") for _ in range(2)]

    assert [result.ret for result in results] == [status, status]
    assert {entry["body"]["model"] for entry in model_server.journal()} == {"judge"}
    assert calls(model_server) == 4  # once for each answer that is short enough, and never again
    if status:
        results[0].stdout.fnmatch_lines(["  a.eval.yaml:5: late: passed by empty, refusal; judges: rubric,*"])
    else:
        results[0].stdout.fnmatch_lines(["selftest: none of 1 case is passed by an empty answer or a refusal"])


def test_a_budget_that_is_spent_leaves_cases_undecided(asking: EvalProject, model_server: ModelServer) -> None:
    serve(asking, model_server, prices={"local/judge": {"input": 1.0, "output": 1.0}})

    result = asking.run("--evals-selftest", "--evals-level=2", "--evals-max-cost=0")

    assert result.ret == 0
    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(["  a.eval.yaml:5: late: not run: budget: *", "selftest: 1 of 1 case is not decided"])


def test_a_case_with_the_tag_is_exempt_and_named(suite: EvalProject) -> None:
    leak = {"id": "leak", "input": "x", "tags": ["no-selftest"], "judges": [{"not": {"contains": "hunter2"}}]}
    suite.write_cases("a.eval.yaml", [leak, *GOOD], head=HEAD)

    result = suite.run("--evals-selftest", "--strict-markers", "a.eval.yaml")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["1 case exempt by the tag no-selftest: leak", "selftest: none of 2 cases is passed by *"]
    )


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

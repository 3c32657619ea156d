"""Every habit of a pytest user, on eval items."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.support.project import EvalProject

CASES = """
    model: scripted/echo
    judges: [exact]
    cases:
      - {id: right, input: yes, expected: "yes", tags: [smoke, fast-one]}
      - {id: wrong, input: "no", expected: "yes", tags: [smoke], priority: 2}
      - {id: other-right, input: a, expected: a}
"""


@pytest.fixture
def evals(project: EvalProject) -> EvalProject:
    project.write("evals/a.eval.yaml", CASES)
    return project


def test_k_selects_by_case_id(evals: EvalProject) -> None:
    evals.run("-k", "right and not other").assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize(
    ("expression", "passed", "failed"),
    [
        ("smoke", 1, 1),
        ("evals and smoke and not fast-one", 0, 1),
        ("evals(level=1)", 2, 1),
        ("evals(level=2)", 0, 0),
        ("evals(priority=2)", 0, 1),
        ("evals(model='scripted/echo')", 2, 1),
        ("evals(file='evals/a.eval.yaml', priority=0)", 2, 0),
    ],
)
def test_m_selects_by_tag_and_by_the_evals_mark(evals: EvalProject, expression: str, passed: int, failed: int) -> None:
    result = evals.run("-m", expression)

    result.assert_outcomes(passed=passed, failed=failed, deselected=3 - passed - failed)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("evals(lvel=2)", "evals(lvel=2): the mark evals has no 'lvel'. Did you mean 'level'?"),
        (
            "smoke or not evals(tag='x')",
            "evals(tag='x'): the mark evals has no 'tag'. Known: file, level, model, priority.",
        ),
        ("evals(level='2')", "evals(level='2'): level is a number: write level=2, without quotes"),
        (
            "evals(level=2, priority='1')",
            "evals(level=2, priority='1'): priority is a number: write priority=1, without quotes",
        ),
        ("evals(file=7)", "evals(file=7): file is a text: write file='7'"),
    ],
)
def test_m_says_what_can_never_be_true_of_the_evals_mark(evals: EvalProject, expression: str, problem: str) -> None:
    result = evals.run("-m", expression)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: -m: {problem}"])


@pytest.mark.parametrize(
    "expression", ["evals(level=1, priority=0)", "my-evals(x=1) or evals", "evals(model='scripted/echo')"]
)
def test_m_takes_what_may_be_true_of_it(evals: EvalProject, expression: str) -> None:
    assert evals.run("-m", expression, "--co").ret == 0


def test_tags_are_registered_so_that_strict_markers_holds(evals: EvalProject) -> None:
    evals.run("--strict-markers", "-W", "error").assert_outcomes(passed=2, failed=1)


def test_lf_runs_only_what_failed(evals: EvalProject) -> None:
    evals.run()

    result = evals.run("--lf")

    # The gate over the history's results is an item, too.
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["collected 1 item"])


def test_ff_runs_first_what_failed(evals: EvalProject) -> None:
    evals.run()

    result = evals.run("--ff", "-v")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*::wrong FAILED*", "*::right PASSED*", "*::other-right PASSED*", "*::gate* PASSED*"])


def test_x_stops_at_the_first_failure(evals: EvalProject) -> None:
    result = evals.run("-x")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["stopped early: no verdict, half a run cannot be compared; --evals-resume goes on"])


def test_co_lists_the_cases_and_runs_nothing(evals: EvalProject) -> None:
    result = evals.run("--co", "-q")

    result.stdout.fnmatch_lines(
        [
            "evals/a.eval.yaml::right",
            "evals/a.eval.yaml::wrong",
            "evals/a.eval.yaml::other-right",
            "",
            "3 tests collected*",
        ],
        consecutive=True,
    )
    assert "evals =" not in result.stdout.str()
    assert not (evals.path / ".promptevals").exists()


def test_deselect_takes_a_node_id(evals: EvalProject) -> None:
    evals.run("--deselect", "evals/a.eval.yaml::wrong").assert_outcomes(passed=2, deselected=1)


def test_a_node_id_selects_one_case(evals: EvalProject) -> None:
    evals.run("evals/a.eval.yaml::wrong").assert_outcomes(failed=1)


def test_a_file_name_selects_its_cases(evals: EvalProject) -> None:
    evals.run("evals/a.eval.yaml").assert_outcomes(passed=2, failed=1)


def test_it_runs_without_the_cacheprovider(evals: EvalProject) -> None:
    evals.run("-p", "no:cacheprovider").assert_outcomes(passed=2, failed=1)


def test_q_prints_letters_and_only_what_matters(evals: EvalProject) -> None:
    result = evals.run("-q", "--tb=no")

    assert result.stdout.lines[0].startswith(".F.")
    assert "eval file" not in result.stdout.str()


def test_v_prints_a_line_for_each_case(evals: EvalProject) -> None:
    result = evals.run("-v")

    result.stdout.fnmatch_lines(
        [
            "evals/a.eval.yaml::right PASSED *33%*",
            "evals/a.eval.yaml::wrong FAILED *66%*",
            "evals/a.eval.yaml::other-right PASSED *100%*",
        ]
    )


@pytest.mark.parametrize("style", ["short", "long", "native", "auto"])
def test_tb_styles_show_the_review_and_no_traceback(evals: EvalProject, style: str) -> None:
    result = evals.run(f"--tb={style}")

    result.stdout.fnmatch_lines(["answered", "    no", "expected", "    yes", "judges", "    FAIL exact*"])
    assert "Traceback" not in result.stdout.str()
    assert "pytest_promptevals/" not in result.stdout.str()


def test_tb_line_shows_place_and_message(evals: EvalProject) -> None:
    result = evals.run("--tb=line")

    result.stdout.fnmatch_lines(["*evals/a.eval.yaml:5: exact failed, score 0.00: *"])
    assert "answered" not in result.stdout.str()


def test_tb_no_shows_none_of_it(evals: EvalProject) -> None:
    assert "answered" not in evals.run("--tb=no").stdout.str()


def test_the_short_summary_says_why(evals: EvalProject) -> None:
    evals.run("-rf").stdout.fnmatch_lines(["FAILED evals/a.eval.yaml::wrong - exact failed, score 0.00: *"])


def test_junit_carries_score_cost_model_and_explanation(evals: EvalProject) -> None:
    evals.run("--junitxml=report.xml")

    suite = ET.parse(evals.path / "report.xml").getroot()[0]  # noqa: S314 - written by the line above
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "0")
    (case,) = [case for case in suite if case.get("name") == "wrong"]
    properties = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
    assert properties["score"] == "0"
    assert properties["cost"] == "0"
    assert properties["model"] == "scripted/echo"
    assert properties["explanation"].startswith("exact: ")
    (failure,) = case.iter("failure")
    assert (failure.get("message") or "").startswith("exact failed, score 0.00: ")
    assert "answered\n    no" in (failure.text or "")


def test_durations_work(evals: EvalProject) -> None:
    evals.run("--durations=3", "-vv").stdout.fnmatch_lines(["*slowest 3 durations*"])


def test_the_location_of_an_item_is_the_line_of_its_case(evals: EvalProject) -> None:
    evals.write("conftest.py", "def pytest_runtest_logstart(nodeid, location): print('AT', location)\n")

    evals.run("-s", "-k", "other").stdout.fnmatch_lines(["*AT ('evals/a.eval.yaml', 5, 'other-right')"])


def test_ordinary_tests_and_evals_run_in_one_session(evals: EvalProject) -> None:
    evals.write("test_plain.py", "def test_one(): pass\n")

    evals.run().assert_outcomes(passed=3, failed=1)

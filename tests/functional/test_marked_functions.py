"""Test functions over a dataset: @pytest.mark.evals with the fixtures case and evals."""

from __future__ import annotations

import pytest

from tests.support.project import EvalProject

ROWS = """
    {"id": "one", "input": "a", "expected": "A", "tags": ["smoke"]}
    {"id": "two", "input": "b", "expected": "B", "skip": "later"}
    {"id": "three", "input": "c", "expected": "nothing like it"}
"""
HEAD = """
    import pytest

"""


@pytest.fixture
def app(project: EvalProject) -> EvalProject:
    project.write("evals.yaml", "judges: [exact]\n")
    project.write("cases.eval.jsonl", ROWS)
    return project


def write_test(project: EvalProject, body: str, name: str = "cases.eval.jsonl", marks: str = "") -> None:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    project.write(
        "test_app.py",
        f'import pytest\n\n\n@pytest.mark.evals("{name}")\n{marks}\ndef test_app(case, evals):\n{lines}\n',
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_an_output_is_put_to_the_judges_of_the_dataset(app: EvalProject, extra: tuple[str, ...]) -> None:
    write_test(app, "evals.judge(case.input.upper())")

    result = app.run("-rfs", *extra)

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["FAILED test_app.py::test_app[[]three[]] - exact failed, score 0.00*"])
    result.stdout.fnmatch_lines(["test_app.py::test_app *2 *1 *0.500*"])
    assert "Traceback" not in result.stdout.str()


def test_the_dataset_is_not_collected_on_its_own(app: EvalProject) -> None:
    write_test(app, "evals.judge(case.input.upper())")

    app.run("--co", "-q").stdout.fnmatch_lines(
        [
            "test_app.py::test_app[[]one[]]",
            "test_app.py::test_app[[]two[]]",
            "test_app.py::test_app[[]three[]]",
            "",
            "3 tests*",
        ],
        consecutive=True,
    )


def test_a_dataset_without_a_model_that_no_test_names_is_an_error(app: EvalProject) -> None:
    result = app.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["cases.eval.jsonl:1: no model: add 'model: provider/model' to an evals.yaml in its*"])


def test_tags_select_test_functions_too(app: EvalProject) -> None:
    write_test(app, "evals.judge(case.input.upper())")

    app.run("-m", "smoke", "--strict-markers").assert_outcomes(passed=1, deselected=2)


def test_scores_of_the_tests_own_are_recorded_and_may_fail_the_case(app: EvalProject) -> None:
    write_test(app, "evals.output('x')\nevals.score('length', 0.4, threshold=0.5, explanation='too short')")

    app.run("-rf", "-k", "one").stdout.fnmatch_lines(
        ["FAILED test_app.py::test_app[[]one[]] - length failed, score 0.40: too short"]
    )


def test_a_score_without_a_threshold_never_fails(app: EvalProject) -> None:
    write_test(app, "evals.score('length', 0.0)")

    app.run("-k", "one").assert_outcomes(passed=1, deselected=2)


def test_a_test_that_records_nothing_counts_as_passed_or_failed(app: EvalProject) -> None:
    write_test(app, "assert case.id != 'three', 'not that one'")

    result = app.run()

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["E   *not that one*", "test_app.py::test_app *2 *1 *0.500*"])


def test_an_exception_is_an_error_of_the_case_not_a_score(app: EvalProject) -> None:
    write_test(app, "raise RuntimeError('database is down')")

    app.run("-k", "one").stdout.fnmatch_lines(["test_app.py::test_app *1 *0 *1 *- *no baseline"])


@pytest.mark.parametrize(
    "before", ["evals.output('so far')", "evals.judge('A')\nevals.output('so far')", "evals.judge('A')"]
)
def test_an_exception_after_an_output_is_an_error_too(app: EvalProject, before: str) -> None:
    write_test(app, f"{before}\nraise RuntimeError('database is down')")
    result = app.run("-k", "one")

    result.stdout.fnmatch_lines(["E *RuntimeError: database is down", "test_app.py::test_app *1 *0 *1 *- *no baseline"])
    result.stdout.no_fnmatch_line("*ZeroDivisionError*")


def test_judging_twice_is_two_trials(app: EvalProject) -> None:
    write_test(app, "evals.judge('A')\nevals.judge('no')")

    app.run("-k", "one").stdout.fnmatch_lines(["trials", "    1: 1.00  2: 0.00 FAIL"])


@pytest.mark.parametrize("more", ["", "\nevals.score('length', 0.5)"], ids=["alone", "scored"])
def test_an_output_that_is_not_judged_beside_others_is_an_error_that_says_so(app: EvalProject, more: str) -> None:
    write_test(app, f"evals.judge('A')\nevals.output('so far'){more}")
    result = app.run("-k", "one")

    result.stdout.fnmatch_lines(["*output 2 of 2 was put to no judge, and others were: give it to evals.judge*"])
    result.stdout.no_fnmatch_line("*ZeroDivisionError*")
    result.stdout.no_fnmatch_line("*ValueError*")


def test_a_case_that_is_not_to_run_has_no_result(app: EvalProject) -> None:
    write_test(app, "assert 0", marks="@pytest.mark.xfail(run=False)")
    app.run("-k", "one").stdout.no_fnmatch_line("test_app.py::test_app *")


def test_the_scores_are_returned(app: EvalProject) -> None:
    write_test(app, "assert evals.judge('A')['exact'].passed\nassert evals.case is case")

    app.run("-k", "one").assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("evals.score('x', 1.5)", "*ValueError: score 'x' is 1.5; a score is a number from 0 to 1"),
        (
            "evals.score('exact', 1)",
            "*ValueError: score 'exact' is recorded already; give each score a name of its own",
        ),
    ],
)
def test_a_wrong_call_says_what_is_wrong(app: EvalProject, body: str, message: str) -> None:
    write_test(app, body)

    app.run("-k", "one").stdout.fnmatch_lines([message])


def test_a_judge_that_cannot_judge_is_no_score(app: EvalProject) -> None:
    app.write("cases.eval.jsonl", '{"id": "one", "input": "a"}\n')
    write_test(app, "evals.judge('x')")

    app.run().stdout.fnmatch_lines(["test_app.py::test_app *1 *0 *1 *- *no baseline"])


def test_a_dataset_without_judges_cannot_judge(project: EvalProject) -> None:
    project.write("cases.eval.jsonl", '{"id": "one", "input": "a"}\n')
    write_test(project, "evals.judge('x')")

    project.run().stdout.fnmatch_lines(["*JudgeError: cases.eval.jsonl:1: no judges: *"])


def test_a_baseline_of_a_test_function_works_like_that_of_a_file(app: EvalProject) -> None:
    write_test(app, "evals.judge({'a': 'A', 'c': 'nothing like it'}.get(case.input))")
    assert app.run("--evals-save-baseline").ret == 0
    assert (app.path / "baselines/test_app.py-test_app.jsonl").is_file()
    write_test(app, "evals.judge('no')")

    app.run().stdout.fnmatch_lines(["  one *1.00 -> 0.00  now fails*"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            '@pytest.mark.evals("cases.eval.jsonl")\ndef test_app(): ...\n',
            '*test_app.py::test_app: the evals marker needs the fixture "case"; mark the test with*',
        ),
        (
            '@pytest.mark.evals("gone.jsonl")\ndef test_app(case): ...\n',
            "*test_app.py::test_app: no dataset 'gone.jsonl' in *",
        ),
    ],
)
def test_a_mark_that_names_no_dataset_is_an_error_at_collection(app: EvalProject, source: str, message: str) -> None:
    app.write("test_app.py", f"import pytest\n\n{source}")

    result = app.run("test_app.py")

    assert result.ret == 2
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
    assert "raise " not in result.stdout.str()


def test_errors_of_the_dataset_are_shown_with_their_lines(app: EvalProject) -> None:
    app.write("cases.eval.jsonl", '{"id": "one"}\n{"inptu": 1}\n')
    write_test(app, "pass")

    result = app.run("test_app.py")

    result.stdout.fnmatch_lines(["cases.eval.jsonl:2: *"])


def test_the_fixtures_say_where_they_belong(project: EvalProject) -> None:
    project.write("test_app.py", "def test_app(case): ...\ndef test_two(evals): ...\n")

    result = project.run()

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(['*the fixture "case" has no case here: mark the test with @pytest.mark.evals*'])
    result.stdout.fnmatch_lines(['*the fixture "evals" has no case here: mark the test with @pytest.mark.evals*'])


def test_own_parameters_named_case_are_left_alone(project: EvalProject) -> None:
    project.write("test_app.py", "import pytest\n@pytest.mark.parametrize('case', [1, 2])\ndef test_app(case): ...\n")

    project.run().assert_outcomes(passed=2)


def test_other_parameters_multiply_the_cases(app: EvalProject) -> None:
    app.write(
        "test_app.py",
        """
        import pytest

        @pytest.mark.parametrize("style", ["kind", "short"])
        @pytest.mark.evals("cases.eval.jsonl")
        def test_app(case, evals, style):
            evals.judge(case.input.upper())
        """,
    )
    app.run("--evals-save-baseline")

    result = app.run("-k", "one and kind")

    result.assert_outcomes(passed=2, deselected=5)
    assert "missing" not in result.stdout.str()
    result.stdout.fnmatch_lines(["test_app.py::test_app *1 *1 *1.000 *1.000 *0.000 *passed"])


def test_methods_of_one_name_are_kept_apart(app: EvalProject) -> None:
    method = "    @pytest.mark.evals('cases.eval.jsonl')\n    def test_it(self, case, evals): evals.judge({})\n"
    app.write(
        "test_app.py",
        "import pytest\n\nclass TestA:\n" + method.format("'A'") + "\nclass TestB:\n" + method.format("'B'"),
    )

    result = app.run("-k", "one", "--evals-save-baseline")

    result.stdout.fnmatch_lines(["test_app.py::TestA::test_it *1 *1 *", "test_app.py::TestB::test_it *1 *0 *"])
    assert (app.path / "baselines/test_app.py-TestA-test_it.jsonl").is_file()


def test_the_policy_of_the_dataset_holds_for_test_functions(app: EvalProject) -> None:
    app.write("evals.yaml", "judges: [exact]\ncase_policy: gate\n")
    write_test(app, "evals.judge('no')")

    app.run("-k", "one", "-v").stdout.fnmatch_lines(["test_app.py::test_app[[]one[]] BELOW*"])


@pytest.mark.parametrize(
    "mark",
    ["'cases.eval.jsonl', 'other.jsonl'", "file='cases.eval.jsonl'", "'cases.eval.jsonl', trials=3", ""],
)
def test_a_mark_that_says_more_or_less_than_a_dataset_is_an_error(app: EvalProject, mark: str) -> None:
    app.write("test_app.py", f"import pytest\n\n@pytest.mark.evals({mark})\ndef test_app(case): ...\n")

    result = app.run("test_app.py")

    assert result.ret == 2
    message = "test_app.py::test_app: the evals marker takes the name of one dataset, and nothing else; got evals"
    result.stdout.fnmatch_lines([f"{message}({mark}). *"])


def test_a_case_whose_fixture_fails_is_an_error_of_the_run(app: EvalProject) -> None:
    app.write(
        "test_app.py",
        """
        import pytest

        @pytest.fixture
        def database():
            raise RuntimeError("down")

        @pytest.mark.evals("cases.eval.jsonl")
        def test_app(case, evals, database):
            evals.judge("A")
        """,
    )

    result = app.run("-k", "one")

    result.assert_outcomes(errors=1, deselected=2)
    result.stdout.fnmatch_lines(["test_app.py::test_app *1 *0 *1 *-*"])


@pytest.mark.parametrize(("output", "right"), [("None", False), ("5", False), ("['A']", True), ("{'a': 1}", True)])
def test_an_output_is_text_or_json_data(app: EvalProject, output: str, right: bool) -> None:
    write_test(app, f"evals.output({output})")

    result = app.run("-k", "one")

    assert (result.ret == 0) is right
    if not right:
        result.stdout.fnmatch_lines([f"*TypeError: an output is a text, JSON data or a Response, not {output}"])


def test_a_failed_assertion_fails_the_case_whatever_the_judges_said(app: EvalProject) -> None:
    app.write("evals.yaml", "judges: [exact]\ngate: {min_pass_rate: 1}\n")
    write_test(app, "evals.judge('A')\nassert False")

    app.run("-k", "one").stdout.fnmatch_lines(["test_app.py::test_app *1 *0 *1.000 *failed"])


def test_pytest_fail_is_a_failure_of_the_case(app: EvalProject) -> None:
    write_test(app, "pytest.fail('not good')")

    app.run("-k", "one").stdout.fnmatch_lines(["test_app.py::test_app *1 *0 *0.000*"])


def test_a_test_that_skips_itself_has_no_result(app: EvalProject) -> None:
    write_test(app, "pytest.skip('not now')")

    result = app.run("-k", "one")

    result.assert_outcomes(skipped=1, deselected=2)
    assert "eval file" not in result.stdout.str()


def test_no_evals_leaves_marked_functions_out(app: EvalProject) -> None:
    write_test(app, "evals.judge('A')")

    app.run("--no-evals").assert_outcomes(deselected=3)

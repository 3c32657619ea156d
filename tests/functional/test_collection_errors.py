"""What is wrong with an eval file is said before anything is paid, all of it at once, with file and line."""

from __future__ import annotations

import pytest

from tests.support.project import EvalProject


def test_all_errors_of_a_file_are_in_one_report(project: EvalProject) -> None:
    project.write(
        "evals/a.eval.yaml",
        """
        model: scripted/echo
        judges: [exact]
        trails: 3
        cases:
          - {id: a, input: x, expected: x, wieght: 2}
          - {id: b, inptu: x}
          - {id: a, input: x, expected: x}
        """,
    )

    result = project.run()

    result.assert_outcomes(errors=1)
    assert result.ret == 2
    text = result.stdout.str()
    for line, word in ((3, "trails"), (5, "wieght"), (6, "inptu"), (7, "'a'")):
        assert any(row.startswith(f"evals/a.eval.yaml:{line}: ") and word in row for row in text.splitlines()), text
    assert "Did you mean" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("how", ["eval file", "test function"])
def test_a_wrong_key_does_not_hide_what_is_wrong_with_judges(project: EvalProject, how: str) -> None:
    project.write(
        "a.eval.yaml",
        """
        model: scripted/echo
        judges: [exakt]
        cases:
          - {id: a, input: x, wieght: 2, judges: [{not: {contians: x}}]}
          - {id: b, input: x, judges: [{any_of: [{fuzzy: {tresh: 1}}]}, {rubric: tone}]}
        """,
    )
    test = "import pytest\n@pytest.mark.evals('a.eval.yaml')\ndef test_it(case): ...\n"
    project.write("test_a.py", test if how == "test function" else "")

    result = project.run("test_a.py" if how == "test function" else "a.eval.yaml")

    result.assert_outcomes(errors=1)
    found = [row.removeprefix("E   ").strip() for row in result.stdout.str().splitlines() if "a.eval.yaml:" in row]
    rows = [row.partition(" Did")[0].partition(" Known")[0] for row in found if row.startswith("a.eval.yaml:")]
    assert rows[:4] == [
        "a.eval.yaml:2: judges.exakt: unknown judge 'exakt'.",
        "a.eval.yaml:4: cases[0].wieght: unknown key.",
        "a.eval.yaml:4: judges.not contians: unknown judge 'contians'.",
        "a.eval.yaml:5: judges.fuzzy: tresh: unknown parameter.",
    ]
    assert "no model to judge with" not in result.stdout.str()


def test_a_declared_judge_that_cannot_be_one_is_said_beside_a_wrong_key(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.judge(level=7)
        def odd(response): return 1.0
        """,
    )
    project.write("a.eval.yaml", "judges: [odd]\ncases:\n  - {id: a, wieght: 2, output: x}\n")

    result = project.run()

    result.stdout.fnmatch_lines(["a.eval.yaml:3: cases[[]0[]].wieght: unknown key.*", "conftest.py:*"])


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ("judges: [exact]", {"input": "x"}, "a.eval.yaml:1: no model: add 'model: provider/model' to the eval file*"),
        ("model: scripted/echo", {"input": "x"}, "a.eval.yaml:3: no judges: add 'judges' to the case*"),
        (
            "model: opnai/gpt-5\njudges: [exact]",
            {"input": "x"},
            "a.eval.yaml:1: unknown provider 'opnai' in model 'opnai/gpt-5'. Did you mean 'openai'[?]",
        ),
        (
            "model: openai\njudges: [exact]",
            {"input": "x"},
            "a.eval.yaml:1: model 'openai' names no model: write 'openai/MODEL'",
        ),
        (
            "model: mine/x\nproviders: {mine: {type: opena}}\njudges: [exact]",
            {"input": "x"},
            "a.eval.yaml:2: unknown type 'opena' of provider 'mine'. Did you mean 'openai'[?]",
        ),
        (
            "model: scripted/echo\njudges: [exakt]",
            {"input": "x"},
            "a.eval.yaml:2: judges.exakt: unknown judge 'exakt'. Did you mean 'exact'[?]",
        ),
        (
            "model: scripted/echo\njudges: [{all_of: [exakt]}]",
            {"input": "x"},
            "a.eval.yaml:2: judges.exakt: unknown judge 'exakt'. Did you mean 'exact'[?]",
        ),
        (
            "model: scripted/echo\njudges: [{fuzzy: {method: ratoi}}]",
            {"input": "x"},
            "a.eval.yaml:2: judges.fuzzy: method: *",
        ),
        (
            "model: scripted/echo\njudges: [{contains: '{{ order }}'}]",
            {"input": "x"},
            "a.eval.yaml:2: judges.contains: case '*' (a.eval.yaml:4): unknown variable 'order': *",
        ),
        (
            "prompt: '{{ name }}'\nmodel: scripted/echo\njudges: [exact]",
            {"vars": {"nmae": "Ada"}},
            "a.eval.yaml:5: prompt: unknown variable 'name': this case has no such var. Did you mean 'nmae'[?]",
        ),
        (
            "prompt: Hello {{ name }}\nmodel: scripted/echo\njudges: [exact]",
            {"vars": {"name": "Ada", "nick": "A"}},
            "a.eval.yaml:5: vars.nick: unused variable 'nick': no prompt and no judge names it. What is only a note*",
        ),
        (
            "model: scripted/echo\njudges: [exact]",
            {"expected": "x"},
            "a.eval.yaml:4: nothing to ask: the case has no 'input' and the eval file no 'prompt'",
        ),
        (
            "prompt: gone.md\nmodel: scripted/echo\njudges: [exact]",
            {"input": "x"},
            "a.eval.yaml:1: prompt: 'gone.md': no such file (gone.md)*",
        ),
        (
            "model: scripted/echo\njudges: [{exact: {weight: 0}}]",
            {"input": "x"},
            "a.eval.yaml:4: all judges have weight 0, so the case has no score: give one of them a weight",
        ),
    ],
)
def test_what_cannot_run_is_an_error_at_collection(
    project: EvalProject, head: str, row: dict[str, object], message: str
) -> None:
    project.write_cases("a.eval.yaml", [row], head=head + "\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (
            "exact",
            "a.eval.yaml:4: judge 'exact' has nothing to compare with; give a value or add `expected` to the case",
        ),
        (
            "{python: 'my_checks_app:gone'}",
            "a.eval.yaml:2: judges.python: 'my_checks_app:gone': module 'my_checks_app' has*",
        ),
    ],
)
def test_what_a_judge_lacks_is_said_before_anything_is_paid(project: EvalProject, judge: str, message: str) -> None:
    project.write("my_checks_app.py", "def there(): return True\n")
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x"}], head=f"model: scripted/echo\njudges: [{judge}]\n")

    project.run().stdout.fnmatch_lines([message])


def test_a_judges_function_is_found_beside_the_file_that_names_it(project: EvalProject) -> None:
    project.write("evals/beside_checks_app.py", "def good(output): return output == 'x'\n")
    project.write("evals/deep/more.yaml", '[{"id": "a", "output": "x"}]\n')
    project.write("evals/a.eval.yaml", "judges: [{python: beside_checks_app:good}]\ncases: [{file: deep/more.yaml}]\n")

    project.run().assert_outcomes(passed=1)


def test_a_wrong_model_option_is_not_blamed_on_a_file(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}])

    project.run("--evals-model=gpt-5").stdout.fnmatch_lines(
        ["evals_model: unknown provider 'gpt-5' in model 'gpt-5'. Write it as provider/model: 'openai/gpt-5'[?]"]
    )


def test_an_input_that_nobody_asks_is_an_error(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        [{"id": "a", "input": "x", "expected": "x"}],
        head="prompt: I forgot the question\nmodel: scripted/echo\njudges: [exact]\n",
    )

    project.run().stdout.fnmatch_lines(
        ["a.eval.yaml:5: unused input: no prompt and no judge names {{ input }}, so it would not be asked"]
    )


def test_a_reducer_needs_its_trials(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        [{"id": "a", "input": "x", "expected": "x"}],
        head="model: scripted/echo\njudges: [exact]\ntrials: 3\nreducer: pass@3\n",
    )

    project.run("--evals-trials=2").stdout.fnmatch_lines(
        ["a.eval.yaml:6: reducer pass@3 needs at least 3 trials; this case has 2"]
    )


def test_a_broken_file_does_not_hide_the_others(project: EvalProject) -> None:
    project.write("a.eval.yaml", "cases: 7\n")
    project.write_cases("b.eval.yaml", [{"id": "b", "input": "x", "expected": "x"}])

    project.run("--continue-on-collection-errors").assert_outcomes(passed=1, errors=1)


def test_many_problems_are_counted_not_printed(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": f"c{number}", "inptu": "x"} for number in range(60)])

    result = project.run()

    result.stdout.fnmatch_lines(["... and * more"])


def test_a_file_in_a_loop_of_folders_is_collected_once(project: EvalProject) -> None:
    project.write_cases("evals/a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}])
    (project.path / "evals/loop").symlink_to(project.path / "evals")

    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--evals-concurrency=no",), "*--evals-concurrency: 'no' is not a whole number.*"),
        (("--evals-default=skp",), "*--evals-default: 'skp' is none of: run, skip. Did you mean 'skip'?*"),
    ],
)
def test_a_bad_setting_is_a_usage_error(project: EvalProject, arguments: tuple[str, ...], message: str) -> None:
    result = project.run(*arguments)

    assert result.ret == 4
    result.stderr.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("evals_concurrency = no", "*evals_concurrency: *takes a whole number.*"),
        ("evals_concurrency = 0", "*evals_concurrency: 0 is too small; the smallest is 1.*"),
    ],
)
def test_a_bad_ini_value_is_a_usage_error(project: EvalProject, ini: str, message: str) -> None:
    project.write("pytest.ini", f"[pytest]\n{ini}\n")

    result = project.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines([message])

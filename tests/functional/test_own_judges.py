"""@judge and @provider: functions of the user's as judges and models."""

from __future__ import annotations

import pytest

from tests.support.project import EvalProject

POLITE = """
    import pytest_promptevals


    @pytest_promptevals.judge(shorthand="words")
    def polite(output, words: list[str], least: int = 1):
        found = sum(word in output.lower() for word in words)
        return {"passed": found >= least, "explanation": f"{found} polite words, at least {least} wanted"}
"""
CASES = [{"id": "thanks", "input": "Thank you!"}, {"id": "rude", "input": "No."}]
HEAD = """
    model: scripted/echo
    judges:
      - polite: [thank, please]
"""


@pytest.fixture
def polite(project: EvalProject) -> EvalProject:
    project.write("conftest.py", POLITE)
    project.write_cases("evals/a.eval.yaml", CASES, head=HEAD)
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_function_in_the_conftest_judges_under_its_name(polite: EvalProject, extra: tuple[str, ...]) -> None:
    result = polite.run(*extra)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["polite failed, score 0.00: 0 polite words, at least 1 wanted"])


def test_an_installed_plugin_may_have_it_too(polite: EvalProject) -> None:
    (polite.path / "conftest.py").rename(polite.path / "politeness.py")
    polite.pytester.syspathinsert()

    polite.run("-p", "politeness").assert_outcomes(passed=1, failed=1)


def test_a_function_that_a_conftest_imports_counts_and_counts_once(polite: EvalProject) -> None:
    (polite.path / "conftest.py").rename(polite.path / "politeness.py")
    polite.pytester.syspathinsert()
    for name in ("conftest.py", "evals/conftest.py"):
        polite.write(name, "from politeness import polite\n")

    polite.run().assert_outcomes(passed=1, failed=1)


def test_a_conftest_counts_only_for_what_is_below_it(polite: EvalProject) -> None:
    polite.write_cases("other/a.eval.yaml", CASES, head=HEAD)
    (polite.path / "conftest.py").rename(polite.path / "evals/conftest.py")

    result = polite.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["other/a.eval.yaml:3: judges.polite: unknown judge 'polite'.*"])


def test_two_folders_may_each_have_their_own_judge_of_one_name(polite: EvalProject) -> None:
    polite.write_cases("other/a.eval.yaml", CASES, head="model: scripted/echo\njudges: [polite]\n")
    (polite.path / "conftest.py").rename(polite.path / "evals/conftest.py")
    polite.write(
        "other/conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.judge
        def polite(output):
            return True
        """,
    )

    polite.run().assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize(
    ("judges", "problem"),
    [
        ("polite", "words: is missing"),
        ("{polite: thank}", 'words: must be a list, not "thank"'),
        ("{polite: {words: [1]}}", "words[[]0]: must be a text, not 1; put it into quotes"),
        ("{polite: {words: [a], least: some}}", 'least: must be a whole number, not "some"'),
        ("{polite: {words: [a], last: 1}}", "last: unknown parameter. Did you mean 'least'?"),
    ],
)
def test_wrong_parameters_are_told_with_their_place(polite: EvalProject, judges: str, problem: str) -> None:
    polite.write_cases("evals/a.eval.yaml", CASES, head=f"model: scripted/echo\njudges:\n  - {judges}\n")

    result = polite.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"evals/a.eval.yaml:3: judges.polite: {problem}"])


def test_templates_fill_in_numbers(polite: EvalProject) -> None:
    cases = [{"id": "thanks", "input": "Thank you!", "vars": {"least": "2"}}]
    head = "model: scripted/echo\njudges:\n  - polite: {words: [thank, you], least: '{{ least }}'}\n"
    polite.write_cases("evals/a.eval.yaml", cases, head=head)

    polite.run().assert_outcomes(passed=1)


def test_problems_of_functions_are_told_with_their_places_all_at_once(polite: EvalProject) -> None:
    polite.write(
        "conftest.py",
        """
        import pytest_promptevals


        @pytest_promptevals.judge
        def polite(output, words):
            return True


        @pytest_promptevals.judge(name="exact")
        def same(output):
            return True


        @pytest_promptevals.provider("openai")
        def model(prompt):
            return prompt
        """,
    )

    result = polite.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "conftest.py:4: function 'polite': parameter 'words' has no type; write 'words: str', say. Without*",
            "conftest.py:9: function 'same': there is another judge named 'exact'; choose another name",
            "conftest.py:14: function 'model': there is another provider named 'openai'; choose another name",
        ],
        consecutive=True,
    )


def test_marked_functions_hear_of_the_problems_as_well(polite: EvalProject) -> None:
    polite.write("conftest.py", POLITE.replace("words: list[str]", "words"))
    polite.write("cases.jsonl", '{"id": "a", "input": "x"}\n')
    polite.write(
        "test_app.py",
        """
        import pytest

        @pytest.mark.evals("cases.jsonl")
        def test_app(case, evals):
            pass
        """,
    )

    polite.run("test_app.py").stdout.fnmatch_lines(
        ["*conftest.py:4: function 'polite': parameter 'words' has no type*"]
    )


def test_a_judge_that_asks_is_of_level_2(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals
        from pytest_promptevals import Message


        @pytest_promptevals.judge(threshold=0.5)
        async def asked(output, ask, model: str = "scripted/echo"):
            answer = await ask(model, [Message("user", "0.75")], {})
            return float(answer.text)
        """,
    )
    project.write_cases("a.eval.yaml", CASES, head="model: scripted/echo\njudges: [asked]\n")

    project.run().assert_outcomes(passed=2)
    project.run("--evals-level=1").assert_outcomes(skipped=2)


def test_what_a_judge_raises_is_an_error_of_the_case(polite: EvalProject) -> None:
    polite.write(
        "conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.judge(shorthand="words")
        def polite(output, words: list[str]):
            raise LookupError("no such word")
        """,
    )

    result = polite.run()

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["*evals/a.eval.yaml:3: judge 'polite': 'conftest:polite' raised LookupError: no such word at conftest.py:5*"]
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_function_is_a_model(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals


        @pytest_promptevals.provider("acme")
        async def acme(messages, model, parameters, options):
            return f"{model}: {messages[-1]['content']} {parameters['temperature']} {options.get('mark', '')}"
        """,
    )
    head = """
        model: [acme/loud, local/loud]
        parameters: {temperature: 0}
        providers: {local: {type: acme, mark: "!"}}
        judges: [{contains: "loud: hi 0"}]
    """
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "hi"}], head=head)

    project.run(*extra).assert_outcomes(passed=2)


def test_a_model_that_takes_no_options_refuses_them(project: EvalProject) -> None:
    project.write(
        "conftest.py",
        """
        import pytest_promptevals

        @pytest_promptevals.provider("acme")
        def acme(prompt):
            raise RuntimeError("down") if "hi" in prompt else None
        """,
    )
    head = """
        model: [acme/m, local/m]
        providers: {local: {type: acme, mark: "!"}}
        judges: [{contains: x}]
    """
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "hi"}], head=head)

    result = project.run()

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines_random(
        ["*'acme' raised RuntimeError: down at conftest.py:5*", "*local*unknown option 'mark'*"]
    )


def test_a_decorated_function_is_still_a_function(project: EvalProject) -> None:
    project.write("conftest.py", POLITE)
    project.write(
        "test_polite.py",
        """
        from conftest import polite

        def test_polite():
            assert polite("thank you", ["thank"])["passed"]
        """,
    )

    project.run().assert_outcomes(passed=1)

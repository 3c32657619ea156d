"""``--evals-flaky``: failures of cases that the history knows to be flaky."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.support.project import EvalProject

COIN = """
    from pathlib import Path

    def answer(input):
        return Path(__file__).with_name("reply.txt").read_text(encoding="utf-8").strip()
"""
LABEL = "flaky: passed 4 of 6 earlier trials, 30 % to 90 %"


def flip(project: EvalProject, replies: str, *arguments: str) -> pytest.RunResult:
    """Run the project once for each letter: ``g`` makes the model say what is expected, ``b`` something else."""
    results: list[pytest.RunResult] = []
    for letter in replies:
        project.write("reply.txt", "good" if letter == "g" else "bad")
        results.append(project.run(*arguments))
    return results[-1]


@pytest.fixture
def coin(project: EvalProject) -> EvalProject:
    """A project with one case, whose model has answered well in four of six trials."""
    project.write("coin.py", COIN)
    cases = [{"id": "c1", "input": "x", "expected": "good"}]
    project.write_cases("a.eval.yaml", cases, head="model: python/coin:answer\njudges: [exact]\n")
    flip(project, "gbggbg")
    return project


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_failure_of_a_flaky_case_says_how_often_it_passed(coin: EvalProject, extra: tuple[str, ...]) -> None:
    result = flip(coin, "b", "-rf", "--junitxml=report.xml", *extra)

    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{LABEL}; exact failed, score 0.00*", f"FAILED a.eval.yaml::c1 - {LABEL}; e*"])
    properties = {item.get("name"): item.get("value") for item in ET.parse(coin.path / "report.xml").iter("property")}  # noqa: S314 - written by the line above
    assert properties["flaky"] == LABEL.removeprefix("flaky: ")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_flaky_case_in_quarantine_fails_no_test_but_counts_in_the_gates(
    coin: EvalProject, extra: tuple[str, ...]
) -> None:
    result = flip(coin, "b", "--evals-flaky=quarantine", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "1 case below its thresholds, let through:",
            "  a.eval.yaml::c1  quarantined as flaky: passed 4 of 6 earlier trials, 30 % to",
            "    90 %; exact failed, score 0.00 (was 1.00): expected*",
            "a.eval.yaml      1       0  0.000 *",
        ]
    )
    coin.write_cases(
        "a.eval.yaml",
        [{"id": "c1", "input": "x", "expected": "good"}],
        head="model: python/coin:answer\njudges: [exact]\ngate: {min_pass_rate: 0.5}\n",
    )
    gated = flip(coin, "b", "--evals-flaky=quarantine", "-rf", *extra)
    assert gated.ret == 1
    gated.stdout.fnmatch_lines(["FAILED a.eval.yaml::gate[[]min_pass_rate[]]*"])


def test_off_says_nothing_of_flakiness(coin: EvalProject) -> None:
    result = flip(coin, "b", "--evals-flaky=off")

    assert result.ret == 1
    result.stdout.no_fnmatch_line("*flaky: *")


def test_a_wrong_mode_is_told_the_right_ones(coin: EvalProject) -> None:
    result = coin.run("--evals-flaky=quarantin")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --evals-flaky: 'quarantin' is none of: report, quarantine, off. Did you mean 'quarantine'?",
        ]
    )


def test_answers_from_the_cache_say_nothing_of_flakiness(project: EvalProject) -> None:
    script = "providers: {scripted: {script: [{reply: good}]}}\n"
    cases = [{"id": "c1", "input": "x", "expected": "good"}]
    head = "model: scripted/m\njudges: [exact]\n"
    project.write_cases("a.eval.yaml", cases, head=head + script)
    for _ in range(6):
        project.run("--evals-cache=use")
    project.write_cases("a.eval.yaml", [{**cases[0], "expected": "other"}], head=head + script)

    project.run().stdout.no_fnmatch_line("*flaky: *")


def test_a_change_of_the_prompt_takes_a_case_out_of_quarantine_and_says_that_it_was_flaky(coin: EvalProject) -> None:
    cases = [{"id": "c1", "input": "x", "expected": "good"}]
    head = "prompt: 'Now: {{ input }}'\nmodel: python/coin:answer\njudges: [exact]\n"
    coin.write_cases("a.eval.yaml", cases, head=head)

    result = flip(coin, "b", "--evals-flaky=quarantine")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["flaky: passed 4 of 6 earlier trials before the change, 30 % to 90 %; exact failed*"])


def test_outputs_that_stand_in_the_file_are_never_flaky(project: EvalProject) -> None:
    results: list[pytest.RunResult] = []
    for letter in "gbgbgbb":
        output = {"g": "good", "b": "bad"}[letter]
        cases = [{"id": "c1", "input": "x", "expected": "good", "output": output}]
        project.write_cases("a.eval.yaml", cases, head="judges: [exact]\n")
        results.append(project.run())

    result = results[-1]
    assert result.ret == 1
    result.stdout.no_fnmatch_line("*flaky: *")


def test_a_test_function_is_reported_as_flaky_and_never_quarantined(project: EvalProject) -> None:
    project.write("d.eval.jsonl", '{"id": "c1", "input": "x", "expected": "good"}\n')
    project.write("evals.yaml", "judges: [exact]\n")
    project.write(
        "test_app.py",
        """
        import pytest
        from pathlib import Path

        @pytest.mark.evals("d.eval.jsonl")
        def test_app(case, evals):
            evals.judge(Path("reply.txt").read_text(encoding="utf-8").strip())
        """,
    )
    flip(project, "gbggbg")

    result = flip(project, "b", "--evals-flaky=quarantine")

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"{LABEL}; *"])


def test_a_case_that_is_expected_to_fail_is_no_matter_of_quarantine(coin: EvalProject) -> None:
    cases = [{"id": "c1", "input": "x", "expected": "good", "xfail": "some day"}]
    coin.write_cases("a.eval.yaml", cases, head="model: python/coin:answer\njudges: [exact]\n")

    flip(coin, "b", "--evals-flaky=quarantine").assert_outcomes(xfailed=1)


def test_without_a_history_nothing_is_flaky(coin: EvalProject) -> None:
    result = flip(coin, "b", "--evals-history=off")

    assert result.ret == 1
    result.stdout.no_fnmatch_line("*flaky: *")

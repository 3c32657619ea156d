"""What a case's result means to pytest: passed, failed, error, skipped, xfailed, below."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.support.project import EvalProject

SCRIPT = """
    providers:
      scripted:
        script:
          - {match: broken, error: the server is down}
          - {match: slow, reply: late, latency: 5}
          - {match: 'say (?P<word>\\w+)', reply: '\\g<word>'}
    model: scripted/m
"""
NO_LATENCY = """
    from pytest_promptevals import Response

    class Quiet:
        def __init__(self, context): ...
        async def complete(self, request): return Response("x")
        async def close(self): ...

    def pytest_promptevals_providers():
        return {"quiet": Quiet}
"""


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_low_score_is_a_failure_and_a_provider_that_is_down_an_error(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    project.write("evals.yaml", SCRIPT + "    judges: [exact]\n")
    project.write_cases(
        "a.eval.yaml",
        [
            {"id": "right", "input": "say yes", "expected": "yes"},
            {"id": "wrong", "input": "say no", "expected": "yes"},
            {"id": "down", "input": "broken", "expected": "x"},
        ],
        head="",
    )

    result = project.run("--junitxml=report.xml", *extra)

    result.assert_outcomes(passed=1, failed=1, errors=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of down*", "provider error: the server is down*", "", "a.eval.yaml:4", "*FAILURES*"]
    )
    result.stdout.fnmatch_lines(["ERROR a.eval.yaml::down - provider error: the server is down*"])
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::wrong - exact failed, score 0.00*"])
    suite = ET.parse(project.path / "report.xml").getroot()[0]  # noqa: S314 - written by the line above
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")


def test_an_error_never_counts_as_a_score(project: EvalProject) -> None:
    project.write("evals.yaml", SCRIPT + "    judges: [exact]\n")
    project.write_cases(
        "a.eval.yaml",
        [{"id": "right", "input": "say yes", "expected": "yes"}, {"id": "down", "input": "broken", "expected": "x"}],
        head="",
    )

    project.run().stdout.fnmatch_lines(["a.eval.yaml *2 *1 *1 *1.000*"])


def test_a_call_that_takes_too_long_is_an_error(project: EvalProject) -> None:
    project.write("evals.yaml", SCRIPT + "    judges: [exact]\n    timeout: 0.1\n")
    project.write_cases("a.eval.yaml", [{"id": "slow", "input": "slow", "expected": "late"}], head="")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["timeout error: scripted/m: no answer within 0.1 s. Raise 'timeout' in the eval file, or --evals-timeout, if*"]
    )


def test_a_judge_that_cannot_judge_is_an_error(project: EvalProject) -> None:
    head = "model: quiet/m\njudges: [{latency: 1}]\n"
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x"}], head=head)
    project.write("conftest.py", NO_LATENCY)

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["judge error: *latency*"])


def test_skipped_and_expected_failures(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        [
            {"id": "s1", "input": "a", "expected": "a", "skip": "not today"},
            {"id": "s2", "input": "a", "expected": "a", "skip": True},
            {"id": "x1", "input": "a", "expected": "b", "xfail": "known"},
            {"id": "x2", "input": "a", "expected": "a", "xfail": True},
            {"id": "no", "input": "a", "expected": "a", "skip": False, "xfail": False},
        ],
    )

    result = project.run("-rsx")

    result.assert_outcomes(passed=1, skipped=2, xfailed=1, xpassed=1)
    result.stdout.fnmatch_lines(["SKIPPED*not today", "SKIPPED*skipped in the dataset"])
    result.stdout.fnmatch_lines(["XFAIL a.eval.yaml::x1 - known*"])


def test_a_provider_that_is_down_is_no_expected_failure(project: EvalProject) -> None:
    project.write("evals.yaml", SCRIPT + "    judges: [exact]\n")
    project.write_cases("a.eval.yaml", [{"id": "down", "input": "broken", "expected": "x", "xfail": "known"}], head="")

    project.run().assert_outcomes(errors=1)


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_policy_gate_lets_failing_cases_through_in_a_category_of_their_own(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    project.write_cases(
        "a.eval.yaml",
        [{"id": "right", "input": "a", "expected": "a"}, {"id": "wrong", "input": "a", "expected": "b"}],
        head="model: scripted/echo\njudges: [exact]\ncase_policy: gate\n",
    )

    result = project.run("-v", *extra)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*a.eval.yaml::wrong*BELOW*" if not extra else "*BELOW*a.eval.yaml::wrong*"])
    result.stdout.fnmatch_lines(["*1 passed, 1 below in*"])
    result.stdout.fnmatch_lines(
        ["1 case below its thresholds, let through:", "  a.eval.yaml::wrong  exact failed, score*"]
    )
    result.stdout.fnmatch_lines(["    answered", "        a"])
    assert ".b" in project.run().stdout.str()


def test_policy_ratchet_fails_only_what_the_baseline_passed(project: EvalProject) -> None:
    head = "model: scripted/echo\njudges: [exact]\ncase_policy: ratchet\ngate: {max_drop: 1}\n"
    rows = [{"id": "good", "input": "a", "expected": "a"}, {"id": "bad", "input": "a", "expected": "b"}]
    project.write_cases("a.eval.yaml", rows, head=head)
    project.run("--evals-save-baseline")
    # The output is recorded now, so that the answers change and the cases do not.
    changed = [row | {"output": "other"} for row in rows]
    project.write_cases("a.eval.yaml", [*changed, {"id": "new", "input": "a", "expected": "b"}], head=head)

    result = project.run("-rf")

    result.stdout.fnmatch_lines(
        ["FAILED a.eval.yaml::good - exact failed, score 0.00 (was 1.00)*", "*1 failed*2 below*"]
    )
    assert result.ret == 1


def test_an_expected_failure_stays_one_whatever_the_policy(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        [{"id": "a", "input": "a", "expected": "b", "xfail": "known"}],
        head="model: scripted/echo\njudges: [exact]\ncase_policy: gate\n",
    )

    project.run().assert_outcomes(xfailed=1)


def test_a_ratchet_does_not_hold_an_edited_case_to_its_old_result(project: EvalProject) -> None:
    head = "judges: [exact]\ncase_policy: ratchet\n"
    row = {"id": "a", "input": "x", "expected": "good", "output": "good"}
    project.write_cases("a.eval.yaml", [row], head=head)
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", [row | {"input": "edited", "output": "bad"}], head=head)

    result = project.run()

    assert result.ret == 0
    assert "1 below" in result.stdout.str()


def test_a_recorded_output_needs_no_prompt(project: EvalProject) -> None:
    project.write_cases(
        "a.eval.yaml",
        [{"id": "a", "output": "x", "expected": "x"}],
        head="prompt: Hello {{ name }}\nmodel: scripted/echo\njudges: [exact]\n",
    )

    project.run().assert_outcomes(passed=1)


def test_a_failure_reads_like_a_review(project: EvalProject) -> None:
    project.write("evals.yaml", SCRIPT + "    judges:\n      - exact\n      - contains: o\n    trials: 2\n")
    project.write_cases("a.eval.yaml", [{"id": "wrong", "input": "say no", "expected": "yes"}], head="")

    result = project.run()

    result.stdout.fnmatch_lines(
        [
            "exact failed, score 0.50: *",
            "",
            "asked (scripted/m)",
            "    say no",
            "answered (trial 1)",
            "    no",
            "expected",
            "    yes",
            "judges",
            "    FAIL exact     0.00 (needs 1.00)  *",
            "    ok   contains  1.00 (needs 1.00)",
            "trials",
            "    1: 0.50 FAIL  2: 0.50 FAIL",
            "",
            "a.eval.yaml:2",
        ],
        consecutive=True,
    )


def test_the_answer_of_the_baseline_is_shown_where_it_was_better(project: EvalProject) -> None:
    row = {"id": "a", "input": "x", "expected": "Alpha"}
    project.write_cases("a.eval.yaml", [row | {"output": "Alpha"}])
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", [row | {"output": "Beta"}])

    project.run().stdout.fnmatch_lines(["answered in the baseline, score 1.00 (recorded)", "    Alpha"])


def test_a_long_answer_is_shortened_unless_all_of_it_is_asked_for(project: EvalProject) -> None:
    text = "\n".join(f"line {number}" for number in range(40))
    project.write_cases("a.eval.yaml", [{"id": "a", "input": text, "expected": text + "!"}])

    assert "lines left out, -vv shows them" in project.run().stdout.str()
    assert "line 20" not in project.run().stdout.str()
    assert "line 20" in project.run("-vv").stdout.str()

"""``case_policy: ratchet``: what the baseline passes may not fail, and nothing slips back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.project import EvalProject

HEAD = "case_policy: ratchet\njudges: [exact]\n"


def answer(project: EvalProject, file: str = "a.eval.yaml", head: str = HEAD, **outputs: str) -> None:
    """Write an eval file of 20 cases; those that are not named were answered well."""
    cases: list[dict[str, Any]] = [
        {"id": name, "input": name, "expected": "good", "output": outputs.get(name, "good")}
        for name in (f"c{number}" for number in range(1, 21))
    ]
    project.write_cases(file, cases, head=head)


def in_one_line(result: pytest.RunResult) -> str:
    return " ".join(result.stdout.str().split())


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_suite_with_known_failures_is_green_and_never_slips_back(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    # At 85 %, and green.
    answer(project, c1="bad", c2="bad", c3="bad")
    assert project.run("--evals-save-baseline", *extra).ret == 0
    known = project.run(*extra)
    assert known.ret == 0
    known.stdout.fnmatch_lines(["3 cases below their thresholds, let through:"])
    known.stdout.fnmatch_lines(["  a.eval.yaml::c1  known failure: exact failed, score 0.00 (was 0.00)*"])
    assert "--evals-accept" not in known.stdout.str()

    # One that passed slips: red, although the mean score may fall by more.
    answer(project, c1="bad", c2="bad", c3="bad", c4="bad")
    slipped = project.run("-rf", *extra)
    assert slipped.ret == 1
    slipped.stdout.fnmatch_lines(["FAILED a.eval.yaml::c4 - exact failed, score 0.00 (was 1.00)*"])

    # One that failed is mended: offered, and until it is accepted it may slip back.
    answer(project, c1="bad", c3="bad")
    mended = project.run(*extra)
    assert mended.ret == 0
    mended.stdout.fnmatch_lines(
        [
            "1 known failure now passes: pytest --evals-accept c2 takes it into the baseline,",
            "  so that it may not slip back",
        ]
    )
    answer(project, c1="bad", c2="bad", c3="bad")
    assert project.run(*extra).ret == 0

    # Accepted, it may not.
    answer(project, c1="bad", c3="bad")
    assert project.run("--evals-accept", "c2", *extra).ret == 0
    answer(project, c1="bad", c2="bad", c3="bad")
    again = project.run("-rf", *extra)
    assert again.ret == 1
    again.stdout.fnmatch_lines(["FAILED a.eval.yaml::c2 - exact failed, score 0.00 (was 1.00)*"])


def test_several_that_were_mended_are_offered_in_one_command_that_works(project: EvalProject) -> None:
    files = ("a.eval.yaml", "b.eval.yaml")
    for file in files:
        answer(project, file, c1="bad", c2="bad")
    project.run("--evals-save-baseline")
    answer(project, "a.eval.yaml")
    answer(project, "b.eval.yaml", c1="bad")

    offer = in_one_line(project.run())

    assert (
        "3 known failures now pass: pytest --evals-accept 'c1 a.eval.yaml::c2 b.eval.yaml::c2' takes them into the "
        "baseline, so that they may not slip back"
    ) in offer
    assert project.run("--evals-accept", "c1 a.eval.yaml::c2 b.eval.yaml::c2").ret == 0
    assert "--evals-accept" not in project.run().stdout.str()


@pytest.mark.parametrize("policy", ["strict", "gate"])
def test_only_a_ratchet_offers_what_was_mended(project: EvalProject, policy: str) -> None:
    head = f"case_policy: {policy}\njudges: [exact]\n"
    answer(project, head=head, c1="bad")
    project.run("--evals-save-baseline")
    answer(project, head=head)

    assert "--evals-accept" not in project.run().stdout.str()


def test_nothing_is_offered_for_results_that_no_baseline_was_committed_for(project: EvalProject) -> None:
    answer(project, c1="bad")
    project.run()
    answer(project)

    assert "--evals-accept" not in project.run().stdout.str()


def test_a_ratchet_without_a_committed_baseline_is_told_what_it_lacks(project: EvalProject) -> None:
    answer(project)
    project.run()
    answer(project, c1="bad")

    slipped, again = project.run(), project.run()

    assert (slipped.ret, again.ret) == (1, 0)
    assert (
        "case_policy ratchet of a.eval.yaml: without a committed baseline, what failed now is a known failure to the "
        "next run; mend it, then pytest --evals-save-baseline writes one to commit"
    ) in in_one_line(slipped)
    assert "without a committed baseline" not in again.stdout.str()


def test_what_fails_in_a_run_with_a_drop_is_not_said_to_be_forgotten(project: EvalProject) -> None:
    answer(project)
    project.run()
    answer(project, c1="bad", c2="bad")

    strictly = ("--evals-max-drop=0.05", "--evals-on-inconclusive=fail")
    first, second = project.run(*strictly), project.run(*strictly)

    assert (first.ret, second.ret) == (1, 1)
    assert "inconclusive" in first.stdout.str()
    assert "known failure" not in in_one_line(first) + in_one_line(second)


def test_what_fails_in_a_run_with_a_drop_that_was_let_through_as_chance_is_said_to_be_forgotten(
    project: EvalProject,
) -> None:
    answer(project)
    project.run()
    answer(project, c1="bad", c2="bad")

    first, second = project.run("--evals-max-drop=0.05"), project.run("--evals-max-drop=0.05")

    assert (first.ret, second.ret) == (1, 0)
    assert "inconclusive" in first.stdout.str()
    assert "what failed now is a known failure to the next run" in in_one_line(first)


def test_where_the_baseline_cannot_be_read_nothing_is_called_new(project: EvalProject) -> None:
    answer(project)
    project.run("--evals-save-baseline")
    path = project.path / "baselines/a.eval.yaml.jsonl"
    path.write_text("<<<<<<< HEAD\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    answer(project, c1="bad")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["  a.eval.yaml::c1  the baseline cannot be read: exact failed, score 0.00:*"])
    assert "new, not" not in in_one_line(result)


def test_a_new_case_that_fails_is_no_known_failure(project: EvalProject) -> None:
    answer(project)
    project.run("--evals-save-baseline")
    answer(project, head=HEAD + "threshold: 0.5\n", c1="bad")
    project.write_cases("a.eval.yaml", [{"id": "new", "input": "new", "expected": "good", "output": "bad"}], head=HEAD)

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["  a.eval.yaml::new  new, not held to anything yet: exact failed, score 0.00:*"])


def test_the_ratchet_may_be_the_policy_of_the_whole_project(project: EvalProject) -> None:
    project.write("pytest.ini", "[pytest]\nevals_case_policy = ratchet\n")
    answer(project, head="judges: [exact]\n", c1="bad")
    assert project.run("--evals-save-baseline").ret == 0
    answer(project, head="judges: [exact]\n", c1="bad", c2="bad")

    project.run().assert_outcomes(failed=1, passed=19)


def test_an_edited_case_that_fails_is_called_edited_and_not_new(project: EvalProject) -> None:
    answer(project)
    project.run("--evals-save-baseline")
    edited = [{"id": "c1", "input": "edited ", "expected": "good", "output": "bad"}]
    project.write_cases("a.eval.yaml", edited, head=HEAD)

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "  a.eval.yaml::c1  edited since the baseline, not held to anything yet: exact",
            "    failed, score 0.00:*",
        ]
    )
    assert "new, not" not in in_one_line(result)

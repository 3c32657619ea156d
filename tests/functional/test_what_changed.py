"""A red verdict says what differs between the run and its baseline."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.support.project import EvalProject

SCRIPT = """
    providers:
      lamps:
        type: scripted
        script:
          - match: [order number, '(?P<order>[A-Z]-\\d+)']
            reply: Your order \\g<order> is on its way.
          - reply: It is on its way.
    judges: [contains]
"""
GOOD = "Be friendly. Name the order number.\n\nCustomer: {{ input }}\n"
POOR = "Be friendly.\n\nCustomer: {{ input }}\n"


def write(project: EvalProject, prompt: str, model: str = "lamps/small", **extra: Any) -> None:
    """Write a project of ten cases that pass with the good prompt."""
    project.write("evals.yaml", SCRIPT)
    project.write("support.md", prompt)
    cases = [{"id": f"c{n}", "input": f"Where is A-{n}?", "expected": f"A-{n}"} for n in range(10)]
    lines = "".join(f"{key}: {value}\n" for key, value in extra.items())
    project.write_cases("a.eval.yaml", cases, head=f"prompt: support.md\nmodel: {model}\n{lines}")


def git(project: EvalProject, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=project.path, check=True, capture_output=True)


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_red_verdict_shows_the_prompts_change_and_both_answers_of_the_worst_cases(
    project: EvalProject, extra: tuple[str, ...]
) -> None:
    write(project, GOOD, parameters="{temperature: 0}")
    project.run(*extra)
    write(project, POOR, "lamps/large", parameters="{temperature: 0.7}")

    result = project.run("--tb=no", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: what changed since the last results without a regression",
            "  prompt support: changed (10 cases)",
            "    - Be friendly. Name the order number.",
            "    + Be friendly.",
            "  model: lamps/small, now lamps/large (10 cases)",
            "  parameter temperature: 0, now 0.7",
            "  the 3 worst of 10 cases that now fail: answered before | now",
            "  c0  1.00 -> 0.00  a.eval.yaml:5",
            "    Your order A-0 is on its way.        | It is on its way.",
            "  c1  1.00 -> 0.00  a.eval.yaml:6",
            "    Your order A-1 is on its way.        | It is on its way.",
            "  c2  1.00 -> 0.00  a.eval.yaml:7",
            "    Your order A-2 is on its way.        | It is on its way.",
            "  -v shows more of them, and more of each",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*package *")


def test_v_shows_more_cases_and_q_shows_nothing(project: EvalProject) -> None:
    write(project, GOOD)
    project.run()
    write(project, POOR)

    project.run("-v", "--tb=no").stdout.fnmatch_lines(["    Your order A-9 is on its way.        | It is on its way."])
    project.run("-q", "--tb=no").stdout.no_fnmatch_line("*what changed*")


def test_a_verdict_that_cannot_tell_is_explained_too(project: EvalProject) -> None:
    project.write("evals.yaml", SCRIPT)
    project.write("support.md", GOOD)
    cases = [{"id": "c0", "input": "Where is A-0?", "expected": "A-0"}]
    head = "prompt: support.md\nmodel: lamps/small\ncase_policy: gate\n"
    project.write_cases("a.eval.yaml", cases, head=head)
    project.run()
    project.write("support.md", POOR)

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml [[]score[]] inconclusive: *",
            "a.eval.yaml: what changed since the last results without a regression",
            "  prompt support: changed (1 case)",
            "  1 case that now fails: answered before | now",
        ]
    )


def test_where_nothing_that_is_asked_changed_it_says_so(project: EvalProject) -> None:
    project.write(
        "model.py",
        """
        from pathlib import Path

        def answer(input):
            return Path("reply.txt").read_text(encoding="utf-8")
        """,
    )
    cases = [{"id": f"c{n}", "input": "x", "expected": "good"} for n in range(8)]
    project.write_cases("a.eval.yaml", cases, head="model: python/model:answer\njudges: [exact]\n")
    project.write("reply.txt", "good")
    project.run()
    project.write("reply.txt", "bad")

    project.run("--tb=no").stdout.fnmatch_lines(
        [
            "a.eval.yaml: what changed since the last results without a regression",
            "  nothing that is asked: prompt, model and parameters are the same, so this is",
            "    chance, or the model behind its name is another one; 'promptevals noise",
            "    a.eval.yaml' tells how much is chance",
        ],
        consecutive=True,
    )


def test_a_judge_with_another_threshold_is_named(project: EvalProject) -> None:
    write(project, GOOD)
    project.run()
    write(project, POOR)
    project.write("evals.yaml", SCRIPT.replace("[contains]", "[{contains: {threshold: 0.5}}]"))

    project.run("--tb=no").stdout.fnmatch_lines(["  judge contains: changed"])


def test_a_run_that_is_named_as_the_baseline_tells_what_it_was(project: EvalProject) -> None:
    write(project, GOOD)
    project.run()
    write(project, POOR)
    project.run()
    write(project, GOOD)
    project.run()
    write(project, POOR, "lamps/large")

    project.run("--tb=no", "--evals-baseline=latest").stdout.fnmatch_lines(
        [
            "a.eval.yaml: what changed since run 2*",
            "  prompt support: changed (10 cases)",
            "    - Be friendly. Name the order number.",
            "    + Be friendly.",
            "  model: lamps/small, now lamps/large (10 cases)",
        ]
    )


def test_without_a_history_git_has_the_prompt_of_the_committed_baseline(project: EvalProject) -> None:
    write(project, GOOD)
    git(project, "init", "-q")
    project.run("--evals-save-baseline", "--evals-history=off")
    git(project, "add", ".")
    git(project, "commit", "-qm", "baseline")
    write(project, POOR)
    git(project, "commit", "-qam", "shorter")

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: what changed since the baseline",
            "  prompt support: changed (10 cases)",
            "    - Be friendly. Name the order number.",
            "    + Be friendly.",
            "  the run of the baseline is not in the history, so its parameters, judges and",
            "    packages are not known",
        ]
    )


def test_without_history_and_git_the_prompt_is_said_to_have_changed(project: EvalProject) -> None:
    write(project, GOOD)
    project.run("--evals-save-baseline", "--evals-history=off")
    write(project, POOR)

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(["  prompt support: changed (10 cases); its earlier text is not known"])
    result.stdout.fnmatch_lines(["    Your order A-0 is on its way.        | It is on its way."])


def test_an_inline_prompt_is_not_looked_for_in_git(project: EvalProject) -> None:
    write(project, GOOD)
    git(project, "init", "-q")
    project.write_cases(
        "a.eval.yaml",
        [{"id": f"c{n}", "input": f"A-{n}", "expected": f"A-{n}"} for n in range(10)],
        head='prompt: "Name the order number {{ input }}"\nmodel: lamps/small\n',
    )
    project.run("--evals-save-baseline", "--evals-history=off")
    git(project, "add", ".")
    git(project, "commit", "-qm", "baseline")
    text = (project.path / "a.eval.yaml").read_text(encoding="utf-8")
    project.write("a.eval.yaml", text.replace("Name the order number", "Say"))

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(["  prompt: changed (10 cases); its earlier text is not known"])


def test_a_green_run_asks_the_history_nothing_for_it(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, GOOD)
    project.run()

    def refuse(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("pytest_promptevals.history.past.Past._ask", refuse)

    result = project.run()

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*what changed*")

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


@pytest.mark.parametrize("baseline", [(), ("--evals-baseline=latest",)])
def test_a_case_with_another_weight_is_named(project: EvalProject, baseline: tuple[str, ...]) -> None:
    head = "judges: [exact]\n"
    cases = [{"id": f"c{n}", "input": "x", "expected": "good", "output": "good"} for n in range(8)]
    project.write_cases("a.eval.yaml", cases, head=head)
    project.run()
    heavy = [{**case, "output": "bad"} | ({"weight": 5} if case["id"] == "c1" else {}) for case in cases]
    project.write_cases("a.eval.yaml", heavy, head=head)

    project.run("--tb=no", *baseline).stdout.fnmatch_lines(["  weights: c1 1, now 5; all means are by those of now"])


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
            "  the run of the baseline is not in the history, so its parameters are those",
            "    that git has, and its judges and packages are not known",
        ]
    )


def test_without_history_and_git_the_prompt_is_said_to_have_changed(project: EvalProject) -> None:
    write(project, GOOD)
    project.run("--evals-save-baseline", "--evals-history=off")
    write(project, POOR)

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(["  prompt support: changed (10 cases); its earlier text is not known"])
    result.stdout.fnmatch_lines(["    Your order A-0 is on its way.        | It is on its way."])


def commit_baseline(project: EvalProject) -> None:
    """Save a baseline and commit everything, as if in another checkout."""
    git(project, "init", "-q")
    project.run("--evals-save-baseline", "--evals-history=off").assert_outcomes(passed=10)
    git(project, "add", ".")
    git(project, "commit", "-qm", "baseline")


def test_git_has_an_inline_prompt_and_the_parameters_too(project: EvalProject) -> None:
    cases = [{"id": f"c{n}", "input": f"A-{n}", "expected": f"A-{n}"} for n in range(10)]
    head = 'prompt: "Name the order number {{ input }}"\nmodel: lamps/small\nparameters: {temperature: 0}\n'
    write(project, GOOD)
    project.write_cases("a.eval.yaml", cases, head=head)
    commit_baseline(project)
    head = head.replace("Name the order number", "Say").replace("temperature: 0", "temperature: 0.7")
    project.write_cases("a.eval.yaml", cases, head=head)

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(
        [
            "  prompt: changed (10 cases)",
            "    - Name the order number {{ input }}",
            "    + Say {{ input }}",
            "  parameter temperature: 0, now 0.7",
            "  the run of the baseline is not in the history, so its parameters are those",
            "    that git has, and its judges and packages are not known",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize("is_template_edited", [False, True], ids=["include alone", "both"])
def test_git_has_the_files_that_a_prompt_includes(project: EvalProject, is_template_edited: bool) -> None:
    write(project, "Be kind.\n{% include 'parts/rule.md' %}\n{% include 'parts/same.md' %}\n{{ input }}\n")
    project.write("parts/rule.md", "Name the order number.\n{% include 'deep.md' %}\n")
    project.write("parts/deep.md", "Smile.\n")
    project.write("parts/same.md", "Stay.\n")
    commit_baseline(project)
    project.write("parts/rule.md", "Be short.\n{% include 'deep.md' %}\n")
    if is_template_edited:
        text = (project.path / "support.md").read_text(encoding="utf-8")
        project.write("support.md", text.replace("Be kind.", "Be quick."))

    result = project.run("--tb=no", "--evals-history=off")

    edited = ["    - Be kind.", "    + Be quick.", "      {% include 'parts/rule.md' %}"] if is_template_edited else []
    result.stdout.fnmatch_lines(
        [
            "  prompt support: changed (10 cases)",
            *edited,
            "      parts/rule.md:",
            "    - Name the order number.",
            "    + Be short.",
            "      {% include 'deep.md' %}",
            "  the run of the baseline is not in the history, *",
        ],
        consecutive=True,
    )


def test_git_has_chat_messages_of_files_and_examples(project: EvalProject) -> None:
    write(project, GOOD)
    project.write("support.yaml", "- {role: system, content: parts/rule.md}\n- {role: user, content: '{{ input }}'}\n")
    project.write("parts/rule.md", "Name the order number.\n")
    project.write("shots.yaml", "- {user: Where is it?, assistant: Here.}\n")
    text = (project.path / "a.eval.yaml").read_text(encoding="utf-8")
    project.write("a.eval.yaml", "few_shot: shots.yaml\n" + text.replace("support.md", "support.yaml"))
    commit_baseline(project)
    project.write("parts/rule.md", "Be short.\n")
    project.write("shots.yaml", "- {user: Where is it?, assistant: There.}\n")

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(
        [
            "  prompt support: changed (10 cases)",
            "    - system: Name the order number.",
            "    + system: Be short.",
            "      user: {{ input }}",
            "      example: Where is it?",
            "    - answer: Here.",
            "    + answer: There.",
        ],
        consecutive=True,
    )


def test_what_git_has_is_shown_only_if_the_baseline_was_made_with_it(project: EvalProject) -> None:
    write(project, "Something else. {{ input }}\n")
    git(project, "init", "-q")
    git(project, "add", "support.md")
    git(project, "commit", "-qm", "prompt")
    write(project, GOOD)
    project.run("--evals-save-baseline", "--evals-history=off").assert_outcomes(passed=10)
    git(project, "add", "baselines", "a.eval.yaml", "evals.yaml")
    git(project, "commit", "-qm", "baseline without its prompt")
    write(project, POOR)

    result = project.run("--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(["  prompt support: changed (10 cases); its earlier text is not known"])


def test_where_all_cases_are_judged_otherwise_it_says_so_and_names_the_judge(project: EvalProject) -> None:
    write(project, GOOD)
    project.run("--evals-save-baseline")
    project.write("evals.yaml", SCRIPT.replace("[contains]", "[{contains: {weight: 2}}]"))
    write_gate = "gate: {missing_cases: fail}\n"
    text = (project.path / "a.eval.yaml").read_text(encoding="utf-8")
    project.write("a.eval.yaml", write_gate + text.replace('"c9"', '"d9"').replace("A-9", "B-9"))

    result = project.run("--tb=no")

    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: what changed since the baseline",
            "  judge contains: changed",
            "  cases: 1 new, 9 edited, 1 missing",
            "  no case is as the baseline has it, so there is none to compare",
        ],
        consecutive=True,
    )


def test_a_green_run_asks_the_history_nothing_for_it(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, GOOD)
    project.run()

    def refuse(*_: object) -> None:
        raise AssertionError("asked")

    for question in ("find_run", "file_of", "text_of", "weights_of", "prompt_of"):
        monkeypatch.setattr(f"pytest_promptevals.history.past.Past.{question}", refuse)

    result = project.run()

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*what changed*")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
@pytest.mark.parametrize("save", [(), ("--evals-save-baseline",)], ids=["history", "committed"])
def test_a_run_that_reused_all_results_invents_no_change(
    project: EvalProject, extra: tuple[str, ...], save: tuple[str, ...]
) -> None:
    write(project, GOOD, parameters="{temperature: 0}")
    project.run(*save)
    project.run("--evals-changed", *save, *extra)
    write(project, POOR, parameters="{temperature: 0}")

    result = project.run("--tb=no", *extra)

    result.stdout.fnmatch_lines(["  prompt support: changed (10 cases)"])
    result.stdout.no_fnmatch_line("*parameter *")
    result.stdout.no_fnmatch_line("*judge contains:*")

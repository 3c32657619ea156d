"""The summary on terminals of all kinds, from a verbose one to one that knows ASCII alone."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from tests.support.project import EvalProject

HEAD: Final = "case_policy: gate\njudges: [exact]\n"
COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")


def write(project: EvalProject, *outputs: str, file: str = "evals/a.eval.yaml", **extra: Any) -> None:
    """Write cases that expect "good" and were answered with those outputs."""
    cases = [
        {"id": f"c{number}", "input": "x", "expected": "good", "output": output, **extra}
        for number, output in enumerate(outputs, start=1)
    ]
    project.write_cases(file, cases, head=HEAD)


def run_three_times(project: EvalProject, **extra: Any) -> None:
    for good in (4, 3, 2):
        write(project, *["good"] * good, *["bad"] * (4 - good), **extra)
        project.run()


def test_from_the_third_run_on_the_table_has_a_trend(project: EvalProject) -> None:
    run_three_times(project)

    result = project.run()

    result.stdout.fnmatch_lines(["eval file * trend *", "evals/a.eval.yaml * █▅▁▁ *"])
    project.run("--evals-history", "off").stdout.no_fnmatch_line("eval file * trend *")
    project.run("-k", "c1").stdout.no_fnmatch_line("eval file * trend *")


def test_a_console_without_our_signs_is_shown_others(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    run_three_times(project)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    write(project, *["schlecht → größer …"] * 4, file="evals/größe.eval.yaml")

    project.run_process("-rA")
    result = project.run_process("-rA")

    written = (project.path / "stdout").read_bytes()
    assert written.isascii()
    assert b"?" not in written
    assert b"Traceback" not in written
    result.stdout.fnmatch_lines(
        ["eval file                    cases *", "evals/a.eval.yaml                4 * #=___ *"]
    )


def test_colours_are_left_out_where_they_are_not_wanted_and_the_words_are_the_same(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, *["good"] * 4)
    project.run()
    write(project, *["bad"] * 4)

    def summary(*arguments: str) -> list[str]:
        lines = project.run("--evals-history", "off", "--evals-baseline", "file", *arguments).outlines
        start = next(number for number, line in enumerate(lines) if "= evals =" in line)
        return lines[start:-1]

    coloured = summary("--color=yes")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = summary()

    assert any("\x1b[33mno baseline" in line or COLOUR.search(line) for line in coloured)
    assert not any(COLOUR.search(line) for line in plain)
    assert [COLOUR.sub("", line) for line in coloured] == plain


def test_a_quiet_run_has_one_line_an_eval_file_and_a_quieter_one_only_failures(project: EvalProject) -> None:
    write(project, *["good"] * 4)
    write(project, *["good"] * 12, file="evals/b.eval.yaml")
    project.run("--evals-save-baseline")
    write(project, *["bad"] * 12, file="evals/b.eval.yaml")

    quiet, quieter = project.run("-q", "--tb=no").outlines, project.run("-qq", "--tb=no").outlines

    red = "evals/b.eval.yaml  regressed [score]  1.000 -> 0.000  0 of 12 passed"
    assert [line for line in quiet if line.startswith("evals/")] == [
        "evals/a.eval.yaml  passed             1.000 -> 1.000  4 of 4 passed",
        red,
    ]
    assert [line for line in quieter if line.startswith("evals/")] == [red]


def test_a_verbose_run_shows_each_case_before_and_now(project: EvalProject) -> None:
    write(project, "good", "bad")
    project.run("--evals-save-baseline")
    write(project, "bad", "bad", "good")

    project.run("-v").stdout.fnmatch_lines(
        [
            "  c1  1.00 -> 0.00  now fails  evals/a.eval.yaml:4",
            "  c3  none -> 1.00  evals/a.eval.yaml:6",
            "  c2  0.00 -> 0.00  evals/a.eval.yaml:5",
        ]
    )

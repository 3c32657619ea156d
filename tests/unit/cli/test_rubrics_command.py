"""``promptevals rubrics``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.judges.model.rubrics import library
from tests.support.wide_terminal import WIDE

EVALS = """\
model: scripted/echo
prompt: "Answer in one sentence. {{ input }}"
judges: [exact]
cases:
  - {id: late, input: Where is my order?, expected: On Friday.}
  - {id: told, input: When?, expected: On Friday., output: On Friday.}
"""
OWN = """\
id: brevity
version: 2
category: own
summary: The answer is short.
criteria: Is it short?
scale: {anchors: [{value: 1, means: long}, {value: 5, means: short}]}
variables: [output]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / "a.eval.yaml").write_text(EVALS, encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["rubrics", *arguments], env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output


def test_the_library_is_listed() -> None:
    lines = run("list").splitlines()
    assert [line.split()[0] for line in lines if line and line[0] != " "] == list(library())
    start = lines.index("tone (conduct), needs input, output")
    assert lines[start : start + 3] == [
        "tone (conduct), needs input, output",
        f"    {library()['tone'].summary}",
        f"    also: {', '.join(library()['tone'].aliases)}",
    ]


@pytest.mark.parametrize("arguments", [("list",), *(("show", name) for name in library())])
def test_what_is_shown_fits_80_columns_but_for_addresses(arguments: tuple[str, ...]) -> None:
    assert [line for line in run(*arguments).splitlines() if len(line) > 80 and "https://" not in line] == []


def test_a_rubric_is_shown_with_all_that_it_holds() -> None:
    shown = run("show", "closed qa")
    assert shown.startswith("closed_question_answering@1 (truth): The response gives the answer")
    for part in (
        "also: closed qa,",
        "needs: input, output, expected\n",
        "case has it: context\n",
        "https://github.com/",
    ):
        assert part in shown
    assert "dimension" not in shown
    assert "dimension    " in run("show", "tone")


def test_a_rubric_of_ones_own_is_shown() -> None:
    assert run("show", "own.yaml").splitlines() == [
        "brevity@2 (own): The answer is short.",
        "needs: output",
        "",
        "Is it short?",
        "",
        "scale    meaning",
        "-------  ---------",
        "1        long",
        "5        short",
    ]


def test_what_a_judge_model_is_sent_is_rendered() -> None:
    sent = run("render", "helpfulness", "--file", "a.eval.yaml", "--case", "late")
    assert sent.startswith("--- system\nYou are an impartial judge")
    assert "--- user\n<<<QUESTION " in sent
    assert ">>>\nAnswer in one sentence. Where is my order?\n<<<END" in sent
    assert "(The model's response will stand here.)" in sent


def test_a_recorded_output_is_rendered_as_the_response() -> None:
    sent = run("render", "It is short.", "--file", "a.eval.yaml", "--case", "told")
    assert ">>>\nOn Friday.\n<<<END OF RESPONSE" in sent
    assert "## Criteria\n\nIt is short.\n" in sent


def test_variables_of_the_case_are_filled_into_criteria() -> None:
    sent = run("render", "It says {{ expected }} or {{ input }}", "--file", "a.eval.yaml", "--case", "late")
    assert "## Criteria\n\nIt says On Friday. or Where is my order?\n" in sent


def test_a_file_is_rendered_as_the_rubric_judge_reads_it() -> None:
    sent = run("render", "own.yaml", "--file", "a.eval.yaml", "--case", "late")
    assert "## Criteria\n\nIs it short?\n" in sent


def test_a_file_is_looked_up_as_the_eval_file_would_beside_it_and_then_in_the_rootdir(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evals = folder / "evals"
    evals.mkdir()
    (evals / "b.eval.yaml").write_text(EVALS, encoding="utf-8")
    monkeypatch.chdir(evals)
    assert "\n\nIs it short?\n" in run("render", "own.yaml", "--file", "b.eval.yaml", "--case", "late")

    (evals / "own.yaml").write_text(OWN.replace("Is it short?", "Is it brief?"), encoding="utf-8")
    assert "\n\nIs it brief?\n" in run("render", "own.yaml", "--file", "b.eval.yaml", "--case", "late")


def test_one_dimension_is_counted_as_one(folder: Path) -> None:
    (folder / "own.yaml").write_text(f"{OWN}dimensions: [{{id: words, question: Few words?}}]\n", encoding="utf-8")
    assert run("validate", "own.yaml") == "own.yaml: brevity@2, 1 dimension, needs output\n"


def test_an_eval_file_without_a_prompt_asks_its_input(folder: Path) -> None:
    (folder / "a.eval.yaml").write_text(EVALS.replace("prompt:", "description:"), encoding="utf-8")
    assert ">>>\nWhere is my order?\n<<<END" in run("render", "tone", "--file", "a.eval.yaml", "--case", "late")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("show", "tonne"),
            (
                "Error: there is no rubric 'tonne'. Did you mean 'tone'? A rubric of your own is shown by the name of "
                "its file, such as rubrics/own.yaml.\n"
            ),
        ),
        (
            ("render", "polite", "--file", "a.eval.yaml", "--case", "late"),
            "Error: there is no rubric 'polite'. Did you",
        ),
        (
            ("render", "It is {{ thng }}.", "--file", "a.eval.yaml", "--case", "late"),
            "Error: unknown variable 'thng': this case has no such var. Known: expected, input.",
        ),
        (
            ("render", "tone", "--file", "a.eval.yaml", "--case", "lat"),
            "Error: a.eval.yaml has no case 'lat'. Did you mean 'late'?",
        ),
        (("show", "no such thing"), "Error: there is no rubric 'no such thing'. Known: closed_question_answering, "),
        (("show", "no.yaml"), "Error: no.yaml: there is no such file; create it, or correct its name"),
        (("render", "tone", "--file", "a.eval.yaml", "--case", "b"), "Error: a.eval.yaml has no case 'b'"),
        (("render", "tone", "--file", "no.eval.yaml", "--case", "b"), "Error: no.eval.yaml: there is no such file"),
        (
            ("render", "faithfulness", "--file", "a.eval.yaml", "--case", "late"),
            "Error: the rubric 'faithfulness' needs 'context', which the case does not have; add it",
        ),
    ],
)
def test_what_cannot_be_shown_is_said(arguments: tuple[str, ...], problem: str) -> None:
    assert run(*arguments, status=1).startswith(problem)


def test_files_are_validated(folder: Path) -> None:
    assert run("validate", "own.yaml") == "own.yaml: brevity@2, 0 dimensions, needs output\n"
    (folder / "bad.yaml").write_text(OWN.replace("version: 2", "version: two"), encoding="utf-8")
    assert run("validate", "bad.yaml", "own.yaml", status=1).splitlines() == [
        'bad.yaml:2: version: must be a whole number, not "two"',
        "own.yaml: brevity@2, 0 dimensions, needs output",
    ]

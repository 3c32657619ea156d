"""What git has of an eval file and its prompts at a commit."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_promptevals.records.contents import ContentKind, make_content
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.reports.committed import CommittedFiles

FILE = "evals/a.eval.yaml"
CASES = "cases: [{id: a, input: x, expected: x}]\n"


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def commit(folder: Path, files: Mapping[str, str]) -> CommittedFiles:
    """Commit files, and delete them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["rm", "-rq", "."]):
        git(folder, *arguments)
    return CommittedFiles(folder, "HEAD")


def test_prompts_in_other_folders_and_defaults_above_are_found(tmp_path: Path) -> None:
    files = {
        "evals.yaml": "parameters: {temperature: 0, top_p: 1}\n",
        "evals/evals.yaml": "parameters: {temperature: 0.5}\n",
        FILE: f"prompt: ../prompts/ask.md\nmodel: scripted/echo\njudges: [exact]\n{CASES}",
        "prompts/ask.md": "{% include 'parts/tail.md' %}",
        "prompts/parts/tail.md": "{{ input }}",
    }

    then = commit(tmp_path, files)

    dataset = then.dataset(FILE)
    assert dataset is not None
    assert dataset.parameters == {"temperature": 0.5, "top_p": 1}
    content: JsonObject = {
        "messages": [{"role": "user", "content": "{% include 'parts/tail.md' %}"}],
        "included": {"prompts/parts/tail.md": "{{ input }}"},
    }
    prompt = then.prompt(FILE, make_content(ContentKind.PROMPT, content).hash)
    assert prompt is not None
    assert prompt.name == "ask"


def test_without_a_prompt_the_input_is_asked(tmp_path: Path) -> None:
    then = commit(tmp_path, {FILE: f"model: scripted/echo\njudges: [exact]\n{CASES}"})

    assert then.prompt(FILE, "") is not None
    assert then.prompt(FILE, "other") is None


@pytest.mark.parametrize(
    "text",
    [
        "prompt: [",
        "few_shot: gone.yaml\nprompt: hi\n" + CASES,
        "few_shot: /etc/hostname\nprompt: hi\n" + CASES,
        "- 1\n",
    ],
    ids=["broken", "examples gone", "examples elsewhere", "a list"],
)
def test_an_eval_file_that_cannot_be_read_is_not_known(tmp_path: Path, text: str) -> None:
    then = commit(tmp_path, {FILE: text})

    assert then.dataset(FILE) is None
    assert then.prompt(FILE, "") is None
    assert then.dataset("evals/other.eval.yaml") is None


@pytest.mark.parametrize("prompt", ["python:app:ask", "gone.md", "'{{'", "../../outside.md"])
def test_a_prompt_that_cannot_be_loaded_is_not_known_and_no_code_of_then_runs(tmp_path: Path, prompt: str) -> None:
    files = {FILE: f"prompt: [{prompt}, 'Say {{{{ input }}}}']\n{CASES}", "evals/app.py": "raise SystemExit('ran')\n"}

    then = commit(tmp_path, files)

    assert then.dataset(FILE) is not None
    assert then.prompt(FILE, "unknown") is None


def test_the_folder_goes_when_nobody_needs_it(tmp_path: Path) -> None:
    then = commit(tmp_path, {FILE: f"prompt: hi\n{CASES}"})
    folder = then._folder
    assert folder.is_dir()

    del then
    gc.collect()

    assert not folder.exists()


def test_no_file_above_the_project_is_written_beside_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git has files above the project's root as well, where the repository is larger than the project."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    head = "few_shot: ../examples.yaml\nprompt: hi\nmodel: scripted/echo\njudges: [exact]\n"
    files = {"project/a.eval.yaml": head + CASES, "examples.yaml": "- {user: a, assistant: b}\n"}
    commit(tmp_path / "repository", files)
    (tmp_path / "repository/project").mkdir()
    then = CommittedFiles(tmp_path / "repository/project", "HEAD")

    assert then.dataset("a.eval.yaml") is None
    assert list((tmp_path / "temporary").glob("*.yaml")) == []

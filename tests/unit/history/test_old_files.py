"""Files as git has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_promptevals.history.git import find_commit, find_last_change, read_file_at


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder below the root of a checkout, with a file that changed once and another commit after that."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(tmp_path, "init", "-q")
    for name, text in (("prompt.md", "old"), ("prompt.md", "new"), ("other.md", "x")):
        (folder / name).write_text(text, encoding="utf-8")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", text)
    return folder


def test_the_newest_commit_that_changed_a_file_is_found(checkout: Path) -> None:
    assert find_last_change(checkout, "prompt.md") == find_commit(checkout, "HEAD~1")
    assert find_last_change(checkout, "unknown.md") is None


def test_a_file_is_read_as_it_was_at_a_commit(checkout: Path) -> None:
    assert read_file_at(checkout, "HEAD~2", "prompt.md") == "old"
    assert read_file_at(checkout, "HEAD", "prompt.md") == "new"
    assert read_file_at(checkout, "HEAD~2", "other.md") is None


def test_outside_of_a_checkout_there_is_neither(tmp_path: Path) -> None:
    assert find_last_change(tmp_path, "prompt.md") is None
    assert read_file_at(tmp_path, "HEAD", "prompt.md") is None

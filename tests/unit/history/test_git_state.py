from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_promptevals.history import git
from pytest_promptevals.history.git import read_git_state
from pytest_promptevals.records.runs import GitState


def run_git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout.strip()


@pytest.fixture(autouse=True)
def own_git_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's settings, and a git hook that runs the tests, out of them."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    run_git(folder, "init")
    (folder / "prompt.md").write_text("one", encoding="utf-8")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-m", "first")
    return folder


def test_a_clean_checkout_has_commit_and_branch(checkout: Path) -> None:
    assert read_git_state(checkout) == GitState(run_git(checkout, "rev-parse", "HEAD"), "main", is_dirty=False)


def test_it_is_found_from_a_folder_inside(checkout: Path) -> None:
    (checkout / "evals").mkdir()

    assert read_git_state(checkout / "evals") == read_git_state(checkout)


@pytest.mark.parametrize("stage", [False, True])
def test_a_changed_tracked_file_makes_it_dirty(checkout: Path, *, stage: bool) -> None:
    (checkout / "prompt.md").write_text("two", encoding="utf-8")
    if stage:
        run_git(checkout, "add", ".")

    state = read_git_state(checkout)

    assert state is not None
    assert state.is_dirty


def test_an_untracked_file_does_not_make_it_dirty(checkout: Path) -> None:
    (checkout / "notes.txt").touch()

    state = read_git_state(checkout)

    assert state is not None
    assert not state.is_dirty


def test_a_detached_head_has_no_branch(checkout: Path) -> None:
    run_git(checkout, "checkout", "--detach")

    assert read_git_state(checkout) == GitState(run_git(checkout, "rev-parse", "HEAD"), None, is_dirty=False)


def test_a_worktree_has_its_own_branch(checkout: Path, tmp_path: Path) -> None:
    run_git(checkout, "worktree", "add", "-b", "feature/x", str(tmp_path / "tree"))

    state = read_git_state(tmp_path / "tree")

    assert state is not None
    assert state.branch == "feature/x"


def test_a_git_hook_does_not_lead_it_astray(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_git_state(checkout)
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    (checkout / "evals").mkdir()

    assert read_git_state(checkout / "evals") == expected


def test_no_commit_yet_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    run_git(folder, "init")

    assert read_git_state(folder) is None


def test_no_checkout_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()

    assert read_git_state(folder) is None


def test_no_folder_is_none(tmp_path: Path) -> None:
    assert read_git_state(tmp_path / "none") is None


def test_no_git_is_none(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert read_git_state(checkout) is None


def test_a_slow_git_is_none(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(git, "TIMEOUT", 0.05)

    assert read_git_state(checkout) is None


def test_it_takes_no_locks_that_would_disturb_another_git(checkout: Path) -> None:
    index = checkout / ".git" / "index"
    (checkout / "prompt.md").touch()
    before = index.read_bytes()

    read_git_state(checkout)

    assert index.read_bytes() == before

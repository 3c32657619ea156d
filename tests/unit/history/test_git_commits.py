from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.git import (
    find_branch_tip,
    find_commit,
    find_default_branch,
    find_merge_base,
    is_shallow,
    read_ancestors,
)
from tests.support.checkouts import Checkout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path / "checkout", monkeypatch)


@pytest.fixture
def diverged(checkout: Checkout) -> Checkout:
    """HEAD on ``feature``, which left ``main`` after the first commit."""
    checkout.git("checkout", "-b", "feature")
    checkout.commit()
    checkout.git("checkout", "main")
    checkout.commit()
    checkout.git("checkout", "feature")
    return checkout


def shallow_clone(checkout: Checkout, folder: Path) -> Path:
    checkout.git("clone", "--depth", "1", "--no-single-branch", f"file://{checkout.path}", str(folder))
    return folder


def test_a_commit_is_found_by_its_beginning_a_tag_or_its_distance(checkout: Checkout) -> None:
    second = checkout.commit()
    checkout.git("tag", "v1", checkout.first)

    assert find_commit(checkout.path, second[:8]) == second
    assert find_commit(checkout.path, "v1") == checkout.first
    assert find_commit(checkout.path, "HEAD~1") == checkout.first


@pytest.mark.parametrize("text", ["nope", "--all", "HEAD:count.txt", "a b", ""])
def test_what_is_no_commit_is_not_found(checkout: Checkout, text: str) -> None:
    assert find_commit(checkout.path, text) is None


def test_a_branch_is_found_here_before_it_is_at_the_remote(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("branch", "feature")
    clone = tmp_path / "clone"
    checkout.git("clone", str(checkout.path), str(clone))

    assert find_branch_tip(clone, "feature") == checkout.first
    assert find_branch_tip(clone, "nope") is None


def test_ancestors_come_nearest_first(checkout: Checkout) -> None:
    second = checkout.commit()
    third = checkout.commit()

    assert read_ancestors(checkout.path, second) == (second, checkout.first)
    assert read_ancestors(checkout.path, third)[0] == third
    assert read_ancestors(checkout.path, "0" * 40) == ()


def test_the_merge_base_is_where_the_branch_left_the_default_one(diverged: Checkout) -> None:
    assert find_merge_base(diverged.path) == (diverged.first, "main")


def test_a_detached_head_has_a_merge_base(diverged: Checkout) -> None:
    diverged.git("checkout", "--detach")

    assert find_merge_base(diverged.path) == (diverged.first, "main")


def test_the_default_branch_is_what_the_remote_says(diverged: Checkout, tmp_path: Path) -> None:
    diverged.git("branch", "-m", "main", "trunk")
    diverged.git("checkout", "trunk")
    clone = tmp_path / "clone"
    diverged.git("clone", "--no-local", str(diverged.path), str(clone))

    assert find_merge_base(clone) == (diverged.git("rev-parse", "trunk"), "origin/HEAD")


def test_a_repository_with_a_master_has_a_default_branch(checkout: Checkout) -> None:
    checkout.git("branch", "-m", "main", "master")

    assert find_merge_base(checkout.path) == (checkout.first, "master")


def problem(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        find_merge_base(folder)
    return str(caught.value)


def test_no_git_is_said(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert problem(checkout.path) == "git is not installed, or not on the PATH"


def test_no_checkout_is_said(checkout: Checkout, tmp_path: Path) -> None:
    assert problem(tmp_path) == f"{tmp_path} is in no git checkout that has a commit"


def test_no_default_branch_is_said(checkout: Checkout) -> None:
    checkout.git("branch", "-m", "main", "trunk")

    assert problem(checkout.path) == (
        "the default branch is not known: there is no origin/HEAD, main or master; fetch it, or name its branch as "
        "branch:NAME"
    )


def test_branches_that_have_nothing_in_common_are_said(checkout: Checkout) -> None:
    checkout.git("checkout", "--orphan", "other")
    checkout.commit()

    assert problem(checkout.path) == "HEAD and main have no commit in common"


def test_a_shallow_clone_is_said(diverged: Checkout, tmp_path: Path) -> None:
    diverged.git("checkout", "main")
    clone = shallow_clone(diverged, tmp_path / "clone")
    diverged.git("-C", str(clone), "checkout", "feature")

    assert is_shallow(clone)
    assert not is_shallow(diverged.path)
    assert problem(clone) == (
        "HEAD and origin/HEAD have no commit in common: this clone is shallow; fetch its whole history with "
        "'git fetch --unshallow' (in CI: fetch-depth 0)"
    )


def test_the_default_branch_is_that_of_the_remote_whatever_is_checked_out(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("branch", "-m", "team/trunk")
    clone = tmp_path / "clone"
    checkout.git("clone", str(checkout.path), str(clone))
    checkout.git("-C", str(clone), "checkout", "-b", "main")

    assert find_default_branch(clone) == "team/trunk"


@pytest.mark.parametrize(
    ("branches", "current", "configured", "expected"),
    [
        (["master"], "feature", None, "master"),
        (["main", "master"], "feature", None, "main"),
        (["trunk", "main"], "feature", "trunk", "trunk"),
        (["trunk"], "trunk", "gone", "trunk"),
    ],
    ids=["usual name", "two usual names", "as git is told to name it", "the only one"],
)
def test_without_a_remote_the_default_branch_is_the_one_of_the_usual_name(
    checkout: Checkout, branches: list[str], current: str, configured: str | None, expected: str
) -> None:
    checkout.git("checkout", "-b", "other")
    checkout.git("branch", "-D", "main")
    for branch in branches:
        checkout.git("branch", branch)
    checkout.git("checkout", "-B", current)
    if configured is not None:
        checkout.git("config", "init.defaultBranch", configured)

    assert find_default_branch(checkout.path) == expected


def test_a_branch_of_the_remote_is_known_without_its_head(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("branch", "-m", "master")
    checkout.git("init", str(tmp_path / "added"), "-b", "feature")
    checkout.git("-C", str(tmp_path / "added"), "remote", "add", "origin", str(checkout.path))
    checkout.git("-C", str(tmp_path / "added"), "fetch", "origin")
    checkout.git("-C", str(tmp_path / "added"), "update-ref", "-d", "refs/remotes/origin/HEAD")

    assert find_default_branch(tmp_path / "added") == "master"


def test_before_the_first_commit_the_default_branch_is_the_one_that_it_will_be_on(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.git("init", str(tmp_path / "new"), "-b", "master")

    assert find_default_branch(tmp_path / "new") == "master"


def test_without_a_repository_or_a_branch_there_is_no_default_branch(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    checkout.git("checkout", "--detach")
    checkout.git("branch", "-D", "main")

    assert find_default_branch(tmp_path / "plain") is None
    assert find_default_branch(checkout.path) is None

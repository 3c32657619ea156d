from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.reports.repository_paths import repository_path, repository_root


def test_the_root_is_the_nearest_checkout(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    rootdir = tmp_path / "repo" / "service"
    rootdir.mkdir()

    root = repository_root(rootdir, {"GITHUB_WORKSPACE": str(tmp_path)})
    assert root == tmp_path / "repo"
    assert repository_path("evals/a.eval.yaml", rootdir, root) == "service/evals/a.eval.yaml"


def test_a_worktree_is_a_checkout(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere", encoding="utf-8")
    assert repository_root(tmp_path, {}) == tmp_path


@pytest.mark.parametrize("name", ["GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CI_PROJECT_DIR"])
def test_without_git_the_service_says_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "service").mkdir()
    assert repository_root(tmp_path / "service", {name: str(tmp_path)}) == tmp_path
    assert repository_root(tmp_path / "service", {name: str(tmp_path / "other")}) == tmp_path / "service"


def test_a_link_leads_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "real" / "service").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    root = repository_root(tmp_path / "link" / "service", {"GITHUB_WORKSPACE": str(tmp_path / "link")})
    assert repository_path("a.eval.yaml", tmp_path / "link" / "service", root) == "service/a.eval.yaml"


def test_a_file_outside_keeps_its_whole_path(tmp_path: Path) -> None:
    outside = (tmp_path / "cases.jsonl").as_posix()
    assert repository_path(outside, tmp_path / "repo", tmp_path / "repo") == outside

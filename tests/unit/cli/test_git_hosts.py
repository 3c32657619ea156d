from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_promptevals.cli.git_hosts import find_host


def repository(folder: Path, **remotes: str) -> Path:
    git(folder, "init", "--quiet")
    for name, address in remotes.items():
        git(folder, "remote", "add", name, address)
    return folder


def git(folder: Path, *arguments: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607 - git of the path


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("https://github.com/a/b.git", "github"),
        ("https://user:word@github.com/a/b", "github"),
        ("git@github.com:a/b.git", "github"),
        ("github-work:a/b.git", "github"),
        ("ssh://git@gitlab.shop.test:2222/a/b.git", "gitlab"),
        ("git@GitLab.shop.test:a/b.git", "gitlab"),
        ("https://git.shop.test/a/b", ""),
        ("https://shop.test/mygithub-mirror/x", ""),
        ("https://mygithub.test/x", ""),
        ("git@shop.test:gitlab/github.git", ""),
        ("/srv/github/x.git", ""),
        ("../github.com/x", ""),
        ("file:///srv/github/x.git", ""),
        ("C:/github/x", ""),
    ],
)
def test_the_host_of_the_address_tells_the_server(tmp_path: Path, address: str, server: str) -> None:
    assert find_host(repository(tmp_path, origin=address)) == server


def test_of_several_remotes_origin_counts_first(tmp_path: Path) -> None:
    found = repository(tmp_path, all="https://gitlab.com/a/b", origin="https://github.com/a/b")

    assert find_host(found) == "github"
    git(found, "remote", "set-url", "origin", "https://shop.test/a/b")
    assert find_host(found) == "gitlab"


def test_a_folder_without_a_repository_is_on_none(tmp_path: Path) -> None:
    assert find_host(tmp_path) == ""


def test_a_worktree_is_where_its_repository_is_and_a_submodule_where_its_own_is(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "part").mkdir()
    part = repository(tmp_path / "part")
    git(part, "commit", "--allow-empty", "--message", "a")
    main = repository(tmp_path / "main", origin="git@gitlab.com:a/b.git")
    git(main, "submodule", "add", str(part), "part")
    git(main, "commit", "--message", "a")
    git(main, "worktree", "add", str(tmp_path / "tree"))

    git(main / "part", "remote", "set-url", "origin", "https://github.com/a/part")

    assert find_host(tmp_path / "tree") == "gitlab"
    assert find_host(main / "part") == "github"
    (main / ".git" / "config").write_text('[submodule "part"]\n\turl = https://github.com/a/part\n', "utf-8")
    assert find_host(main) == ""

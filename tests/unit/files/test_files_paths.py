from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.files.fields import field_name
from pytest_promptevals.files.paths import (
    OutsideRootdirError,
    is_in_directory_loop,
    resolve_inside,
    search_folders,
    shown_path,
)


def test_a_field_is_written_with_dots_and_indexes() -> None:
    assert field_name(("cases", 3, "tags", 0)) == "cases[3].tags[0]"
    assert field_name((2, "id")) == "[2].id"
    assert field_name(()) == ""


def test_a_file_inside_the_rootdir_is_shown_relative_to_it(tmp_path: Path) -> None:
    assert shown_path(tmp_path / "evals" / "a.yaml", tmp_path) == "evals/a.yaml"


def test_a_resolved_file_is_shown_relative_to_a_rootdir_that_is_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert shown_path((tmp_path / "real" / "a.yaml").resolve(), tmp_path / "link") == "a.yaml"


def test_a_file_outside_the_rootdir_is_shown_in_full(tmp_path: Path) -> None:
    assert shown_path(tmp_path / "a.yaml", tmp_path / "root") == (tmp_path / "a.yaml").as_posix()


def test_a_name_is_relative_to_the_folder_in_which_it_is_written(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    assert resolve_inside("../prompts/a.md", root / "evals", root) == root / "prompts" / "a.md"


def test_a_name_that_leaves_the_rootdir_is_refused(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "root"
    with pytest.raises(OutsideRootdirError) as caught:
        resolve_inside("../../secret.txt", root / "evals", root)
    assert str(caught.value) == (
        f"'../../secret.txt' leads to {tmp_path.resolve()}/secret.txt, which is outside of the rootdir {root}; "
        "move the file into the project"
    )


def test_a_symlink_that_leaves_the_rootdir_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.txt").write_text("")
    (tmp_path / "root" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(OutsideRootdirError):
        resolve_inside("link.txt", tmp_path / "root", tmp_path / "root")


def test_a_name_with_a_nul_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'a\\\\x00b' is no file name: it holds a NUL character; correct it"):
        resolve_inside("a\0b", tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["x" * 256, "a/" + "é" * 128, "deep/" * 500])
def test_a_name_that_no_file_system_takes_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutsideRootdirError) as caught:
        resolve_inside(name, tmp_path, tmp_path)
    assert str(caught.value) == f"'{name[:60]}…' is no file name: it is too long; correct it"


def test_the_longest_names_are_fine(tmp_path: Path) -> None:
    name = "/".join(["x" * 255] * 7)
    assert not resolve_inside(name, tmp_path, tmp_path).is_file()


def test_a_symlink_to_a_folder_above_it_makes_a_loop(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    assert is_in_directory_loop(tmp_path / "a" / "b" / "up" / "x.yaml")
    assert is_in_directory_loop(tmp_path / "a" / "b" / "up" / "b" / "x.yaml")
    assert not is_in_directory_loop(tmp_path / "a" / "b" / "x.yaml")


def test_a_symlink_to_its_own_folder_makes_a_loop(tmp_path: Path) -> None:
    (tmp_path / "same").symlink_to(".")
    assert is_in_directory_loop(tmp_path / "same" / "x.yaml")


def test_a_symlink_to_a_folder_beside_it_makes_no_loop(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert not is_in_directory_loop(tmp_path / "link" / "x.yaml")


def test_names_are_looked_up_in_the_files_folder_and_then_in_the_rootdir(tmp_path: Path) -> None:
    assert search_folders("evals/a.yaml", tmp_path) == (tmp_path / "evals", tmp_path)
    assert search_folders("a.yaml", tmp_path) == (tmp_path,)
    assert search_folders("/elsewhere/a.yaml", tmp_path) == (Path("/elsewhere"), tmp_path)


def test_a_sibling_whose_name_begins_like_the_rootdir_is_outside(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project-other").mkdir()

    with pytest.raises(OutsideRootdirError):
        resolve_inside("../project-other/x", tmp_path / "project", tmp_path / "project")

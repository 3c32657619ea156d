from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.files.all_or_none import find_same, write_all


def test_all_are_written_and_their_folders_made(tmp_path: Path) -> None:
    write_all(tmp_path / "new", {"a.txt": "a", "deep/b.txt": "b"})

    assert (tmp_path / "new" / "a.txt").read_text("utf-8") == "a"
    assert (tmp_path / "new" / "deep" / "b.txt").read_text("utf-8") == "b"


def test_where_one_cannot_be_written_all_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old", "utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "away.txt")
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError) as caught:
        write_all(tmp_path, {"old.txt": "new", "link.txt": "new", "made/a.txt": "new", "folder": "new"})

    assert caught.value.filename == str(tmp_path / "folder")
    assert (tmp_path / "old.txt").read_text("utf-8") == "old"
    assert (tmp_path / "link.txt").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link.txt", "old.txt"]


def test_files_that_hold_the_same_already_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", "utf-8")
    (tmp_path / "b.txt").write_text("other", "utf-8")

    assert find_same(tmp_path, {"a.txt": "a", "b.txt": "b", "none.txt": "c"}) == ["a.txt"]

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.files.lines import write_lines_atomically
from pytest_promptevals.files.own_folder import OWN_FOLDER, make_folder


def test_lines_are_written_as_utf8_with_line_feeds_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    assert write_lines_atomically(path, iter(["Größe", "two"])) == 2
    assert path.read_bytes() == "Größe\ntwo\n".encode()
    assert write_lines_atomically(path, []) == 0
    assert path.read_bytes() == b""


def test_if_a_line_cannot_be_made_nothing_changes(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "new"
        raise OSError("no more")

    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    with pytest.raises(OSError, match="no more"):
        write_lines_atomically(path, lines())

    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError) as caught:
        write_lines_atomically(tmp_path / "folder", ["new"])

    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "folder"), None)


def test_a_symlink_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")

    write_lines_atomically(tmp_path / "b.txt", ["new"])

    assert (tmp_path / "b.txt").is_symlink()
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "new\n"


def test_the_own_folder_ignores_itself_and_others_do_not(tmp_path: Path) -> None:
    make_folder(tmp_path / "x" / OWN_FOLDER)
    make_folder(tmp_path / "y" / "caches")

    assert (tmp_path / "x" / OWN_FOLDER / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert list((tmp_path / "y" / "caches").iterdir()) == []


def test_what_the_user_wrote_there_stays(tmp_path: Path) -> None:
    ignore = tmp_path / OWN_FOLDER / ".gitignore"
    make_folder(ignore.parent)
    ignore.write_text("!cache.db\n", encoding="utf-8")

    make_folder(ignore.parent)

    assert ignore.read_text(encoding="utf-8") == "!cache.db\n"

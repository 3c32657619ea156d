from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.text import read_text, write_text_atomically


def read_problem(path: Path) -> str:
    with pytest.raises(FileProblem) as caught:
        read_text(path, "a.txt")
    return str(caught.value)


def test_a_text_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("grüße 😀\n".encode())
    assert read_text(tmp_path / "a.txt", "a.txt") == "grüße 😀\n"


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfid: 1")
    assert read_text(tmp_path / "a.txt", "a.txt") == "id: 1"


def test_line_ends_of_windows_and_of_old_macs_become_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\r\nb\rc\n\r\n")
    assert read_text(tmp_path / "a.txt", "a.txt") == "a\nb\nc\n\n"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert read_problem(tmp_path / "a.txt") == "a.txt: there is no such file; create it, or correct its name"


def test_a_file_below_a_file_is_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert "there is no such file" in read_problem(tmp_path / "a" / "a.txt")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert read_problem(tmp_path) == "a.txt: is a folder; name a file inside of it"


def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert read_problem(tmp_path / "a.txt") == "a.txt: cannot be read: Permission denied; check its permissions"


def test_a_git_lfs_pointer_asks_to_pull(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert read_problem(tmp_path / "a.txt") == (
        "a.txt: is a Git LFS pointer, not the file it stands for; run 'git lfs pull' to fetch it"
    )


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "UTF-16"), ("utf-16-be", "UTF-16"), ("utf-32", "UTF-32"), ("utf-32-be", "UTF-32")]
)
def test_another_unicode_encoding_is_named(tmp_path: Path, encoding: str, name: str) -> None:
    mark = "" if encoding in {"utf-16", "utf-32"} else "\ufeff"  # the short names write their mark themselves
    (tmp_path / "a.txt").write_bytes((mark + "id: 1").encode(encoding))
    assert read_problem(tmp_path / "a.txt") == f"a.txt: is written in {name}; save it as UTF-8"


def test_a_byte_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthr\xe9e\r\n")
    assert read_problem(tmp_path / "a.txt") == "a.txt:3: byte 0xE9 is not UTF-8; save the file as UTF-8"


def test_a_written_file_has_unix_line_ends_and_its_folder_is_made(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "new" / "a.txt", "ä\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä\n".encode()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(tmp_path / "a.txt", "new \ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_an_error_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_text_atomically(tmp_path / "folder", "new")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "folder"), None)


def test_writing_replaces_what_a_symlink_leads_to_and_keeps_the_symlink(tmp_path: Path) -> None:
    (tmp_path / "target.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("target.txt")
    write_text_atomically(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target.txt").read_text() == "new"


def test_a_written_file_can_be_read_by_those_whom_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text_atomically(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640

"""The place of an error in the user's own code."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_promptevals.files.user_code import last_place


def place_of(source: str, folder: Path, rootdir: Path) -> str:
    path = folder / "app.py"
    try:
        exec(compile(source, str(path), "exec"), {"json": json})  # noqa: S102 - code of a file of its own
    except ValueError as error:
        return last_place(error, rootdir)
    raise AssertionError("it did not raise")


def test_a_place_is_relative_to_the_rootdir(tmp_path: Path) -> None:
    source = "x = 1\nraise ValueError"

    assert place_of(source, tmp_path / "evals", tmp_path) == " at evals/app.py:2"
    assert place_of(source, tmp_path, tmp_path / "evals") == f" at {(tmp_path / 'app.py').as_posix()}:2"


def test_the_code_of_others_is_no_place(tmp_path: Path) -> None:
    assert place_of("\n\njson.loads('{')", tmp_path, tmp_path) == " at app.py:3"


def test_an_error_without_a_place_in_the_users_code_has_none(tmp_path: Path) -> None:
    assert last_place(ValueError(), tmp_path) == ""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.files.arguments import spell_out


def spelled(line: str, folder: Path) -> str:
    (folder / "evals").mkdir(exist_ok=True)
    (folder / "a.eval.yaml").touch()
    return " ".join(spell_out(line.split(), "--save", "file", folder))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--save", "--save=file"),
        ("--save evals", "--save=file evals"),
        ("--save a.eval.yaml::case", "--save=file a.eval.yaml::case"),
        ("--save -k one", "--save=file -k one"),
        ("--save v1", "--save=v1"),
        ("--save v1 evals", "--save=v1 evals"),
        ("--save=evals evals", "--save=evals evals"),
        ("evals --save --save v1", "evals --save=file --save=v1"),
        ("--saved evals", "--saved evals"),
        ("--save -- --save v1", "--save=file -- --save v1"),
        ("-- --save v1", "-- --save v1"),
    ],
)
def test_a_path_after_a_bare_option_is_no_value_of_it(tmp_path: Path, line: str, expected: str) -> None:
    assert spelled(line, tmp_path) == expected


def test_a_text_that_can_be_no_path_is_a_value(tmp_path: Path) -> None:
    long = "x" * 5000

    assert spell_out(["--save", long], "--save", "file", tmp_path) == [f"--save={long}"]

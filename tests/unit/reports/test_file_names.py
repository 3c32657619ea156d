from __future__ import annotations

import pytest

from pytest_promptevals.reports.cells import count_cells
from pytest_promptevals.reports.file_names import short_names


@pytest.mark.parametrize(
    ("names", "room", "short"),
    [
        (["evals/a.eval.yaml", "b.eval.yaml"], 17, ["evals/a.eval.yaml", "b.eval.yaml"]),
        (["evals/a.eval.yaml", "b.eval.yaml"], 16, ["evals/a", "b"]),
        (["evals/long/abc.eval.yaml", "evals/long/de.eval.jsonl"], 5, ["abc", "de"]),
        (["evals/a/abc.eval.yaml", "evals/b/abc.eval.yaml"], 6, ["a/abc", "b/abc"]),
        (["a.eval.yaml", "a.eval.jsonl"], 12, ["a.eval.yaml", "a.eval.jsonl"]),
        (["folder/a.eval.yaml", "folder/a.eval.jsonl"], 12, ["...eval.yaml", "...val.jsonl"]),
        (["x/support-in-english.eval.yaml", "x/support-in-german.eval.yaml"], 10, ["...english", "...-german"]),
        (["x/english-support.eval.yaml", "x/german-support.eval.yaml"], 9, ["englis...", "german..."]),
        (["x/評価データ.eval.yaml"], 8, ["...ータ"]),
        (["test_a.py::test_it"], 12, ["...::test_it"]),
        ([], 5, []),
    ],
)
def test_what_tells_files_apart_is_kept_longest(names: list[str], room: int, short: list[str]) -> None:
    assert short_names(names, room) == short
    assert all(count_cells(name) <= room for name in short)


def test_where_nothing_tells_them_apart_their_ends_are_shown() -> None:
    names = [f"x/abcdefghij{number}klmnopqrst.eval.yaml" for number in range(2)]

    assert short_names(names, 8) == ["....yaml", "....yaml"]

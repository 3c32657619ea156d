"""Tables of text."""

from __future__ import annotations

from pytest_promptevals.reports.tables import text_table


def test_a_table_is_as_narrow_as_it_can_be() -> None:
    assert text_table(["name", "n"], [["a", "10"], ["longer", ""]], ["n"]).splitlines() == [
        "name     n",
        "------  --",
        "a       10",
        "longer",
    ]


def test_a_table_without_rows_has_its_headers() -> None:
    assert text_table(["a", "bc"], []) == "a  bc\n-  --"

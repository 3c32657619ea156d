"""Items that are kept as columns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_promptevals.records.columns import Mappings, columns_by_key, take

ALIKE = Mappings({"exact": [1.0, 0.0, 0.5], "fuzzy": [0.9, 0.8, 0.7]})


def test_mappings_are_rows_where_somebody_looks_at_one() -> None:
    rows = [{"exact": 1.0, "fuzzy": 0.9}, {"exact": 0.0, "fuzzy": 0.8}, {"exact": 0.5, "fuzzy": 0.7}]

    assert len(ALIKE) == 3
    assert list(ALIKE) == rows
    assert ALIKE[-1] == rows[-1]
    assert list(ALIKE[1:]) == rows[1:]


def test_values_are_found_by_key_where_some_mappings_lack_it() -> None:
    assert columns_by_key([{"b": 1.0}, {}, {"b": 0.5, "a": 0.0}]) == {"a": [None, None, 0.0], "b": [1.0, None, 0.5]}


def test_keys_come_in_their_order_however_they_are_kept() -> None:
    kept = Mappings({"b": [1.0], "a": [0.5]})

    assert list(columns_by_key(kept)) == list(columns_by_key(list(kept))) == ["a", "b"]


@pytest.mark.parametrize("places", [[], [1], [2, 0], range(1, 3)])
def test_a_column_is_taken_in_the_order_of_places(places: Sequence[int]) -> None:
    assert list(take(["x", "y", "z"], places)) == [["x", "y", "z"][place] for place in places]
    assert list(take(ALIKE, places)) == [ALIKE[place] for place in places]

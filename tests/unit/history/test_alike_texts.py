"""JSON texts of many results with the same judges are parsed at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from pytest_promptevals.history.light_rows import parse_alike


@pytest.mark.parametrize(
    "texts",
    [
        ['{"exact":1.0}', '{"exact":0.25}'],
        ['{"a":1.0,"b":0.5,"c":0.1}', '{"a":0.0,"b":1e-07,"c":1.0}'],
        ['{"a \\"quoted\\": one,":1.0,"größe":0.5}'] * 2,
    ],
)
def test_texts_with_the_same_keys_become_columns(texts: Sequence[str]) -> None:
    assert list(parse_alike(texts) or ()) == [json.loads(text) for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["{}", "{}"],
        ['{"a":1.0}', '{"b":1.0}'],
        ['{"a":1.0}', '{"a":1.0,"b":1.0}'],
        ['{"a":1.0,"b":1.0}', '{"a":1.0}'],
        ['{"a":1.0,"b":0.5,"c":0.1}', '{"a":1.0,"c":0.1,"b":0.5}'],
        ['{"a":1.0,"b":0.5,"c":0.1,"d":0.1}', '{"a":1.0,"d":0.1,"c":0.1,"b":0.5}'],
        ['{"a": 1.0, "b": 0.5}', '{"a": 1.0, "b": 0.5}'],
    ],
)
def test_texts_with_other_keys_or_another_order_do_not(texts: Sequence[str]) -> None:
    assert parse_alike(texts) is None

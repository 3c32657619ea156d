from __future__ import annotations

import pytest

from pytest_promptevals.records.partial import (
    is_of_trials,
    is_partial,
    partial_fingerprint,
    partial_prefix,
    whole_fingerprint,
)

WHOLE = "0123456789abcdef"


@pytest.mark.parametrize("reducer", ["mean", "median", "min", "max", "majority", "pass@3", "pass^2"])
def test_a_partial_fingerprint_holds_the_whole_one(reducer: str) -> None:
    partial = partial_fingerprint(WHOLE, 1, reducer)

    assert partial.startswith(partial_prefix(1))
    assert is_partial(partial)
    assert whole_fingerprint(partial) == WHOLE


def test_a_whole_fingerprint_is_not_partial() -> None:
    assert not is_partial(WHOLE)
    assert whole_fingerprint(WHOLE) == WHOLE


def test_each_level_has_fingerprints_of_its_own() -> None:
    assert partial_fingerprint(WHOLE, 1, "mean") != partial_fingerprint(WHOLE, 2, "mean")
    assert not partial_fingerprint(WHOLE, 2, "mean").startswith(partial_prefix(1))


@pytest.mark.parametrize(
    ("reducer", "expected"), [("mean", False), ("max", False), ("majority", True), ("pass@3", True)]
)
def test_reducers_that_count_trials_are_told_apart(reducer: str, expected: bool) -> None:
    assert is_of_trials(partial_fingerprint(WHOLE, 1, reducer)) is expected

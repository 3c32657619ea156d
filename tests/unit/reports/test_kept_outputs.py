"""Outputs that may be shown beside the baseline's, kept while cases run."""

from __future__ import annotations

from pytest_promptevals.history.baselines import OUTPUT_LENGTH
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.reports.changes import MANY_FLIPS
from pytest_promptevals.reports.what_changed import KeptOutputs
from tests.support.sample_results import FILE, make_case, make_result


def before(score: float = 1.0) -> BaselineCase:
    return make_case(score=score)


def test_a_perfect_case_is_not_even_looked_up() -> None:
    kept = KeptOutputs()

    def refuse() -> BaselineCase:
        raise AssertionError("looked up")

    kept.note(make_result(), refuse)
    kept.note(make_result(score=None), refuse)

    assert kept.of(FILE) == {}


def test_only_what_got_worse_is_kept() -> None:
    kept = KeptOutputs()
    kept.note(make_result("worse", 0.2), before)
    kept.note(make_result("as before", 0.2), lambda: before(0.2))
    kept.note(make_result("better", 0.2), lambda: before(0.1))
    kept.note(make_result("new", 0.2), lambda: None)

    assert kept.of(FILE) == {"worse": "answer of worse"}


def test_the_worst_are_kept_and_those_that_no_longer_pass_before_others() -> None:
    kept = KeptOutputs()
    for number in range(MANY_FLIPS):
        kept.note(make_result(f"small-{number}", 0.5 + number / 1000), before)
    kept.note(make_result("flipped", 0.45), lambda: before(0.5))
    kept.note(make_result("larger", 0.5), before)

    names = kept.of(FILE)

    assert len(names) == MANY_FLIPS
    assert {"flipped", "larger", "small-0"} <= names.keys()
    assert not {"small-18", "small-19"} & names.keys()


def test_of_equally_bad_cases_the_first_by_name_are_kept_which_are_those_that_are_shown() -> None:
    kept = KeptOutputs()
    numbers = [*range(0, 3 * MANY_FLIPS, 2), *range(1, 3 * MANY_FLIPS, 2)]
    for number in numbers:
        kept.note(make_result(f"case-{number:02}", 0.0), before)

    assert set(kept.of(FILE)) == {f"case-{number:02}" for number in range(MANY_FLIPS)}


def test_a_case_that_ran_twice_has_its_last_output() -> None:
    kept = KeptOutputs()
    first = make_result("again", 0.0)
    kept.note(first, before)
    kept.note(make_result("again", 0.2, trials=make_result("other", 0.2).trials), before)

    assert kept.of(FILE) == {"again": "answer of other"}


def test_a_long_output_is_shortened() -> None:
    kept = KeptOutputs()
    long = make_result("x" * (OUTPUT_LENGTH + 10), 0.0)
    kept.note(long, before)

    (text,) = kept.of(FILE).values()
    assert len(text) < OUTPUT_LENGTH + 40

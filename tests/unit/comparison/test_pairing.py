from __future__ import annotations

import pytest

from pytest_promptevals.comparison.pairing import compute_deltas
from pytest_promptevals.comparison.scored import SCORE_DIGITS
from pytest_promptevals.history import baselines
from pytest_promptevals.records.comparisons import BaselineCase, Change, Delta
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import CaseResult
from tests.support.sample_results import make_case, make_result


def changes(
    results: list[CaseResult], baseline: list[BaselineCase], also_collected: tuple[str, ...] = ()
) -> dict[str, Change]:
    names = {result.name for result in results}.union(also_collected)
    return {delta.name: delta.change for delta in compute_deltas(results, baseline, names)}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (0.9, 0.8, Change.WORSE),
        (0.8, 0.9, Change.BETTER),
        (0.8, 0.8, Change.SAME),
        (0.8, 0.8 + 1e-10, Change.SAME),
        (0.8, 0.8 - 2e-6, Change.WORSE),
    ],
)
def test_an_unchanged_case_is_worse_better_or_the_same(before: float, after: float, change: Change) -> None:
    assert changes([make_result("a", after)], [make_case("a", before)]) == {"a": change}


def test_a_score_that_the_baseline_rounded_is_the_same() -> None:
    (delta,) = compute_deltas([make_result("a", 2 / 3)], [make_case("a", 0.666667)], {"a"})

    assert delta.change is Change.SAME
    assert delta.drop == 0.0


def test_baselines_keep_as_many_digits_as_are_compared() -> None:
    assert baselines.SCORE_DIGITS == SCORE_DIGITS


def test_a_delta_holds_both_sides() -> None:
    result = make_result("a", 0.25, weight=2.0, group="g")

    (delta,) = compute_deltas([result], [make_case("a", 0.75)], {"a"})

    assert delta == Delta(
        "a", Change.WORSE, 0.75, 0.25, result.location, 2.0, "g", passed_before=True, passed_after=False
    )


def test_a_case_whose_fingerprint_changed_is_edited_and_has_no_drop() -> None:
    (delta,) = compute_deltas([make_result("a", 0.1, case_fingerprint="new")], [make_case("a", 0.9)], {"a"})

    assert delta.change is Change.EDITED
    assert (delta.before, delta.after, delta.drop) == (0.9, 0.1, None)


def test_a_case_that_the_baseline_lacks_is_new() -> None:
    assert changes([make_result("a")], [make_case("b")], ("b",)) == {"a": Change.NEW}


def test_a_case_with_an_error_is_an_error_with_its_old_score() -> None:
    (delta,) = compute_deltas([make_result("a", None)], [make_case("a", 0.9)], {"a"})

    assert delta.change is Change.ERROR
    assert (delta.before, delta.after, delta.passed_before, delta.passed_after) == (0.9, None, True, None)


def test_a_baseline_case_that_left_the_dataset_is_missing() -> None:
    (delta,) = compute_deltas([], [make_case("gone", 0.9), make_case("other")], {"other"})

    assert delta == Delta("gone", Change.MISSING, before=0.9, passed_before=True)


def test_a_deselected_case_is_no_part_of_the_comparison() -> None:
    assert changes([make_result("a")], [make_case("a"), make_case("b")], ("b",)) == {"a": Change.SAME}


def test_a_case_keeps_its_pair_when_a_second_model_joins() -> None:
    results = [make_result("a[gpt-5-mini]"), make_result("a[claude]", model="anthropic/claude")]

    assert changes(results, [make_case("a")]) == {"a[gpt-5-mini]": Change.SAME, "a[claude]": Change.NEW}


def test_a_case_keeps_its_pair_when_the_second_model_goes() -> None:
    baseline = [make_case("a[gpt-5-mini]"), make_case("a[claude]", model="anthropic/claude")]

    assert changes([make_result("a")], baseline) == {"a": Change.SAME, "a[claude]": Change.MISSING}


def test_a_case_id_pairs_when_the_name_gained_a_variant_and_the_model_changed() -> None:
    assert changes([make_result("a[v2]", model="x/y")], [make_case("a")]) == {"a[v2]": Change.SAME}


def test_a_case_id_pairs_when_the_name_lost_its_variant_and_the_model_changed() -> None:
    assert changes([make_result("a", model="x/y")], [make_case("a[v2]")]) == {"a": Change.SAME}


def test_two_variants_are_not_paired_by_case_id() -> None:
    found = changes([make_result("a[v2]", model="x/y")], [make_case("a[v1]")])

    assert found == {"a[v2]": Change.NEW, "a[v1]": Change.MISSING}


def test_a_case_id_does_not_pair_where_it_is_ambiguous_in_the_dataset() -> None:
    """The same with and without the deselected variant: a selection must not change what is compared."""
    found = changes([make_result("a[v2]", model="x/y")], [make_case("a")], ("a[v3]",))

    assert found == {"a[v2]": Change.NEW, "a": Change.MISSING}


def test_a_case_id_does_not_pair_where_it_is_ambiguous_in_the_baseline() -> None:
    baseline = [make_case("a[v1]", model="m/1"), make_case("a[v2]", model="m/2")]

    assert changes([make_result("a")], baseline) == {"a": Change.NEW, "a[v1]": Change.MISSING, "a[v2]": Change.MISSING}


def test_equal_models_and_prompts_do_not_pair_where_they_are_ambiguous() -> None:
    results = [make_result("a[1]"), make_result("a[2]")]

    assert changes(results, [make_case("a")]) == {"a[1]": Change.NEW, "a[2]": Change.NEW, "a": Change.MISSING}


def test_a_baseline_case_of_a_deselected_item_is_given_to_no_other() -> None:
    found = changes([make_result("a[v2]")], [make_case("a")], ("a",))

    assert found == {"a[v2]": Change.NEW}


def renamed(results: list[CaseResult], baseline: list[BaselineCase]) -> dict[str, str | None]:
    deltas = compute_deltas(results, baseline, {result.name for result in results})
    return {delta.name: delta.renamed_from for delta in deltas}


def test_a_case_of_the_same_content_and_another_id_is_renamed() -> None:
    results = [make_result("better name", 0.4, case_fingerprint="1"), make_result("same", 0.5)]
    baseline = [make_case("old name", 0.9, case_fingerprint="1"), make_case("same", 0.5)]

    (delta, other) = compute_deltas(results, baseline, {"better name", "same"})

    assert (delta.name, delta.change, delta.drop, delta.renamed_from) == ("better name", Change.WORSE, 0.5, "old name")
    assert (other.name, other.renamed_from) == ("same", None)


def test_the_variants_of_a_renamed_case_keep_their_models() -> None:
    results = [make_result("new[a]", model="m/a"), make_result("new[b]", model="m/b")]
    baseline = [make_case("old[a]", model="m/a"), make_case("old[b]", model="m/b")]

    assert renamed(results, baseline) == {"new[a]": "old[a]", "new[b]": "old[b]"}


def test_the_variants_of_a_renamed_case_keep_their_prompts() -> None:
    results = [make_result("new[a]", prompt_name="a.md"), make_result("new[b]", prompt_name="b.md")]
    baseline = [make_case("old[b]", prompt_name="b.md"), make_case("old[a]", prompt_name="a.md")]

    assert renamed(results, baseline) == {"new[a]": "old[a]", "new[b]": "old[b]"}


def test_a_renamed_case_keeps_its_pair_when_the_model_changes_too() -> None:
    assert renamed([make_result("new", model="m/2")], [make_case("old", model="m/1")]) == {"new": "old"}


def test_a_renamed_case_keeps_its_pair_when_only_a_part_of_the_judges_ran() -> None:
    partial = partial_fingerprint("c" * 16, 1, "mean")

    assert renamed([make_result("new", case_fingerprint=partial)], [make_case("old")]) == {"new": "old"}


@pytest.mark.parametrize(
    ("results", "baseline"),
    [
        ([make_result("new-1"), make_result("new-2")], [make_case("old")]),
        ([make_result("new")], [make_case("old-1"), make_case("old-2")]),
        ([make_result("new")], [make_case("old", case_fingerprint="other")]),
    ],
    ids=["two copies now", "two copies then", "other content"],
)
def test_no_case_is_renamed_where_it_is_not_the_only_one_of_its_content(
    results: list[CaseResult], baseline: list[BaselineCase]
) -> None:
    assert not any(renamed(results, baseline).values())
    assert set(changes(results, baseline).values()) == {Change.NEW, Change.MISSING}


def test_the_old_name_is_known_where_a_model_joined() -> None:
    new, delta = compute_deltas(
        [make_result("a[m:a]"), make_result("a[m:b]", model="m/b")], [make_case("a")], {"a[m:a]", "a[m:b]"}
    )

    assert (delta.name, delta.renamed_from, delta.old_name) == ("a[m:a]", None, "a")
    assert (new.name, new.change, new.old_name) == ("a[m:b]", Change.NEW, "a[m:b]")


def test_no_case_is_missing_where_one_that_did_not_run_may_be_the_same_under_another_name() -> None:
    baseline = [make_case("a", 1.0), make_case("gone", 1.0)]
    results = [make_result("a", 1.0)]

    assert changes(results, baseline, ("renamed",)) == {"a": Change.SAME}
    assert changes(results, baseline) == {"a": Change.SAME, "gone": Change.MISSING}


def test_a_case_whose_id_is_still_there_is_not_renamed() -> None:
    """One of two models went, and a copy of the case under another id came: that copy is new."""
    results = [make_result("a[1]", model="m/1"), make_result("copy", model="m/2")]
    baseline = [make_case("a[1]", model="m/1"), make_case("a[2]", model="m/2")]

    assert changes(results, baseline) == {"a[1]": Change.SAME, "copy": Change.NEW, "a[2]": Change.MISSING}


def test_deltas_come_worst_first_then_better_and_by_name() -> None:
    results = [
        make_result("same", 0.5),
        make_result("new", 0.5, case_fingerprint="n"),
        make_result("edited", 0.5, case_fingerprint="x"),
        make_result("error", None),
        make_result("better", 0.6),
        make_result("best", 0.9),
        make_result("b-worse", 0.4),
        make_result("a-worse", 0.4),
        make_result("worst", 0.1),
    ]
    baseline = [make_case(result.name, 0.5) for result in results if result.name != "new"] + [make_case("missing")]

    deltas = compute_deltas(results, baseline, {result.name for result in results})

    assert [delta.name for delta in deltas] == [
        *("worst", "a-worse", "b-worse", "best", "better"),
        *("error", "missing", "edited", "new", "same"),
    ]

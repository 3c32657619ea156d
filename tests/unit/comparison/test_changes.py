from __future__ import annotations

import pytest

from pytest_promptevals.comparison.changes import (
    compare_cases,
    compare_resolved,
    compare_values,
    find_flips,
    is_explained,
    worst_deltas,
)
from pytest_promptevals.records.changes import ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.runs import RunFile
from tests.support.sample_results import FILE, PLACE, make_case, make_result

NOTHING = Metrics(0, 0, 0, None, None)


def delta(name: str, before: float = 1.0, after: float = 0.0, **changes: object) -> Delta:
    change = Change.WORSE if after < before else Change.SAME
    flags = {"passed_before": before >= 0.5, "passed_after": after >= 0.5}
    return Delta(name, change, before, after, **{**flags, **changes})  # type: ignore[arg-type]  # fields of the test's choice


def comparison(*deltas: Delta, verdict: Verdict = Verdict.REGRESSED, has_baseline: bool = True) -> Comparison:
    gates = (GateResult(FILE, "score", verdict, "why", PLACE),)
    return Comparison(FILE, NOTHING, has_baseline=has_baseline, deltas=deltas, gates=gates)


@pytest.mark.parametrize(
    ("verdict", "wants"),
    [
        (Verdict.REGRESSED, True),
        (Verdict.INCONCLUSIVE, True),
        (Verdict.FAILED, True),
        (Verdict.PASSED, False),
        (Verdict.INSUFFICIENT_DATA, False),
        (Verdict.NO_BASELINE, False),
    ],
)
def test_only_a_verdict_that_is_red_or_cannot_tell_is_explained(verdict: Verdict, wants: bool) -> None:
    assert is_explained(comparison(verdict=verdict)) is wants
    assert not is_explained(comparison(verdict=verdict, has_baseline=False))


def test_cases_that_no_longer_pass_come_before_others_and_the_largest_drop_first() -> None:
    found = comparison(
        delta("small", 1.0, 0.9),
        delta("flipped", 0.6, 0.4),
        delta("same", 1, 1),
        delta("broken"),
        delta("large", 1.0, 0.5),
    )

    assert [item.name for item in worst_deltas(found)] == ["broken", "flipped", "large", "small"]


def test_models_and_prompts_that_are_others_are_counted() -> None:
    before = {name: make_case(name, prompt_hash="p1", fingerprint="f1") for name in ("a", "b", "c")}
    after = {
        "a": make_result("a", model="openai/new", prompt_hash="p2", fingerprint="f2"),
        "b": make_result("b", model="openai/new", prompt_hash="p2", fingerprint="f2"),
        "c": make_result("c", prompt_hash="p1", fingerprint="f1"),
    }

    found = compare_cases([delta(name) for name in after], before, after)

    assert found.models == (ModelChange("openai/gpt-5-mini", "openai/new", 2),)
    assert found.prompts == (PromptChange("support", "p1", "p2", 2),)
    assert found.is_same is False


def test_equal_fingerprints_mean_that_the_same_was_asked() -> None:
    assert compare_cases([delta("a")], {"a": make_case("a")}, {"a": make_result("a", prompt_hash="p")}).is_same is True
    edited = make_case("a", prompt_hash="before")  # and rendered for this case as it was
    assert compare_cases([delta("a")], {"a": edited}, {"a": make_result("a", prompt_hash="p")}).prompts == ()


def test_a_baseline_without_hashes_tells_other_prompts_by_their_names_alone() -> None:
    old = make_case("a", fingerprint="")

    same_name = compare_cases([delta("a")], {"a": old}, {"a": make_result("a", prompt_hash="p")})
    other_name = compare_cases([delta("a")], {"a": old}, {"a": make_result("a", prompt_hash="p", prompt_name="terse")})

    assert (same_name.prompts, same_name.is_same) == ((), None)
    assert other_name.prompts == (PromptChange("terse", "", "p", 1),)


def test_a_renamed_case_is_compared_with_its_old_name() -> None:
    found = compare_cases(
        [delta("new", name_before="old")], {"old": make_case("old")}, {"new": make_result("new", model="openai/other")}
    )

    assert found.models == (ModelChange("openai/gpt-5-mini", "openai/other", 1),)


@pytest.mark.parametrize("model", ["recorded", "test"])
def test_outputs_of_no_model_are_not_asked_for(model: str) -> None:
    found = compare_cases([delta("a")], {"a": make_case("a", model=model)}, {"a": make_result("a", model=model)})

    assert not found.is_asked


def test_values_that_came_went_and_moved_are_named_in_order() -> None:
    before, after = {"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 4, "d": 5}

    assert compare_values(before, after) == (
        ValueChange("a", 1, None),
        ValueChange("c", 3, 4),
        ValueChange("d", None, 5),
    )


def test_a_model_that_answers_as_another_version_is_told() -> None:
    before = RunFile(FILE, models={"openai/m": "m-01", "openai/silent": "openai/silent", "openai/gone": "g-1"})
    after = RunFile(FILE, models={"openai/m": "m-02", "openai/silent": "s-2", "openai/new": "n-1"})

    assert compare_resolved(before, after) == (ValueChange("openai/m", "m-01", "m-02"),)


def test_flips_have_the_outputs_that_are_known() -> None:
    before = {"a": make_case("a", output="then"), "was": make_case("was", output="")}

    flips = list(find_flips([delta("a"), delta("b", name_before="was")], before, {"a": "now"}.get))

    assert [(flip.delta.name, flip.before, flip.after) for flip in flips] == [("a", "then", "now"), ("b", None, None)]

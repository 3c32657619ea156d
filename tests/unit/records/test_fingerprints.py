from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.records.cases import Case, JudgeSpec, Location
from pytest_promptevals.records.fingerprints import case_fingerprint, content_hash, full_fingerprint
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response

PLACE = Location("a.eval.yaml", 1)
CASE = Case("a", PLACE, input="hi", vars={"x": 1}, expected="ho", context=("c",))
JUDGE = JudgeSpec("fuzzy", "fuzzy", PLACE, {"method": "ratio"}, threshold=0.5)


def fingerprint(case: Case = CASE, judge: JudgeSpec = JUDGE, reducer: str = "mean") -> str:
    return case_fingerprint(case, (judge,), reducer)


def test_the_order_of_keys_changes_no_hash() -> None:
    assert content_hash({"a": 1, "b": [1, {"c": 2}]}) == content_hash({"b": [1, {"c": 2}], "a": 1})


def test_a_hash_is_stable_over_versions() -> None:
    assert content_hash({"a": "ü"}) == "09b7cce2644347ec"


@pytest.mark.parametrize("change", [{"input": "other"}, {"vars": {"x": 2}}, {"expected": "other"}, {"context": ("d",)}])
def test_what_is_asked_changes_the_fingerprint(change: dict[str, object]) -> None:
    assert fingerprint(dataclasses.replace(CASE, **change)) != fingerprint()  # type: ignore[arg-type]  # one field each


@pytest.mark.parametrize(
    "change",
    [
        {"location": Location("b.eval.yaml", 9)},
        {"id": "b"},
        {"output": Response("hi")},
        {"tags": ("t",)},
        {"metadata": {"x": 1}},
        {"trials": 3},
        {"weight": 2.0},
    ],
)
def test_what_changes_no_score_keeps_the_fingerprint(change: dict[str, object]) -> None:
    assert fingerprint(dataclasses.replace(CASE, **change)) == fingerprint()  # type: ignore[arg-type]  # one field each


@pytest.mark.parametrize(
    "change",
    [
        {"judge": "levenshtein"},
        {"parameters": {"method": "partial"}},
        {"argument": "x"},
        {"weight": 2.0},
        {"negated": True},
        {"children": (JUDGE,)},
    ],
)
def test_how_it_is_judged_changes_the_fingerprint(change: dict[str, object]) -> None:
    assert fingerprint(judge=dataclasses.replace(JUDGE, **change)) != fingerprint()  # type: ignore[arg-type]  # one field


def test_a_threshold_changes_no_score() -> None:
    assert fingerprint(judge=dataclasses.replace(JUDGE, threshold=0.9, required=False)) == fingerprint()


@pytest.mark.parametrize("reducer", ["majority", "pass@2", "pass^2"])
def test_a_threshold_counts_where_the_reducer_asks_which_trials_passed(reducer: str) -> None:
    stricter = dataclasses.replace(JUDGE, threshold=0.9)
    optional = dataclasses.replace(JUDGE, required=False)

    assert len({fingerprint(judge=judge, reducer=reducer) for judge in (JUDGE, stricter, optional)}) == 3


def test_the_reducer_changes_the_fingerprint() -> None:
    assert fingerprint(reducer="min") != fingerprint()


def test_the_full_fingerprint_knows_prompt_model_and_parameters() -> None:
    prompt = RenderedPrompt((Message("user", "hi"),))
    variants = {
        full_fingerprint("1", prompt, "openai/a", {}),
        full_fingerprint("2", prompt, "openai/a", {}),
        full_fingerprint("1", None, "openai/a", {}),
        full_fingerprint("1", RenderedPrompt((Message("user", "ho"),)), "openai/a", {}),
        full_fingerprint("1", prompt, "openai/b", {}),
        full_fingerprint("1", prompt, "openai/a", {"temperature": 0}),
    }

    assert len(variants) == 6

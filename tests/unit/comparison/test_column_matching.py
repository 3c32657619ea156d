"""Cases that are kept as columns are compared as rows are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.comparison.column_matching import round_as_python
from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.pairing import match_cases
from pytest_promptevals.comparison.pairs import Pairs, are_plain_columns
from pytest_promptevals.comparison.scored import Pair
from pytest_promptevals.history.light_rows import BeforeRow, Rows, ScoredRow
from pytest_promptevals.records.comparisons import Change, Delta, DeltasOnDemand, GroupedDeltas
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import ErrorRecord, Score, Trial

_BOTH = {
    "case_fingerprint": "f",
    "model": "openai/gpt-5",
    "prompt_name": "p",
    "score": 0.5,
    "cost": 0.25,
    "latency": 1.5,
    "output_length": 9.0,
    "passed": True,
    "trial_scores": (),
}
_NOW = {
    **_BOTH,
    "trial_count": 1,
    "judge_values": {"exact": 0.5},
    "weight": 1.0,
    "group": None,
    "path": "a.eval.yaml",
    "line": 3,
    "error": None,
    "scores": (),
    "trials": (),
}
_THEN = {**_BOTH, "trials": 1, "scores": {"exact": 0.5}}
_ERROR: dict[str, Any] = {
    "score": None,
    "passed": None,
    "error": ErrorRecord("provider", "down"),
    "judge_values": {},
    "cost": None,
}


def now(name: str, **values: Any) -> ScoredRow:
    return ScoredRow(name=name, **{"case_id": name, **_NOW, **values})


def then(name: str, **values: Any) -> BeforeRow:
    return BeforeRow(name=name, **{"case_id": name, **_THEN, **values})


def scored(rows: Sequence[ScoredRow]) -> Rows[ScoredRow]:
    return Rows(ScoredRow, [[getattr(row, name) for row in rows] for name in ScoredRow._fields])


def recorded(rows: Sequence[BeforeRow]) -> Rows[BeforeRow]:
    return Rows(BeforeRow, [[getattr(row, name) for row in rows] for name in BeforeRow._fields])


RESULTS = [
    now("worse", score=0.25, passed=False),
    now("much worse", score=0.0, passed=False, group="g", weight=2.5),
    now("a better one", score=1.0, cost=None, latency=0.5),
    now("same", score=2 / 3),
    now("edited", case_fingerprint="other"),
    now("of new judges", judge_values={"fuzzy": 1.0}, group="g"),
    now("fresh", case_fingerprint="never seen"),
    now("broken", **_ERROR),
    now("broken and new", **_ERROR),
    now("broken when it had a score", error=ErrorRecord("judge", "down")),
    now("new name", case_fingerprint="moved", score=0.75),
    now("thrice", score=0.5, trial_count=3, trial_scores=(0.25, 0.25, 1.0)),
]
BASELINE = [
    then("thrice", trials=1, score=0.75),
    then("gone", case_fingerprint="gone"),
    then("also gone", case_fingerprint="also gone", score=0.125),
    then("old name", case_fingerprint="moved"),
    *(
        then(name)
        for name in (
            "broken",
            "broken when it had a score",
            "of new judges",
            "edited",
            "a better one",
            "much worse",
            "worse",
        )
    ),
    then("same", score=0.666667),
    then("deselected", case_fingerprint="deselected"),
]
NAMES = {"deselected", *(result.name for result in RESULTS)}


def test_columns_are_compared_as_rows_are() -> None:
    by_columns = compare("a", scored(RESULTS), recorded(BASELINE), collected_names=NAMES)

    assert by_columns == compare("a", RESULTS, BASELINE, collected_names=NAMES)
    assert {delta.name: delta.change for delta in by_columns.deltas} == {
        "much worse": Change.WORSE,
        "worse": Change.WORSE,
        "thrice": Change.WORSE,
        "a better one": Change.BETTER,
        "new name": Change.BETTER,
        "broken": Change.ERROR,
        "broken and new": Change.ERROR,
        "broken when it had a score": Change.ERROR,
        "also gone": Change.MISSING,
        "gone": Change.MISSING,
        "edited": Change.EDITED,
        "fresh": Change.NEW,
        "of new judges": Change.SAME,
        "same": Change.SAME,
    }
    assert [delta.renamed_from for delta in by_columns.deltas if delta.name == "new name"] == ["old name"]


def test_columns_are_compared_with_the_cases_of_a_committed_baseline() -> None:
    assert compare("a", scored(RESULTS), BASELINE, collected_names=NAMES) == compare(
        "a", RESULTS, BASELINE, collected_names=NAMES
    )


@given(st.integers(0, 2**32))
def test_any_columns_are_compared_as_rows_are(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    names = [f"case {number}" for number in range(chance.randint(0, 12))]

    def some() -> dict[str, Any]:
        return {
            "score": chance.choice([0.0, 1.0, chance.random(), 0.0000005, 1 / 3]),
            "passed": chance.random() < 0.5,
            "cost": chance.choice([None, 0.5, 0.25]),
            "case_fingerprint": chance.choice("fffg"),
        }

    results = [
        now(name, group=chance.choice([None, "g", "h"]), **({**some(), **_ERROR} if chance.random() < 0.2 else some()))
        for name in chance.sample(names, chance.randint(0, len(names)))
    ]
    baseline = [then(name, **some()) for name in chance.sample(names, chance.randint(0, len(names)))]
    collected = chance.sample(names, len(names) // 2)

    assert compare("a", scored(results), recorded(baseline), collected_names=collected) == compare(
        "a", results, baseline, collected_names=collected
    )


@given(st.lists(st.one_of(st.floats(0, 1), st.integers(0, 10**7).map(lambda number: number / 10**7))))
def test_scores_are_rounded_as_python_rounds_them(scores: list[float]) -> None:
    assert round_as_python(np.array(scores, dtype=np.float64)).tolist() == [round(score, 6) for score in scores]


@pytest.mark.parametrize(
    "result",
    [
        now("a", case_fingerprint=partial_fingerprint("f", 1, "mean"), scores=(Score("exact", 0.5, passed=True),)),
        now("a", trials=(Trial(1, scores=(Score("exact", 0.5, passed=True, details={"relative": True}),)),)),
    ],
    ids=["of a part of the judges", "with details"],
)
def test_results_that_need_a_look_at_each_are_no_plain_columns(result: ScoredRow) -> None:
    assert not are_plain_columns(scored([now("plain"), result]))
    assert compare("a", scored([result]), recorded([then("a")]), collected_names=["a"]) == compare(
        "a", [result], [then("a")], collected_names=["a"]
    )


def test_only_columns_are_plain_columns() -> None:
    assert are_plain_columns(scored([now("plain")]))
    assert not are_plain_columns([now("plain")])


def test_changes_are_made_when_they_are_looked_at() -> None:
    made: list[int] = []

    def make(place: int) -> Delta:
        made.append(place)
        return Delta(f"case {place}", Change.WORSE)

    deltas = DeltasOnDemand([3, 1, 2], make)
    shown = deltas[:2]

    assert (len(deltas), made) == (3, [])
    assert [delta.name for delta in shown] == ["case 3", "case 1"]
    assert made == [3, 1]
    assert deltas[2].name == "case 2"


def test_groups_of_changes_are_like_a_tuple_of_them() -> None:
    worse, new = Delta("a", Change.WORSE), Delta("b", Change.NEW)
    grouped = GroupedDeltas({Change.WORSE: (worse,), Change.BETTER: (), Change.NEW: [new]})

    assert grouped == (worse, new)
    assert grouped == GroupedDeltas({Change.WORSE: [worse], Change.NEW: [new]})
    assert grouped != (new, worse)
    assert hash(grouped) == hash((worse, new))
    assert (len(grouped), grouped[1], grouped[:1]) == (2, new, (worse,))
    assert list(grouped.with_change(Change.NEW)) == [new]
    assert list(grouped.with_change(Change.MISSING)) == []


def test_pairs_are_rows_where_one_is_looked_at() -> None:
    matched = match_cases(scored(RESULTS), recorded(BASELINE), NAMES)
    rows = match_cases(RESULTS, BASELINE, NAMES)

    assert list(matched.pairs) == list(rows.pairs)
    assert matched.pairs[0] == Pair(RESULTS[0], then("worse"))
    assert list(matched.pairs[1:3]) == list(rows.pairs)[1:3]
    assert list(matched.pairs.now("name")) == [pair.now.name for pair in rows.pairs]
    assert Pairs.of(matched.pairs) is matched.pairs


def test_rows_of_columns_are_those_that_they_were_made_of() -> None:
    rows = scored(RESULTS)

    assert list(rows) == RESULTS
    assert (len(rows), rows[1], rows[-2:]) == (len(RESULTS), RESULTS[1], RESULTS[-2:])

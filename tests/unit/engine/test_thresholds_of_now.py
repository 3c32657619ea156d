from __future__ import annotations

import pytest

from pytest_promptevals.engine.judging import PlannedJudge
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.engine.thresholds import KnownScore, passes_now
from pytest_promptevals.records.cases import JudgeSpec, Location
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.results import CHILDREN

HERE = Location("a.eval.yaml", 1)


def fuzzy(name: str, threshold: float) -> PlannedJudge:
    spec = JudgeSpec("fuzzy", name, HERE, threshold=threshold)
    return PlannedJudge(spec, builtin_registry().judges["fuzzy"], None, frozenset())


def group(kind: str, *children: PlannedJudge, name: str = "group") -> PlannedJudge:
    return PlannedJudge(JudgeSpec(kind, name, HERE), None, None, frozenset(), children)


def kept(**scores: float) -> JsonObject:
    return {CHILDREN: {name: {"score": score} for name, score in scores.items()}}


# Of the inner group, the scores of its judges are not kept, and these have different thresholds.
def nested(kind: str) -> PlannedJudge:
    return group(kind, fuzzy("known", 0.5), group("any_of", fuzzy("a", 0.2), fuzzy("b", 0.9), name="inner"))


@pytest.mark.parametrize(
    ("kind", "known", "passes"),
    [("all_of", 0.9, None), ("all_of", 0.1, False), ("any_of", 0.9, True), ("any_of", 0.1, None)],
)
def test_a_group_passes_by_what_is_kept_only_where_no_unknown_judge_could_change_it(
    kind: str, known: float, passes: bool | None
) -> None:
    score = KnownScore(0.5, None, kept(known=known, inner=0.5))

    assert passes_now(nested(kind), score) is passes

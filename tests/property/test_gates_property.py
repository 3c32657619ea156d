from __future__ import annotations

import dataclasses
import random

from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gate_words import chance_text
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.settings import Settings
from tests.support.gated import make_comparison, make_effect
from tests.support.sample_results import PLACE

CHANCES = st.floats(1e-9, 1.0)
RULES = GateRules(max_drop=0.1)


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    """A change of a mean score with bounds around it; no change has no chance of its own."""
    before, after = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    worse_by = before - after
    reach = draw(st.floats(0, 1))
    return dataclasses.replace(
        make_effect(worse_by, draw(CHANCES) if worse_by else 1.0, before=before),
        after=after,
        low=max(-1.0, worse_by - reach),
        high=min(1.0, worse_by + reach),
        p_better=draw(CHANCES) if worse_by else 1.0,
        error=draw(st.none() | st.floats(0, 0.5)),
        groups=draw(st.integers(1, 60)),
    )


def answers(changes: list[Effect]) -> list[GateResult]:
    """The answers of one eval file for each change, decided together."""
    gates = parse_gates(RULES, Settings())
    files = [GatedFile(make_comparison(change), gates, PLACE) for change in changes]
    return [gate for comparison in decide(files) for gate in comparison.gates]


@given(st.lists(effects(), min_size=1, max_size=6))
def test_a_verdict_says_what_its_evidence_says(changes: list[Effect]) -> None:
    for gate in answers(changes):
        evidence = gate.evidence
        assert evidence is not None
        assert evidence.p_adjusted is not None
        is_too_large = evidence.effect.worse_by - evidence.limit > 1e-9
        is_real = evidence.p_adjusted <= 0.05 + 1e-9
        assert (gate.verdict is Verdict.REGRESSED) == (is_too_large and is_real)
        assert (gate.verdict is Verdict.INCONCLUSIVE) == (is_too_large and not is_real)
        assert gate.fails == (gate.verdict is Verdict.REGRESSED)


@given(effects(), st.lists(effects(), max_size=6))
def test_looking_at_more_files_makes_none_of_them_red(change: Effect, others: list[Effect]) -> None:
    (alone,), (among, *_) = answers([change]), answers([change, *others])

    assert alone.fails or not among.fails
    assert (alone.verdict is Verdict.PASSED) == (among.verdict is Verdict.PASSED)


@given(st.lists(effects(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_no_verdict(changes: list[Effect], chance: random.Random) -> None:
    shuffled = list(range(len(changes)))
    chance.shuffle(shuffled)

    in_order = answers(changes)

    assert answers([changes[index] for index in shuffled]) == [in_order[index] for index in shuffled]


@given(CHANCES, CHANCES)
def test_a_smaller_chance_never_sounds_larger(one: float, other: float) -> None:
    small, large = sorted((one, other))

    assert _share(chance_text(small)) <= _share(chance_text(large)) + 1e-12


def _share(words: str) -> float:
    if words == "nearly all runs":
        return 1.0
    few, _, many = words.removeprefix("fewer than ").removesuffix(" runs").partition(" of ")
    return int(few) / int(many.replace(",", ""))

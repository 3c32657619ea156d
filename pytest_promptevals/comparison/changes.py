"""What differs between a run and what it is compared with, beside the scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from pytest_promptevals.records.changes import CaseChanges, Flip, ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison, Delta, Verdict
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.runs import RunFile

_NOT_ASKED: Final = ("recorded", "test")
"""Models of cases whose outputs stand in a file, or are made by a test function."""
_SCORED: Final = (Change.WORSE, Change.BETTER, Change.SAME)


class AskedCase(Protocol):
    """What is read of a result."""

    @property
    def model(self) -> str:
        """``provider/model``."""

    @property
    def prompt_name(self) -> str:
        """Name of the prompt's template."""

    @property
    def prompt_hash(self) -> str:
        """Content hash of the prompt's template; empty if there is none."""

    @property
    def fingerprint(self) -> str:
        """Content hash of all that gives the score its meaning."""


def is_explained(comparison: Comparison) -> bool:
    """Return whether a comparison needs an explanation: one of its gates failed, or cannot tell."""
    gates = [gate for gate in comparison.gates if gate.verdict is not Verdict.INSUFFICIENT_DATA]
    return comparison.has_baseline and any(gate.fails or gate.verdict is Verdict.INCONCLUSIVE for gate in gates)


def has_drop(comparison: Comparison) -> bool:
    """Return whether a gate that compares failed, or cannot tell: then there is a change that may be chance."""
    gates = [gate for gate in comparison.gates if gate.evidence is not None]
    return any(gate.verdict in (Verdict.REGRESSED, Verdict.INCONCLUSIVE) for gate in gates)


def paired_deltas(comparison: Comparison) -> tuple[Delta, ...]:
    """Return the cases whose scores are compared."""
    return tuple(delta for delta in comparison.deltas if delta.change in _SCORED)


def worst_deltas(comparison: Comparison) -> tuple[Delta, ...]:
    """Return the cases that got worse, worst first: those that no longer pass before the others."""
    return tuple(
        sorted(comparison.deltas_with(Change.WORSE), key=lambda delta: (not is_flip(delta), -(delta.drop or 0)))
    )


def is_flip(delta: Delta) -> bool:
    """Return whether a case passed before and fails now."""
    return delta.passed_before is True and delta.passed_after is False


def compare_cases(
    deltas: Sequence[Delta], before: Mapping[str, BaselineCase], after: Mapping[str, AskedCase]
) -> CaseChanges:
    """Return what differs in what paired cases asked.

    Args:
        deltas: the pairs.
        before: cases of the baseline, by name.
        after: results, by name.
    """
    pairs = [
        (before[old], after[delta.name])
        for delta in deltas
        if (old := delta.old_name) in before and delta.name in after
    ]
    models = Counter((old.model, now.model) for old, now in pairs if old.model != now.model)
    prompts = Counter(
        (now.prompt_name, old.prompt_hash, now.prompt_hash) for old, now in pairs if _is_other_prompt(old, now)
    )
    known = [old.fingerprint == now.fingerprint for old, now in pairs if old.fingerprint]
    return CaseChanges(
        prompts=tuple(PromptChange(*key, cases=cases) for key, cases in prompts.most_common()),
        models=tuple(ModelChange(*key, cases=cases) for key, cases in models.most_common()),
        is_same=all(known) if known and len(known) == len(pairs) else None,
        is_asked=not pairs or any(now.model not in _NOT_ASKED for _, now in pairs),
    )


def _is_other_prompt(before: BaselineCase, after: AskedCase) -> bool:
    if before.fingerprint and before.fingerprint == after.fingerprint:
        return False
    # Baselines and histories of older versions have no hashes: then only the names of prompts tell.
    if before.prompt_hash and after.prompt_hash:
        return before.prompt_hash != after.prompt_hash
    return before.prompt_name != after.prompt_name


def compare_values(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[ValueChange, ...]:
    """Return the names whose values differ, sorted."""
    names = sorted({*before, *after})
    changes = (ValueChange(name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in changes if change.before != change.after)


def compare_weights(
    deltas: Sequence[Delta], before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[ValueChange, ...]:
    """Return the paired cases whose weight is another one; ``before`` and ``after`` have the weights by name."""
    pairs = [(delta.name, before.get(delta.old_name), after.get(delta.name)) for delta in deltas]
    return tuple(ValueChange(name, old, now) for name, old, now in pairs if None not in (old, now) and old != now)


def compare_resolved(before: RunFile, after: RunFile) -> tuple[ValueChange, ...]:
    """Return the models that were asked by the same name and answered as another version."""
    # What a provider does not tell stands there as the name itself.
    told = [
        name
        for name in before.models.keys() & after.models.keys()
        if name not in (before.models[name], after.models[name])
    ]
    return compare_values({name: before.models[name] for name in told}, {name: after.models[name] for name in told})


def find_flips(
    deltas: Sequence[Delta],
    before: Mapping[str, BaselineCase],
    output_now: Callable[[str], str | None],
) -> Iterator[Flip]:
    """Yield cases that got worse with their outputs; ``output_now`` gives that of this run by name."""
    for delta in deltas:
        old = before.get(delta.old_name)
        yield Flip(delta, old.output or None if old is not None else None, output_now(delta.name))

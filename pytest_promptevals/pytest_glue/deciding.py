"""What a run says of its eval files: each is compared with its baseline, then all are decided together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import Gate, case_policy, parse_gates
from pytest_promptevals.pytest_glue.baselines import Baseline
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.records.cases import CasePolicy
from pytest_promptevals.records.comparisons import Comparison, Delta, GateResult, Verdict
from pytest_promptevals.records.effects import SCORE
from pytest_promptevals.records.references import COMMITTED
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.settings import Settings

_REMEMBERED: Final = (Verdict.REGRESSED, Verdict.INCONCLUSIVE)
"""Verdicts of a run that is not among the last results without a regression, unless they were let through."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An eval file of a run beside its baseline, not yet decided."""

    source: EvalSource
    """The eval file."""
    comparison: Comparison
    """Its comparison, without gates."""
    problem: str = ""
    """Why its baseline cannot be read."""


def compare_file(source: EvalSource, results: Iterable[CaseResult], baseline: Baseline | None) -> Compared:
    """Return the comparison of an eval file's results with its baseline, which has no gates yet.

    With one that cannot be read nothing is compared: its cases are not new.
    """
    comparison = compare(
        source.file,
        tuple(results),
        None if baseline is None or baseline.problem else baseline.cases,
        collected_names=frozenset(source.names),
    )
    if baseline is None:
        return Compared(source, comparison)
    named = dataclasses.replace(comparison, baseline=baseline.label, baseline_run=baseline.run)
    return Compared(source, named, baseline.problem)


def decide_run(compared: Sequence[Compared], settings: Settings) -> tuple[Comparison, ...]:
    """Return the comparisons of all files of a whole run, with the answers of their gates.

    Results that become the baseline are not held against the one before.
    """
    files = [
        GatedFile(item.comparison, _gates_of(item, settings), item.source.location, len(item.source.names))
        for item in compared
    ]
    decided = decide(files)
    if settings.saves_file:
        return decided
    return tuple(_tell_problem(item, comparison) for item, comparison in zip(compared, decided, strict=True))


def improved_cases(
    sources: Mapping[str, EvalSource], comparisons: Sequence[Comparison], settings: Settings
) -> dict[str, tuple[str, ...]]:
    """Return, by eval file, the cases that pass now while the baseline that holds them has them failing.

    Only where the policy is ``ratchet`` does a baseline hold a case to what it was, and only a committed one waits to
    be told of an improvement.
    """
    found = {
        comparison.file: tuple(sorted(delta.name for delta in comparison.deltas if _is_improved(delta)))
        for comparison in _with_ratchet(sources, comparisons, settings)
        if comparison.baseline == COMMITTED and not comparison.is_partial
    }
    return {file: names for file, names in found.items() if names}


def forgetful_files(
    sources: Mapping[str, EvalSource], comparisons: Sequence[Comparison], settings: Settings
) -> tuple[str, ...]:
    """Return the eval files of which a case slipped that their ratchet will forget, as no baseline is committed.

    What fails in a run with a drop that is too large is not forgotten: the next run is not compared with that one,
    unless the drop may be chance and was let through.
    """
    return tuple(
        comparison.file
        for comparison in _with_ratchet(sources, comparisons, settings)
        if comparison.baseline not in ("", COMMITTED)
        and not comparison.baseline_run
        and _has_slipped(comparison)
        and not any(gate.verdict in _REMEMBERED and gate.fails for gate in comparison.gates)
    )


def is_good(comparison: Comparison) -> bool:
    """Return whether the run is among the last results without a regression of an eval file, as far as gates say."""
    return not any(
        (gate.verdict in _REMEMBERED and gate.fails) or (gate.gate == SCORE and gate.verdict.fails)
        for gate in comparison.gates
    )


def _with_ratchet(
    sources: Mapping[str, EvalSource], comparisons: Sequence[Comparison], settings: Settings
) -> list[Comparison]:
    if settings.saves_file:
        return []
    return [
        comparison
        for comparison in comparisons
        if case_policy(sources[comparison.file].case_policy, settings) is CasePolicy.RATCHET
    ]


def _is_improved(delta: Delta) -> bool:
    return delta.drop is not None and delta.passed_before is False and delta.passed_after is True


def _has_slipped(comparison: Comparison) -> bool:
    return any(delta.drop is not None and delta.passed_before and not delta.passed_after for delta in comparison.deltas)


def _gates_of(item: Compared, settings: Settings) -> tuple[Gate, ...]:
    gates = parse_gates(item.source.gate, settings)
    if settings.saves_file or item.problem:
        return tuple(gate for gate in gates if not gate.needs_baseline)
    return gates


def _tell_problem(item: Compared, comparison: Comparison) -> Comparison:
    """A baseline that cannot be read may not pass for none."""
    if not item.problem:
        return comparison
    unread = GateResult(comparison.file, "score", Verdict.INSUFFICIENT_DATA, item.problem, item.source.location)
    return dataclasses.replace(comparison, gates=(unread, *comparison.gates))

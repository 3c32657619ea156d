"""Two runs of the history compared as a run is with its baseline, with the gates that the run had."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import Gate, parse_gates
from pytest_promptevals.history.run_pairs import FilePair, RunPair
from pytest_promptevals.records.cases import GateRules, Location
from pytest_promptevals.records.comparisons import GateResult
from pytest_promptevals.records.effects import COST, JUDGE_PREFIX, SCORE, Evidence
from pytest_promptevals.records.run_comparisons import RunComparison
from pytest_promptevals.settings import Settings

_COST_GATE: Final = "max_cost_increase"
_ABSOLUTE: Final = frozenset({"min_score", "min_pass_rate", "max_cost", "max_latency_p95", "max_error_rate"})
"""Gates whose answer does not depend on the baseline: what they said at the end of the run still holds."""


def compare_runs(pair: RunPair, settings: Settings, files: Collection[str]) -> RunComparison:
    """Return what changed between two sides, with the verdict of each eval file.

    The limits are those that the gates of the run had when it ended, or else those of the settings. As in a run, all
    gates that compare are corrected together for how many they are.

    Args:
        pair: the two sides.
        settings: those of the project.
        files: eval files of the run that are compared.
    """
    compared: list[GatedFile] = []
    answered: list[Sequence[GateResult]] = []
    only_now: list[str] = []
    for file in files:
        both = pair.read(file)
        if both is None:
            only_now.append(file)
            continue
        compared.append(_compare_file(both, settings))
        answered.append([gate for gate in both.gates if gate.gate in _ABSOLUTE])
    decided = decide(compared)
    return RunComparison(
        before=pair.before,
        now=pair.now,
        files=tuple(
            replace(comparison, gates=(*comparison.gates, *absolute))
            for comparison, absolute in zip(decided, answered, strict=True)
        ),
        only_now=tuple(only_now),
        notices=pair.notices,
    )


def _compare_file(pair: FilePair, settings: Settings) -> GatedFile:
    comparison = compare(pair.file, pair.now, pair.before, collected_names=pair.collected)
    comparison = replace(comparison, baseline=pair.baseline, baseline_run=pair.baseline_run)
    evidence = {gate.gate: gate.evidence for gate in pair.gates if gate.evidence is not None}
    location = pair.gates[0].location if pair.gates else Location(pair.file, 1)
    return GatedFile(comparison, _gates(evidence, settings), location)


def _gates(evidence: Mapping[str, Evidence], settings: Settings) -> tuple[Gate, ...]:
    """Return the gates that compare, with the limits that verdicts of the run rested on."""
    score = evidence.get(SCORE)
    rules = GateRules(
        max_drop=None if score is None else score.limit,
        confidence=None if score is None else score.confidence,
        max_cost_increase=_increase(evidence.get(_COST_GATE)),
        judges={
            name.removeprefix(JUDGE_PREFIX): known.limit
            for name, known in evidence.items()
            if name.startswith(JUDGE_PREFIX)
        },
    )
    return tuple(gate for gate in parse_gates(rules, settings) if gate.needs_baseline)


def _increase(evidence: Evidence | None) -> float | None:
    """Return the limit of a cost as the share that it was written as."""
    if evidence is None or evidence.effect.metric != COST or not evidence.effect.before:
        return None
    return evidence.limit / evidence.effect.before

"""The verdicts of a run: the gates of all its eval files, decided together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_promptevals.comparison.gate_answers import Tested
from pytest_promptevals.comparison.gates import Gate
from pytest_promptevals.comparison.holm import holm
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Comparison, GateResult
from pytest_promptevals.records.effects import Effect


@dataclass(frozen=True, slots=True)
class GatedFile:
    """One eval file that is to be decided on."""

    comparison: Comparison
    """Its run against its baseline, with the effects and without gates."""
    gates: tuple[Gate, ...]
    """Its gates, from ``parse_gates``."""
    location: Location
    """Where its gates are written, or else the file."""
    collected: int | None = None
    """Cases that it has, the deselected ones included; ``None`` if all of them were run."""


def decide(files: Sequence[GatedFile]) -> tuple[Comparison, ...]:
    """Return the comparisons of a run with the answers of their gates. Never raises.

    The more changes a run looks at, the likelier one of them is large by chance. So the p-values of all gates that
    compare, over all files, are corrected together (Holm 1979, A simple sequentially rejective multiple test
    procedure): where nothing changed, the whole run is red by chance no more often than ``1 - confidence``.
    """
    effects = [gate.tested(file.comparison) for file in files for gate in file.gates]
    tested = iter(_correct(effects))
    return tuple(_answer(file, tested) for file in files)


def _answer(file: GatedFile, tested: Iterator[Tested | None]) -> Comparison:
    answers = [(gate.name, gate.answer(file.comparison, next(tested))) for gate in file.gates]
    selection = _selection(file.comparison.metrics.cases, file.collected)
    gates = tuple(
        GateResult(
            file.comparison.file,
            name,
            answer.verdict,
            answer.explanation + selection,
            file.location,
            evidence=answer.evidence,
            is_accepted=answer.is_accepted,
        )
        for name, answer in answers
        if answer is not None
    )
    return dataclasses.replace(file.comparison, gates=gates)


def _correct(effects: Sequence[Effect | None]) -> list[Tested | None]:
    """Return each effect with its p-values corrected for all of them."""
    tested = [effect for effect in effects if effect is not None]
    if not tested:
        return [None] * len(effects)
    worse = holm([1.0 if effect.p_worse is None else effect.p_worse for effect in tested])
    better = holm([1.0 if effect.p_better is None else effect.p_better for effect in tested])
    corrected = iter(
        [
            Tested(effect, p_worse, p_better, len(tested))
            for effect, p_worse, p_better in zip(tested, worse, better, strict=True)
        ]
    )
    return [None if effect is None else next(corrected) for effect in effects]


def _selection(run: int, collected: int | None) -> str:
    return f" (a selection: {run} of {collected} cases were run)" if collected is not None and run < collected else ""

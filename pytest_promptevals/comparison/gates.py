"""Gates: rules on the metrics of an eval file, parsed once, each answering with a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pytest_promptevals.comparison.absolute_gates import (
    ErrorRateGate,
    MissingCasesGate,
    max_cost_gate,
    max_latency_gate,
    min_pass_rate_gate,
    min_score_gate,
)
from pytest_promptevals.comparison.comparing_gates import cost_gate, judge_gate, score_gate
from pytest_promptevals.comparison.gate_answers import Answer, Terms, Tested
from pytest_promptevals.records.cases import CasePolicy, GateRules, MissingCases, OnInconclusive
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.settings import Settings


class Gate(Protocol):
    """A rule on one metric of one eval file."""

    @property
    def name(self) -> str:
        """What the gate is called in reports, such as ``score``, ``min_score`` or ``judges.NAME``."""
        ...

    @property
    def needs_baseline(self) -> bool:
        """Whether it is about what changed since the baseline."""
        ...

    def tested(self, comparison: Comparison) -> Effect | None:
        """Return the change that the answer rests on; ``None`` if it rests on none."""
        ...

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer | None:
        """Answer for one eval file; ``None`` if the gate has nothing to say of it.

        ``comparison`` has no gates yet; ``tested`` is set if ``tested()`` gave an effect.
        """
        ...


def parse_gates(rules: GateRules, settings: Settings) -> tuple[Gate, ...]:
    """Return the gates that an eval file's rules and the settings ask for; ``score`` is always among them.

    What an option or the environment says goes before the eval file, which goes before the ini file.
    """
    asked = _Asked(rules, settings)
    return (*_comparing(asked), *_absolute(asked))


def case_policy(written: CasePolicy | None, settings: Settings) -> CasePolicy:
    """Return what a case below its threshold means, where an eval file says ``written``."""
    if written is None or "case_policy" in settings.given:
        return CasePolicy(settings.case_policy)
    return written


class _Asked:
    """What the eval file and the settings ask for together."""

    def __init__(self, rules: GateRules, settings: Settings) -> None:
        self.rules = rules
        self._settings = settings
        self.max_drop = self._choose(rules.max_drop, "max_drop") or 0.0
        self.terms = Terms(
            confidence=self._choose(rules.confidence, "confidence") or 0.0,
            on_inconclusive=self._on_inconclusive(),
            max_error_rate=self._choose(rules.max_error_rate, "max_error_rate"),
        )
        self.min_score = self._choose(rules.min_score, "min_score")
        self.min_pass_rate = self._choose(rules.min_pass_rate, "min_pass_rate")
        self.max_cost = self._choose(rules.max_cost, "max_file_cost")
        self.max_cost_increase = self._choose(rules.max_cost_increase, "max_cost_increase")
        self.max_latency = self._choose(rules.max_latency_p95, "max_latency_p95")

    def _choose(self, written: float | None, setting: str) -> float | None:
        of_project: float | None = getattr(self._settings, setting)
        return of_project if written is None or setting in self._settings.given else written

    def _on_inconclusive(self) -> OnInconclusive:
        written = self.rules.on_inconclusive
        if written is None or "on_inconclusive" in self._settings.given:
            return OnInconclusive(self._settings.on_inconclusive)
        return written

    def missing_cases(self) -> MissingCases:
        written = self.rules.missing_cases
        if written is None or "missing_cases" in self._settings.given:
            return MissingCases(self._settings.missing_cases)
        return written


def _comparing(asked: _Asked) -> Iterator[Gate]:
    yield score_gate(asked.max_drop, asked.terms)
    for judge, max_drop in asked.rules.judges.items():
        yield judge_gate(judge, max_drop, asked.terms)
    if asked.max_cost_increase is not None:
        is_of_project = asked.rules.max_cost_increase is None
        yield cost_gate(asked.max_cost_increase, asked.terms, is_of_project=is_of_project)


def _absolute(asked: _Asked) -> Iterator[Gate]:
    if asked.min_score is not None:
        yield min_score_gate(asked.min_score, asked.terms)
    if asked.min_pass_rate is not None:
        yield min_pass_rate_gate(asked.min_pass_rate, asked.terms)
    if asked.max_cost is not None:
        yield max_cost_gate(asked.max_cost, is_of_project=asked.rules.max_cost is None)
    if asked.max_latency is not None:
        yield max_latency_gate(asked.max_latency, is_of_project=asked.rules.max_latency_p95 is None)
    if asked.terms.max_error_rate is not None:
        yield ErrorRateGate(asked.terms.max_error_rate)
    if asked.missing_cases() is MissingCases.FAIL:
        yield MissingCasesGate()

"""Gates that compare with the baseline: is a change for the worse larger than allowed, and more than chance?"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pytest_promptevals.comparison.gate_answers import TOLERANCE, Answer, Terms, Tested
from pytest_promptevals.comparison.gate_words import (
    COST_WORDS,
    SCORE_WORDS,
    UNKNOWN_COST,
    ChangeSentence,
    MetricWords,
    count_cases,
    count_errors,
    explain_errors,
    explain_no_mean,
    judge_words,
    left_out,
)
from pytest_promptevals.comparison.partial import save_command
from pytest_promptevals.comparison.power import can_be_significant, cases_needed, smallest_detectable, trials_needed
from pytest_promptevals.records.cases import OnInconclusive
from pytest_promptevals.records.comparisons import Change, Comparison, Verdict
from pytest_promptevals.records.effects import COST, JUDGE_PREFIX, SCORE, Effect, Evidence


@dataclass(frozen=True, slots=True)
class ChangeGate:
    """A metric must not become worse than in the baseline by more than ``limit``.

    It is ``regressed`` where the change is larger than that and none of chance; ``inconclusive`` where it is larger
    and may be chance. Only cases that are unchanged since the baseline, and have the metric on both sides, count.
    """

    name: str
    """``score``, ``judges.NAME`` or ``max_cost_increase``."""
    metric: str
    """Which effect it looks at."""
    limit: float
    """Largest change for the worse that passes."""
    words: MetricWords
    """How to speak of the metric."""
    terms: Terms
    """What holds for all gates of the file."""
    explain_nothing: Callable[[Comparison], Answer | None]
    """Answers where no case can be compared."""
    needs_baseline: ClassVar[bool] = True

    def tested(self, comparison: Comparison) -> Effect | None:
        """Return the change that the answer rests on, ``None`` if there is nothing to compare."""
        if not comparison.has_baseline or self.terms.has_too_many_errors(comparison.metrics):
            return None
        return next((effect for effect in comparison.effects if effect.metric == self.metric), None)

    def answer(self, comparison: Comparison, tested: Tested | None) -> Answer | None:
        """Answer for one eval file; ``None`` if it was not asked for anything that this gate is about."""
        if tested is None:
            return self._answer_nothing(comparison)
        evidence = self._weigh(tested)
        sentence = ChangeSentence(evidence, self.words, tested.together, self._groups_needed(tested))
        verdict, explanation = self._judge(evidence, sentence)
        return Answer(
            verdict,
            explanation + left_out(comparison.metrics),
            evidence,
            is_accepted=verdict is Verdict.INCONCLUSIVE and self.terms.on_inconclusive is OnInconclusive.PASS,
        )

    def _weigh(self, tested: Tested) -> Evidence:
        effect, confidence, together = tested.effect, self.terms.confidence, tested.together
        limit = self.limit * abs(effect.before) if self.words.is_relative else self.limit
        is_open = effect.worse_by - limit > TOLERANCE and tested.p_worse > self._alpha
        return Evidence(
            effect,
            limit,
            confidence,
            tested.p_worse,
            tested.p_better,
            smallest_detectable=smallest_detectable(effect, limit, confidence, together),
            cases_needed=cases_needed(effect, confidence, together) if is_open else None,
            trials_needed=trials_needed(effect, confidence, together) if is_open else None,
        )

    @property
    def _alpha(self) -> float:
        return 1 - self.terms.confidence + TOLERANCE

    def _groups_needed(self, tested: Tested) -> int:
        """Return how many groups it takes for any change to be more than chance."""
        enough = (k for k in itertools.count(1) if can_be_significant(k, self.terms.confidence, tested.together))
        return next(enough)

    def _judge(self, evidence: Evidence, sentence: ChangeSentence) -> tuple[Verdict, str]:
        change = evidence.effect.worse_by
        is_real = evidence.p_adjusted is not None and evidence.p_adjusted <= self._alpha
        if change - evidence.limit > TOLERANCE:
            if is_real:
                return Verdict.REGRESSED, sentence.regressed()
            if evidence.effect.p_worse is None:
                return Verdict.INCONCLUSIVE, sentence.untested()
            return Verdict.INCONCLUSIVE, sentence.inconclusive()
        if abs(change) <= TOLERANCE:
            return Verdict.PASSED, sentence.unchanged()
        if change > 0:
            return Verdict.PASSED, sentence.allowed(is_significant=is_real)
        is_better = evidence.p_better_adjusted is not None and evidence.p_better_adjusted <= self._alpha
        return Verdict.PASSED, sentence.better(is_significant=is_better)

    def _answer_nothing(self, comparison: Comparison) -> Answer | None:
        if not comparison.has_baseline:
            return Answer(Verdict.NO_BASELINE, f"there is no baseline; save one with '{save_command(comparison)}'")
        if self.terms.has_too_many_errors(comparison.metrics):
            return Answer(Verdict.INSUFFICIENT_DATA, explain_errors(comparison.metrics))
        return self.explain_nothing(comparison)


def score_gate(max_drop: float, terms: Terms) -> ChangeGate:
    """Return the gate on the mean score, which every eval file has."""
    return ChangeGate("score", SCORE, max_drop, SCORE_WORDS, terms, _nothing_paired)


def judge_gate(judge: str, max_drop: float, terms: Terms) -> ChangeGate:
    """Return the gate on the mean score of one judge."""

    def explain_nothing(comparison: Comparison) -> Answer | None:
        if comparison.is_partial or comparison.drop is None:
            return None  # the judge did not run, or the gate on the mean score says why nothing can be compared
        return Answer(Verdict.NO_BASELINE, f"no case that can be compared has a score of {judge!r} in both runs")

    metric = f"{JUDGE_PREFIX}{judge}"
    return ChangeGate(metric, metric, max_drop, judge_words(judge), terms, explain_nothing)


def cost_gate(max_increase: float, terms: Terms, *, is_of_project: bool) -> ChangeGate:
    """Return the gate on the cost of a case, whose limit is a share of what it was.

    A rule of the whole project says nothing of a file whose cost is not known; one of the file itself then fails.
    """

    def explain_nothing(comparison: Comparison) -> Answer | None:
        if comparison.drop is None or (comparison.metrics.cost is None and is_of_project):
            return None
        if comparison.metrics.cost is None:
            return Answer(Verdict.INSUFFICIENT_DATA, UNKNOWN_COST)
        again = f"save a new one with '{save_command(comparison)}'"
        return Answer(Verdict.NO_BASELINE, f"the baseline keeps no cost of the cases that can be compared; {again}")

    return ChangeGate("max_cost_increase", COST, max_increase, COST_WORDS, terms, explain_nothing)


def _nothing_paired(comparison: Comparison) -> Answer:
    metrics = comparison.metrics
    if any(delta.drop is not None for delta in comparison.deltas):
        return Answer(Verdict.INSUFFICIENT_DATA, explain_no_mean(metrics))
    if metrics.errors:
        others = count_cases(metrics.cases - metrics.errors)
        return Answer(
            Verdict.INSUFFICIENT_DATA,
            f"nothing can be compared: {count_errors(metrics.errors)} and {others} changed since the baseline",
        )
    new, edited = (len(comparison.deltas_with(change)) for change in (Change.NEW, Change.EDITED))
    return Answer(
        Verdict.NO_BASELINE,
        f"the baseline has no case as it is now: {new} new, {edited} edited; "
        f"save a new one with '{save_command(comparison)}'",
    )

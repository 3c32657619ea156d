"""Baselines and runs of only a part of the judges: what one says of the other, and that only a whole run saves one."""

from __future__ import annotations

import dataclasses

from pytest_promptevals.comparison.relative import against_itself
from pytest_promptevals.comparison.scored import Base, Scored, as_baseline_case
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.partial import MAX_LEVEL, is_of_trials, is_partial, whole_fingerprint


def baseline_for(result: Scored, base: Base | None) -> Base | BaselineCase | None:
    """Return the case of the baseline as the judges of the result judged it, ``None`` where that cannot be known.

    The baseline keeps each judge's score, so what a part of them said is known as long as the case is unchanged. It
    counts as passed if all of the baseline's judges passed it, or if those scores reach the thresholds of now. To
    judges that compare with it, it is a tie with itself.
    """
    return against_itself(result, _by_those_judges(result, base))


def _by_those_judges(result: Scored, base: Base | None) -> Base | BaselineCase | None:
    now = result.case_fingerprint
    if base is None or base.case_fingerprint == now or not is_partial(now):
        return base
    if is_of_trials(now):
        return None  # how many of its trials those judges alone let pass is not kept
    scores = {score.judge: base.scores[score.judge] for score in result.scores if score.judge in base.scores}
    total = sum(score.weight for score in result.scores)
    if whole_fingerprint(now) != base.case_fingerprint or len(scores) < len(result.scores) or not total:
        return base
    reached = all(_is_reached(scores[score.judge], score.threshold) for score in result.scores if score.required)
    return dataclasses.replace(
        as_baseline_case(base),
        case_fingerprint=now,
        score=sum(score.weight * scores[score.judge] for score in result.scores) / total,
        passed=base.passed or reached,
        scores=scores,
        trial_scores=(),  # those are of all judges
    )


def save_command(comparison: Comparison) -> str:
    """Return the command that saves the baseline that a comparison lacks: only a run of all judges saves one."""
    level = f" --evals-level {MAX_LEVEL}" if comparison.is_partial else ""
    return f"pytest{level} --evals-save-baseline"


def _is_reached(value: float, threshold: float | None) -> bool:
    return threshold is not None and value >= threshold

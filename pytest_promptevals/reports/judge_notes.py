"""What is to be known of judges that ask models: their noise, how far a panel agrees, who failed and who stood in."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pytest_promptevals.records.results import NO_GRADE, UNDECIDED, CaseResult
from pytest_promptevals.reports.inner_scores import JudgeDetails, judge_details
from pytest_promptevals.reports.words import count_text


@dataclass(slots=True)
class _Known:
    """What the results say of one judge."""

    noise: list[float] = field(default_factory=list)
    """Of each case, the mean over its trials."""
    spread: list[float] = field(default_factory=list)
    """Standard deviation over the trials of each case that has noise too."""
    agreement: list[float] = field(default_factory=list)
    """Of each response."""
    stood_in: int = 0
    """Responses that a fallback graded."""
    graded: int = 0
    """All responses with details."""
    undecided: int = 0
    """Responses that there was nothing to compare with."""
    reasons: dict[str, str] = field(default_factory=dict)
    """By the name of a model that gave no grade where others did, why it gave none the first time."""
    failures: Counter[str] = field(default_factory=Counter)
    """By the name of such a model, how often that was."""


def judge_notes(results: Iterable[CaseResult]) -> list[str]:
    """Return one line for each judge of which more is to be said than its scores, and one for each model that failed.

    ``noise`` is the standard deviation between samples, and ``spread`` that of the scores between the
    trials of a case, which holds the model's own noise and the judge's; both are means over cases. Judges of the same
    name in several eval files have a line each, with the file.
    """
    known: dict[tuple[str, str], _Known] = {}
    for result in results:
        for judge, scores in _by_judge(result):
            _learn(known.setdefault((judge, result.file), _Known()), scores)
    telling = {key: lines for key, facts in known.items() if (lines := _lines(facts))}
    names = [judge for judge, _ in telling]
    return [
        f"judge {judge}{f' of {file}' if names.count(judge) > 1 else ''}: {line}"
        for (judge, file), lines in telling.items()
        for line in lines
    ]


def _by_judge(result: CaseResult) -> Iterator[tuple[str, list[JudgeDetails]]]:
    by_judge: dict[str, list[JudgeDetails]] = {}
    for trial in result.trials:
        for known in judge_details(trial.scores):
            by_judge.setdefault(known.judge, []).append(known)
    yield from by_judge.items()


def _learn(known: _Known, scores: Sequence[JudgeDetails]) -> None:
    known.graded += len(scores)
    noise = _numbers(scores, "judge_noise")
    if noise:
        known.noise.append(statistics.fmean(noise))
        if len(scores) > 1:
            known.spread.append(statistics.stdev(score.value for score in scores))
    known.agreement += _numbers(scores, "agreement")
    known.stood_in += sum("fallback" in score.details for score in scores)
    known.undecided += sum(score.details.get(UNDECIDED) is True for score in scores)
    for score in scores:
        failed = score.details.get(NO_GRADE)
        for model, reason in failed.items() if isinstance(failed, dict) else ():
            known.failures[model] += 1
            known.reasons.setdefault(model, str(reason))


def _numbers(scores: Sequence[JudgeDetails], key: str) -> list[float]:
    values = [score.details.get(key) for score in scores]
    return [float(value) for value in values if isinstance(value, int | float)]


def _lines(known: _Known) -> list[str]:
    parts = _parts(known)
    of_all = f"of {count_text(known.graded, 'response')}"
    undecided = [f"nothing to compare with for {known.undecided:,} {of_all}: the baseline has no output of their cases"]
    return [
        *(["; ".join(parts)] if parts else []),
        *(undecided if known.undecided else []),
        *(f"{model} gave no grade for {n:,} {of_all}: {known.reasons[model]}" for model, n in known.failures.items()),
    ]


def _parts(known: _Known) -> list[str]:
    parts: list[str] = []
    if known.noise:
        noise = f"noise {statistics.fmean(known.noise):.2g} between samples"
        spread = f", spread {statistics.fmean(known.spread):.2g} between trials" if known.spread else ""
        parts.append(noise + spread)
    if known.agreement:
        parts.append(f"{statistics.fmean(known.agreement):.0%} of the panel's pairs agree")
    if known.stood_in:
        parts.append(f"a fallback graded {known.stood_in:,} of {count_text(known.graded, 'response')}")
    return parts

"""Judges that pass every answer, or whose word counts for nothing."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pytest_promptevals.engine.judging import JudgePlanner, PlannedJudge
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find
from pytest_promptevals.hygiene.loading import UnknownJudge
from pytest_promptevals.hygiene.sure_patterns import is_in_every_text
from pytest_promptevals.judges.excerpts import quote
from pytest_promptevals.judges.model.factuality import SCORES
from pytest_promptevals.judges.wanted import read_texts
from pytest_promptevals.records.cases import Case, JudgeSpec, Location


class Outcome(enum.Enum):
    """What a judge says of all answers there can be."""

    ALWAYS = "passes every answer"
    NEVER = "passes no answer"
    OPEN = "depends"


Verdict: TypeAlias = tuple[Outcome, str]
"""What a judge says of all answers, and why."""

_OPEN: Final[Verdict] = (Outcome.OPEN, "")
_DECIDES_ITSELF: Final = frozenset({"python", UnknownJudge.name})
"""Judges that may say by themselves what passes, whatever the threshold."""


def find_idle_judges(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each judge that cannot fail, and for each that has neither weight nor a say."""
    seen: set[tuple[Location, str, str]] = set()
    for planned in subject.planned:
        for judge in planned.written or planned.judges:
            # Judges of the file are looked at with each case only if they depend on it.
            key = (judge.spec.location, judge.spec.name, "" if _is_fixed(judge) else planned.case.id)
            if key not in seen:
                seen.add(key)
                yield from _check(judge, planned.plan.planner, planned.case)


def _is_fixed(judge: PlannedJudge) -> bool:
    """Return whether what a judge says does not depend on the case."""
    if judge.judge_type is None:
        return all(map(_is_fixed, judge.children))
    if judge.judge is None:
        return False
    parameters: Any = judge.judge.parameters  # type: ignore[attr-defined]  # the protocol says nothing of it
    if any(getattr(parameters, name, "") is None for name in ("pattern", "calls")):
        return False
    return not isinstance(getattr(parameters, "choices", {}), list)


def _check(judge: PlannedJudge, planner: JudgePlanner, case: Case) -> Iterator[Finding]:
    spec = judge.spec
    outcome, reason = judge_outcome(judge, planner, case)
    if outcome is Outcome.ALWAYS:
        message = f"the judge {spec.name!r} passes every answer: {reason}; correct it or remove it"
        yield find(Kind.CANNOT_FAIL, message, spec.location, () if _is_fixed(judge) else (case,))
    if spec.weight == 0 and not spec.required:
        message = (
            f"the judge {spec.name!r} has weight 0 and is not required: it is only shown, and neither fails a case nor "
            "moves its score"
        )
        yield find(Kind.NO_EFFECT, message, spec.location)


def judge_outcome(judge: PlannedJudge, planner: JudgePlanner, case: Case) -> Verdict:
    """Return whether a judge passes every answer to a case, or none, and why, as far as that can be known."""
    outcome, reason = _outcome(judge, planner, case)
    if not judge.spec.negated or outcome is Outcome.OPEN:
        return outcome, reason
    opposite = Outcome.NEVER if outcome is Outcome.ALWAYS else Outcome.ALWAYS
    return opposite, f"what stands behind 'not' {outcome.value}: {reason}"


def _outcome(judge: PlannedJudge, planner: JudgePlanner, case: Case) -> Verdict:
    spec = judge.spec
    if spec.threshold == 0 and (judge.judge_type is None or judge.judge_type.name not in _DECIDES_ITSELF):
        return Outcome.ALWAYS, "every score reaches the threshold 0"
    if judge.judge_type is None:
        return _OPEN if spec.threshold is not None else _group_outcome(judge, planner, case)
    rule = _RULES.get(spec.judge)
    if rule is None:
        return _OPEN
    built: Any = planner.judge_for(judge, case)
    threshold = judge.judge_type.default_threshold if spec.threshold is None else spec.threshold
    return rule(built.parameters, case, threshold)


def _group_outcome(judge: PlannedJudge, planner: JudgePlanner, case: Case) -> Verdict:
    verdicts = [(child.spec, *judge_outcome(child, planner, case)) for child in judge.children]
    # One that always passes decides any_of, one that never does decides all_of.
    decisive = Outcome.ALWAYS if judge.spec.judge == "any_of" else Outcome.NEVER
    for spec, outcome, reason in verdicts:
        if outcome is decisive:
            return decisive, _of_child(spec, outcome, reason)
    first_spec, first, reason = verdicts[0]
    if first is not Outcome.OPEN and all(outcome is first for _, outcome, _ in verdicts):
        return first, _of_child(first_spec, first, reason)
    return _OPEN


def _of_child(spec: JudgeSpec, outcome: Outcome, reason: str) -> str:
    return f"its {spec.name!r} {outcome.value}, as {reason}"


def _regex_outcome(parameters: Any, case: Case, threshold: float) -> Verdict:
    del threshold
    patterns = parameters.pattern if parameters.pattern is not None else read_texts(case.expected)
    found = next((pattern for pattern in patterns if is_in_every_text(pattern, full=parameters.full)), None)
    if found is None:
        return _OPEN
    return Outcome.ALWAYS, f"its pattern {quote(found)} {'matches' if parameters.full else 'is found in'} every text"


def _count_outcome(parameters: Any, case: Case, threshold: float) -> Verdict:
    del case, threshold
    if parameters.max is None and not parameters.min:
        return Outcome.ALWAYS, "every answer has at least 0"
    return _OPEN


def _calls_outcome(parameters: Any, case: Case, threshold: float) -> Verdict:
    del threshold
    wanted = case.expected if parameters.calls is None else parameters.calls
    if wanted == [] and parameters.extra_calls:
        return Outcome.ALWAYS, "no call is expected, and extra calls are allowed"
    return _OPEN


def _choices_outcome(parameters: Any, case: Case, threshold: float) -> Verdict:
    if isinstance(parameters.choices, dict):
        return _scores_outcome(parameters.choices.values(), "choices", threshold)
    if isinstance(case.expected, list) and all(label in case.expected for label in parameters.choices):
        return Outcome.ALWAYS, "each of its choices is expected"
    return _OPEN


def _relations_outcome(parameters: Any, case: Case, threshold: float) -> Verdict:
    del case
    return _scores_outcome({**SCORES, **parameters.scores}.values(), "relations", threshold)


def _scores_outcome(scores: Collection[float], nouns: str, threshold: float) -> Verdict:
    if min(scores) >= threshold:
        return Outcome.ALWAYS, f"each of its {nouns} has a score of at least its threshold, {threshold:g}"
    if max(scores) < threshold:
        return Outcome.NEVER, f"none of its {nouns} has a score of at least its threshold, {threshold:g}"
    return _OPEN


_RULES: Final[Mapping[str, Callable[[Any, Case, float], Verdict]]] = {
    "regex": _regex_outcome,
    "length": _count_outcome,
    "word_count": _count_outcome,
    "tool_calls": _calls_outcome,
    "classify": _choices_outcome,
    "factuality": _relations_outcome,
}
"""Built-in judges of which more can be known than their threshold says."""

"""Properties of eval items and gates: ``--junitxml`` writes them, and other plugins read them from test reports.

They travel with the reports of workers, so they are plain texts without what XML or xdist cannot carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from pytest_promptevals.records.comparisons import GateResult
from pytest_promptevals.records.effects import JUDGE_PREFIX
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import one_line

Property: TypeAlias = tuple[str, object]
"""Name and value; pytest types the value so."""
_LONGEST: Final = 2_000
"""Characters of a text."""
_NO_CHARACTERS: Final = re.compile("[\ufffe\uffff]")
"""What XML 1.0 forbids beside what ``visible_text`` makes an escape of."""


def case_properties(result: CaseResult) -> list[Property]:
    """Return a case's scores, what they rest on, and what they cost."""
    passed = {True: "true", False: "false", None: "none"}[result.passed]
    cost = "unknown" if result.cost is None else _number(result.cost)
    properties: list[Property] = [
        ("score", _number(result.score)),
        ("passed", passed),
        ("cost", cost),
        ("model", _text(result.model)),
        ("trials", str(result.trial_count)),
    ]
    if result.latency is not None:
        properties.append(("latency", _number(result.latency)))
    return [*properties, *_judge_properties(result), ("explanation", _explanation(result))]


def gate_properties(gate: GateResult) -> list[Property]:
    """Return a gate's verdict and the numbers that it rests on."""
    properties: list[Property] = [("verdict", gate.verdict.value), ("explanation", _text(gate.explanation))]
    evidence = gate.evidence
    if evidence is None:
        return properties
    effect = evidence.effect
    numbers = {
        "p": evidence.p_adjusted,
        "before": effect.before,
        "after": effect.after,
        "worse_by": effect.worse_by,
        "worse_by_low": effect.low,
        "worse_by_high": effect.high,
        "limit": evidence.limit,
        "confidence": evidence.confidence,
        "smallest_detectable": evidence.smallest_detectable,
    }
    return [*properties, *((name, _number(number)) for name, number in numbers.items() if number is not None)]


def _judge_properties(result: CaseResult) -> Iterator[Property]:
    for score in result.scores:
        name = _text(JUDGE_PREFIX + score.judge)
        yield name, _number(score.value)
        if score.threshold is not None:
            yield f"{name}.threshold", _number(score.threshold)


def _explanation(result: CaseResult) -> str:
    if result.error is not None:
        return _text(result.error.message)
    return _text("; ".join(f"{score.judge}: {score.explanation}" for score in result.scores if score.explanation))


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"


def _text(text: str) -> str:
    return _NO_CHARACTERS.sub(lambda found: f"\\u{ord(found.group()):04x}", one_line(text, _LONGEST))

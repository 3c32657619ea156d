"""All checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from pytest_promptevals.hygiene.answers import find_answers_in_prompts
from pytest_promptevals.hygiene.cross_file_cases import find_cross_file_duplicates, find_cross_file_near_duplicates
from pytest_promptevals.hygiene.cross_file_leaks import find_cross_file_leaks
from pytest_promptevals.hygiene.duplicates import find_duplicates
from pytest_promptevals.hygiene.findings import Check, Finding, Kind, Subject
from pytest_promptevals.hygiene.idle_judges import find_idle_judges
from pytest_promptevals.hygiene.labels import find_label_imbalance
from pytest_promptevals.hygiene.leaks import find_few_shot_leaks
from pytest_promptevals.hygiene.missing_ids import find_missing_ids
from pytest_promptevals.hygiene.near_duplicates import find_near_duplicates
from pytest_promptevals.hygiene.sizes import find_small_dataset
from pytest_promptevals.hygiene.variables import find_unused_variables

CHECKS: Final[tuple[tuple[frozenset[Kind], Check], ...]] = (
    (frozenset({Kind.CONFLICT, Kind.DUPLICATE}), find_duplicates),
    (frozenset({Kind.NEAR_DUPLICATE}), find_near_duplicates),
    (frozenset({Kind.FEW_SHOT_LEAK}), find_few_shot_leaks),
    (frozenset({Kind.ANSWER_IN_PROMPT}), find_answers_in_prompts),
    (frozenset({Kind.UNUSED_VARIABLE}), find_unused_variables),
    (frozenset({Kind.CANNOT_FAIL, Kind.NO_EFFECT}), find_idle_judges),
    (frozenset({Kind.MISSING_ID}), find_missing_ids),
    (frozenset({Kind.LABEL_IMBALANCE}), find_label_imbalance),
    (frozenset({Kind.SMALL_DATASET}), find_small_dataset),
)
"""The checks of one file, with the kinds of what they find."""
CROSS_CHECKS: Final[tuple[tuple[Kind, Callable[[Sequence[Subject]], Iterator[Finding]]], ...]] = (
    (Kind.CROSS_FILE_DUPLICATE, find_cross_file_duplicates),
    (Kind.CROSS_FILE_NEAR_DUPLICATE, find_cross_file_near_duplicates),
    (Kind.CROSS_FILE_LEAK, find_cross_file_leaks),
)
"""The checks of several files, with the kind of what they find."""


def run_checks(subject: Subject, kinds: frozenset[Kind]) -> list[Finding]:
    """Return what the checks find, of those kinds only; a check of other kinds is not run."""
    return [finding for own, check in CHECKS if own & kinds for finding in check(subject) if finding.kind in kinds]


def run_cross_checks(subjects: Sequence[Subject], kinds: frozenset[Kind]) -> list[Finding]:
    """Return what the checks of several files find, of those kinds only; what cases they plan makes no difference."""
    if len(subjects) <= 1:
        return []
    return [finding for kind, check in CROSS_CHECKS if kind in kinds for finding in check(subjects)]


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return each finding once, by file, line and kind: several eval files may share a judge or a file of cases."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda finding: (finding.path, finding.line or 0, finding.kind.value, finding.message),
    )

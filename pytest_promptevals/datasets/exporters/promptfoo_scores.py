"""Weights and thresholds: what a case needs to pass, as the mean score of a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_given import UnfitError
from pytest_promptevals.datasets.exporters.promptfoo_groups import Group, Part, leaves, threshold_between, write_part
from pytest_promptevals.records.cases import JudgeSpec

_BOTH: Final = (
    "a threshold stands in the place of what single assertions ask for in promptfoo, and some judges must pass; the "
    "threshold is left out"
)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a judge becomes, with its share in the score."""

    part: Part
    """An assertion, or a group of them."""
    spec: JudgeSpec
    """The judge."""
    metric: str
    """What the user calls it; empty if nothing."""

    @property
    def is_graded(self) -> bool:
        """Whether its score may lie between 0 and 1."""
        return isinstance(self.part, Group) or self.part.is_graded

    @property
    def required(self) -> bool:
        """Whether the case fails when it does."""
        return self.spec.required

    def write(self, *, as_set: bool = False, passes: bool = False) -> dict[str, Any]:
        """Return it as a config has it, on demand as a set of one, which may always pass. Raises ``UnfitError``."""
        found = write_part(self.part)
        if as_set and found["type"] != "assert-set":
            found = {"type": "assert-set", "assert": [found]}
        if passes:
            found["threshold"] = 0
        weight = self.spec.weight
        if weight != 1:
            found["weight"] = int(weight) if float(weight).is_integer() else weight
        return {**found, **({"metric": self.metric} if self.metric else {})}


def settle_scores(
    judges: Sequence[Weighed], threshold: float | None, lost: Lost
) -> tuple[list[dict[str, Any]], float | None]:
    """Return the assertions of a test and its threshold, if it needs one.

    Args:
        judges: of the case.
        threshold: of the eval file.
        lost: takes what cannot be said.
    """
    counted = [judge for judge in judges if judge.spec.weight]
    required = [judge for judge in counted if judge.required]
    needs_set: set[int] = set()
    if not counted or len(required) == len(counted):
        # All of them pass, so that their mean is 1, unless one has scores in between.
        if threshold is not None and any(_may_miss(judge) for judge in counted):
            lost.key("threshold", _BOTH)
        found = None
    elif not required and not any(judge.required for judge in judges):
        found = 0 if threshold is None else threshold
    else:
        if threshold is not None:
            lost.key("threshold", _BOTH)
        has_strict = any(judge.required and not judge.spec.weight for judge in judges)
        found = None if has_strict else _threshold_of(counted)
        if found is None:
            needs_set = {id(judge) for judge in counted if not judge.required}
    written = _write_all(judges, needs_set, lost)
    return written, found if written else None


def _may_miss(judge: Weighed) -> bool:
    return any(leaf.is_graded for leaf in leaves(judge.part)) or isinstance(judge.part, Group)


def _threshold_of(counted: Sequence[Weighed]) -> float | None:
    """Return the mean score that is reached if, and only if, the judges that are required pass."""
    if any(judge.is_graded for judge in counted):
        return None
    total = sum(judge.spec.weight for judge in counted)
    needed = [judge.spec.weight for judge in counted if judge.required]
    least, most = sum(needed) / total, (total - min(needed)) / total
    return threshold_between(most, least) if most < least else None


def _write_all(judges: Sequence[Weighed], needs_set: set[int], lost: Lost) -> list[dict[str, Any]]:
    found = []
    for judge in judges:
        is_optional = id(judge) in needs_set
        # A set without weight fails the test, where an assertion without weight does not.
        is_strict = not judge.spec.weight and judge.required
        is_loose_set = not judge.spec.weight and not judge.required and isinstance(judge.part, Group)
        try:
            found.append(judge.write(as_set=is_optional or is_strict, passes=is_optional or is_loose_set))
        except UnfitError as error:
            lost.judge(judge.spec, str(error))
    return found

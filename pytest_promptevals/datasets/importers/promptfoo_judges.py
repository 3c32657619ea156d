"""Judges on their way from promptfoo's assertions into an eval file: names, weights, groups and thresholds."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_promptevals.records.json_types import Json

_SHORT: Final = {
    "contains": "value",
    "icontains": "value",
    "contains_all": "values",
    "contains_any": "values",
    "regex": "pattern",
    "latency": "max",
    "cost": "max",
    "finish_reason": "value",
    "rubric": "criteria",
    "closed_qa": "criteria",
    "factuality": "reference",
    "g_eval": "criteria",
    "json_equal": "value",
}
"""Judge -> the parameter that it takes without a name."""
_GRADED: Final = frozenset({"rouge", "bleu", "meteor", "embedding", "rubric", "g_eval", "factuality"})
"""Judges whose scores in promptfoo are not just 0 or 1."""

UNREACHABLE: Final = (
    "no score reaches a threshold of {threshold:g}, so that promptfoo never passes it; left out: all judges must pass"
)
"""What is said of such a threshold."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge, or a group of judges."""

    name: str
    """Which judge it is: ``contains``, or ``all_of``."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters, with its threshold."""
    children: Sequence[Judge] = ()
    """Judges of a group."""
    is_binary: bool = False
    """Whether a group stands for one assertion, whose score in promptfoo is 0 or 1."""
    negated: bool = False
    """Whether it must not pass."""
    weight: float = 1
    """Its share in the score; 0 if it also fails no case."""
    required: bool = True
    """Whether the case fails when it does."""
    label: str = ""
    """What reports call it."""

    @property
    def is_graded(self) -> bool:
        """Whether its score in promptfoo may lie between 0 and 1."""
        return self.name in _GRADED or (bool(self.children) and not self.is_binary)

    def written(self) -> Json:
        """Return it as an eval file has it."""
        options: dict[str, Any] = {
            **({} if self.weight == 1 else {"weight": self.weight}),
            **({} if self.required else {"required": False}),
            **({"name": self.label} if self.label else {}),
        }
        if self.children:
            judges = [dataclasses.replace(child, weight=1, required=True).written() for child in self.children]
            inner: Json = {self.name: {"judges": judges, **options} if options else judges}
        else:
            inner = self._written_judge({**self.parameters, **options})
        return {"not": inner} if self.negated else inner

    def _written_judge(self, parameters: dict[str, Any]) -> Json:
        if not parameters:
            return self.name
        short = _SHORT.get(self.name, "")
        if parameters.keys() == {short} and not isinstance(parameters[short], dict):
            return {self.name: parameters[short]}
        return {self.name: parameters}


def optional(judges: Sequence[Judge]) -> list[Judge]:
    """Return judges that count, but fail no case."""
    return [dataclasses.replace(judge, required=False) for judge in judges]


def is_unreachable(judges: Sequence[Judge], threshold: float) -> bool:
    """Return whether no mean score of promptfoo's reaches the threshold. Without any weight, it is 0."""
    return threshold > 1 or (threshold > 0 and not any(judge.weight for judge in judges))


def reach(judges: Sequence[Judge], threshold: float | None, *, nests: bool = True) -> list[Judge] | None:
    """Return judges that pass together where promptfoo's mean score reaches the threshold.

    ``None`` where nothing but the mean itself can say so.

    Args:
        judges: of a case, or of a set of assertions.
        threshold: the mean score that passes; without one, all judges have to.
        nests: whether a group may hold groups.
    """
    counted = [judge for judge in judges if judge.weight]
    if threshold is None or threshold <= 0 or not counted:
        return list(judges) if threshold is None else optional(judges)
    if len(counted) == 1 and counted[0].is_graded and not counted[0].negated and not counted[0].children:
        own = dataclasses.replace(counted[0], parameters={**counted[0].parameters, "threshold": threshold})
        return [own if judge is counted[0] else dataclasses.replace(judge, required=False) for judge in judges]
    if any(judge.is_graded for judge in counted) or len(counted) > _MOST_COUNTED:
        return None
    enough = _enough([judge.weight for judge in counted], threshold)
    if len(enough) == 1:
        needed = [counted[index] for index in enough[0]]
        return [judge if judge in needed else dataclasses.replace(judge, required=False) for judge in judges]
    if len(enough) > _MOST_PARTS or (not nests and any(len(indexes) > 1 for indexes in enough)):
        return None
    parts = [[counted[index] for index in indexes] for indexes in enough]
    children = [part[0] if len(part) == 1 else Judge("all_of", children=part) for part in parts]
    return [Judge("any_of", children=children), *optional([judge for judge in judges if not judge.weight])]


_MOST_COUNTED: Final = 12
_MOST_PARTS: Final = 6
"""Groups within a group that a person still reads."""


def _enough(weights: Sequence[float], threshold: float) -> list[tuple[int, ...]]:
    """Return the smallest sets of judges, by index, that reach the threshold when only they pass."""
    # As promptfoo adds them up, so that 0.7 and 0.1 of 1 miss a threshold of 0.8 here, too.
    total = functools.reduce(operator.add, weights)
    found: list[tuple[int, ...]] = []
    for count in range(1, len(weights) + 1):
        for indexes in itertools.combinations(range(len(weights)), count):
            is_larger = any(set(smaller) <= set(indexes) for smaller in found)
            if not is_larger and _share(weights, indexes, total) >= threshold:
                found.append(indexes)
    return found


def _share(weights: Sequence[float], indexes: Sequence[int], total: float) -> float:
    return functools.reduce(operator.add, (weights[index] for index in indexes)) / total


def unique_labels(judges: Sequence[Judge]) -> list[Judge]:
    """Return judges of one case whose labels are all different."""
    taken: set[str] = set()
    found = []
    for judge in judges:
        label, number = judge.label, 1
        while label and label in taken:
            number += 1
            label = f"{judge.label} {number}"
        taken.add(label)
        found.append(dataclasses.replace(judge, label=label))
    return found

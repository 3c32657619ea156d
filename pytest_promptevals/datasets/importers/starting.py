"""What datasets lack that are kept apart from what judges them: judges to start with. And how they are recognized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.drafting import share_judges
from pytest_promptevals.records.drafts import ImportRequest
from pytest_promptevals.records.json_types import Json

_WHY: Final[Mapping[str, str]] = {
    "fuzzy": "'fuzzy' asks for wording much like the expected one; where only what is said counts, 'factuality' has a "
    "model decide.",
    "json_equal": "'json_equal' asks for the same data as JSON; 'json_subset' would allow more of it.",
    "refusal": "'not: refusal' asks for an answer, whatever it says.",
}


def first_row(request: ImportRequest) -> Mapping[str, Json] | None:
    """Return the first row of a file; ``None`` if it has none, or if the user said which field is what."""
    sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
    return sample if isinstance(sample, dict) and not request.fields else None


def judge_of(expected: Json) -> Json:
    """Return a judge that works offline for an expected value; without one, any answer will do."""
    if expected is None:
        return {"not": "refusal"}
    return "fuzzy" if isinstance(expected, str) else "json_equal"


def settle_judges(cases: Sequence[dict[str, Json]], noun: str) -> tuple[dict[str, Json], dict[str, str]]:
    """Give judges to the cases that have none, and return those that all of them share, with a comment.

    Args:
        cases: are changed.
        noun: what the format calls its rows.
    """
    for case in cases:
        case.setdefault("judges", [judge_of(case.get("expected"))])
    judges = share_judges(cases)
    if not judges:
        return {}, {}
    return {"judges": judges}, {"judges": explain(judges, noun)}


def explain(judges: Sequence[Json], noun: str) -> str:
    """Return a comment on judges that the foreign file does not name."""
    names = [judge if isinstance(judge, str) else next(iter(judge.values())) for judge in judges if judge]  # type: ignore[union-attr]
    why = [_WHY[name] for name in names if isinstance(name, str) and name in _WHY]
    return " ".join([f"{noun} name no judges; these are a start.", *why, "Others: 'promptevals judges list'."])

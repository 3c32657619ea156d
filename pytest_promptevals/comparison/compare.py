"""One eval file's run against its baseline."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.comparison.pairing import match_cases
from pytest_promptevals.comparison.pairs import Matched
from pytest_promptevals.comparison.scored import Before, Pair, Scored
from pytest_promptevals.records.columns import column_of
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.records.partial import is_partial


def compare(
    file: str, results: Sequence[Scored], baseline: Sequence[Before] | None, *, collected_names: Collection[str]
) -> Comparison:
    """Return the comparison of one eval file, whose gates have not answered yet: see ``decide``. Never raises.

    Args:
        file: the eval file.
        results: its cases that were run.
        baseline: its baseline; ``None`` if it has none, and then there are no deltas and no effects.
        collected_names: names of all of its items, the deselected ones included.
    """
    matched = Matched() if baseline is None else match_cases(results, baseline, collected_names)
    return Comparison(
        file=file,
        metrics=measure(results),
        has_baseline=baseline is not None,
        deltas=matched.deltas,
        mean_before=matched.mean_before,
        mean_after=matched.mean_after,
        is_partial=any(map(is_partial, column_of(results, "case_fingerprint"))),
        effects=_compute_effects(matched.pairs),
    )


def _compute_effects(pairs: Sequence[Pair]) -> tuple[Effect, ...]:
    if not pairs:
        return ()
    from pytest_promptevals.comparison.effects import compute_effects  # noqa: PLC0415 - it loads numpy

    return compute_effects(pairs)

"""What a report of two runs shows, as texts: one table of metrics and some lists of cases for each eval file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Verdict
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.records.run_comparisons import Outputs, RunComparison
from pytest_promptevals.reports.cells import cut_long
from pytest_promptevals.reports.metric_texts import (
    chance_of,
    chance_text,
    change_text,
    effect_change,
    interval_text,
    metric_order,
    metric_title,
    value_text,
)
from pytest_promptevals.reports.verdict_order import worst_verdict
from pytest_promptevals.reports.words import count_text, score_text, visible_line, visible_text

WORSE: Final = "worse"
BETTER: Final = "better"
EVEN: Final = "even"

METRIC_HEADS: Final = ("metric", "before", "now", "change", "95 % sure: from", "by chance")
"""Headings of a table of metrics."""
LEGEND: Final = (
    "95 % sure: where the true change lies, as far as these cases can tell. "
    "By chance: in how many runs luck alone would change it as much, in that direction, if nothing were different."
)
"""What two of the columns mean."""

_RARE: Final = 0.05
_TITLES: Final = {
    Change.WORSE: "worse",
    Change.BETTER: "better",
    Change.ERROR: "ended in an error",
    Change.MISSING: "missing: in the baseline, but no longer in the dataset",
    Change.EDITED: "edited or judged otherwise, so not compared",
    Change.NEW: "new: not in the baseline",
    Change.SAME: "unchanged",
}
_MOODS: Final = {Change.WORSE: WORSE, Change.BETTER: BETTER, Change.ERROR: WORSE}


@dataclass(frozen=True, slots=True)
class MetricRow:
    """How one metric changed."""

    cells: tuple[str, ...]
    """Texts below ``METRIC_HEADS``."""
    mood: str
    """``worse`` or ``better`` where it changed by more than chance, else ``even``."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What became of one case."""

    name: str
    """The item's name."""
    scores: str
    """Before and now: ``1.00 -> 0.50``; empty where nothing is compared."""
    note: str
    """``now fails``, ``now passes``, ``was NAME``, or nothing."""
    place: str
    """Where it stands; empty for a missing one."""
    outputs: tuple[str, str] | None = None
    """What was answered before and now, where that was asked for."""


@dataclass(frozen=True, slots=True)
class CaseList:
    """Cases with the same change."""

    title: str
    """How many, and what became of them."""
    rows: tuple[CaseRow, ...]
    """Those that are shown, worst first."""
    left_out: int
    """How many are not."""
    mood: str
    """``worse``, ``better`` or ``even``."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """What one gate says."""

    name: str
    """The gate."""
    verdict: str
    """Its answer."""
    explanation: str
    """Why."""
    mood: str
    """``worse`` where it fails or cannot tell, ``better`` where it passes, else ``even``."""


@dataclass(frozen=True, slots=True)
class FileView:
    """One eval file."""

    file: str
    """Its path."""
    before: str
    """What it is compared with; empty where that is the same for all of them."""
    verdict: str
    """The worst verdict of its gates; empty without gates."""
    mood: str
    """That of the worst verdict."""
    gates: tuple[GateRow, ...]
    """All of its gates."""
    metrics: tuple[MetricRow, ...]
    """How each metric changed."""
    compared: str
    """How many cases the metrics are over."""
    cases: tuple[CaseList, ...]
    """Cases by what became of them."""


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """All of a report."""

    before: str
    """What the baseline is."""
    now: str
    """What is compared with it."""
    notes: tuple[str, ...]
    """What else is to be known, a sentence each."""
    files: tuple[FileView, ...]
    """The eval files that both have."""


def view_comparison(comparison: RunComparison, limit: int | None, *, with_same: bool) -> ComparisonView:
    """Return what a report shows.

    Args:
        comparison: the two runs.
        limit: most cases of each list; all of them if ``None``.
        with_same: whether unchanged cases are listed too.
    """
    is_one = len({file.baseline_run for file in comparison.files}) == 1
    return ComparisonView(
        before=_line(comparison.before.words),
        now=_line(comparison.now.words),
        notes=tuple(_notes(comparison)),
        files=tuple(
            _view_file(file, limit, comparison.outputs.get(file.file, {}), with_same=with_same, with_before=not is_one)
            for file in comparison.files
        ),
    )


def _notes(comparison: RunComparison) -> Iterator[str]:
    yield from map(_line, comparison.notices)
    if not comparison.files:
        yield "nothing can be compared: there is no eval file that both have scores of"
    if comparison.only_now:
        yield f"not compared, since the baseline has no scores of them: {_listed(comparison.only_now)}"
    if comparison.only_before:
        yield f"not compared, since only the baseline has results of them: {_listed(comparison.only_before)}"


def _listed(files: Sequence[str]) -> str:
    return ", ".join(map(_line, files))


def _view_file(
    comparison: Comparison, limit: int | None, outputs: Mapping[str, Outputs], *, with_same: bool, with_before: bool
) -> FileView:
    effects = sorted(comparison.effects, key=lambda effect: metric_order(effect.metric))
    verdict = worst_verdict([gate.verdict for gate in comparison.gates])
    cases = max((effect.cases for effect in effects), default=0)
    return FileView(
        file=_line(comparison.file),
        before=_line(comparison.baseline) if with_before else "",
        verdict="" if verdict is None else verdict.value,
        mood=_mood_of(verdict),
        gates=tuple(map(_gate_row, comparison.gates)),
        metrics=tuple(map(_metric_row, effects)),
        compared=f"{count_text(cases, 'case')} compared",
        cases=tuple(_case_lists(comparison, limit, outputs, with_same=with_same)),
    )


def _gate_row(gate: GateResult) -> GateRow:
    return GateRow(_line(gate.gate), gate.verdict.value, _line(gate.explanation), _mood_of(gate.verdict))


def _mood_of(verdict: Verdict | None) -> str:
    if verdict is None or verdict is Verdict.NO_BASELINE:
        return EVEN
    return BETTER if verdict is Verdict.PASSED else WORSE


def _metric_row(effect: Effect) -> MetricRow:
    metric, chance = effect.metric, chance_of(effect)
    cells = (
        _line(metric_title(metric)),
        value_text(metric, effect.before),
        value_text(metric, effect.after),
        change_text(metric, effect_change(effect)),
        interval_text(effect),
        chance_text(chance),
    )
    is_real = chance is not None and chance <= _RARE
    return MetricRow(cells, EVEN if not is_real else WORSE if effect.worse_by > 0 else BETTER)


def _case_lists(
    comparison: Comparison, limit: int | None, outputs: Mapping[str, Outputs], *, with_same: bool
) -> Iterator[CaseList]:
    for change in _TITLES:
        deltas = comparison.deltas_with(change)
        if not deltas:
            continue
        shown = deltas[:limit] if with_same or change is not Change.SAME else ()
        # Unchanged cases are counted; that not all of them are listed is no news.
        left_out = len(deltas) - len(shown) if shown else 0
        title = f"{count_text(len(deltas), 'case')} {_TITLES[change]}"
        rows = tuple(_case_row(delta, outputs.get(delta.name)) for delta in shown)
        yield CaseList(title, rows, left_out, _MOODS.get(change, EVEN))


def _case_row(delta: Delta, outputs: Outputs | None) -> CaseRow:
    is_compared = delta.drop is not None
    return CaseRow(
        name=_line(delta.name),
        scores=f"{score_text(delta.before)} -> {score_text(delta.after)}" if is_compared else "",
        note=_line(_note(delta)),
        place="" if delta.location is None else _line(str(delta.location)),
        outputs=None if outputs is None else (_output_text(outputs.before), _output_text(outputs.now)),
    )


def _output_text(text: str | None) -> str:
    return "(not known)" if text is None else visible_text(text) or "(empty)"


def _line(text: str) -> str:
    return visible_line(cut_long(text))


def _note(delta: Delta) -> str:
    flips = {(True, False): "now fails", (False, True): "now passes"}
    flip = flips.get((delta.passed_before is True, delta.passed_after is True), "") if delta.drop is not None else ""
    renamed = f"was {delta.renamed_from}" if delta.renamed_from else ""
    return ", ".join(note for note in (flip, renamed) if note)

"""The part of pytest's terminal summary that answers: did the change make things worse?"""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_promptevals.comparison.partial import save_command
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, Verdict
from pytest_promptevals.reports.cells import count_cells, pad_cells
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.summary_table import quiet_lines, table_lines
from pytest_promptevals.reports.verdict_words import effect_lines, gate_lines
from pytest_promptevals.reports.words import count_text, score_text, visible_line

_FEW_CASES: Final = 10
"""Cases listed per kind of change; -v lists all."""
_FLIPS: Final[Mapping[tuple[bool | None, bool | None], str]] = {
    (True, False): "  now fails",
    (False, True): "  now passes",
}
_NO_MARKUP: Final[Mapping[str, bool]] = MappingProxyType({})
_STOPPED: Final = "stopped early: no verdict, half a run cannot be compared; --evals-resume goes on"

_GROWN: Final = (
    "scores are those of all trials; what passes and fails, pass rate, cost, latency and length are those of the first "
    "pass"
)


def summary_lines(
    comparisons: Sequence[Comparison],
    *,
    width: int,
    verbosity: int,
    is_stopped_early: bool = False,
    wants_file: bool = True,
    grown: Collection[str] = (),
    past: Mapping[str, Sequence[float]] = MappingProxyType({}),
    encoding: str = "utf-8",
) -> list[Line]:
    """Return the summary of a run over its eval files, no line wider than ``width`` where that can be helped.

    A quiet run is told one line an eval file, one that is quieter only those that fail; a verbose one all verdicts, and
    the score of each case before and now. Where the user wants to compare with
    committed baselines (``wants_file``), those that are missing are asked for. Of eval files that were given further
    trials (``grown``) it is said which numbers are about all of them. ``past`` has the mean scores of earlier runs, by
    eval file, oldest first; ``encoding`` is that of the terminal.
    """
    stopped = [Line(row, {"yellow": True}) for row in fill_lines(_STOPPED, width)] if is_stopped_early else []
    if verbosity < 0:
        return [*quiet_lines(comparisons, width, verbosity, encoding), *stopped]
    lines = table_lines(comparisons, width, past, encoding) if comparisons else []
    if not wants_file:
        lines += _baselines(comparisons, width)
    for file in sorted(grown):
        lines += [Line(row) for row in fill_lines(f"{file}: {_GROWN}", width)]
    for comparison in comparisons:
        lines += _changes(comparison, width, verbosity)
    for comparison in comparisons:
        lines += effect_lines(comparison, width, verbosity)
    told = [line for comparison in comparisons for line in gate_lines(comparison, width, verbosity)]
    lines += [Line(""), *told] if told and lines else told
    lines += _no_baseline(comparisons, width) if wants_file else []
    return [*lines, *stopped]


def accept_lines(improved: Mapping[str, Sequence[str]], width: int) -> list[Line]:
    """Return the offer to take over cases, by eval file, that now pass while the committed baseline has them failing.

    Names that two files share are written as node ids.
    """
    counted = Counter(name for names in improved.values() for name in names)
    asked = [name if counted[name] == 1 else _nodeid(file, name) for file, names in improved.items() for name in names]
    if not asked:
        return []
    cases = count_text(len(asked), "known failure")
    passes, them, they = ("passes", "it", "it") if len(asked) == 1 else ("pass", "them", "they")
    command = f"pytest --evals-accept {shlex.quote(' '.join(asked))}"
    text = f"{cases} now {passes}: {command} takes {them} into the baseline, so that {they} may not slip back"
    return [Line(row, {"green": True}) for row in fill_lines(text, width)]


def commit_lines(files: Sequence[str], width: int) -> list[Line]:
    """Return what to do about eval files whose ``ratchet`` has no committed baseline to hold the cases to."""
    if not files:
        return []
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    text = (
        f"case_policy ratchet of {files[0]}{more}: without a committed baseline, what failed now is a known failure to "
        f"the next run; mend it, then pytest --evals-save-baseline writes one to commit"
    )
    return [Line(row, {"yellow": True}) for row in fill_lines(text, width)]


def _nodeid(file: str, name: str) -> str:
    return f"{file}[{name}]" if "::" in file else f"{file}::{name}"


def below_lines(reviews: Mapping[str, str], width: int, verbosity: int) -> list[Line]:
    """Return the cases that are below their thresholds but were let through, by node id, with the reason of each.

    A verbose run is told their whole reviews.
    """
    if not reviews or verbosity < 0:
        return []
    whose = "its" if len(reviews) == 1 else "their"
    lines = [Line(f"{count_text(len(reviews), 'case')} below {whose} thresholds, let through:", {"yellow": True})]
    for nodeid, review in list(reviews.items())[: None if verbosity > 0 else _FEW_CASES]:
        head, *rest = review.splitlines()
        lines += [Line(f"  {row}") for row in fill_lines(f"{nodeid}  {head}", width - 2)]
        lines += [Line(f"    {row}") for row in rest] if verbosity > 0 else []
    shown = len(reviews) if verbosity > 0 else _FEW_CASES
    left_out = len(reviews) - shown
    more = [Line(f"  ... and {left_out} more, -v lists them")] if left_out > 0 else []
    return [*lines, *more, Line("")]


def _changes(comparison: Comparison, width: int, verbosity: int) -> list[Line]:
    if not comparison.has_baseline:
        return []
    listing = _Listing(comparison, width, verbosity)
    listed = [
        *listing.scored(Change.WORSE, "worse than", {"red": True}),
        *listing.scored(Change.BETTER, "better than", {"green": True}),
        *listing.named(Change.NEW, "new, not in"),
        *listing.named(Change.EDITED, "edited or judged otherwise, so not compared with"),
        *listing.named(Change.MISSING, "missing, lost since"),
        *(listing.scored(Change.ERROR, "in error, with a score in") if verbosity > 0 else ()),
        *(listing.scored(Change.SAME, "with the same score as") if verbosity > 0 else ()),
        *listing.renamed(),
    ]
    return [Line(""), *listed] if listed else []


@dataclass(frozen=True, slots=True)
class _Listing:
    """Lists the cases of one eval file by what became of them."""

    comparison: Comparison
    width: int
    verbosity: int

    def scored(self, change: Change, words: str, markup: Mapping[str, bool] = _NO_MARKUP) -> list[Line]:
        """List cases with their scores before and now, worst first."""
        deltas = self.comparison.deltas_with(change)
        shown = self._few(deltas)
        name_width = min(max((count_cells(visible_line(delta.name)) for delta in shown), default=0), self.width // 3)
        rows = [row for delta in shown for row in fill_lines(_delta_text(delta, name_width), self.width - 2)]
        return self._section(deltas, words, rows, dict(markup))

    def named(self, change: Change, words: str) -> list[Line]:
        """List the names of cases, with -v their scores, too."""
        if self.verbosity > 0:
            return self.scored(change, words)
        deltas = self.comparison.deltas_with(change)
        rows = fill_lines(", ".join(delta.name for delta in self._few(deltas)), self.width - 2, indent="")
        return self._section(deltas, words, rows, {})

    def renamed(self) -> list[Line]:
        """List cases that have another name than in the baseline, and are compared all the same."""
        deltas = [delta for delta in self.comparison.deltas if delta.renamed_from is not None]
        names = ", ".join(f"{delta.renamed_from} -> {delta.name}" for delta in self._few(deltas))
        rows = fill_lines(names, self.width - 2, indent="")
        return self._section(deltas, "renamed, the same as before in", rows, {})

    def _few(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        return deltas if self.verbosity > 0 else deltas[:_FEW_CASES]

    def _section(self, deltas: Sequence[Delta], words: str, rows: list[str], markup: dict[str, bool]) -> list[Line]:
        if not deltas:
            return []
        head = f"{self.comparison.file}: {count_text(len(deltas), 'case')} {words} {self.comparison.baseline}"
        lines = [Line(row, markup) for row in fill_lines(head, self.width)]
        lines += [Line(f"  {row}") for row in rows]
        left_out = len(deltas) - len(self._few(deltas))
        return [*lines, Line(f"  ... and {left_out} more, -v lists them")] if left_out else lines


def _delta_text(delta: Delta, name_width: int) -> str:
    words = _FLIPS.get((delta.passed_before, delta.passed_after), "")
    scores = f"{score_text(delta.before)} -> {score_text(delta.after)}"
    place = "" if delta.location is None else f"  {delta.location}"
    return f"{pad_cells(visible_line(delta.name), name_width)}  {scores}{words}{place}"


def _baselines(comparisons: Sequence[Comparison], width: int) -> list[Line]:
    """Return which runs the eval files were compared with: of a branch, say, each may have another one."""
    files: defaultdict[str, list[str]] = defaultdict(list)
    for comparison in comparisons:
        if comparison.has_baseline:
            files[comparison.baseline].append(comparison.file)
    named = len(files) > 1
    texts = [f"compared with {label}" + (f": {', '.join(names)}" if named else "") for label, names in files.items()]
    return [Line(row) for text in texts for row in fill_lines(text, width)]


def _no_baseline(comparisons: Sequence[Comparison], width: int) -> list[Line]:
    without = [item for item in comparisons if not item.has_baseline]
    files = [item for item in without if any(gate.verdict is Verdict.NO_BASELINE for gate in item.gates)]
    if not files:
        return []
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    command = save_command(next((item for item in files if item.is_partial), files[0]))
    text = f"no baseline yet for {files[0].file}{more}: {command} saves one to compare with"
    return [Line(row) for row in fill_lines(text, width)]

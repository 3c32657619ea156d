"""What changed between an eval file's run and its baseline, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.comparison.changes import has_drop, is_flip, paired_deltas
from pytest_promptevals.records.changes import FileChanges, Flip, ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import Change, Comparison
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.prompt_texts import diff_lines
from pytest_promptevals.reports.side_by_side import side_by_side, wrap_cells
from pytest_promptevals.reports.words import count_text, json_text, score_text, visible_text

FEW_FLIPS: Final = 3
"""Cases that are shown with their outputs; -v shows more."""
MANY_FLIPS: Final = 20
"""The same with -v."""

_ROWS: Final = (8, 30)
"""Rows of an output, and with -v; -vv shows all."""
_DIFF_ROWS: Final = (12, 60)
"""The same for the diff of a prompt."""
_LONGEST_VALUE: Final = 60
_FEW_WEIGHTS: Final = 3
_COUNTED: Final = ((Change.NEW, "new"), (Change.EDITED, "edited"), (Change.MISSING, "missing"))


def change_lines(comparison: Comparison, changes: FileChanges, width: int, verbosity: int = 0) -> list[Line]:
    """Return what differs between a run and its baseline, and the cases that got worse with both outputs.

    No line is wider than ``width`` where that can be helped; ``verbosity`` is pytest's.
    """
    if verbosity < 0:
        return []
    telling = _Telling(comparison, changes, width, verbosity)
    head = fill_lines(f"{comparison.file}: what changed since {comparison.baseline}", width)
    return [Line(""), *(Line(row, {"bold": True}) for row in head), *telling.differences(), *telling.flips()]


def difference_texts(comparison: Comparison, changes: FileChanges) -> list[str]:
    """Return what differs beside the prompts' texts, a line each, and last what is not known."""
    return _Telling(comparison, changes, width=0, verbosity=0).texts()


def shown_flips(verbosity: int) -> int:
    """Return how many cases are shown with their outputs."""
    return MANY_FLIPS if verbosity > 0 else FEW_FLIPS


@dataclass(frozen=True, slots=True)
class _Telling:
    comparison: Comparison
    changes: FileChanges
    width: int
    verbosity: int

    def differences(self) -> Iterator[Line]:
        changes = self.changes
        for prompt in changes.cases.prompts:
            yield from self._prompt(prompt)
        for text in self.texts():
            yield from self._rows(text)

    def texts(self) -> list[str]:
        changes = self.changes
        texts = [
            *map(_model_text, changes.cases.models),
            *(f"model {change.name}: {_moved(change)} (as the provider names it)" for change in changes.resolved),
            *(f"parameter {change.name}: {_moved(change)}" for change in changes.parameters),
            *(f"judge {visible_text(change.name)}: {_how(change)}" for change in changes.judges),
            *self._dataset(),
            *self._weights(),
            *(f"package {change.name}: {_moved(change)}" for change in changes.packages),
        ]
        if not changes.cases.prompts and not changes.cases.models and not changes.parameters:
            texts.append(self._unexplained())
        elif not changes.is_run_known:
            texts.append(f"the run of the baseline is not in the history, so {self._unknown()}")
        return texts

    def flips(self) -> Iterator[Line]:
        worse = self.comparison.deltas_with(Change.WORSE)
        shown = self.changes.flips
        if not shown:
            return
        failing = sum(map(is_flip, worse))
        fail = "fails" if failing == 1 else "fail"
        what = f"{count_text(failing, 'case')} that now {fail}" if failing else count_text(len(worse), "worse case")
        of_all = "" if len(shown) == (failing or len(worse)) else f"the {len(shown)} worst of "
        yield from self._rows(f"{of_all}{what}: answered before | now")
        for flip in shown:
            yield from self._flip(flip)
        if len(shown) < len(worse) and self.verbosity == 0:
            yield from self._rows("-v shows more of them, and more of each")

    def _prompt(self, change: PromptChange) -> Iterator[Line]:
        name = f"prompt {visible_text(change.name)}" if change.name else "prompt"
        cases = count_text(change.cases, "case")
        if change.before is None or change.after is None:
            yield from self._rows(f"{name}: changed ({cases}); its earlier text is not known")
            return
        yield from self._rows(f"{name}: changed ({cases})")
        rows = [row for row in self._prompt_rows(change.before, change.after) if row.text]
        most = self._most(_DIFF_ROWS)
        yield from rows[:most]
        if most is not None and len(rows) > most:
            yield from self._rows(
                f"  ... {count_text(len(rows) - most, 'more line')}, -v{'v' * self.verbosity} shows them"
            )

    def _prompt_rows(self, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Line]:
        for name in {**before, **after}:
            lines = diff_lines(before.get(name, ""), after.get(name, ""))
            if name and lines:
                yield from self._diff_rows(f" {name}:")
            for line in lines:
                yield from self._diff_rows(line)

    def _diff_rows(self, line: str) -> Iterator[Line]:
        mark = line[:1]
        markup = {"-": {"red": True}, "+": {"green": True}}.get(mark, {})
        if line.startswith("@@"):
            return
        for row in wrap_cells(line[1:], self.width - 6):
            yield Line(f"    {mark} {row}".rstrip(), markup)

    def _dataset(self) -> Iterator[str]:
        counts = [(len(self.comparison.deltas_with(change)), word) for change, word in _COUNTED]
        renamed = sum(delta.renamed_from is not None for delta in self.comparison.deltas)
        told = [f"{count} {word}" for count, word in [*counts, (renamed, "renamed")] if count]
        if told:
            yield f"cases: {', '.join(told)}"

    def _weights(self) -> Iterator[str]:
        weights = self.changes.weights
        told = [
            f"{visible_text(change.name)} {_weight_text(change.before)}, now {_weight_text(change.after)}"
            for change in weights[:_FEW_WEIGHTS]
        ]
        if len(weights) > len(told):
            told.append(f"and {len(weights) - len(told):,} more")
        if told:
            yield f"weights: {'; '.join(told)}; all means are by those of now"

    def _unknown(self) -> str:
        if self.changes.are_parameters_known:
            return "its parameters are those that git has, and its judges and packages are not known"
        hint = f"; {self.changes.hint}" if self.changes.hint else ""
        return f"its parameters, judges and packages are not known{hint}"

    def _unexplained(self) -> str:
        if not self.changes.cases.is_asked:
            return "the outputs: they stand in a file, or a test function makes them, so no model was asked for them"
        if not paired_deltas(self.comparison):
            return "no case is as the baseline has it, so there is none to compare"
        if self.changes.cases.is_same:
            return f"nothing that is asked: prompt, model and parameters are the same{self._why_then()}"
        if self.changes.cases.is_same is None:
            return "the baseline does not tell what was asked for it; one that is saved now will"
        return "what is asked is not the same, but the history does not tell how it differs"

    def _why_then(self) -> str:
        """Return what else may explain a change for the worse, if there is one among the cases that are compared."""
        if not has_drop(self.comparison):
            return ""
        if self.changes.resolved:
            return "; the model behind its name is another one"
        is_missing = bool(self.comparison.deltas_with(Change.MISSING))
        so = "; the change of the other cases is" if is_missing else ", so this is"
        return (
            f"{so} chance, or the model behind its name is another one; 'promptevals noise {self.comparison.file}' "
            "tells how much is chance"
        )

    def _flip(self, flip: Flip) -> Iterator[Line]:
        delta = flip.delta
        place = "" if delta.location is None else f"  {delta.location}"
        scores = f"{score_text(delta.before)} -> {score_text(delta.after)}"
        yield from self._rows(f"{visible_text(delta.name)}  {scores}{place}")
        if flip.before is None and flip.after is None:
            return
        if flip.before == flip.after:
            yield from self._rows("  the same output as before")
            return
        before, after = ("(not known)" if text is None else text or "(empty)" for text in (flip.before, flip.after))
        for row in side_by_side(before, after, self.width - 4, self._most(_ROWS)):
            yield Line(f"    {row}")

    def _most(self, rows: tuple[int, int]) -> int | None:
        return rows[self.verbosity] if self.verbosity < len(rows) else None

    def _rows(self, text: str) -> Iterator[Line]:
        indent = "  " + " " * (len(text) - len(text.lstrip()))
        yield from (Line(f"{indent}{row}") for row in fill_lines(text.strip(), self.width - len(indent)))


def _model_text(change: ModelChange) -> str:
    return f"model: {change.before}, now {change.after} ({count_text(change.cases, 'case')})"


def _moved(change: ValueChange) -> str:
    before, after = _value_text(change.before), _value_text(change.after)
    if change.before is None:
        return f"now {after}, was not there"
    return f"{before}, now gone" if change.after is None else f"{before}, now {after}"


def _weight_text(weight: Json) -> str:
    return json_text(weight).removesuffix(".0")


def _how(change: ValueChange) -> str:
    if change.before is None:
        return "new"
    return "gone" if change.after is None else "changed"


def _value_text(value: Json) -> str:
    text = visible_text(value if isinstance(value, str) else json_text(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."

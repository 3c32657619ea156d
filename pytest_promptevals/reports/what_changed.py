"""Explains a verdict that is red, or cannot tell: what is needed is kept while cases run, and looked up at the end."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.comparison.attribution import Attribution
from pytest_promptevals.comparison.changes import (
    compare_cases,
    compare_resolved,
    compare_values,
    compare_weights,
    find_flips,
    is_flip,
    paired_deltas,
    worst_deltas,
)
from pytest_promptevals.history.baselines import keep_output
from pytest_promptevals.history.git import SHALLOW, find_last_change, is_shallow
from pytest_promptevals.history.past import Past, PastFile
from pytest_promptevals.records.changes import FileChanges, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, Delta
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunFile
from pytest_promptevals.reports.attribution import attribution_lines
from pytest_promptevals.reports.changes import MANY_FLIPS, change_lines, shown_flips
from pytest_promptevals.reports.committed import CommittedFiles
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.prompt_texts import prompt_parts

_NO_PROMPT: Final = "{}"


class _FirstByName(str):
    """A name of which the first is the greatest: of equally bad cases, those are kept that are shown first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


class KeptOutputs:
    """Outputs of the cases that got worse than their baseline, of each eval file the worst ones."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[bool, float, _FirstByName, int, str]]] = {}
        self._count = 0

    def note(self, result: CaseResult, find_before: Callable[[], BaselineCase | None]) -> None:
        """Keep the output of a result if it may be shown.

        ``find_before`` gives the baseline of a case that is not perfect.
        """
        if result.score is None or (result.passed and result.score >= 1):
            return
        before = find_before()
        if before is None or before.score <= result.score:
            return
        self._count += 1
        is_failing = before.passed and result.passed is False
        text = keep_output(result.output or "", is_whole=False)
        entry = (is_failing, before.score - result.score, _FirstByName(result.name), self._count, text)
        of_file = self._kept.setdefault(result.file, [])
        if len(of_file) < MANY_FLIPS:
            heapq.heappush(of_file, entry)
        else:
            heapq.heappushpop(of_file, entry)

    def of(self, file: str) -> dict[str, str]:
        """Return the outputs that were kept of an eval file, by name; of an item that ran twice, the last one."""
        kept = sorted(self._kept.get(file, ()), key=lambda entry: entry[3])
        return {str(name): text for _, _, name, _, text in kept}


@dataclasses.dataclass(frozen=True, slots=True)
class ComparedFile:
    """What is known of an eval file that was compared."""

    comparison: Comparison
    """What the comparison says."""
    before: Mapping[str, BaselineCase]
    """Cases of the baseline, by name."""
    after: Mapping[str, CaseResult]
    """Results, by name."""
    now: RunFile
    """What makes the results comparable."""
    texts: Mapping[str, str]
    """Its prompts by their content hashes, as JSON."""
    baseline_path: str = ""
    """The committed baseline, relative to the rootdir; empty if the baseline is another one."""

    @property
    def file(self) -> str:
        """The eval file."""
        return self.comparison.file


class Explainer:
    """Finds out what differs between a run and its baseline.

    Args:
        rootdir: root of the project.
        history: the setting ``evals_history``.
    """

    def __init__(self, rootdir: Path, history: str) -> None:
        self.rootdir = rootdir
        self.past = Past(rootdir, history)
        """What the history has of single cases."""
        self.outputs = KeptOutputs()
        """Outputs that may be shown."""
        self._committed: dict[str, CommittedFiles] = {}
        self.attributions: dict[str, Attribution] = {}
        """Which change explains the cases that now fail, by eval file, where that was asked."""

    def lines(self, files: Iterable[ComparedFile], run: Run, width: int, verbosity: int) -> Iterator[Line]:
        """Yield what changed in those files; a quiet run is told only what it has asked models for."""
        for compared in files:
            if verbosity >= 0:
                changes = self.find(compared, run, verbosity)
                yield from change_lines(compared.comparison, changes, width, verbosity)
            if compared.file in self.attributions:
                yield from [Line(f"{compared.file}:")] if verbosity < 0 else ()
                yield from attribution_lines(self.attributions[compared.file], width, verbosity)
        self.past.close()

    def find(self, compared: ComparedFile, run: Run, verbosity: int = 0) -> FileChanges:
        """Return what changed in an eval file since its baseline."""
        cases = compare_cases(paired_deltas(compared.comparison), compared.before, compared.after)
        run_id = self._past_run(compared, run)
        past = self._past_file(compared, run_id)
        prompts = tuple(self._with_texts(change, compared, past) for change in cases.prompts)
        worst = _shown(compared.comparison)[: shown_flips(verbosity)]
        outputs = self.outputs.of(compared.file)
        changes = FileChanges(
            dataclasses.replace(cases, prompts=prompts), flips=tuple(find_flips(worst, compared.before, outputs.get))
        )
        parameters = self.parameters(compared, past)
        if parameters is not None:
            different = compare_values(parameters, compared.now.parameters)
            changes = dataclasses.replace(changes, parameters=different, are_parameters_known=True)
        if run_id is None or past is None:
            return dataclasses.replace(changes, hint=self.hint(compared, past))
        return dataclasses.replace(
            changes,
            resolved=compare_resolved(past.file, compared.now),
            judges=compare_values(past.file.judges, compared.now.judges),
            packages=compare_values(past.versions, run.versions),
            weights=self._weights(compared, run_id),
            is_run_known=True,
        )

    def past_file(self, compared: ComparedFile, run: Run) -> PastFile | None:
        """Return what made the results of the baseline, as the history has it; ``None`` if it has not."""
        return self._past_file(compared, self._past_run(compared, run))

    def _past_file(self, compared: ComparedFile, run_id: str | None) -> PastFile | None:
        return None if run_id is None else self.past.file_of(run_id, compared.file)

    def _past_run(self, compared: ComparedFile, run: Run) -> str | None:
        return compared.comparison.baseline_run or self._find_run(compared, run)

    def _weights(self, compared: ComparedFile, run_id: str) -> tuple[ValueChange, ...]:
        now = {name: result.weight for name, result in compared.after.items()}
        return compare_weights(paired_deltas(compared.comparison), self.past.weights_of(run_id, compared.file), now)

    def _find_run(self, compared: ComparedFile, run: Run) -> str | None:
        """Return the newest other run with a result that stands in the baseline: that of the worst case tells.

        Where all cases were edited since, the first of them tells.
        """
        deltas = [*worst_deltas(compared.comparison), *paired_deltas(compared.comparison)]
        names = [*(delta.old_name for delta in deltas), *compared.before]
        for case in map(compared.before.get, names):
            if case is not None and case.fingerprint:
                return self.past.find_run(compared.file, case.name, case.fingerprint, but=run.id)
        return None

    def _with_texts(self, change: PromptChange, compared: ComparedFile, past: PastFile | None) -> PromptChange:
        before = self._text(change.hash_before, compared.texts) or self._text_of_git(change.hash_before, compared, past)
        after = self._text(change.hash_after, compared.texts)
        parts = [None if text is None else prompt_parts(text) for text in (before, after)]
        return dataclasses.replace(change, before=parts[0], after=parts[1])

    def _text(self, content: str, known: Mapping[str, str]) -> str | None:
        """Return a prompt as JSON; that of no prompt is empty."""
        return (known.get(content) or self.past.text_of(content)) if content else _NO_PROMPT

    def _text_of_git(self, content: str, compared: ComparedFile, past: PastFile | None) -> str | None:
        """Return the same as git has it: the hash tells whether it is what the baseline was made with."""
        committed = self.committed(compared, past)
        prompt = None if committed is None else committed.prompt(compared.file, content)
        return None if prompt is None or prompt.content is None else prompt.content.text

    def committed(self, compared: ComparedFile, past: PastFile | None) -> CommittedFiles | None:
        """Return the files of the commit that the baseline was made at, ``None`` if it is not known.

        It is the one in which a committed baseline last changed, unless the history knows better.
        """
        commit = past.commit if past is not None else None
        if commit is None and compared.baseline_path:
            commit = find_last_change(self.rootdir, compared.baseline_path)
        if commit is None:
            return None
        if commit not in self._committed:
            self._committed[commit] = CommittedFiles(self.rootdir, commit)
        return self._committed[commit]

    def parameters(self, compared: ComparedFile, past: PastFile | None) -> JsonObject | None:
        """Return the parameters of the baseline's model calls, from the history or else from git.

        ``None`` if neither knows them.
        """
        if past is not None:
            return past.file.parameters
        committed = self.committed(compared, past)
        hashes = {case.prompt_hash for case in compared.before.values()}
        if committed is None or not any(committed.prompt(compared.file, content) for content in hashes):
            return None  # the baseline was made with other files than those of its commit
        dataset = committed.dataset(compared.file)
        return None if dataset is None else dataset.parameters

    def hint(self, compared: ComparedFile, past: PastFile | None) -> str:
        """Return why git does not know what it may have known, and what to do; empty if there is nothing to do."""
        is_asked = past is None and compared.baseline_path and self.committed(compared, past) is None
        return SHALLOW if is_asked and is_shallow(self.rootdir) else ""


def _shown(comparison: Comparison) -> Sequence[Delta]:
    worst = worst_deltas(comparison)
    return [delta for delta in worst if is_flip(delta)] or worst

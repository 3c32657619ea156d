"""Explains a verdict that is red, or cannot tell: what is needed is kept while cases run, and looked up at the end."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_promptevals.comparison.attribution import Attribution
from pytest_promptevals.comparison.changes import (
    FileChanges,
    PromptChange,
    compare_cases,
    compare_resolved,
    compare_values,
    find_flips,
    is_flip,
    paired_deltas,
    worst_deltas,
)
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.text import read_text
from pytest_promptevals.history.baselines import keep_output
from pytest_promptevals.history.git import find_last_change, read_file_at
from pytest_promptevals.history.past import Past, PastFile
from pytest_promptevals.prompts.sources import is_file_name
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, Delta
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunFile
from pytest_promptevals.reports.attribution import attribution_lines
from pytest_promptevals.reports.changes import MANY_FLIPS, change_lines, shown_flips
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.prompt_texts import prompt_text


class KeptOutputs:
    """Outputs of the cases that got worse than their baseline, of each eval file the worst ones."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[bool, float, int, str, str]]] = {}
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
        entry = (is_failing, before.score - result.score, self._count, result.name, text)
        of_file = self._kept.setdefault(result.file, [])
        if len(of_file) < MANY_FLIPS:
            heapq.heappush(of_file, entry)
        else:
            heapq.heappushpop(of_file, entry)

    def of(self, file: str) -> dict[str, str]:
        """Return the outputs that were kept of an eval file, by name; of an item that ran twice, the last one."""
        return {name: text for *_, name, text in sorted(self._kept.get(file, ()), key=lambda entry: entry[2])}


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
        self.attributions: dict[str, Attribution] = {}
        """Which change explains the cases that now fail, by eval file, where that was asked."""

    def lines(self, files: Iterable[ComparedFile], run: Run, width: int, verbosity: int) -> Iterator[Line]:
        """Yield what changed in those files; a quiet run is told nothing."""
        for compared in files if verbosity >= 0 else ():
            changes = self.find(compared, run, verbosity)
            yield from change_lines(compared.comparison, changes, width, verbosity)
            if compared.file in self.attributions:
                yield from attribution_lines(self.attributions[compared.file], width, verbosity)
        self.past.close()

    def find(self, compared: ComparedFile, run: Run, verbosity: int = 0) -> FileChanges:
        """Return what changed in an eval file since its baseline."""
        cases = compare_cases(paired_deltas(compared.comparison), compared.before, compared.after)
        past = self.past_file(compared, run)
        prompts = tuple(self._with_texts(change, compared, past) for change in cases.prompts)
        worst = _shown(compared.comparison)[: shown_flips(verbosity)]
        outputs = self.outputs.of(compared.file)
        changes = FileChanges(
            dataclasses.replace(cases, prompts=prompts), flips=tuple(find_flips(worst, compared.before, outputs.get))
        )
        if past is None:
            return changes
        return dataclasses.replace(
            changes,
            parameters=compare_values(past.file.parameters, compared.now.parameters),
            resolved=compare_resolved(past.file, compared.now),
            judges=compare_values(past.file.judges, compared.now.judges),
            packages=compare_values(past.versions, run.versions),
            is_run_known=True,
        )

    def past_file(self, compared: ComparedFile, run: Run) -> PastFile | None:
        """Return what made the results of the baseline, as the history has it; ``None`` if it has not."""
        comparison = compared.comparison
        run_id = comparison.baseline_run or self._find_run(compared, run)
        return None if run_id is None else self.past.file_of(run_id, compared.file)

    def _find_run(self, compared: ComparedFile, run: Run) -> str | None:
        """Return the newest other run with a result that stands in the baseline: that of the worst case tells."""
        for delta in [*worst_deltas(compared.comparison), *paired_deltas(compared.comparison)]:
            case = compared.before.get(delta.renamed_from or delta.name)
            if case is not None and case.fingerprint:
                return self.past.find_run(compared.file, case.name, case.fingerprint, but=run.id)
        return None

    def _with_texts(self, change: PromptChange, compared: ComparedFile, past: PastFile | None) -> PromptChange:
        before = self._text(change.hash_before, compared.texts)
        after = self._text(change.hash_after, compared.texts)
        if before is None and change.hash_before:
            return self._from_git(change, compared, past)
        return dataclasses.replace(change, before=before, after=after)

    def _text(self, content: str, known: Mapping[str, str]) -> str | None:
        """Return a prompt as a text to read; that of no prompt is empty."""
        if not content:
            return ""
        text = known.get(content) or self.past.text_of(content)
        return None if text is None else prompt_text(text)

    def old_prompt(self, compared: ComparedFile, name: str, past: PastFile | None) -> tuple[str, str] | None:
        """Return the file of a prompt, relative to the rootdir, and its text when the baseline was made, as git has it.

        ``None`` if git does not have it, or if the prompt stands in the eval file.
        """
        path = self._prompt_file(compared.file, name)
        commit = past.commit if past is not None else None
        if commit is None and compared.baseline_path:
            commit = find_last_change(self.rootdir, compared.baseline_path)
        if path is None or commit is None:
            return None
        text = read_file_at(self.rootdir, commit, path)
        return None if text is None else (path, text)

    def _from_git(self, change: PromptChange, compared: ComparedFile, past: PastFile | None) -> PromptChange:
        """Return the change with the texts of the prompt's file, now and when the baseline was made."""
        found = self.old_prompt(compared, change.name, past)
        if found is None:
            return change
        path, before = found
        try:
            after = read_text(self.rootdir / path, path)
        except FileProblem:
            return change
        return change if before == after else dataclasses.replace(change, before=before, after=after)

    def _prompt_file(self, file: str, name: str) -> str | None:
        """Return the prompt's file of that name, relative to the rootdir; ``None`` if it stands in the eval file."""
        try:
            sources = load_dataset(self.rootdir / file, self.rootdir).prompts
        except DatasetError:
            return None
        for source in sources:
            if isinstance(source.value, str) and is_file_name(source.value):
                path = Path(source.location.path).parent / source.value.strip()
                if path.stem == name:
                    return path.as_posix()
        return None


def _shown(comparison: Comparison) -> Sequence[Delta]:
    worst = worst_deltas(comparison)
    return [delta for delta in worst if is_flip(delta)] or worst

"""All that is worth knowing of one run, as lines for a terminal."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import Comparison, Verdict
from pytest_promptevals.records.runs import Run, RunFile, RunKind
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.run_list import git_text, percent_text, share_of_all
from pytest_promptevals.reports.words import count_text, json_text, score_text, visible_text

_KINDS: Final = {
    RunKind.RERUN: "of what had failed before, so no baseline by itself",
    RunKind.REGATE: "the verdict on the scores of run {parent}, decided anew",
    RunKind.REJUDGE: "the outputs of run {parent}, judged anew",
    RunKind.ATTRIBUTE: "cases that flipped in run {parent}, with one of its changes alone",
    RunKind.SHARD: "one of those that run {parent} was merged of, and counted there",
}
_INDENT: Final = "  "
_MINUTE: Final = 60


def run_lines(run: Run, comparisons: Sequence[Comparison], width: int) -> Iterator[str]:
    """Yield what a run was, then what each eval file of it came to, no wider than ``width`` where words allow."""
    yield f"run {run.id}: {run.status.value}"
    for title, text in _facts(run):
        yield from _fill(f"{_INDENT}{title}: {text}", width)
    known = {comparison.file: comparison for comparison in comparisons}
    described = {file.file: file for file in run.files}
    for name in sorted(known.keys() | described.keys()):
        yield ""
        yield visible_text(name)
        if name in known:
            for text in _comparison_texts(known[name]):
                yield from _fill(_INDENT + text, width)
        if name in described:
            for text in _file_texts(described[name]):
                yield from _fill(_INDENT + text, width)


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    if run.kind is not RunKind.RUN:
        yield "kind", f"{run.kind.value}, {_KINDS[run.kind].format(parent=run.parent)}"
    if run.name is not None:
        yield "saved as", run.name
    yield "began", f"{_time_text(run.started_at)}{_duration_text(run)}{f' on {run.host}' if run.host else ''}"
    if run.git is not None:
        yield "git", git_text(run.git) + (" (with uncommitted changes)" if run.git.is_dirty else "")
    if run.arguments:
        yield "command", shlex.join(("pytest", *run.arguments))
    if run.shard is not None:
        yield "share", f"{run.shard} of {count_text(run.selected, 'case')}"
    if run.calls:
        yield "calls", _spending_text(run)
    if run.versions:
        yield "versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())


def _time_text(moment: str) -> str:
    return f"{dt.datetime.fromisoformat(moment).astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration_text(run: Run) -> str:
    if run.finished_at is None:
        return ""
    seconds = (dt.datetime.fromisoformat(run.finished_at) - dt.datetime.fromisoformat(run.started_at)).total_seconds()
    # The end is known to the second only.
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f", took {whole} s"
    return f", took {whole // _MINUTE} min {whole % _MINUTE} s"


def _spending_text(run: Run) -> str:
    cached = f", {run.cached} from the cache" if run.cached else ""
    paid = "" if run.cost is None or run.spent == run.cost else f", {format_dollars(run.spent)} of it paid by this run"
    return f"{run.calls}{cached}; cost {format_dollars(run.cost)}{paid}"


def _comparison_texts(comparison: Comparison) -> Iterator[str]:
    metrics = comparison.metrics
    errors = f", {count_text(metrics.errors, 'error')}" if metrics.errors else ""
    score = "" if metrics.mean_score is None else f", mean score {score_text(metrics.mean_score)}"
    share = share_of_all(metrics.passed, metrics.cases, metrics.errors)
    rate = "" if share is None else f" ({percent_text(share)})"
    yield f"{count_text(metrics.cases, 'case')}: {metrics.passed} passed{rate}{errors}{score}"
    if comparison.has_baseline:
        yield _baseline_text(comparison)
    for gate in comparison.gates:
        if gate.verdict is not Verdict.NO_BASELINE:
            accepted = ", accepted" if gate.is_accepted else ""
            yield f"gate {gate.gate}: {gate.verdict.value}{accepted}: {gate.explanation}"


def _baseline_text(comparison: Comparison) -> str:
    run = comparison.baseline_run
    label = comparison.baseline + (f" ({run})" if run and run not in comparison.baseline else "")
    if comparison.mean_before is None or comparison.mean_after is None:
        return f"compared with {label}: no case that can be compared"
    before, after = score_text(comparison.mean_before), score_text(comparison.mean_after)
    return f"compared with {label}: mean score {before} → {after}"


def _file_texts(file: RunFile) -> Iterator[str]:
    if file.dataset_version:
        yield f"dataset version {file.dataset_version} ({count_text(file.cases, 'case')})"
    for label, answered in file.models.items():
        yield f"model {label}" + (f", answered as {answered}" if answered != label else "")
    if file.parameters:
        yield f"parameters {json_text(dict(file.parameters))}"
    yield from _hash_texts("prompt", file.prompts)
    yield from _hash_texts("judge", file.judges)


def _hash_texts(noun: str, hashes: Mapping[str, str]) -> Iterator[str]:
    if hashes:
        listed = ", ".join(f"{name} ({key})" for name, key in hashes.items())
        yield f"{noun}{'s' if len(hashes) > 1 else ''} {listed}"


def _fill(text: str, width: int) -> list[str]:
    return fill_lines(visible_text(text), width, indent=_INDENT * 2)

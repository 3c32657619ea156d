"""What a report says of one run: all that the history has of it, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_promptevals.records.changes import FileChanges
from pytest_promptevals.records.comparisons import WORST_FIRST, Comparison, Delta, GateResult, Verdict
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunFile
from pytest_promptevals.records.trends import TrendPoint


@dataclass(frozen=True, slots=True)
class ReportedCase:
    """One case of a run beside its baseline."""

    result: CaseResult
    """What became of it: prompt, output, scores and explanations among it."""
    delta: Delta | None = None
    """Its change since the baseline; ``None`` if the eval file was not compared."""
    output_before: str | None = None
    """Text of the first response in the baseline; ``None`` if it is not known. A committed baseline shortens it."""
    is_failure: bool | None = None
    """Whether pytest counts it as failed or as an error; ``None`` if that is not known."""


@dataclass(frozen=True, slots=True)
class ReportedFile:
    """One eval file of a run."""

    comparison: Comparison
    """Its metrics, its verdicts with their evidence, and how it changed since the baseline."""
    cases: tuple[ReportedCase, ...] = ()
    """Its cases, by their places in the dataset."""
    changes: FileChanges | None = None
    """What differs between the run and its baseline, prompts with their texts; ``None`` if there is no baseline."""
    trend: tuple[TrendPoint, ...] = ()
    """Its metrics over the last runs, oldest first, this one included."""
    facts: RunFile | None = None
    """Its prompts, models, parameters and judges; ``None`` if the run did not come to say."""

    @property
    def file(self) -> str:
        """The eval file."""
        return self.comparison.file

    @property
    def verdict(self) -> Verdict | None:
        """The worst answer of its gates; ``None`` if it has none."""
        return _worst(self.comparison.gates)


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, as a report shows it."""

    run: Run
    """The run."""
    rootdir: Path
    """Root of the project: paths of eval files and cases are relative to it."""
    files: tuple[ReportedFile, ...] = ()
    """Its eval files, by name."""
    failures: tuple[str, ...] = ()
    """Node ids of what failed in the session beside cases and gates: eval files that cannot be used, ordinary tests."""

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """The answers of all gates, the worst first."""
        found = [gate for file in self.files for gate in file.comparison.gates]
        return tuple(sorted(found, key=lambda gate: (not gate.fails, WORST_FIRST.index(gate.verdict))))

    @property
    def verdict(self) -> Verdict | None:
        """The worst answer of all gates; ``None`` if there is none."""
        return _worst(self.gates)

    @property
    def has_failures(self) -> bool:
        """Whether pytest counts anything but a gate as failed, as far as that is known."""
        return bool(self.failures) or any(case.is_failure for file in self.files for case in file.cases)

    @property
    def fails(self) -> bool:
        """Whether a gate made the run fail."""
        return any(gate.fails for gate in self.gates)


def _worst(gates: tuple[GateResult, ...]) -> Verdict | None:
    return min((gate.verdict for gate in gates), key=WORST_FIRST.index, default=None)

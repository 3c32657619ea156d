"""What the session keeps of each eval file, small enough to travel from a worker to the controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_promptevals.engine.judging import wants_before
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.history.baselines import baseline_path, baseline_place
from pytest_promptevals.records.cases import CasePolicy, Dataset, GateRules, Location


@dataclass(frozen=True, slots=True)
class EvalSource:
    """An eval file, or a test function over a dataset."""

    file: str
    """What its results are recorded under: the eval file, or ``test_file.py::function``."""
    baseline: str
    """The committed baseline, relative to the rootdir where it is inside of it."""
    names: tuple[str, ...]
    """Names of all its items, selected or not."""
    location: Location
    """Where it begins."""
    gate: GateRules
    """Its gates."""
    case_policy: CasePolicy | None = None
    """What a case below its threshold means; ``None`` takes the setting."""
    compared: tuple[str, ...] = ()
    """Names of the items whose judges look at the baseline's output, which keeps it whole for them."""


def source_of_dataset(dataset: Dataset, path: Path, cases: Sequence[PlannedCase]) -> EvalSource:
    """Return the source of an eval file."""
    shown = Path(dataset.path)
    return EvalSource(
        file=dataset.path,
        baseline=(shown.parent / baseline_path(path).relative_to(path.parent)).as_posix(),
        names=tuple(sorted(case.name for case in cases)),
        location=dataset.location,
        gate=dataset.gate,
        case_policy=dataset.case_policy,
        compared=_compared(cases),
    )


def source_of_function(dataset: Dataset, nodeid: str, cases: Sequence[PlannedCase]) -> EvalSource:
    """Return the source of a test function with that node id, which is parametrized over a dataset."""
    return EvalSource(
        file=nodeid,
        baseline=baseline_place(nodeid).as_posix(),
        names=tuple(sorted(case.name for case in cases)),
        location=dataset.location,
        gate=dataset.gate,
        case_policy=dataset.case_policy,
        compared=_compared(cases),
    )


def _compared(cases: Sequence[PlannedCase]) -> tuple[str, ...]:
    return tuple(sorted(case.name for case in cases if wants_before(case.written or case.judges)))

"""Eval files as subjects of the checks, with what keeps them from loading as findings."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, cast

from pydantic import BaseModel, ConfigDict

from pytest_promptevals.datasets.loader import load_cases
from pytest_promptevals.engine.planning import PlannedCase, plan_dataset, plan_judges
from pytest_promptevals.engine.registry import Registry
from pytest_promptevals.errors import DatasetError, FileProblem, JudgeError, ProviderConfigError
from pytest_promptevals.hookspecs import Ask, Judge, JudgeInput, Provider, ProviderContext
from pytest_promptevals.hygiene.findings import Finding, Subject, find_problem
from pytest_promptevals.hygiene.own_names import find_own_names
from pytest_promptevals.hygiene.unknown_names import (
    explain_judge,
    explain_provider,
    unknown_judges,
    unknown_providers,
)
from pytest_promptevals.judges.excerpts import list_some
from pytest_promptevals.records.cases import Dataset
from pytest_promptevals.records.results import Grade
from pytest_promptevals.settings import Settings

_MOST_ALIKE: Final = 3
"""Problems of one file, with the same words, that are said one by one."""
_INDEX: Final = re.compile(r"\[\d+\]")


class UnknownJudge:
    """Stands for a judge that only pytest can know: it takes whatever the user wrote."""

    class Parameters(BaseModel):
        """Any parameters."""

        model_config = ConfigDict(extra="allow")

    name: ClassVar[str] = "unknown"
    level: ClassVar[int] = 1
    default_threshold: ClassVar[float] = 1.0
    shorthand: ClassVar[str | None] = "argument"
    reads_vars: ClassVar[bool] = True
    """Whatever variables a case has, the judge may be their reader."""

    def __init__(self, parameters: BaseModel) -> None:
        self.parameters = parameters

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Refuse."""
        del subject, ask
        raise JudgeError("a check runs no judge")


def load_subject(
    path: Path, rootdir: Path, registry: Registry, settings: Settings
) -> tuple[Subject | None, list[Finding]]:
    """Return an eval file, or other file with cases, and what keeps it or parts of it from being checked.

    There is no subject if the file cannot be loaded, and one without planned cases if these cannot be planned.
    """
    try:
        dataset = load_cases(path, rootdir)
    except DatasetError as error:
        return None, _find_problems(error.problems)
    judges, providers = unknown_judges(dataset, registry), unknown_providers(dataset, registry, settings)
    known = registry.with_more(
        dict.fromkeys(judges, cast("type[Judge]", UnknownJudge)), dict.fromkeys(providers, _refuse)
    )
    own = find_own_names(path, rootdir) if judges or providers else frozenset()
    findings = [explain_judge(name, place, registry, own) for name, place in judges.items() if name not in own]
    findings += [explain_provider(name, place, registry, own) for name, place in providers.items() if name not in own]
    planned: tuple[PlannedCase, ...] = ()
    broken: frozenset[str] = frozenset()
    try:
        plan = plan_judges if _is_for_tests(path, dataset, settings) else plan_dataset
        planned = plan(dataset, known, rootdir, settings)
    except DatasetError as error:
        findings += _find_problems(error.problems)
        broken = frozenset(problem.path for problem in error.problems)
    written = dataset.gate.confidence
    confidence = settings.confidence if written is None else written
    return Subject(path, rootdir, dataset, planned, broken, confidence), findings


def _find_problems(problems: Sequence[FileProblem]) -> list[Finding]:
    """Return problems as findings, one for all lines of a file that have the same: a column may be misspelt."""
    groups: dict[tuple[str, str, str], list[FileProblem]] = {}
    for problem in problems:
        groups.setdefault((problem.path, _INDEX.sub("[]", problem.field), problem.message), []).append(problem)
    found: list[Finding] = []
    for group in groups.values():
        if len(group) <= _MOST_ALIKE:
            found += map(find_problem, group)
            continue
        first = find_problem(group[0])
        lines = list_some([str(problem.line) for problem in group[1:]])
        found.append(dataclasses.replace(first, message=f"{first.message} (the same in lines {lines})"))
    return found


def is_eval_file(path: Path, settings: Settings) -> bool:
    """Return whether pytest collects a file of that name."""
    return any(
        path.match(pattern) if "/" in pattern else fnmatch.fnmatch(path.name, pattern) for pattern in settings.files
    )


def _is_for_tests(path: Path, dataset: Dataset, settings: Settings) -> bool:
    """Return whether the file can only be meant for a test function, which gets the outputs by itself."""
    if dataset.models or any(case.output is not None for case in dataset.cases):
        return False
    return path.suffix not in {".yaml", ".yml"} or not is_eval_file(path, settings)


def _refuse(context: ProviderContext) -> Provider:
    raise ProviderConfigError(f"a check calls no model, and knows no provider {context.config.name!r}")

"""Eval files as subjects of the checks, with what keeps them from loading as findings."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final, cast

from pydantic import BaseModel, ConfigDict

from pytest_promptevals.datasets.loader import load_cases
from pytest_promptevals.engine.judging import GROUPS
from pytest_promptevals.engine.planning import PlannedCase, plan_dataset, plan_judges
from pytest_promptevals.engine.registry import Registry
from pytest_promptevals.errors import DatasetError, FileProblem, JudgeError, ProviderConfigError, did_you_mean
from pytest_promptevals.hookspecs import Ask, Judge, JudgeInput, Provider, ProviderContext
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, find_problem
from pytest_promptevals.judges.excerpts import list_some
from pytest_promptevals.records.cases import Dataset, JudgeSpec
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
    judges, providers = list(_unknown_judges(dataset, registry)), list(_unknown_providers(dataset, registry))
    known = registry.with_more(
        {spec.judge: cast("type[Judge]", UnknownJudge) for spec in judges}, dict.fromkeys(providers, _refuse)
    )
    findings = [_explain_judge(spec, registry) for spec in judges]
    findings += [_explain_provider(name, dataset, registry) for name in providers]
    planned: tuple[PlannedCase, ...] = ()
    try:
        plan = plan_judges if _is_for_tests(path, dataset, settings) else plan_dataset
        planned = plan(dataset, known, rootdir, settings)
    except DatasetError as error:
        findings += _find_problems(error.problems)
    return Subject(path, rootdir, dataset, planned), findings


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


def _unknown_judges(dataset: Dataset, registry: Registry) -> Iterator[JudgeSpec]:
    """Yield the first spec of each judge that is not known."""
    seen = {*registry.judges, *GROUPS}
    for specs in (dataset.judges, *(case.judges for case in dataset.cases if case.judges)):
        for spec in _flatten(specs):
            if spec.judge not in seen:
                seen.add(spec.judge)
                yield spec


def _flatten(specs: Sequence[JudgeSpec]) -> Iterator[JudgeSpec]:
    for spec in specs:
        yield spec
        yield from _flatten(spec.children)


def _unknown_providers(dataset: Dataset, registry: Registry) -> Iterator[str]:
    named = {config.name for config in dataset.providers}
    used = [config.type for config in dataset.providers]
    used += [provider for model in dataset.models for provider, slash, _ in [model.partition("/")] if slash]
    yield from dict.fromkeys(name for name in used if name not in registry.providers and name not in named)


def _explain_judge(spec: JudgeSpec, registry: Registry) -> Finding:
    hint = did_you_mean(spec.judge, [*registry.judges, *GROUPS])
    message = (
        f"the judge {spec.judge!r} is not built in: if a conftest.py or a plugin registers it, only pytest can check "
        f"it.{hint if 'Did you mean' in hint else ''}"
    )
    return find(Kind.UNKNOWN_PLUGIN, message, spec.location)


def _explain_provider(name: str, dataset: Dataset, registry: Registry) -> Finding:
    hint = did_you_mean(name, registry.providers)
    message = (
        f"the provider {name!r} is not built in: if a conftest.py or a plugin registers it, only pytest can check it."
        f"{hint if 'Did you mean' in hint else ''}"
    )
    return find(Kind.UNKNOWN_PLUGIN, message, dataset.models_location or dataset.location)


def _refuse(context: ProviderContext) -> Provider:
    raise ProviderConfigError(f"a check calls no model, and knows no provider {context.config.name!r}")

"""Judges and providers that are functions with ``@judge`` or ``@provider`` above them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Generic, TypeVar

from pytest_promptevals.engine.registry import Registry
from pytest_promptevals.errors import DatasetError, FileProblem, FunctionError
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.hookspecs import Judge, ProviderFactory
from pytest_promptevals.judges.decorated import JudgeDeclaration, judge_declaration
from pytest_promptevals.judges.function_judges import make_judge_type
from pytest_promptevals.providers.decorated import ProviderDeclaration, provider_declaration
from pytest_promptevals.providers.function_providers import make_provider_factory

Made = TypeVar("Made")


class DeclaredFunctions:
    """Makes a judge or provider of each function once, so that eval files share what they make of it.

    Args:
        rootdir: root of the project.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._judges: dict[FunctionType, tuple[str, type[Judge]]] = {}
        self._providers: dict[FunctionType, tuple[str, ProviderFactory]] = {}

    def add_to(self, registry: Registry, modules: Iterable[ModuleType]) -> Registry:
        """Return the registry with what those modules declare.

        Raises ``DatasetError`` with the place of each function that cannot be what it is declared to be, or whose name
        is taken.
        """
        adding = _Adding(self._rootdir)
        judges = _Names("judge", registry.judges, self._judges)
        providers = _Names("provider", registry.providers, self._providers)
        for function in _functions(modules):
            judge, provider = judge_declaration(function), provider_declaration(function)
            if judge is not None:
                adding.add(judges, function, partial(_make_judge, function, judge))
            if provider is not None:
                adding.add(providers, function, partial(_make_provider, function, provider))
        if adding.problems:
            raise DatasetError(sorted(adding.problems, key=lambda problem: (problem.path, problem.line or 0)))
        return registry.with_more(judges.added, providers.added)


def _make_judge(function: FunctionType, declaration: JudgeDeclaration) -> tuple[str, type[Judge]]:
    judge_type = make_judge_type(function, declaration)
    return judge_type.name, judge_type


def _make_provider(function: FunctionType, declaration: ProviderDeclaration) -> tuple[str, ProviderFactory]:
    return declaration.name, make_provider_factory(function, declaration)


@dataclass(slots=True)
class _Names(Generic[Made]):
    """Judges, or providers, that are being added."""

    kind: str
    taken: Container[str]
    known: dict[FunctionType, tuple[str, Made]]
    """What was made of a function before."""
    added: dict[str, Made] = field(default_factory=dict)


class _Adding:
    """What is wrong with what was to be added."""

    def __init__(self, rootdir: Path) -> None:
        self.problems: list[FileProblem] = []
        self._rootdir = rootdir

    def add(self, names: _Names[Made], function: FunctionType, make: Callable[[], tuple[str, Made]]) -> None:
        """Put what is made of a function among the names, or note why it cannot be there."""
        try:
            name, made = names.known[function] if function in names.known else make()
        except FunctionError as error:
            self._note(function, str(error))
            return
        names.known[function] = name, made
        if name in names.taken or name in names.added:
            self._note(function, f"there is another {names.kind} named {name!r}; choose another name")
            return
        names.added[name] = made

    def _note(self, function: FunctionType, message: str) -> None:
        code = inspect.unwrap(function).__code__
        path = shown_path(Path(code.co_filename), self._rootdir)
        self.problems.append(
            FileProblem(f"function {function.__name__!r}: {message}", path=path, line=code.co_firstlineno)
        )


def _functions(modules: Iterable[ModuleType]) -> Iterator[FunctionType]:
    """Yield each function of the modules once: one that was imported is in several."""
    found = (value for module in modules for value in list(vars(module).values()) if inspect.isfunction(value))
    yield from dict.fromkeys(found)

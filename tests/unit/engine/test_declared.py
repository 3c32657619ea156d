"""Functions that are declared to be judges and providers, in a registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_promptevals.engine.declared import DeclaredFunctions
from pytest_promptevals.engine.registry import JudgeTypes, Registry
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.judges.decorated import judge
from pytest_promptevals.providers.decorated import provider

HERE = Path(__file__)
EMPTY = Registry(JudgeTypes({}), {})


def module(**functions: Any) -> ModuleType:
    found = ModuleType("plugin")
    vars(found).update(functions)
    return found


def is_polite(output: str) -> bool: ...  # type: ignore[empty-body]
def is_quiet(output: str) -> bool: ...  # type: ignore[empty-body]
def is_kind(output: str, words) -> bool: ...  # type: ignore[empty-body,no-untyped-def]  # noqa: ANN001 - what is wrong


def fresh(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function without what a test declared it to be."""
    vars(function).clear()
    return function


def test_judges_and_providers_are_added_to_those_that_there_are() -> None:
    first = DeclaredFunctions(HERE.parent).add_to(EMPTY, [module(a=judge(name="polite")(fresh(is_polite)))])

    both = DeclaredFunctions(HERE.parent).add_to(first, [module(f=provider("acme")(lambda prompt: prompt), other=3)])

    assert (list(both.judges), list(both.providers)) == (["polite"], ["acme"])
    assert list(EMPTY.judges) == []


def test_what_is_made_of_a_function_is_made_once() -> None:
    declared = DeclaredFunctions(HERE.parent)
    plugin = module(a=judge(fresh(is_polite)), b=provider("acme")(lambda prompt: prompt))

    first, second = declared.add_to(EMPTY, [plugin, plugin]), declared.add_to(EMPTY, [plugin])

    assert first.judges["is_polite"] is second.judges["is_polite"]
    assert first.providers["acme"] is second.providers["acme"]


def test_all_problems_are_told_with_their_places() -> None:
    declared = DeclaredFunctions(HERE.parent)
    twice = judge(name="is_polite")(fresh(is_quiet))

    with pytest.raises(DatasetError) as caught:
        declared.add_to(EMPTY, [module(a=judge(fresh(is_kind)), b=judge(fresh(is_polite)), c=twice)])

    lines = [(problem.path, problem.line, problem.message[:41]) for problem in caught.value.problems]
    assert lines == [
        ("test_declared.py", is_quiet.__code__.co_firstlineno, "function 'is_quiet': there is another jud"),
        ("test_declared.py", is_kind.__code__.co_firstlineno, "function 'is_kind': parameter 'words' has"),
    ]

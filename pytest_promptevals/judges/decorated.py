"""``@judge``: a function of the user's as a judge of its own name.

A ``conftest.py`` imports this at every start of pytest, so it stays light; ``function_judges`` does the work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE: Final = "_promptevals_judge"


@dataclass(frozen=True, slots=True)
class JudgeDeclaration:
    """What ``@judge`` was given."""

    name: str | None
    """What users write in an eval file; ``None`` takes the function's name."""
    threshold: float
    """Smallest grade that passes where an eval file says nothing."""
    level: int | None
    """1, 2 or 3; ``None`` is 2 for a function that takes ``ask``, else 1."""
    shorthand: str | None
    """The parameter that a bare value sets; ``None`` if the judge takes none."""


@overload
def judge(function: Function, /) -> Function: ...


@overload
def judge(
    *, name: str | None = None, threshold: float = 1.0, level: int | None = None, shorthand: str | None = None
) -> Callable[[Function], Function]: ...


def judge(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    threshold: float = 1.0,
    level: int | None = None,
    shorthand: str | None = None,
) -> Callable[..., Any]:
    """Make a judge of a function in a ``conftest.py`` or a pytest plugin: ``@judge`` or ``@judge(name="polite")``.

    The function itself stays as it is. It is called with what its parameters name, and its other parameters are those
    that an eval file may give.

    Args:
        function: the function, sync or async; given by ``@judge`` without brackets.
        name: what users write in an eval file; the function's own name if left out.
        threshold: smallest grade that passes where the eval file says nothing.
        level: 1 = free and offline, 2 = calls a model, 3 = a person; 2 if the function takes ``ask``, else 1.
        shorthand: the parameter that ``name: VALUE`` sets.
    """
    declaration = JudgeDeclaration(name, threshold, level, shorthand)

    def declare(target: Function) -> Function:
        if not inspect.isfunction(target):
            raise TypeError(
                f"@judge stands above a function and takes its options by name, as in @judge(name='polite'); got "
                f"{target!r}. A judge that is a class is registered with the hook pytest_promptevals_judges."
            )
        setattr(target, _ATTRIBUTE, declaration)
        return target

    return declare if function is None else declare(function)


def judge_declaration(function: FunctionType) -> JudgeDeclaration | None:
    """Return what ``@judge`` was given for a function, ``None`` if it does not stand above it."""
    declaration: JudgeDeclaration | None = vars(function).get(_ATTRIBUTE)
    return declaration

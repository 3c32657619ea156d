"""Judge classes made of functions that have ``@judge`` above them."""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, create_model

from pytest_promptevals.errors import FunctionError, did_you_mean
from pytest_promptevals.function_sources import source_hash, source_text
from pytest_promptevals.hookspecs import Ask, Judge, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters, read_number
from pytest_promptevals.judges.build import COMMON_OPTIONS
from pytest_promptevals.judges.decorated import JudgeDeclaration
from pytest_promptevals.judges.user_functions import OFFERED, grade_with, offer
from pytest_promptevals.records.results import Grade

_ASK: Final = "ask"
_RESERVED: Final = ("not", "all_of", "any_of")
_HIGHEST_LEVEL: Final = 3
_ASKING_LEVEL: Final = 2
_READING_VARS: Final = frozenset({"vars", "case", "input", "metadata"})
_SCALARS: Final = (str, int, float, bool, type(None), Any, object)
_FIELD: Final = "own_"
"""Before the names of a model's fields: pydantic has names of its own, such as ``schema``."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a function takes."""

    function: FunctionType
    """The function."""
    offered: tuple[str, ...]
    """Parameters that get what the case and its response are."""
    own: tuple[str, ...]
    """Parameters that an eval file gives."""


class FunctionJudge(BaseJudge[JudgeParameters]):
    """A judge whose work a function of the user's does; each such function has a class of its own."""

    signature: ClassVar[_Signature]
    """What to call, and with what."""
    reads_vars: ClassVar[bool]
    """Whether the function may look at the case's vars."""

    @property
    def content(self) -> str:
        """The function's source, for those who want to know what changed."""
        return source_text(self.signature.function)

    @property
    def content_hash(self) -> str | None:
        """Hash of the function's source: scores by another version of it are not comparable."""
        return source_hash(self.signature.function)

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Call the function. Raises ``JudgeError`` if it raises, or returns no grade."""
        values: Mapping[str, object] = {**offer(subject), _ASK: ask}
        arguments = {name: values[name] for name in self.signature.offered}
        arguments |= {name: getattr(self.parameters, _FIELD + name) for name in self.signature.own}
        function = self.signature.function
        reference = f"{function.__module__}:{function.__name__}"
        where = f"{subject.case.location}: judge {self.name!r}: "
        return await grade_with(function, arguments, subject, reference=reference, where=where)


def make_judge_type(function: FunctionType, declaration: JudgeDeclaration) -> type[Judge]:
    """Return the judge class of a function. Raises ``FunctionError`` for what cannot be one."""
    name = declaration.name if declaration.name is not None else function.__name__
    parameters = inspect.signature(function).parameters
    offered = tuple(key for key in parameters if key in (*OFFERED, _ASK))
    own = tuple(key for key in parameters if key not in offered)
    _check_kinds(parameters.values())
    _check_ask(function, offered, declaration)
    _check_options(name, declaration, own)
    attributes = {
        "__doc__": inspect.getdoc(function) or f"The function `{function.__name__}`.",
        "__module__": function.__module__,
        "name": name,
        "level": declaration.level or (_ASKING_LEVEL if _ASK in offered else 1),
        "default_threshold": float(declaration.threshold),
        "shorthand": declaration.shorthand,
        "Parameters": _make_parameters(function, name, [parameters[key] for key in own]),
        "signature": _Signature(function, offered, own),
        "reads_vars": not _READING_VARS.isdisjoint(offered),
    }
    return cast("type[Judge]", type(f"{name}Judge", (FunctionJudge,), attributes))


def _check_kinds(parameters: typing.Iterable[inspect.Parameter]) -> None:
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            shown = str(parameter.replace(annotation=parameter.empty))
            raise FunctionError(f"parameter {shown!r} cannot be given by its name; write plain parameters")


def _check_ask(function: FunctionType, offered: Sequence[str], declaration: JudgeDeclaration) -> None:
    if _ASK not in offered:
        return
    if not inspect.iscoroutinefunction(function):
        raise FunctionError("'ask' has to be awaited; write 'async def'")
    if declaration.level == 1:
        raise FunctionError("a function that takes 'ask' calls a model, which is level 2; leave out 'level'")


def _check_options(name: object, declaration: JudgeDeclaration, own: Sequence[str]) -> None:
    threshold: object = declaration.threshold
    level, shorthand = declaration.level, declaration.shorthand
    if not isinstance(name, str) or not name.strip() or name in _RESERVED:
        raise FunctionError(f"name {name!r} cannot be that of a judge; choose another one")
    if not isinstance(threshold, int | float) or not math.isfinite(threshold) or not 0 <= threshold <= 1:
        raise FunctionError(f"threshold {threshold!r} is no number from 0 to 1")
    if level is not None and level not in range(1, _HIGHEST_LEVEL + 1):
        raise FunctionError(f"level {level!r} is none of 1, 2, 3")
    if shorthand is not None and shorthand not in own:
        raise FunctionError(
            f"shorthand {shorthand!r} is no parameter of the function's own.{did_you_mean(shorthand, own)}"
        )


def _make_parameters(
    function: FunctionType, name: str, parameters: Sequence[inspect.Parameter]
) -> type[JudgeParameters]:
    fields: dict[str, Any] = {}
    for parameter in parameters:
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[_FIELD + parameter.name] = (_hint(function, parameter), Field(default, alias=parameter.name))
    return create_model(f"{name}Parameters", __base__=JudgeParameters, **fields)


def _hint(function: FunctionType, parameter: inspect.Parameter) -> object:
    """Return the type of a parameter's values. Raises ``FunctionError`` if YAML has no such values."""
    name, annotation = parameter.name, parameter.annotation
    if name in COMMON_OPTIONS:
        raise FunctionError(f"parameter {name!r} is an option of every judge; choose another name")
    if annotation is parameter.empty:
        offered = ", ".join((*OFFERED, _ASK))
        raise FunctionError(
            f"parameter {name!r} has no type; write '{name}: str', say. Without one it may be any of: {offered}."
        )
    try:
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        hint = typing.get_type_hints(holder, function.__globals__, include_extras=True)[name]
    except Exception as error:
        raise FunctionError(
            f"the type of parameter {name!r} cannot be found: {type(error).__name__}: {error}"
        ) from error
    if not _is_plain(hint):
        raise FunctionError(
            f"parameter {name!r} is {inspect.formatannotation(hint)}, which an eval file cannot hold; use str, int, "
            "float, bool, list, dict, Literal, None or a pydantic model"
        )
    return Annotated[hint, BeforeValidator(read_number)] if hint in (int, float) else hint


def _is_plain(hint: Any) -> bool:
    """Return whether values of YAML can be of that type."""
    if any(hint is scalar for scalar in (*_SCALARS, list, dict)):
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _is_plain(inner[0])
    if origin is typing.Literal:
        return True
    if origin in (typing.Union, types.UnionType, list, dict):
        return all(map(_is_plain, inner))
    return inspect.isclass(hint) and issubclass(hint, BaseModel)

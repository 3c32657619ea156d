"""What the built-in judges are made of; a judge of your own may use it too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade


class JudgeParameters(BaseModel):
    """Base of a judge's parameters: an unknown key is an error, and nothing changes after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


ParametersT = TypeVar("ParametersT", bound=BaseModel)


class BaseJudge(ABC, Generic[ParametersT]):
    """A judge with its parameters: what all free and offline judges share.

    Args:
        parameters: an instance of the judge's ``Parameters``.
    """

    name: ClassVar[str]
    level: ClassVar[int] = 1
    default_threshold: ClassVar[float] = 1.0
    shorthand: ClassVar[str | None] = None
    Parameters: ClassVar[type[BaseModel]]

    def __init__(self, parameters: BaseModel) -> None:
        self.parameters = cast("ParametersT", parameters)

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if no response to that case could ever be graded.

        It is called when cases are collected, before anything is paid for, and for every case: it must be quick.
        """

    @abstractmethod
    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Grade one response. Raises ``JudgeError`` where no grade can be given."""


class TextJudge(BaseJudge[ParametersT]):
    """A judge that needs no model and waits for nothing: it is its ``grade`` method."""

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Grade one response without asking a model."""
        del ask
        return self.grade(subject)

    @abstractmethod
    def grade(self, subject: JudgeInput) -> Grade:
        """Grade one response. Raises ``JudgeError`` where no grade can be given."""


def pass_or_fail(explanation: str, *, passed: bool) -> Grade:
    """Return the grade of a judge that knows only 1 and 0."""
    return Grade(1.0 if passed else 0.0, explanation)


def read_number(value: object) -> object:
    """Return the number that a text is, anything else as it is: templates make text of everything."""
    if not isinstance(value, str):
        return value
    for read in (int, float):
        try:
            return read(value)
        except ValueError:
            continue
    return value


Count: TypeAlias = Annotated[int, Field(ge=0), BeforeValidator(read_number)]
"""A whole number that is not negative."""
Amount: TypeAlias = Annotated[float, Field(ge=0), BeforeValidator(read_number)]
"""A finite number that is not negative."""
JsonValue: TypeAlias = Any
"""Plain JSON data; pydantic leaves it as it is."""

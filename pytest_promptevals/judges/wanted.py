"""What an output is compared with: the judge's own value, or else ``expected`` of the case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.excerpts import show_json
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json

T = TypeVar("T")
WantedT = TypeVar("WantedT")

_USE_JSON: Final = "to compare JSON data, use the judge json_equal"


class Comparing(ABC, Generic[WantedT]):
    """Mixed into a judge that compares with its own value, or else with ``expected`` of the case."""

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if the case leaves nothing to compare with."""
        self._read_wanted(case)

    @abstractmethod
    def _read_wanted(self, case: Case) -> WantedT:
        """Return what an output is compared with. Raises ``JudgeError`` if there is nothing, or nothing usable."""


def read_texts(value: Json) -> list[str]:
    """Return one text, number or boolean, or a list of them, as a list of texts. Raises ``ValueError``."""
    if not isinstance(value, list):
        return [_text_form(value)]
    if not value:
        raise ValueError("must not be an empty list")
    return [_text_form(item) for item in value]


def _text_form(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"must be a text, a number or a list of these, not {show_json(value)}; {_USE_JSON}")


def refuse_empty(texts: list[str] | None) -> list[str] | None:
    """Return the texts unless one of them is empty. Raises ``ValueError``."""
    if texts is not None and "" in texts:
        raise ValueError("must not be an empty text, since every output holds it")
    return texts


def _read_optional(value: Json) -> list[str] | None:
    return None if value is None else read_texts(value)


_TextForms: TypeAlias = str | float | bool | list[str | float | bool]

Texts: TypeAlias = Annotated[list[str] | None, BeforeValidator(_read_optional, json_schema_input_type=_TextForms)]
"""One text or a list of them; numbers and booleans count as their text."""
FilledTexts: TypeAlias = Annotated[Texts, AfterValidator(refuse_empty)]
"""As ``Texts``, none of them empty."""


def wanted_texts(judge: str, given: Sequence[str] | None, case: Case) -> Sequence[str]:
    """Return the texts to compare with. Raises ``JudgeError`` if there are none."""
    if given is not None:
        return given
    return read_expected(judge, case, read_texts)


def wanted_pieces(judge: str, given: Sequence[str] | None, case: Case) -> Sequence[str]:
    """Return the texts to look for, none of them empty. Raises ``JudgeError`` if there are none."""
    if given is not None:
        return given
    return read_expected(judge, case, read_pieces)


def read_expected(judge: str, case: Case, read: Callable[[Json], T]) -> T:
    """Return what ``read`` makes of the case's ``expected``.

    Raises ``JudgeError`` if there is none, or if ``read`` raises ``ValueError``.
    """
    if case.expected is None:
        raise JudgeError(
            f"{case.location}: judge {judge!r} has nothing to compare with; give a value or add `expected` to the case"
        )
    try:
        return read(case.expected)
    except ValueError as error:
        raise JudgeError(f"{case.location}: judge {judge!r}: `expected` {error}") from error


def read_pieces(value: Json) -> list[str]:
    """Return one text or a list of them as a list of texts, none of them empty. Raises ``ValueError``."""
    texts = read_texts(value)
    refuse_empty(texts)
    return texts

"""Kinds of values in eval files: how each is checked, and what the JSON Schema says of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from pytest_promptevals.datasets.names import MAX_ID_LENGTH, check_id, check_tag

MAX_TRIALS: Final = 1000
"""Largest number of repetitions of one case."""

_REDUCER: Final = re.compile(r"mean|median|min|max|majority|pass[@^]([1-9][0-9]{0,2}|1000)")


def _list_texts(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError("must be a text or a list of texts")  # noqa: TRY004 - pydantic collects ValueErrors only
    return [value] if isinstance(value, str) else value


def _read_id(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a text or a whole number")  # noqa: TRY004 - pydantic collects ValueErrors only
    check_id(value)
    return value


@functools.lru_cache(1000)
def _read_tag(text: str) -> str:
    check_tag(text)
    return text


def _read_reason(word: str) -> Callable[[object], str | None]:
    def read(value: object) -> str | None:
        if value is None or value is False:
            return None
        if value is True:
            return word
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be true, false or a text with the reason")
        return value

    return read


def _read_model(name: str) -> str:
    if not name.strip() or name.strip() != name:
        raise ValueError("must be the name of a model, such as openai/gpt-5-mini, without spaces around it")
    return name


def _check_models(models: list[str]) -> list[str]:
    if not models:
        raise ValueError("must name a model, such as openai/gpt-5-mini")
    if len(set(models)) < len(models):
        raise ValueError("must name each model once")
    return models


def _check_provider(name: str) -> str:
    if not name.strip() or "/" in name:
        raise ValueError("cannot name a provider; write the part of 'provider/model' before the '/'")
    return name


def _read_reducer(value: object) -> str:
    if not isinstance(value, str) or not _REDUCER.fullmatch(value):
        raise ValueError(
            "must be mean, median, min, max, majority, pass@K or pass^K, where K is a whole number from 1 to 1000"
        )
    return value


NonEmpty: TypeAlias = Annotated[str, Field(min_length=1)]
_TagText: TypeAlias = Annotated[str, Field(pattern=r"^[^\s(),]+$")]

Texts: TypeAlias = Annotated[list[str], BeforeValidator(_list_texts, json_schema_input_type=str | list[str])]
Tags: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(_read_tag)]],
    BeforeValidator(_list_texts, json_schema_input_type=_TagText | list[_TagText]),
]
Models: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(_read_model)]],
    BeforeValidator(_list_texts, json_schema_input_type=NonEmpty | Annotated[list[NonEmpty], Field(min_length=1)]),
    AfterValidator(_check_models),
]
ProviderName: TypeAlias = Annotated[str, AfterValidator(_check_provider)]
CaseId: TypeAlias = Annotated[
    str | None,
    PlainValidator(
        _read_id,
        json_schema_input_type=Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)] | int | None,
    ),
]
SkipReason: TypeAlias = Annotated[
    str | None,
    PlainValidator(_read_reason("skipped in the dataset"), json_schema_input_type=bool | NonEmpty | None),
]
XfailReason: TypeAlias = Annotated[
    str | None,
    PlainValidator(_read_reason("expected to fail"), json_schema_input_type=bool | NonEmpty | None),
]
Reducer: TypeAlias = Annotated[
    str,
    PlainValidator(_read_reducer, json_schema_input_type=Annotated[str, Field(pattern=f"^({_REDUCER.pattern})$")]),
]
Trials: TypeAlias = Annotated[int, Field(ge=1, le=MAX_TRIALS)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Amount: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveAmount: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
JsonMapping: TypeAlias = dict[str, Any]
Judges: TypeAlias = list[Any]
"""Entries are read by ``judge_specs``, which knows their forms; their JSON Schema is put together in ``schema``."""


class Wire(BaseModel):
    """Base of all wire models."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

"""What may stand in an eval file: one model for each kind of mapping, one field for each key.

The reference in the docs and the JSON Schema for editors are made from these models. They are strict: an unknown key
or a value of another type is an error. The few short forms (one text for a list of them) are spelled out here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainValidator, Tag

from pytest_promptevals.datasets.names import MAX_ID_LENGTH, check_id, check_tag
from pytest_promptevals.records.json_types import Json

MAX_TRIALS: Final = 1000
"""Largest number of repetitions of one case."""

# Names of the branches of a value with several forms: in angle brackets, since they show up among the keys that lead
# to a problem, where they are dropped.
_TEXT: Final = "<text>"
_CHAT: Final = "<chat>"
_SEVERAL: Final = "<several>"

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


def _check_priced(name: str) -> str:
    provider, _, model = name.partition("/")
    if not provider.strip() or not model.strip():
        raise ValueError("must be the name of a model as provider/model, such as openai/gpt-5-mini")
    return name


def _read_price(value: object) -> object:
    if value == "free":
        return {"input": 0.0, "output": 0.0}
    if not isinstance(value, dict | PriceWire):
        raise ValueError("must be free, or a mapping such as {input: 0.25, output: 2.0}")  # noqa: TRY004 - as above
    return value


def _read_reducer(value: object) -> str:
    if not isinstance(value, str) or not _REDUCER.fullmatch(value):
        raise ValueError(
            "must be mean, median, min, max, majority, pass@K or pass^K, where K is a whole number from 1 to 1000"
        )
    return value


def _check_prompts(value: object) -> object:
    if not value or not isinstance(value, str | list):
        raise ValueError("must be a text, the name of a file, a list of chat messages, or a list of those")
    prompts = value if isinstance(value, list) else [value]
    if any(isinstance(prompt, str) and not prompt.strip() for prompt in prompts):
        raise ValueError("must not be blank")
    if _kind_of_prompt(value) == _SEVERAL and any(item in prompts[:index] for index, item in enumerate(prompts)):
        raise ValueError("must name each prompt once")
    return value


def _kind_of_prompt(value: object) -> str:
    if isinstance(value, list):
        return _CHAT if all(isinstance(item, dict | MessageWire) for item in value) else _SEVERAL
    return _TEXT


def _wrap_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


def _kind_of_examples(value: object) -> str:
    return _SEVERAL if isinstance(value, list) else _TEXT


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


class ToolCallWire(Wire):
    """One tool call of a recorded response."""

    name: NonEmpty = Field(description="Name of the tool.")
    arguments: Any = Field(default=None, description="Arguments of the call, as data.")
    id: str = Field(default="", description="The provider's id of the call.")


class UsageWire(Wire):
    """Tokens of a recorded response."""

    input_tokens: Count | None = Field(default=None, description="Tokens of the prompt, cached ones included.")
    output_tokens: Count | None = Field(default=None, description="Tokens of the answer, reasoning included.")
    cached_tokens: Count | None = Field(default=None, description="Prompt tokens that were read from a cache.")
    cache_write_tokens: Count | None = Field(default=None, description="Prompt tokens that were written to a cache.")
    reasoning_tokens: Count | None = Field(default=None, description="Answer tokens that were spent on reasoning.")


class OutputWire(Wire):
    """A recorded response."""

    text: str = Field(default="", description="The answer.")
    tool_calls: list[ToolCallWire] = Field(
        default_factory=list, description="Tools that the model asked for, in order."
    )
    finish_reason: str | None = Field(
        default=None, description="Why the model stopped: stop, length, tool_calls or content_filter."
    )
    usage: UsageWire = Field(default=UsageWire(), description="Tokens of the call.")
    latency: Amount | None = Field(default=None, description="Seconds that the call took.")
    cost: Amount | None = Field(default=None, description="US dollars that the call cost.")
    model: str | None = Field(default=None, description="The model that answered.")
    refusal: str | None = Field(default=None, description="The provider's own word that the model refused.")


class CaseWire(Wire):
    """One case."""

    id: CaseId = Field(
        default=None,
        description="Name of the case, unique in its dataset. Without one, it is a short hash of input and vars.",
    )
    input: Any = Field(
        default=None, description="What is asked: text, chat messages or any data; {{ input }} in templates."
    )
    vars: JsonMapping = Field(default_factory=dict, description="Variables of the templates.")
    expected: Any = Field(
        default=None, description="The reference answer; a list of texts means that any one of them will do."
    )
    output: Annotated[OutputWire, BeforeValidator(_wrap_text, json_schema_input_type=str | OutputWire)] | None = Field(
        default=None, description="A recorded response, as text or in parts: then no model is called."
    )
    context: Texts = Field(default_factory=list, description="Passages that the answer must rest on.")
    tags: Tags = Field(default_factory=list, description="Marks of the case, to select it by with pytest -m.")
    judges: Judges = Field(
        default_factory=list, description="Judges of this case alone, beside those of its eval file."
    )
    weight: PositiveAmount = Field(default=1.0, description="Weight of the case in the metrics of its eval file.")
    priority: int = Field(default=0, description='Importance; -m "evals(priority=2)" selects by it.')
    group: NonEmpty | None = Field(
        default=None,
        description="Name shared by cases that are not independent, such as paraphrases of one question; recorded.",
    )
    trials: Trials | None = Field(default=None, description="Repetitions of this case, instead of the eval file's.")
    skip: SkipReason = Field(default=None, description="Whether to leave the case out, or the reason why.")
    xfail: XfailReason = Field(default=None, description="Whether the case is expected to fail, or the reason why.")
    metadata: JsonMapping = Field(default_factory=dict, description="Your own notes; they are never sent to a model.")


class FileEntryWire(Wire):
    """An entry of "cases" that names files with further cases."""

    file: NonEmpty = Field(
        description="A .jsonl, .yaml, .yml or .csv file with cases, or a pattern such as cases/*.jsonl, "
        "relative to the file in which it is written."
    )


class CaseFileWire(Wire):
    """A YAML file with nothing but cases, which may also be a list of them."""

    cases: list[Any] = Field(description="The cases, and the files with further ones.")


class JudgeOptionsWire(Wire):
    """Keys that every judge takes beside its own parameters."""

    threshold: Share | None = Field(default=None, description="Smallest score that passes.")
    weight: Amount = Field(default=1.0, description="Share in the case's score; 0 leaves it out.")
    required: bool = Field(default=True, description="Whether the case fails when this judge does.")
    name: NonEmpty | None = Field(default=None, description="Label of the score, unique within a case.")


class GroupOptionsWire(Wire):
    """Keys of an all_of or any_of group."""

    judges: Annotated[Judges, Field(min_length=1)] = Field(description="The judges of the group.")
    threshold: Share | None = Field(
        default=None, description="Smallest score that passes, instead of whether its judges pass."
    )
    weight: Amount = Field(default=1.0, description="Share in the case's score; 0 leaves it out.")
    required: bool = Field(default=True, description="Whether the case fails when this group does.")
    name: NonEmpty | None = Field(default=None, description="Label of the score, unique within a case.")


class MessageWire(Wire):
    """One chat message of a prompt."""

    role: Literal["system", "developer", "user", "assistant"] = Field(description="Whose message it is.")
    content: str = Field(description="Its text, a template.")


class FewShotWire(Wire):
    """One example exchange."""

    user: str = Field(description="What the user of the example says.")
    assistant: str = Field(description="What the assistant of the example answers.")


class GateWire(Wire):
    """Rules on the metrics of an eval file."""

    max_drop: Share | None = Field(
        default=None, description="Largest drop of the mean score against the baseline that still passes."
    )
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.95, description="Confidence that a drop must reach to count; accepted, but without effect so far."
    )
    min_score: Share | None = Field(default=None, description="Smallest mean score that passes.")
    min_pass_rate: Share | None = Field(default=None, description="Smallest share of passing cases that passes.")


class ProviderWire(BaseModel):
    """How a provider is reached."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, defer_build=True)

    type: NonEmpty | None = Field(
        default=None, description="Registered provider that does the work; the entry's own name if left out."
    )
    cache: bool | None = Field(
        default=None,
        description="Whether its responses are kept and used again; left to the provider if left out.",
    )
    requests_per_minute: PositiveAmount | None = Field(default=None, description="Most calls a minute, if you know it.")
    tokens_per_minute: PositiveAmount | None = Field(
        default=None, description="Most tokens a minute, of prompts and answers together, if you know it."
    )


class PriceWire(Wire):
    """What a model costs, in US dollars; tokens are priced by the million."""

    input: Amount = Field(description="Prompt tokens.")
    output: Amount = Field(description="Tokens of the answer, reasoning included.")
    cached_input: Amount | None = Field(
        default=None, description="Prompt tokens read from the provider's cache; as others if left out."
    )
    cache_write: Amount | None = Field(
        default=None, description="Prompt tokens written to the provider's cache; as others if left out."
    )
    call: Amount = Field(default=0.0, description="Each call, whatever its tokens.")
    max_output: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Most tokens that one answer can have, for --evals-max-cost."
    )


PricedModel: TypeAlias = Annotated[str, AfterValidator(_check_priced)]
Price: TypeAlias = Annotated[
    PriceWire, BeforeValidator(_read_price, json_schema_input_type=Literal["free"] | PriceWire)
]
_Chat: TypeAlias = Annotated[list[MessageWire], Field(min_length=1)]
_Prompt: TypeAlias = Annotated[
    Annotated[str, Tag(_TEXT)] | Annotated[_Chat, Tag(_CHAT)],
    Discriminator(lambda value: _CHAT if isinstance(value, list) else _TEXT),
]
_Prompts: TypeAlias = Annotated[
    Annotated[str, Tag(_TEXT)] | Annotated[_Chat, Tag(_CHAT)] | Annotated[list[_Prompt], Tag(_SEVERAL)],
    Discriminator(_kind_of_prompt),
    BeforeValidator(_check_prompts),
]
_FewShots: TypeAlias = Annotated[
    Annotated[NonEmpty, Tag(_TEXT)] | Annotated[list[FewShotWire], Tag(_SEVERAL)], Discriminator(_kind_of_examples)
]


class DefaultsWire(Wire):
    """The keys of ``evals.yaml``, which are those of an eval file but for ``cases``."""

    description: str = Field(default="", description="What the file is about, for its readers.")
    prompt: _Prompts = Field(
        default_factory=list,
        description="A text, the name of a .md, .txt, .j2 or .yaml file, python:module:function, chat messages, or a "
        "list of those. Without one, the input itself is the prompt.",
    )
    model: Models = Field(
        default_factory=list,
        description="The model as provider/model, or a list of models: one item per case and model.",
    )
    parameters: JsonMapping = Field(
        default_factory=dict, description="Parameters of the model call, as the API names them."
    )
    trials: Trials = Field(default=1, description="Repetitions of each case.")
    reducer: Reducer = Field(
        default="mean",
        description="How the trials of a case become one score: mean, median, min, max, majority, pass@K or pass^K.",
    )
    threshold: Share | None = Field(
        default=None, description="Smallest case score that passes, beside the judges' own thresholds."
    )
    timeout: PositiveAmount | None = Field(default=None, description="Seconds that one model call may take.")
    judges: Judges = Field(default_factory=list, description="Judges of every case.")
    gate: GateWire = Field(default=GateWire(), description="What the metrics of the whole file must reach.")
    case_policy: Literal["strict", "ratchet", "gate"] = Field(
        default="strict",
        description="What a case below its threshold means: strict fails it, ratchet fails it only if the baseline "
        "passed it, gate leaves it to the gates.",
    )
    few_shot: _FewShots = Field(
        default_factory=list,
        description="Examples put before the question, or the .yaml or .jsonl file that holds them.",
    )
    providers: dict[ProviderName, ProviderWire] = Field(
        default_factory=dict, description="Named providers: their options, such as base_url and api_key_env."
    )
    prices: dict[PricedModel, Price] = Field(
        default_factory=dict,
        description="Prices of models by provider/model, before those that are known: free, or US dollars for a "
        "million tokens.",
    )
    tags: Tags = Field(default_factory=list, description="Tags that are added to every case.")


class EvalFileWire(DefaultsWire):
    """An eval file."""

    cases: list[Any] = Field(description="The cases, and the files with further ones.")


def list_prompts(wire: DefaultsWire) -> list[Json]:
    """Return the prompts as plain data, one text or list of messages each, whichever way they are written."""
    written: Any = wire.model_dump(include={"prompt"})["prompt"]
    return written if _kind_of_prompt(written) == _SEVERAL else [written]

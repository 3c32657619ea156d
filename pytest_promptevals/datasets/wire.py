"""What may stand in an eval file: one model for each kind of mapping, one field for each key.

The reference in the docs and the JSON Schema for editors are made from these models and those of ``wire_cases``. They
are strict: an unknown key or a value of another type is an error. The few short forms (one text for a list of them) are
spelled out here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from pytest_promptevals.datasets.wire_values import (
    Amount,
    JsonMapping,
    Judges,
    Models,
    NonEmpty,
    PositiveAmount,
    ProviderName,
    Reducer,
    Share,
    Tags,
    Trials,
    Wire,
)
from pytest_promptevals.records.json_types import Json

# Names of the branches of a value with several forms: in angle brackets, since they show up among the keys that lead
# to a problem, where they are dropped.
_TEXT: Final = "<text>"
_CHAT: Final = "<chat>"
_SEVERAL: Final = "<several>"


def _check_full_name(name: str) -> str:
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


def _kind_of_examples(value: object) -> str:
    return _SEVERAL if isinstance(value, list) else _TEXT


class MessageWire(Wire):
    """One chat message of a prompt."""

    role: Literal["system", "developer", "user", "assistant"] = Field(description="Whose message it is.")
    content: str = Field(description="Its text, a template.")


class FewShotWire(Wire):
    """One example exchange."""

    user: str = Field(description="What the user of the example says.")
    assistant: str = Field(description="What the assistant of the example answers.")


class JudgeGateWire(Wire):
    """Rules on the scores of one judge."""

    max_drop: Share = Field(description="Largest drop of the judge's mean score against the baseline that passes.")


class GateWire(Wire):
    """Rules on the metrics of an eval file. Those left out, or null, are what the settings say."""

    max_drop: Share | None = Field(
        default=None, description="Largest drop of the mean score against the baseline that still passes."
    )
    confidence: Annotated[float, Field(ge=0.5, lt=1)] | None = Field(
        default=None,
        description="How sure it must be that a drop is none of chance before it counts: 0.95 lets one run in 20 be "
        "red by chance, at most.",
    )
    on_inconclusive: Literal["pass", "fail"] | None = Field(
        default=None,
        description="What a drop means that is larger than allowed but may be chance: pass, with a warning, or fail.",
    )
    judges: dict[str, JudgeGateWire] = Field(
        default_factory=dict, description="Rules for single judges, by the judge's name: {NAME: {max_drop: 0.05}}."
    )
    min_score: Share | None = Field(default=None, description="Smallest mean score that passes.")
    min_pass_rate: Share | None = Field(default=None, description="Smallest share of passing cases that passes.")
    max_cost: Amount | None = Field(
        default=None, description="Most US dollars that all results of the file may cost, cached ones included."
    )
    max_cost_increase: Amount | None = Field(
        default=None,
        description="Largest rise of the cost against the baseline that passes, as a share: 0.2 is a fifth.",
    )
    max_latency_p95: PositiveAmount | None = Field(
        default=None, description="Seconds within which 95 of 100 cases must have their response."
    )
    max_error_rate: Share | None = Field(
        default=None,
        description="Largest share of cases that may end in an error. Without it, at least half of them need a score.",
    )
    missing_cases: Literal["fail", "warn"] | None = Field(
        default=None,
        description="What it means that cases of the baseline are no longer in the dataset: fail, or only name them.",
    )


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


FullModelName: TypeAlias = Annotated[str, AfterValidator(_check_full_name)]
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
    judge_model: FullModelName | None = Field(
        default=None, description="The model as provider/model that judges ask which need one and name none."
    )
    gate: GateWire = Field(default=GateWire(), description="What the metrics of the whole file must reach.")
    case_policy: Literal["strict", "ratchet", "gate"] | None = Field(
        default=None,
        description="What a case below its threshold means: strict fails it, ratchet fails it only if the baseline "
        "passed it, gate leaves it to the gates. Without it, the setting evals_case_policy holds.",
    )
    few_shot: _FewShots = Field(
        default_factory=list,
        description="Examples put before the question, or the .yaml or .jsonl file that holds them.",
    )
    providers: dict[ProviderName, ProviderWire] = Field(
        default_factory=dict, description="Named providers: their options, such as base_url and api_key_env."
    )
    prices: dict[FullModelName, Price] = Field(
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

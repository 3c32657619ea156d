"""What a case may hold, and the options of judges: one model for each kind of mapping, one field for each key."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pytest_promptevals.datasets.wire_values import (
    Amount,
    CaseId,
    Count,
    JsonMapping,
    Judges,
    NonEmpty,
    PositiveAmount,
    Share,
    SkipReason,
    Tags,
    Texts,
    Trials,
    Wire,
    XfailReason,
)


def _wrap_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


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
    weight: PositiveAmount = Field(
        default=1.0, le=1e6, description="Weight of the case in the metrics of its eval file."
    )
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
    weight: Amount = Field(default=1.0, le=1e6, description="Share in the case's score; 0 leaves it out.")
    required: bool = Field(default=True, description="Whether the case fails when this judge does.")
    name: NonEmpty | None = Field(default=None, description="Label of the score, unique within a case.")


class GroupOptionsWire(Wire):
    """Keys of an all_of or any_of group."""

    judges: Annotated[Judges, Field(min_length=1)] = Field(description="The judges of the group.")
    threshold: Share | None = Field(
        default=None, description="Smallest score that passes, instead of whether its judges pass."
    )
    weight: Amount = Field(default=1.0, le=1e6, description="Share in the case's score; 0 leaves it out.")
    required: bool = Field(default=True, description="Whether the case fails when this group does.")
    name: NonEmpty | None = Field(default=None, description="Label of the score, unique within a case.")

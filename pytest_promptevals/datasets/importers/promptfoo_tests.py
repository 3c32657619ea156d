"""Tests of promptfoo: merged with their defaults and scenarios, and multiplied by lists of values."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.datasets.importers.foreign import Fields, Losses
from pytest_promptevals.datasets.importers.promptfoo_differences import RUBRIC_PROMPT
from pytest_promptevals.datasets.importers.promptfoo_files import Files, is_reference
from pytest_promptevals.datasets.importers.promptfoo_templates import resolve
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_FILTER: Final = "every case is asked of every model with every prompt; left out. Make a file of its own for it"
_TRANSFORM: Final = "scripts are not run on outputs; left out. Judges see the output as it is"
_LOST_OPTIONS: Final = {
    "transform": _TRANSFORM,
    "postprocess": _TRANSFORM,
    "transformVars": "scripts are not run on variables; left out. Write the variables as they are to be",
    "rubricPrompt": RUBRIC_PROMPT,
    "storeOutputAs": "cases do not hand outputs on to others; left out",
    "disableConversationVar": "there are no conversations between cases; left out",
    "runSerially": "cases do not depend on their order; left out",
}
_TAKEN_OPTIONS: Final = ("provider", "disableVarExpansion", "disableDefaultAsserts")


@dataclass(frozen=True, slots=True)
class ForeignTest:
    """A test, or what is merged into one."""

    source: Source
    """Where it stands."""
    description: str = ""
    """What it is called."""
    variables: Mapping[str, Json] = field(default_factory=dict)
    """Its variables, lists among them."""
    assertions: Sequence[tuple[Json, Source]] = ()
    """What is asked of the output, each with its place."""
    threshold: float | None = None
    """The mean score that passes."""
    options: Mapping[str, Json] = field(default_factory=dict)
    """Options with a meaning here."""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    """Notes."""
    output: Json = None
    """A recorded output."""


def read_test(data: Json, source: Source, files: Files, losses: Losses) -> ForeignTest | None:
    """Return a test as it is written; ``None`` and a loss for what is none."""
    if not isinstance(data, dict):
        losses.add(source, "is no test: neither a mapping nor the name of a file; left out")
        return None
    with Fields(data, source, losses) as fields:
        for key in ("provider", "providers", "prompts"):
            fields.lose(key, _FILTER)
        fields.lose("assertScoringFunction", "the score of a case is the mean of its judges; left out")
        written = fields.take_list("assert")
        place = fields.part("assert")
        return ForeignTest(
            source=source,
            description=fields.take_text("description"),
            variables=files.variables(fields.take("vars") or {}, fields.part("vars")),
            assertions=[(item, place.part(index)) for index, item in enumerate(written)],
            threshold=fields.take_number("threshold"),
            options=_read_options(fields, losses),
            metadata=fields.take_mapping("metadata"),
            output=fields.take("providerOutput"),
        )


def _read_options(fields: Fields, losses: Losses) -> dict[str, Json]:
    with Fields(fields.take_mapping("options"), fields.part("options"), losses) as options:
        for key, message in _LOST_OPTIONS.items():
            options.lose(key, message)
        found: dict[str, Json] = {key: options.take_text(key) for key in ("prefix", "suffix")}
        found["factuality"] = options.take_mapping("factuality")
        found["repeat"] = options.take_count("repeat")
        found.update({key: options.take(key) for key in _TAKEN_OPTIONS})
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def merge(default: ForeignTest, test: ForeignTest, *, is_default: bool = True) -> ForeignTest:
    """Return a test with what holds for all of them, or for those of a scenario."""
    keeps_default = not is_default or test.options.get("disableDefaultAsserts") is not True
    return dataclasses.replace(
        test,
        description=test.description or default.description,
        variables={**default.variables, **test.variables},
        assertions=[*(default.assertions if keeps_default else ()), *test.assertions],
        threshold=default.threshold if test.threshold is None else test.threshold,
        options={**default.options, **test.options},
        metadata={**default.metadata, **test.metadata},
        output=default.output if test.output is None else test.output,
    )


def multiply(test: ForeignTest, files: Files) -> Iterator[dict[str, Json]]:
    """Yield the variables of each of the cases that a test stands for."""
    if test.options.get("disableVarExpansion"):
        choices: list[list[Json]] = [[value] for value in test.variables.values()]
    else:
        choices = [_choices(value, files) for value in test.variables.values()]
    for values in itertools.product(*choices):
        loaded = {name: _load(value, test.source, files) for name, value in zip(test.variables, values, strict=True)}
        yield resolve({name: value for name, value in loaded.items() if value is not None})


def _choices(value: Json, files: Files) -> list[Json]:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value
    if is_reference(value):
        found = files.find(str(value))
        return [f"file://{path.absolute()}" for path in found] or [value]
    return [value]


def _load(value: Json, source: Source, files: Files) -> Json:
    """Return the text of the file that a variable names; others as they are."""
    if not is_reference(value):
        return value.removesuffix("\n") if isinstance(value, str) else value
    data = files.data(value, source.part("vars"), parses=(".yaml", ".yml"))
    return data if isinstance(data, str) or data is None else compact_json(data)


def compact_json(data: Json) -> str:
    """Return data as JavaScript writes it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

"""Samples of OpenAI's evals framework as cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.importers.counting import is_blank
from pytest_promptevals.datasets.importers.drafting import ROLES, literal_data, read_content
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

EXAMPLES: Final = {"example_user": "user", "example_assistant": "assistant"}
"""Names of messages that are examples -> whose they are."""
TEXTS, DATA, ANY, NONE = "texts", "data", "any", "none"
"""What the ideal answer is: texts of which any one will do, JSON in texts, whatever stands there, or not needed."""

_GIVEN: Final = ("input", "context", "expected")
"""Names that templates know beside the variables."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How samples become cases."""

    judges: Sequence[Json] = ()
    """Judges of all of them."""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Of the call."""
    ideal: str = TEXTS
    """What the ideal answer is."""
    input_key: str = "input"
    """The field that is asked."""
    output_key: str = ""
    """The field that holds a recorded answer, where there is one."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a prompt."""

    role: str
    """Whose it is."""
    content: str
    """Its text."""
    is_example: bool = False
    """Whether it is part of an example."""

    def plain(self) -> Json:
        """Return it as a message of an eval file."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample as a case, what it asks apart."""

    asked: str | Sequence[Said]
    """A text, or messages."""
    case: dict[str, Json]
    """Keys of the case but for ``input``."""


def variable_name(name: str) -> str:
    """Return what a field of a sample is called in templates, where some names are taken."""
    return f"sample_{name}" if name in _GIVEN else name


def read_rows(path: Path, shown: str, losses: Losses) -> list[tuple[Mapping[str, Json], Source]]:
    """Return the rows of a file with their places."""
    found: list[tuple[Mapping[str, Json], Source]] = []
    for row, source in read_records(path, shown):
        if isinstance(row, dict):
            found.append((row, source))
        else:
            losses.add(source, "the row is no mapping of fields; left out")
    return found


def build_samples(
    rows: Sequence[tuple[Mapping[str, Json], Source]], plan: Plan, examples: Sequence[Said], losses: Losses
) -> Iterator[Sample]:
    """Yield the samples of rows. ``examples`` are put before the last message of each."""
    for row, source in rows:
        with Fields(row, source, losses) as fields:
            asked = read_asked(fields.take(plan.input_key), fields.part(plan.input_key), losses)
            case = _build_case(fields, plan, losses)
        if asked is None or case is None:
            continue
        if examples and isinstance(asked, str):
            losses.add(source, "examples need chat messages as input; left out")
        elif examples:
            asked = [*asked[:-1], *examples, *asked[-1:]]
        yield Sample(asked, case)


def read_asked(value: Json, source: Source, losses: Losses) -> str | list[Said] | None:
    """Return a text, or the messages of a prompt; ``None`` where nothing can be asked."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, list) or not value:
        losses.add(source, "the sample has no input that is a text or chat messages; left out")
        return None
    messages = [_read_message(item, source.part(index), losses) for index, item in enumerate(value)]
    found = [message for message in messages if message is not None]
    return found if len(found) == len(messages) else None


def share_examples(samples: Sequence[Sample]) -> list[Json]:
    """Return the examples that stand before the last message of all samples; none if they are not the same."""
    each = [_examples_of(sample.asked) for sample in samples]
    if not each or not each[0] or any(examples != each[0] for examples in each):
        return []
    pairs = zip(each[0][::2], each[0][1::2], strict=True)
    return [{"user": user.content, "assistant": assistant.content} for user, assistant in pairs]


def show_asked(asked: str | Sequence[Said], *, with_examples: bool) -> Json:
    """Return what a sample asks as the input of a case."""
    if isinstance(asked, str):
        return asked
    return [message.plain() for message in asked if with_examples or not message.is_example]


def _read_message(value: Json, source: Source, losses: Losses) -> Said | None:
    with Fields(value if isinstance(value, dict) else {}, source, losses) as fields:
        role, content, name = fields.take("role"), read_content(fields.take("content")), fields.take("name")
    if isinstance(name, str) and name in EXAMPLES and content is not None:
        return Said(EXAMPLES[name], content, is_example=True)
    if name:
        losses.add(source, f"no names are sent with messages; {name!r} is left out", "name")
    if role in ROLES and content is not None:
        return Said(str(role), content)
    losses.add(source, "the message is no text of a role in a chat; the whole sample is left out")
    return None


def _examples_of(asked: str | Sequence[Said]) -> list[Said]:
    """Return the examples of a prompt, if they are pairs that stand right before a last message of the user's."""
    if isinstance(asked, str) or asked[-1].role != "user" or asked[-1].is_example:
        return []
    examples = [message for message in asked if message.is_example]
    are_last = examples == list(asked[len(asked) - 1 - len(examples) : -1])
    roles = [message.role for message in examples]
    return examples if are_last and roles == ["user", "assistant"] * (len(roles) // 2) else []


def _build_case(fields: Fields, plan: Plan, losses: Losses) -> dict[str, Json] | None:
    ideal = fields.take("ideal")
    output = fields.take(plan.output_key) if plan.output_key else None
    case: dict[str, Json] = {"vars": {variable_name(name): value for name, value in fields.rest().items()}}
    if isinstance(output, str):
        case["output"] = output
    elif output is not None:
        losses.add(fields.source, "the recorded answer is no text; left out", plan.output_key)
    if plan.ideal == NONE:
        return case if is_blank(ideal) else {**case, "metadata": {"ideal": ideal}}
    if plan.ideal == ANY:
        return case if ideal in (None, "", []) else {**case, "expected": ideal}
    given = ideal if isinstance(ideal, list) else [ideal]
    wanted = _wanted_texts(given) if plan.ideal == TEXTS else _wanted_data(given)
    if isinstance(wanted, str):
        losses.add(fields.source, f"{wanted}; the sample is left out", "ideal")
        return None
    if plan.ideal == DATA:
        return {**case, **_judged_data(wanted)}
    return {**case, "expected": wanted if isinstance(ideal, list) else wanted[0]}


def _wanted_texts(given: Sequence[Json]) -> list[Json] | str:
    """Return the texts, or what is wrong with them."""
    texts: list[Json] = [str(item) for item in given if item is not None]
    if not texts:
        return "names no answer that is right"
    return "holds an empty text, which fits every answer" if "" in texts else texts


def _wanted_data(given: Sequence[Json]) -> list[Json] | str:
    """Return the data that the texts hold, or what is wrong with them."""
    try:
        data = [json.loads(item) if isinstance(item, str) else item for item in given]
    except ValueError:
        return "is no JSON"
    # JsonMatch takes nothing for equal to null.
    found = [item for item in data if item is not None]
    return found or "names no answer that is right"


def _judged_data(wanted: Sequence[Json]) -> dict[str, Json]:
    if len(wanted) > 1:
        return {"judges": [{"any_of": [{"json_equal": {"value": literal_data(item)}} for item in wanted]}]}
    if wanted[0] in ([], {}):  # which are no 'expected' of a case
        return {"judges": [{"json_equal": {"value": wanted[0]}}]}
    return {"expected": wanted[0], "judges": ["json_equal"]}

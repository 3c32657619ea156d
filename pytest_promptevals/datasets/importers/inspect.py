"""Samples of inspect_ai's datasets."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.counting import CountedLosses, put_note
from pytest_promptevals.datasets.importers.drafting import (
    INPUT,
    ROLES,
    TOOLS_IN_CHAT,
    read_content,
    share_judges,
    share_prompt,
)
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "input": "`input`: a text, or chat messages; `--map input=FIELD` where it has another name",
    "input.role": "kept; a conversation with results of tools is left out, and named",
    "input.content": "kept; parts of text are joined. A sample with images, sounds or files is left out, and named",
    "input.tool_calls": "such a conversation is left out, and named",
    "input.tool_call_id": "left out, and named",
    "input.function": "left out, and named",
    "input.error": "left out, and named",
    "input.source": "left out, and named",
    "input.model": "left out, and named",
    "input.id": "left out, and named",
    "input.metadata": "left out, and named",
    "target": "`expected`; of several, any one will do. `--map expected=FIELD` where it has another name",
    "choices": "`vars`, which a prompt lists with letters; `target` names right ones. `--map choices=FIELD` likewise",
    "id": "`id`; `--map id=FIELD` likewise",
    "metadata": "`metadata`; so are all other columns",
    "files": "left out, and named",
    "setup": "left out, and named",
    "sandbox": "left out, and named",
    "checkpoint": "left out, and named",
}
"""Fields of a sample, and what becomes of them."""
_NAMES: Final = {"input": "input", "expected": "target", "choices": "choices", "id": "id"}
"""What ``--map`` may say: key of ours -> what inspect_ai calls it."""
_LOST: Final = {
    "files": "no files are put into a sandbox here; left out. Put what the question needs into its text",
    "setup": "no script runs before a case; left out. Use a fixture of pytest's",
    "sandbox": "there are no sandboxes; left out",
    "checkpoint": "there are no checkpoints, since each case is a single call; left out",
}
_HOW_JUDGED: Final = (
    "The samples do not say how they are scored. This is inspect_ai's includes(). In the place of match() write "
    "'ends_with: {ignore_case: true}', of exact() 'iexact', of model_graded_fact() 'factuality'."
)
_HOW_CHOSEN: Final = (
    "As inspect_ai's multiple_choice() and choice(): the answer has to end with the letters that are right."
)
_ASK_ONE: Final = "Which choice is right? End with a line 'ANSWER: LETTER', with the letter of the choice."
_ASK_SEVERAL: Final = (
    "Which choices are right? There may be several: name them in the order above.\n"
    "End with a line 'ANSWER: LETTERS', with the letters of all right choices and commas between them."
)
_LIST: Final = "{% for letter, choice in choices.items() %}\n{{ letter }}) {{ choice }}\n{% endfor %}"
_CHOSEN: Final = r"(?i)answer\s*:\s*{{ expected | replace(', ', '[, ]*') }}\W*$"
"""Letters may be written with commas, spaces or nothing between them."""


class InspectImporter:
    """Reads samples: questions with their targets, and with choices where there are some."""

    takes_map = True
    description = "samples of inspect_ai, as JSON, JSON Lines or CSV, with choices and chat messages too"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the first row has the fields of a sample under their usual names."""
        sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
        if not isinstance(sample, dict) or request.fields:
            return False
        return "input" in sample and not sample.keys().isdisjoint(("target", "choices", "sandbox", "setup"))

    def read(self, request: ImportRequest) -> Draft:
        """Return each sample as a case. Raises ``UsageError`` for a map of what is no field of a sample."""
        for key in request.fields:
            if key not in _NAMES:
                raise UsageError(f"--map {key}=…: samples have no {key!r}.{did_you_mean(key, _NAMES)}")
        losses = Losses()
        counted = CountedLosses(losses)
        cases = list(_read_cases(request, losses, counted))
        counted.note()
        prompt, comment = _share_questions(cases), _HOW_JUDGED
        judges = share_judges(cases)
        if judges != ["icontains"]:
            comment = _HOW_CHOSEN
        written: dict[str, Json] = {"prompt": prompt, "judges": judges}
        settings = {key: value for key, value in written.items() if value}
        return Draft(settings, cases, losses.listed(), comments={"judges": comment})


def _read_cases(request: ImportRequest, losses: Losses, counted: CountedLosses) -> Iterator[dict[str, Json]]:
    for row, source in read_records(request.path, request.shown):
        if not isinstance(row, dict):
            losses.add(source, "the row is no mapping of fields; left out")
            continue
        with Fields(row, source, losses) as fields:
            names = {name: request.fields.get(key, name) for key, name in _NAMES.items()}
            case = _read_case(fields, names, losses, counted)
        if case is not None:
            yield case


def _read_case(
    fields: Fields, names: Mapping[str, str], losses: Losses, counted: CountedLosses
) -> dict[str, Json] | None:
    for name, message in _LOST.items():
        if fields.take(name) not in (None, ""):
            counted.add(fields.source, message, name)
    asked = _read_asked(fields.take(names["input"]), fields.part(names["input"]), losses)
    target, choices = fields.take(names["target"]), _read_choices(fields.take(names["choices"]))
    case: dict[str, Json] = {"id": fields.take(names["id"]), "metadata": _take_metadata(fields, counted)}
    if asked is None:
        return None
    if choices:
        return _with_choices({**case, "input": asked}, choices, target, fields.source, losses)
    expected = [str(item) for item in (target if isinstance(target, list) else [target]) if item not in (None, "")]
    if expected and isinstance(target, list) and len(expected) < len(target):
        counted.add(fields.source, "an empty target is reached by any answer; left out", names["target"])
    if not expected:
        counted.add(fields.source, "there is no target, so nothing judges the case; give it judges")
        return {**case, "input": asked}
    wanted: Json = [*expected] if isinstance(target, list) else expected[0]
    return {**case, "input": asked, "expected": wanted, "judges": ["icontains"]}


def _take_metadata(fields: Fields, counted: CountedLosses) -> dict[str, Json]:
    """Return the metadata, which may be JSON in a text, with all other columns."""
    value = fields.take("metadata")
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            counted.losses.add(fields.source, "is no JSON; kept as a text", "metadata")
    found = _without_blanks(value if isinstance(value, dict) else {"metadata": value})
    for name, item in _without_blanks(fields.rest()).items():
        put_note(found, name, item, fields.source, counted)
    return found


def _without_blanks(mapping: Mapping[str, Json]) -> dict[str, Json]:
    return {name: item for name, item in mapping.items() if item not in (None, "")}


def _read_asked(value: Json, source: Source, losses: Losses) -> Json:
    """Return a text, or chat messages; ``None`` if no model can be asked so."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, list) or not value:
        losses.add(source, "the sample has no input that is a text or chat messages; left out")
        return None
    messages = [_read_message(item, source.part(index), losses) for index, item in enumerate(value)]
    return None if None in messages else [*messages]


def _read_message(message: Json, source: Source, losses: Losses) -> dict[str, Json] | None:
    with Fields(message if isinstance(message, dict) else {}, source, losses) as fields:
        role, content = fields.take("role"), read_content(fields.take("content"))
        calls = fields.take("tool_calls")
    if calls or role == "tool":
        losses.add(source, f"the conversation {TOOLS_IN_CHAT}")
        return None
    if role not in ROLES or content is None:
        losses.add(source, "the message is no text of a role in a chat; the whole sample is left out")
        return None
    return {"role": role, "content": content}


def _read_choices(value: Json) -> list[str]:
    """Return the choices: a list, or a text with commas, or else spaces, between them.

    An empty one is a choice, too: those after it keep their letters.
    """
    if isinstance(value, str):
        return [part.strip() for part in (value.split(",") if "," in value else value.split())]
    if value is None:
        return []
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _letter(index: int) -> str:
    letters = string.ascii_uppercase
    return letters[index] if index < len(letters) else str(index - len(letters) + 1)


def _with_choices(
    case: dict[str, Json], choices: Sequence[str], target: Json, source: Source, losses: Losses
) -> dict[str, Json] | None:
    lettered: dict[str, Json] = {_letter(index): choice for index, choice in enumerate(choices)}
    right = _right_letters(target, lettered)
    if not right:
        message = f"target {target!r} names none of the choices {', '.join(lettered)}; the sample is left out"
        losses.add(source, message)
        return None
    return {**case, "vars": {"choices": lettered}, "expected": ", ".join(right), "judges": [{"regex": _CHOSEN}]}


def _right_letters(target: Json, lettered: Mapping[str, Json]) -> list[str]:
    """Return the letters of the right choices in the order of the choices; none if one of them is not there."""
    given = "".join(map(str, target)) if isinstance(target, list) else str(target or "")
    named = {part.upper() for part in given if part not in ", "}
    return [letter for letter in lettered if letter in named] if named <= lettered.keys() else []


def _share_questions(cases: Sequence[dict[str, Json]]) -> Json:
    """Return the prompt of all cases, and change those that it leaves less to say; ``None`` if there is none."""
    shared = share_prompt(cases)
    choosing = [case for case in cases if "vars" in case]
    if not choosing:
        return shared or None
    several = any("," in str(case["expected"]) for case in choosing)
    ask = _ASK_SEVERAL if several else _ASK_ONE
    question = f"{INPUT}\n\n{_LIST}\n\n{ask}"
    if len(choosing) == len(cases) and all(isinstance(case["input"], str) for case in cases):
        return [*shared[:-1], {"role": "user", "content": question}] if shared else question
    for case in choosing:
        _ask_in_input(case, ask)
    return shared or None


def _ask_in_input(case: dict[str, Json], ask: str) -> None:
    """Write the choices below the question itself, where not all cases have choices."""
    variables, asked = case.pop("vars"), case["input"]
    choices = variables["choices"] if isinstance(variables, dict) else {}
    lines = [f"{letter}) {choice}" for letter, choice in choices.items()] if isinstance(choices, dict) else []
    below = "\n".join(["", "", *lines, "", ask])
    if isinstance(asked, str):
        case["input"] = asked + below
        return
    messages = [dict(message) for message in asked if isinstance(message, dict)] if isinstance(asked, list) else []
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=-1)
    messages[last]["content"] = f"{messages[last]['content']}{below}"
    case["input"] = [*messages]

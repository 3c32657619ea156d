"""Prompts of an eval file as promptfoo's: texts, and chats in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_given import literal
from pytest_promptevals.datasets.exporters.promptfoo_templates import Templates, texts_in
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.drafts import ExportRequest
from pytest_promptevals.records.json_types import Json

_INPUT: Final = "{{ input }}"
_DATA_INPUT: Final = "{{ input | dump }}"
_ANY_INPUT: Final = "{% if input is string %}{{ input }}{% else %}{{ input | dump }}{% endif %}"
_FUNCTION: Final = "a function is called otherwise there; left out. Write it as a prompt function of promptfoo"
_NO_PROMPT: Final = "there is no prompt in the config: name one there"
_PRINTED: Final = "{name!r} is no text: where a prompt shows it, promptfoo writes it as JavaScript does"


class Prompts:
    """Writes the prompts of an eval file.

    Args:
        request: what is exported.
        templates: brings texts into promptfoo's form.
        lost: takes what has no equivalent.
    """

    def __init__(self, request: ExportRequest, templates: Templates, lost: Lost) -> None:
        self._dataset = request.dataset
        self._contents = request.prompts
        self._location = request.places.get("prompt", request.dataset.location)
        self._templates = templates
        self._lost = lost
        texts = list(texts_in([content.get("messages") for content in request.prompts]))
        self.names: frozenset[str] = frozenset[str]().union(*map(templates.names, texts))
        """What the prompts name."""
        self._printed: frozenset[str] = frozenset[str]().union(*map(templates.printed, texts))

    def write(self) -> list[Json]:
        """Return the prompts of the config."""
        if not self._dataset.prompts:
            return [self._asking_input()]
        for name in sorted(self._printed):
            if any(not _prints_the_same(case.vars.get(name, "")) for case in self._dataset.cases):
                self._lost.key("prompt", _PRINTED.format(name=name))
        written = [
            self._write(content, source.location)
            for content, source in zip(self._contents, self._dataset.prompts, strict=True)
        ]
        found: list[Json] = [text for text in written if text is not None]
        if not found:
            self._lost.key("prompt", _NO_PROMPT)
        return found

    def _write(self, content: Mapping[str, Any], location: Location) -> str | None:
        if "messages" not in content:
            self._lost.at(location, "prompt", _FUNCTION)
            return None
        messages = [
            {"role": message["role"], "content": self._templates.convert(message["content"], location, "prompt")}
            for message in content["messages"]
        ]
        messages = self._with_examples(messages)
        if len(messages) == 1 and messages[0]["role"] == "user":
            return str(messages[0]["content"])
        return json.dumps(messages, ensure_ascii=False, indent=2)

    def _with_examples(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        """Return messages with the examples before the last one of the user's, as here."""
        examples = [
            {"role": role, "content": literal(text)}
            for example in self._dataset.few_shot
            for role, text in (("user", example.user), ("assistant", example.assistant))
        ]
        users = [index for index, message in enumerate(messages) if message["role"] == "user"]
        place = users[-1] if users else len(messages)
        return [*messages[:place], *examples, *messages[place:]]

    def _asking_input(self) -> str:
        are_texts = {isinstance(case.input, str) for case in self._dataset.cases if case.input is not None}
        text = _ANY_INPUT if len(are_texts) > 1 else _DATA_INPUT if False in are_texts else _INPUT
        if not self._dataset.few_shot:
            return text
        return json.dumps(self._with_examples([{"role": "user", "content": text}]), ensure_ascii=False, indent=2)


def _prints_the_same(value: Json) -> bool:
    """Return whether JavaScript prints a value as Python does."""
    is_whole = isinstance(value, float) and value.is_integer()
    return isinstance(value, str | int | float) and not isinstance(value, bool) and not is_whole

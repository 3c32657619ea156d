"""Prompts of promptfoo: texts, files, and chats in JSON or YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.datasets.importers.drafting import ROLES, read_content
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.importers.promptfoo_files import Files, is_reference
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json

_DELIMITER: Final = "---"
_SCRIPTS: Final = (".py", ".js", ".ts", ".mjs", ".cjs", ".sh", ".rb", ".pl", ".exe", ".bat", ".cmd", ".ps1")
_SCRIPT: Final = "a prompt made by a script; left out. Write it as a function: python:module:function"
_FILE_ENDINGS: Final = (".md", ".txt", ".j2", ".yaml", ".yml")
_ENDINGS: Final = (*_FILE_ENDINGS, ".json", ".jsonl", ".csv")
_SERVICES: Final = ("portkey://", "langfuse://", "helicone://", "exec:")
_SERVICE: Final = "a prompt of a service or a script; left out. Write its text into the eval file"
_NOT_A_CHAT: Final = "the JSON is no list of messages with texts; sent as a single message"
_NO_FILE: Final = "there is no file {name!r}; left out"
CALLED: Final = "a prompt is called by its file or its number here; left out"
"""What is said of names of prompts."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it is written, before its templates are in our form."""

    content: Json
    """A text, or a list of messages."""
    source: Source
    """Where it stands."""


def read_prompts(written: Json, source: Source, files: Files, losses: Losses) -> list[Prompt]:
    """Return the prompts of a config."""
    if isinstance(written, dict):
        # Here the keys are prompts or files, and the values what people call them.
        listed: list[tuple[Json, Source]] = [(key, source.part(key)) for key in written]
        for place in (source.part(key) for key, called in written.items() if called not in (None, "")):
            losses.add(place, CALLED)
    elif isinstance(written, list):
        listed = [(item, source.part(index)) for index, item in enumerate(written)]
    else:
        listed = [] if written is None else [(written, source)]
    reader = _Reader(files, losses)
    return [prompt for item, place in listed for prompt in reader.read(item, place)]


class _Reader:
    """Reads prompts."""

    def __init__(self, files: Files, losses: Losses) -> None:
        self._files = files
        self._losses = losses

    def read(self, item: Json, source: Source) -> Iterator[Prompt]:
        """Yield what one entry stands for."""
        if isinstance(item, dict):
            item = self._read_entry(item, source)
        if not isinstance(item, str):
            self._losses.add(source, "is no prompt: neither a text nor the name of a file; left out")
        elif item.startswith(_SERVICES):
            self._losses.add(source, _SERVICE)
        elif _is_script(item):
            self._losses.add(source, _SCRIPT)
        elif paths := self._find(item):
            for path in paths:
                yield from self._read_file(path, source)
        elif is_reference(item):
            self._losses.add(source, _NO_FILE.format(name=item))
        else:
            yield Prompt(self._chat(item, source), source)

    def _read_entry(self, item: dict[str, Json], source: Source) -> Json:
        """Return the text or the file of an entry that says more than that."""
        with Fields(item, source, self._losses) as fields:
            text = fields.take("raw") or fields.take("id")
            for key in ("id", "label"):
                fields.lose(key, CALLED)
            return text

    def _find(self, item: str) -> list[Path]:
        is_name = "\n" not in item and (is_reference(item) or "*" in item or item.endswith(_ENDINGS))
        return self._files.find(item) if is_name else []

    def _read_file(self, path: Path, source: Source) -> Iterator[Prompt]:
        try:
            yield from (Prompt(content, source) for content in self._contents(path, source))
        except PromptEvalsError as error:
            self._losses.add(source, f"cannot be read: {error}; left out")

    def _contents(self, path: Path, source: Source) -> Iterator[Json]:
        if _is_script(path.name):
            self._losses.add(source, _SCRIPT)
        elif path.suffix == ".csv":
            rows = [row for row, _ in read_records(path, path.name) if isinstance(row, dict)]
            if any(value for row in rows for column, value in row.items() if column != "prompt"):
                self._losses.add(source, CALLED)
            yield from (row["prompt"] for row in rows if row.get("prompt"))
        elif path.suffix == ".jsonl":
            yield from (self._chat(line, source) for line in self._files.text(path).splitlines() if line.strip())
        elif path.suffix == ".txt":
            yield from (self._chat(text, source) for text in _split(self._files.text(path)))
        elif path.suffix in (".yaml", ".yml"):
            yield _as_chat(parse_yaml(self._files.text(path), path.name).value) or self._files.text(path).strip()
        else:
            yield self._chat(self._files.text(path).strip("\n"), source)

    def _chat(self, text: str, source: Source) -> Json:
        """Return a chat where the text is one, in JSON or YAML; else the text."""
        begin = text.lstrip()
        if not begin.startswith(("[", "- role:", '{"messages"')):
            return text
        try:
            value = parse_yaml(text, "prompt").value if begin.startswith("-") else parse_json(text, "prompt")
        except PromptEvalsError:
            value = None
        chat = _as_chat(value)
        if chat is None and '"role"' in text:
            self._losses.add(source, _NOT_A_CHAT)
        return chat or text


def _split(text: str) -> list[str]:
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == _DELIMITER:
            parts.append([])
        else:
            parts[-1].append(line)
    return [joined for part in parts if (joined := "\n".join(part).strip())]


def _is_script(name: str) -> bool:
    path, _, function = name.rpartition(":")
    return "\n" not in name and (name.endswith(_SCRIPTS) or (path.endswith(_SCRIPTS) and function.isidentifier()))


def _as_chat(value: Json) -> Json:
    messages = value.get("messages") if isinstance(value, dict) else value
    if not isinstance(messages, list) or not messages:
        return None
    found: list[Json] = []
    for message in messages:
        content = read_content(message.get("content")) if isinstance(message, dict) else None
        if content is None or not isinstance(message, dict) or message.get("role") not in ROLES:
            return None
        found.append({"role": message["role"], "content": content})
    return found


class Written:
    """Brings prompts into the form of an eval file.

    Args:
        templates: converts texts.
        renames: variables that have another name with us.
    """

    def __init__(self, templates: Templates, renames: Mapping[str, str]) -> None:
        self._templates = templates
        self._renames = renames
        self._written: list[tuple[str, str, Source]] = []

    def prompt(self, prompt: Prompt, prefix: str = "", suffix: str = "") -> Any:
        """Return a prompt, between two texts where it is a text."""
        if isinstance(prompt.content, list):
            return [{**message, "content": self._text(message["content"], prompt)} for message in prompt.content]  # type: ignore[dict-item, index, call-overload, arg-type]
        return self._text(f"{prefix}{prompt.content}{suffix}", prompt)

    def _text(self, text: str, prompt: Prompt) -> str:
        converted = self._templates.convert(text, prompt.source, self._renames)
        self._written.append((converted, text, prompt.source))
        return no_file_name(converted)

    def runnable(self, content: Any, given: Sequence[Mapping[str, Json]]) -> Any:
        """Return a prompt that was written with plain texts for what cannot be filled in here, and note that."""
        if isinstance(content, list):
            return [{**message, "content": self.runnable(message["content"], given)} for message in content]
        for converted, text, source in self._written:
            if no_file_name(converted) == content:
                return no_file_name(self._templates.runnable(converted, text, source, given))
        return content


def no_file_name(text: str) -> str:
    """Return a template that is not taken for the name of a file, or of a function."""
    is_name = "\n" not in text.strip() and (text.strip().lower().endswith(_FILE_ENDINGS) or text.startswith("python:"))
    return "{{ '' }}" + text + "{{ '' }}" if is_name else text

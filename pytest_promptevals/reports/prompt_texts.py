"""A prompt's template as a text to read, and what differs between two of them."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, Final

_SENTENCE_END: Final = re.compile(r"(?<=[.!?]) +(?=\S)")
_LONG_LINE: Final = 100
"""Characters from which on lines are compared by their sentences: in a long paragraph, one of them has changed."""


def prompt_text(content: str) -> str:
    """Return the template that the history keeps as JSON as a text: messages, examples and files that it includes."""
    own, *included = prompt_parts(content).items()
    return "\n".join([own[1], *(f"{path}:\n{text}" for path, text in included)])


def prompt_parts(content: str) -> dict[str, str]:
    """Return the same as a text without a name, messages and examples, and those of the included files by their paths.

    The first stands first.
    """
    data: dict[str, Any] = json.loads(content)
    if "python" in data:
        return {"": "\n".join([f"python:{data['python']}", *_examples(data), data.get("source", "")])}
    messages = data.get("messages", [])
    alone = len(messages) == 1 and messages[0]["role"] == "user"
    own = [message["content"] if alone else f"{message['role']}: {message['content']}" for message in messages]
    return {"": "\n".join([*own, *_examples(data)]), **data.get("included", {})}


def _examples(data: dict[str, Any]) -> list[str]:
    return [f"example: {shot['user']}\nanswer: {shot['assistant']}" for shot in data.get("few_shot", [])]


def diff_lines(before: str, after: str) -> list[str]:
    """Return a unified diff of two texts without its head, one line of context around each change."""
    old, new = before.splitlines(), after.splitlines()
    if any(len(line) > _LONG_LINE for line in (*old, *new)):
        old, new = _split_sentences(old), _split_sentences(new)
    return list(itertools.islice(difflib.unified_diff(old, new, lineterm="", n=1), 2, None))


def _split_sentences(lines: Sequence[str]) -> list[str]:
    return [sentence for line in lines for sentence in _SENTENCE_END.split(line)]

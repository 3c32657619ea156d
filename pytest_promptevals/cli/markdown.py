"""Markdown of the docs as text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)\s]*\)")
_ITEM: Final = re.compile(r"(?:[-*]|\d+\.) +")
_FENCE: Final = "```"
_TABLE: Final = "|"


def plain_markdown(text: str, width: int) -> str:
    """Return Markdown with paragraphs and items of lists filled to a width, and links as their texts.

    Blocks of code and tables stay as they are, but for links in tables.
    """
    return "\n".join(line for block in _blocks(text) for line in _render(block, width))


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield paragraphs, items, tables, and blocks of code with their fences; an empty line is a block of its own."""
    block: list[str] = []
    is_code = False
    for line in text.splitlines():
        is_fence = line.startswith(_FENCE)
        if block and not is_code and (is_fence or _begins_anew(line, block[0])):
            yield block
            block = []
        block.append(line)
        is_code ^= is_fence
        if is_fence and not is_code:
            yield block
            block = []
    if block:
        yield block


def _begins_anew(line: str, first: str) -> bool:
    is_table = line.startswith(_TABLE)
    return not line or not first or _ITEM.match(line) is not None or is_table != first.startswith(_TABLE)


def _render(block: list[str], width: int) -> list[str]:
    if block[0].startswith(_FENCE):
        return block
    if block[0].startswith(_TABLE):
        return [_without_links(line) for line in block]
    text = _without_links(" ".join(line.strip() for line in block))
    item = _ITEM.match(text)
    indent = " " * (item.end() if item is not None else 0)
    filled = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return filled or [""]


def _without_links(text: str) -> str:
    return _LINK.sub(r"\1", text)

"""YAML as a person would have written it: texts of several lines as blocks, what is short in one line, comments."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from pytest_promptevals.records.json_types import Json

_WIDTH: Final = 100
_SHORT: Final = 80
"""Characters up to which a list or mapping of plain values stands in one line."""
_UNFIT: Final = re.compile(
    r"[ \t]+(?:\n|$)|[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What a block of text cannot hold as it is."""
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+|0o[0-7]+")
"""What eval files read as a number, and PyYAML does not put into quotes."""
_LINE_ENDS: Final = re.compile(r"[\x85\u2028\u2029]")
_UNFIT_IN_COMMENT: Final = re.compile(
    r"[^\t-\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What cannot stand in a comment as it is: control characters, and what ends a line of YAML."""
_ABOVE: Final = 96
"""Characters of a line of a comment."""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and short lists and mappings in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - PyYAML's
        del indentless  # items of a list stand below their key, further in
        super().increase_indent(flow, indentless=False)


class _InLine(dict[str, Json]):
    """A mapping that stands in one line."""


class _ListInLine(list[Json]):
    """A list that stands in one line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    is_block = "\n" in text and not _UNFIT.search(text) and not text.startswith((" ", "\n"))
    # Quotes of another kind would hold line ends of Unicode as they are.
    plain = "'" if _NUMBER.fullmatch(text) else None
    style = "|" if is_block else '"' if _LINE_ENDS.search(text) else plain
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_mapping(dumper: yaml.SafeDumper, data: dict[str, Json]) -> yaml.Node:
    flow = isinstance(data, _InLine) or not data
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=flow)


def _represent_list(dumper: yaml.SafeDumper, data: list[Json]) -> yaml.Node:
    flow = isinstance(data, _ListInLine) or not data
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_mapping)
_Dumper.add_representer(_InLine, _represent_mapping)
_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(_ListInLine, _represent_list)


def dump_yaml(data: Mapping[str, Json]) -> str:
    """Return a mapping as YAML, its keys in their order."""
    styled = {key: _styled(value) for key, value in data.items()}
    text: str = yaml.dump(
        styled, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=False
    )
    return text


def comment(text: str) -> str:
    """Return a text as lines of a comment; those of a text that begins with a dash stand below its first word."""
    indent = "  " if text.startswith("- ") else ""
    visible = _UNFIT_IN_COMMENT.sub(lambda found: ascii(found[0])[1:-1], text)
    lines = textwrap.wrap(visible, _ABOVE, subsequent_indent=indent, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _styled(value: Json, *, is_item: bool = False) -> Json:
    """Return the value with short lists and mappings marked; an item of a list is no mapping in one line."""
    if isinstance(value, dict):
        if not is_item and _is_short(value, value.values()):
            return _InLine(value)
        return {key: _styled(part) for key, part in value.items()}
    if isinstance(value, list):
        return _ListInLine(value) if _is_short(value, value) else [_styled(part, is_item=True) for part in value]
    return value


def _is_short(whole: Json, values: Iterable[Json]) -> bool:
    if any(isinstance(value, dict | list) or (isinstance(value, str) and "\n" in value) for value in values):
        return False
    return len(json.dumps(whole, ensure_ascii=False)) <= _SHORT

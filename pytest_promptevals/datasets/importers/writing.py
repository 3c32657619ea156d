"""A draft as the text of an eval file, as a person would have written it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import yaml

from pytest_promptevals.records.drafts import Draft
from pytest_promptevals.records.json_types import Json

MOST_CASES: Final = 100
"""Cases that stand in the eval file itself; more of them get a file of their own."""
_WIDTH: Final = 100
_SHORT: Final = 80
"""Characters up to which a list or mapping of plain values stands in one line."""
_UNFIT: Final = re.compile(
    r"[ \t]+(?:\n|$)|[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What a block of text cannot hold as it is."""
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
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else None)


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


def eval_file_texts(draft: Draft, name: str, origin: str) -> dict[str, str]:
    """Return the files of a draft: name relative to the eval file -> text.

    Args:
        draft: what is written. It has been finished.
        name: of the eval file. One that ends in ``.jsonl`` holds the cases alone.
        origin: what it was made from, for the comment at the top.

    Raises ``ValueError`` for settings where the name leaves no room for them.
    """
    lines = [json.dumps(case, ensure_ascii=False) for case in draft.cases]
    if name.endswith(".jsonl"):
        if draft.settings:
            keys = ", ".join(draft.settings)
            raise ValueError(f"a file of JSON Lines has no place for {keys}; write to a .eval.yaml file")
        return {name: _joined(lines), **draft.texts}
    texts = dict(draft.texts)
    cases: list[Json] = [dict(case) for case in draft.cases]
    if len(cases) > MOST_CASES:
        own = f"{_stem(name)}.cases.jsonl"
        texts[own] = _joined(lines)
        cases = [{"file": own}]
    return {name: "".join(_blocks(draft, cases, origin)), **texts}


def _blocks(draft: Draft, cases: Sequence[Json], origin: str) -> Iterator[str]:
    yield _comment(f"Made from {origin}.")
    if draft.losses:
        yield _comment("What has no equivalent here:")
        yield from (_comment(f"- {loss}") for loss in draft.losses)
    for number, (key, value) in enumerate(draft.settings.items()):
        comment = draft.comments.get(key, "")
        yield ("\n" if comment or number == 0 else "") + _comment(comment) + _dump({key: _styled(value)})
    yield "\n" + _dump({"cases": _styled(list(cases))})


def _dump(value: Json) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=False
    )
    return text


def _comment(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    lines = textwrap.wrap(text, _ABOVE, subsequent_indent=indent, break_on_hyphens=False)
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


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _stem(name: str) -> str:
    return re.sub(r"(\.eval)?\.(ya?ml|jsonl)$", "", name.rpartition("/")[2])

"""YAML as plain JSON data with lines, and without YAML's surprises.

Only ``true``, ``false``, ``null`` and JSON-like numbers are not text: ``no``, ``1:30``, ``007`` and ``2026-01-01`` are.
The values are built from the parser's events, so nesting is bounded by a count and not by Python's stack, and every
alias and key has a line of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias, cast

import yaml
from yaml import events

from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.fields import field_name
from pytest_promptevals.files.strict_json import MAX_DEPTH
from pytest_promptevals.records.json_types import Json

MAX_ALIASED: Final = 1_000_000
"""Values that a document may hold through aliases."""

_Lines: TypeAlias = "list[tuple[int, _Lines]] | dict[str, tuple[int, _Lines]] | None"
"""Lines of the items of a value, with those of their own items; ``None`` for a scalar."""

# libyaml takes some of these for line breaks, which would shift every line number after them.
_UNFIT: Final = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_STARTS: Final = frozenset("-+.0123456789")
_CONSTANTS: Final[dict[str, Json]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MAX_FIELD: Final = 80
_MAX_DIGITS: Final = 4000
"""Python itself refuses whole numbers of more than 4300 digits."""
_TAG: Final = "tag:yaml.org,2002:"
_TAG_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),),
}  # fmt: skip

_EXPLANATIONS: Final = (
    ("mapping values are not allowed", "a ':' stands where no key can be; put the text into quotes"),
    ("did not find expected key", "expected a key like 'name: value', indented like the keys above it"),
    ("did not find expected '-'", "expected '- ', indented like the items above it"),
    ("did not find expected ',' or ']'", "expected ',' or ']'"),
    ("did not find expected ',' or '}'", "expected ',' or '}'"),
    ("could not find expected ':'", "expected ':' after a key"),
    ("found unexpected end of stream", "expected the closing quote of a text"),
    ("cannot start any token", "a text cannot begin with this character; put it into quotes"),
)

_COLLECTIONS: Final = {
    "block mapping": "mapping", "flow mapping": "mapping", "block collection": "list", "flow sequence": "list",
    "simple key": "key", "quoted scalar": "text",
}  # fmt: skip


class YamlDocument:
    """A YAML document: its plain value, and where each part of it stands."""

    def __init__(self, value: Json, lines: _Lines, line: int) -> None:
        self.value = value
        self._lines = lines
        self._line = line

    def line_of(self, path: Sequence[str | int]) -> int:
        """Return the 1-based line of a key or item; of its nearest holder where the path leads nowhere."""
        line, lines = self._line, self._lines
        for part in path:
            found = _look_up(lines, part)
            if found is None:
                break
            line, lines = found
        return line


def _look_up(lines: _Lines, part: str | int) -> tuple[int, _Lines] | None:
    if isinstance(lines, dict) and isinstance(part, str):
        return lines.get(part)
    if isinstance(lines, list) and isinstance(part, int) and 0 <= part < len(lines):
        return lines[part]
    return None


def parse_yaml(text: str, shown: str) -> YamlDocument:
    """Return the one document of a YAML text; an empty text has the value ``None``.

    ``shown`` is how messages name the file. Raises ``DatasetError`` with everything that is wrong: bad syntax,
    duplicate keys, keys that are no text, unknown tags, numbers that are not finite, characters that cannot be stored,
    a second document, aliases that hold themselves or expand to over ``MAX_ALIASED`` values, nesting over ``MAX_DEPTH``
    levels.
    """
    if unfit := _UNFIT.search(text):
        raise DatasetError([_unfit_character(text, unfit, shown)])
    builder = _Builder(shown)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, text, shown))
    except _StopReading:
        pass
    if builder.problems:
        raise DatasetError(sorted(builder.problems, key=lambda problem: problem.line or 0))
    return YamlDocument(builder.root.value, builder.root.lines, builder.root.line)


def _events(text: str) -> Iterator[events.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(text, Loader=loader)


def _line(event: events.Event) -> int:
    return cast("yaml.Mark", event.start_mark).line + 1


def _unfit_character(text: str, found: re.Match[str], shown: str) -> FileProblem:
    code = ord(found.group())
    message = f'the character U+{code:04X} cannot stand in YAML; write it as "\\u{code:04x}" in double quotes'
    if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - the range of surrogates
        message = f"U+{code:04X} is half of a surrogate pair and no character; remove it"
    return FileProblem(message, path=shown, line=text.count("\n", 0, found.start()) + 1)


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, shown: str) -> FileProblem:
    mark = cast("yaml.Mark", error.problem_mark)
    problem = str(error.problem)
    reason = next((words for part, words in _EXPLANATIONS if part in problem), problem)
    lines = text.rstrip("\n").split("\n")
    line, column = mark.line, mark.column
    if line >= len(lines):  # libyaml takes the end of the text for a line of its own
        line, column = len(lines) - 1, len(lines[-1])
    if lines[line].startswith("\t", column):
        reason = "a tab cannot indent; use spaces"
    since = ""
    if error.context_mark is not None and error.context_mark.line != line:
        what = _COLLECTIONS.get(str(error.context).rpartition("a ")[2], "what")
        since = f" (in the {what} that begins in line {error.context_mark.line + 1})"
    return FileProblem(f"no valid YAML: column {column + 1}: {reason}{since}", path=shown, line=line + 1)


class _StopReading(Exception):  # noqa: N818 - not an error: what is wrong is already noted
    """Nothing sensible can be read after this."""


class _Node:
    """A value that is being built, with the lines of its parts and the number of values in it."""

    __slots__ = ("anchor", "is_merging", "key", "key_line", "line", "lines", "merged", "size", "value")

    def __init__(self, value: Json, lines: _Lines, line: int, *, size: int = 1, anchor: str | None = None) -> None:
        self.value = value
        self.lines = lines
        self.line = line
        self.size = size
        self.anchor = anchor
        self.key: str | None = None
        self.key_line = line
        self.is_merging = False
        self.merged: list[_Node] = []

    def add(self, node: _Node) -> None:
        """Add an item, or the value of the current key."""
        self.size += node.size
        if isinstance(self.value, list):
            self.value.append(node.value)
            cast("list[tuple[int, _Lines]]", self.lines).append((node.line, node.lines))
            return
        key = cast("str", self.key)
        cast("dict[str, Json]", self.value)[key] = node.value
        cast("dict[str, tuple[int, _Lines]]", self.lines)[key] = (self.key_line, node.lines)
        self.key = None

    def merge(self) -> None:
        """Add the keys of merged mappings that the mapping does not have itself."""
        for source in self.merged:
            if isinstance(source.value, list) and isinstance(source.lines, list):
                for value, (_, lines) in zip(source.value, source.lines, strict=True):
                    self._add_missing(value, lines)
            else:
                self._add_missing(source.value, source.lines)

    def _add_missing(self, value: Json, lines: _Lines) -> None:
        if isinstance(value, dict) and isinstance(lines, dict):
            self.value = value | cast("dict[str, Json]", self.value)
            self.lines = lines | cast("dict[str, tuple[int, _Lines]]", self.lines)


class _Builder:
    """Builds one document from the parser's events."""

    def __init__(self, shown: str) -> None:
        self.problems: list[FileProblem] = []
        self.root = _Node(None, None, 1)
        self._shown = shown
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node | None] = {}
        self._aliased = 0
        self._has_document = False

    def take(self, event: events.Event) -> None:
        """Add the next event."""
        if isinstance(event, events.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, events.AliasEvent):
            self._take_alias(event)
        elif isinstance(event, events.CollectionStartEvent):
            self._take_start(event)
        elif isinstance(event, events.CollectionEndEvent):
            self._take_end()
        elif isinstance(event, events.DocumentStartEvent):
            self._take_document(event)

    def _note(self, message: str, line: int) -> None:
        path: list[str | int] = []
        for node in self._open:
            if isinstance(node.value, list):
                path.append(len(node.value))
            elif node.key is not None:
                path.append(node.key)
        field = field_name(path)
        shown_field = f"{field[:_MAX_FIELD]}…" if len(field) > _MAX_FIELD else field
        self.problems.append(FileProblem(message, path=self._shown, line=line, field=shown_field))

    def _take_document(self, event: events.DocumentStartEvent) -> None:
        if self._has_document:
            self._note("a second document begins; keep one in each file", _line(event))
            raise _StopReading
        self._has_document = True

    def _take_scalar(self, event: events.ScalarEvent) -> None:
        line = _line(event)
        value = self._read_scalar(event, line)
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None and not holder.is_merging:
            self._take_key(holder, event, value, line)
            return
        node = _Node(value, None, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._add(node)

    def _take_key(self, holder: _Node, event: events.ScalarEvent, value: Json, line: int) -> None:
        if event.value == "<<" and not event.style:
            if holder.merged:
                self._note("'<<' stands twice in one mapping; write one '<<' with a list", line)
            holder.is_merging = True
            return
        key = event.value
        if not isinstance(value, str):
            self._note(f"the key {key} is no text to YAML; put it into quotes", line)
        elif isinstance(holder.lines, dict) and key in holder.lines:
            first = holder.lines[key][0]
            self._note(f"the key {key!r} stands twice, first in line {first}; remove one of them", line)
        holder.key, holder.key_line = key, line

    def _take_alias(self, event: events.AliasEvent) -> None:
        line, name = _line(event), cast("str", event.anchor)
        self._refuse_as_key(line)
        node = self._anchors.get(name)
        if node is not None:
            self._aliased += node.size
            if self._aliased > MAX_ALIASED:
                self._note(f"the aliases stand for more than {MAX_ALIASED:,} values; write fewer of them", line)
                raise _StopReading
            self._add(_Node(node.value, node.lines, line, size=node.size))
            return
        if name in self._anchors:
            self._note(f"the alias *{name} stands inside of the value that it stands for; remove it", line)
        else:
            self._note(f"the alias *{name} stands for nothing; put &{name} before a value above it", line)
        self._add(_Node(None, None, line))

    def _take_start(self, event: events.CollectionStartEvent) -> None:
        line = _line(event)
        self._refuse_as_key(line)
        is_mapping = isinstance(event, events.MappingStartEvent)
        if event.tag is not None and event.tag not in {"!", f"{_TAG}map" if is_mapping else f"{_TAG}seq"}:
            self._note(f"the tag {_shown_tag(event.tag)} is not known here; remove it", line)
        if len(self._open) == MAX_DEPTH:
            self._note(f"nested more than {MAX_DEPTH} levels deep; make the data flatter", line)
            raise _StopReading
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        value: Json = {} if is_mapping else []
        self._open.append(_Node(value, {} if is_mapping else [], line, anchor=event.anchor))

    def _take_end(self) -> None:
        node = self._open.pop()
        node.merge()
        if node.anchor is not None:
            self._anchors[node.anchor] = node
        self._add(node)

    def _refuse_as_key(self, line: int) -> None:
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None and not holder.is_merging:
            self._note(
                "a key must be a text, not a list, a mapping or an alias; put a {{ template }} into quotes", line
            )
            raise _StopReading

    def _add(self, node: _Node) -> None:
        if not self._open:
            self.root = node
            return
        holder = self._open[-1]
        if holder.is_merging:
            holder.is_merging = False
            holder.size += node.size
            self._check_merge(node)
            holder.merged.append(node)
        else:
            holder.add(node)

    def _check_merge(self, node: _Node) -> None:
        sources = node.value if isinstance(node.value, list) else [node.value]
        if not all(isinstance(source, dict) for source in sources):
            self._note("'<<' takes the alias of a mapping, or a list of those", node.line)

    def _read_scalar(self, event: events.ScalarEvent, line: int) -> Json:
        text = event.value
        if event.style == '"' and (found := _SURROGATE.search(text)):
            self._note(f"\\u{ord(found.group()):04x} is half of a surrogate pair and no character; remove it", line)
        if event.tag is not None and event.tag != "!":
            return self._read_tagged(event.tag, text, line)
        return text if event.style else self._read_plain(text, line)

    def _read_tagged(self, tag: str, text: str, line: int) -> Json:
        kind = tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind not in _TAG_TYPES:
            self._note(f"the tag {_shown_tag(tag)} is not known here; remove it", line)
            return text
        value = self._read_plain(text, line)
        if type(value) not in _TAG_TYPES[kind]:
            self._note(f"{text[:60]!r} is no {kind}, as its tag !!{kind} says; correct one of them", line)
        return value

    def _read_plain(self, text: str, line: int) -> Json:
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] not in _NUMBER_STARTS:
            return text
        if _INTEGER.fullmatch(text):
            if len(text) > _MAX_DIGITS:
                self._note(f"a whole number of {len(text)} digits is too long; put it into quotes", line)
                return text
            return int(text)
        is_number = _FLOAT.fullmatch(text) is not None
        if (is_number and not math.isfinite(float(text))) or _NOT_FINITE.fullmatch(text):
            self._note(f"{text} is no JSON number; use null, or put it into quotes", line)
            return text
        return float(text) if is_number else text


def _shown_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag

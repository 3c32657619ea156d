"""Examples that are put before the question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.case_files import read_json_lines
from pytest_promptevals.datasets.defaults import Layer
from pytest_promptevals.datasets.problems import Problems, shorten
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire import FewShotWire
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.cases import FewShot
from pytest_promptevals.records.json_types import Json

SUFFIXES: Final = (".yaml", ".yml", ".jsonl")
"""Endings of the files that can hold examples."""


def read_few_shot(layer: Layer, rootdir: Path, problems: Problems) -> tuple[FewShot, ...]:
    """Return the examples of a layer, from the file that it names if it names one."""
    written = layer.wire.few_shot
    if isinstance(written, str):
        return tuple(_read_file(written, layer, rootdir, problems))
    source = layer.source.part("few_shot")
    return tuple(_build(example, source.part(index)) for index, example in enumerate(written))


def _read_file(name: str, layer: Layer, rootdir: Path, problems: Problems) -> Iterator[FewShot]:
    key = layer.source.part("few_shot")
    try:
        path = resolve_inside(name, layer.path.parent, rootdir)
    except OutsideRootdirError as error:
        problems.add(str(error), key)
        return
    if path.suffix not in SUFFIXES:
        problems.add(f"{shorten(name)} is no list of examples, nor a file that ends in {', '.join(SUFFIXES)}", key)
        return
    if not path.is_file():
        problems.add(f"there is no file {name!r}; create it, or correct the name", key)
        return
    before, count = len(problems), 0
    for value, source in _read_items(path, shown_path(path, rootdir), problems):
        count += 1
        if wire := problems.check(FewShotWire, value, source):
            yield _build(wire, source)
    if not count and len(problems) == before:
        problems.add(f"the file {name!r} holds no examples; write at least one", key)


def _build(wire: FewShotWire, source: Source) -> FewShot:
    return FewShot(wire.user, wire.assistant, source.locate())


def _read_items(path: Path, shown: str, problems: Problems) -> Iterator[tuple[Json, Source]]:
    try:
        text = read_text(path, shown)
        if path.suffix == ".jsonl":
            yield from ((row, Source(shown, line)) for line, row in read_json_lines(text, shown, problems))
            return
        document = parse_yaml(text, shown)
    except FileProblem as problem:
        problems.extend([problem])
        return
    except DatasetError as error:
        problems.extend(error.problems)
        return
    source, value = Source(shown, 1, document), document.value
    if isinstance(value, list):
        yield from ((item, source.part(index)) for index, item in enumerate(value))
    elif value is not None:
        problems.add(f"must be a list of mappings with 'user' and 'assistant', got {shorten(value)}", source)

"""What an eval file and the ``evals.yaml`` files above it say together: nearest wins, key by key."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from pytest_promptevals.datasets.judge_specs import NamedSpec, read_judges
from pytest_promptevals.datasets.problems import Problems, shorten
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire import DefaultsWire, EvalFileWire, GateWire, PriceWire
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json

DEFAULTS_FILE: Final = "evals.yaml"
"""Name of the files with defaults."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file says."""

    wire: DefaultsWire
    """Its keys; those that are wrong are left out."""
    source: Source
    """The file."""
    path: Path
    """The same, to look up names in its folder."""
    judges: tuple[NamedSpec, ...] = ()
    """Its judges."""
    entries: tuple[Json, ...] = ()
    """Its cases, and the files with further ones."""
    entries_source: Source | None = None
    """Where the list of these stands."""


def read_defaults(path: Path, rootdir: Path, problems: Problems) -> list[Layer]:
    """Return the ``evals.yaml`` files that apply to an eval file, outermost first."""
    layers = []
    for folder in _folders(path, rootdir):
        file = folder / DEFAULTS_FILE
        if file.is_file() and (layer := read_layer(file, DefaultsWire, rootdir, problems)):
            layers.append(layer)
    return layers


def _folders(path: Path, rootdir: Path) -> list[Path]:
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow symlinks
    root = Path(os.path.abspath(rootdir))  # noqa: PTH100 - as above
    if not folder.is_relative_to(root):
        return [folder]
    steps = folder.relative_to(root).parts
    return [root.joinpath(*steps[:count]) for count in range(len(steps) + 1)]


def read_layer(
    path: Path, model: type[DefaultsWire], rootdir: Path, problems: Problems, *, may_be_list: bool = False
) -> Layer | None:
    """Return what a file says, or ``None`` if it cannot be read; notes everything that is wrong with it.

    With ``may_be_list``, it may also be a bare list of cases.
    """
    shown = shown_path(path, rootdir)
    try:
        document = parse_yaml(read_text(path, shown), shown)
    except FileProblem as problem:
        problems.extend([problem])
        return None
    except DatasetError as error:
        problems.extend(error.problems)
        return None
    source, value = Source(shown, 1, document), document.value
    if may_be_list and isinstance(value, list):
        return Layer(DefaultsWire(), source, path, entries=tuple(value), entries_source=source)
    if value is None and model is DefaultsWire:
        value = {}
    if isinstance(value, dict):
        return _check_layer(value, model, source, path, problems)
    needed = "a mapping with the key 'cases'" if model is EvalFileWire else "a mapping"
    message = f"the file is empty; write {needed}" if value is None else f"must be {needed}, got {shorten(value)}"
    problems.add(message, source)
    return None


def _check_layer(
    value: dict[str, Json], model: type[DefaultsWire], source: Source, path: Path, problems: Problems
) -> Layer:
    wrong = {"cases"}
    try:
        model.model_validate(value)
    except ValidationError as error:
        problems.explain(error, model, value, source)
        wrong |= {str(detail["loc"][0]) for detail in error.errors()}
    wire = DefaultsWire.model_validate({key: item for key, item in value.items() if key not in wrong})
    judges = read_judges(wire.judges, source.part("judges"), problems)
    entries = value.get("cases")
    if not isinstance(entries, list):
        return Layer(wire, source, path, tuple(judges))
    return Layer(wire, source, path, tuple(judges), tuple(entries), source.part("cases"))


def find_layer(layers: Sequence[Layer], key: str) -> Layer | None:
    """Return the nearest layer that sets a key."""
    return next((layer for layer in reversed(layers) if key in layer.wire.model_fields_set), None)


def merge_parameters(layers: Sequence[Layer]) -> dict[str, Json]:
    """Return the parameters of the model call: nearest wins, name by name."""
    return _merge([layer.wire.parameters for layer in layers])


def merge_gate(layers: Sequence[Layer]) -> GateWire:
    """Return the rules of the gate: nearest wins, rule by rule and judge by judge."""
    rules = [layer.wire.gate.model_dump(exclude_unset=True) for layer in layers]
    judges = _merge([of_layer.get("judges", {}) for of_layer in rules])
    return GateWire.model_validate(_merge(rules) | {"judges": judges})


def merge_providers(layers: Sequence[Layer]) -> dict[str, tuple[dict[str, Json], Source]]:
    """Return each provider's options, nearest wins, option by option, and its nearest mention."""
    merged: dict[str, tuple[dict[str, Json], Source]] = {}
    for layer in layers:
        for name, wire in layer.wire.providers.items():
            options, _ = merged.get(name, ({}, layer.source))
            options |= wire.model_dump(exclude_unset=True)
            merged[name] = (options, layer.source.part("providers", name))
    return merged


def merge_prices(layers: Sequence[Layer]) -> dict[str, PriceWire]:
    """Return the prices of models: nearest wins, model by model."""
    return _merge([layer.wire.prices for layer in layers])


def _merge(mappings: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    return {key: value for mapping in mappings for key, value in mapping.items()}

"""What an eval file says about itself, and where its keys stand, so that losses can name their lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_promptevals.datasets.defaults import find_layer, read_defaults, read_layer
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.datasets.wire import EvalFileWire
from pytest_promptevals.records.cases import Location


def read_places(path: Path, rootdir: Path) -> tuple[str, Mapping[str, Location]]:
    """Return the description of an eval file that can be loaded, and the place of each key that is set.

    Keys are those of the file and of the ``evals.yaml`` files above it; the nearest one counts.
    """
    problems = Problems()
    layers = read_defaults(path, rootdir, problems)
    own = read_layer(path, EvalFileWire, rootdir, problems) if path.suffix in {".yaml", ".yml"} else None
    layers = [*layers, own] if own else layers
    places = {key: layer.source.locate((key,)) for layer in layers for key in layer.wire.model_fields_set}
    described = find_layer(layers, "description")
    return described.wire.description if described else "", places

"""What goes to and from other tools' files: an eval file in our words or theirs, and what was lost on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pytest_promptevals.records.cases import Dataset, Location
from pytest_promptevals.records.json_types import Json

_LINE_ENDS: Final = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A file that is to be imported."""

    path: Path
    """Where it is."""
    shown: str
    """The same as messages name it."""
    sample: Json = None
    """What it holds: the whole of a YAML or JSON document, the first row of JSON Lines or CSV; ``None`` where it cannot
    be read as what its name ends in."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Which of its fields is which key of a case, where the user said so: key of a case -> name of the field."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something in a file that has no equivalent in another tool's."""

    location: Location
    """Where it stands."""
    field: str
    """What leads to it inside of the file, such as ``tests[3].assert[0]``; empty for the whole line."""
    message: str
    """What is lost, and what to do about it, if anything can be done."""

    def __str__(self) -> str:
        text = f"{self.location}: {self.field}: {self.message}" if self.field else f"{self.location}: {self.message}"
        # What a foreign file is made of begins no line of its own: a log may be read for commands.
        return _LINE_ENDS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


@dataclass(frozen=True, slots=True)
class Draft:
    """An eval file, as data."""

    settings: Mapping[str, Json]
    """Keys of the eval file but for ``cases``, in the order in which they are written."""
    cases: Sequence[Mapping[str, Json]]
    """Its cases, each with keys of a case. Ids may be left out; equal and unfit ones are mended later."""
    losses: Sequence[Loss] = ()
    """What has no equivalent, in the order of the file."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Further files that it names, such as prompts: name relative to the eval file -> text."""
    places: Sequence[Location] = ()
    """Where each of the cases stands in the foreign file, in their order; may be left out."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """What to say above a key of the eval file, for its readers."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An eval file that is to be written as another tool's."""

    dataset: Dataset
    """The eval file, with what the ``evals.yaml`` files above it say."""
    prompts: Sequence[Mapping[str, Json]] = ()
    """What each of its prompts holds: ``messages``, each with ``role`` and ``content``, a template, and the files that
    they ``included``; or ``python``, the name of a function."""
    description: str = ""
    """What the eval file says about itself."""
    places: Mapping[str, Location] = field(default_factory=dict)
    """Where each of its keys stands, those of ``evals.yaml`` files among them."""


@dataclass(frozen=True, slots=True)
class Export:
    """An eval file in another tool's words."""

    text: str
    """What to write."""
    count: int
    """How many cases are in it."""
    losses: Sequence[Loss] = ()
    """What has no equivalent there, in the order of the eval file."""

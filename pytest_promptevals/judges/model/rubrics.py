"""Rubrics: what a judge model judges by. The library of templates, and those of users."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.fields import field_name
from pytest_promptevals.files.findings import find_problems
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import YamlDocument, parse_yaml
from pytest_promptevals.judges.build import show_finding
from pytest_promptevals.judges.criteria import (
    LIBRARY,
    is_one_word,
    refuse_file_name,
    spell_name,
    unknown_rubric,
)
from pytest_promptevals.judges.model.answer_keys import AnswerKey, Name
from pytest_promptevals.judges.model.forms import ScoreForm
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.records.json_types import Json

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+){0,2}")
_CLOSE: Final = 0.8

Variable: TypeAlias = Literal["input", "output", "expected", "context"]
Text: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(str.strip)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class Dimension(_Part):
    """One thing that is looked at."""

    id: AnswerKey = Field(description="Its key in the answer.")
    weight: Annotated[float, Field(gt=0)] = Field(default=1.0, description="Its share in the score.")
    question: Text = Field(description="What is asked about the response.")


class Anchor(_Part):
    """What one number of the scale means."""

    value: float = Field(description="The number.")
    means: Text = Field(description="Its meaning in words.")


class ScaleTemplate(_Part):
    """The numbers that may be given, and what they mean."""

    low: float = Field(default=1, description="The worst.")
    high: float = Field(default=5, description="The best.")
    whole: bool = Field(default=True, description="Whether only whole numbers may be given.")
    anchors: Annotated[list[Anchor], Field(min_length=2)] = Field(
        description="What its numbers mean, the worst and the best at least."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"`low` must be less than `high`, not {self.low:g} and {self.high:g}")
        if self.whole and (self.low != int(self.low) or self.high != int(self.high)):
            raise ValueError("`low` and `high` must be whole numbers, or `whole` false")
        values = [anchor.value for anchor in self.anchors]
        if len(set(values)) < len(values):
            raise ValueError("each number may have one anchor only")
        if not {self.low, self.high} <= set(values) or not all(self.low <= value <= self.high for value in values):
            raise ValueError(f"anchors must be there for {self.low:g} and {self.high:g}, and for nothing outside")
        return self


class Source(_Part):
    """Where the idea of a template comes from."""

    title: Text = Field(description="Paper or page.")
    url: Annotated[str, Field(pattern=r"^https://\S+$")] = Field(description="Its address.")


class Rubric(_Part):
    """A rubric template, as its file says it."""

    id: Name = Field(description="Its name.")
    version: Annotated[int, Field(ge=1)] = Field(description="Raised whenever a change may change scores.")
    category: Text = Field(description="What kind of quality it judges.")
    summary: Text = Field(description="What it judges, in one sentence.")
    aliases: list[Text] = Field(default=[], description="Further names.")
    criteria: Text = Field(description="What the judge model is told to judge by.")
    dimensions: list[Dimension] = Field(default=[], description="What is scored apart; none scores the whole alone.")
    scale: ScaleTemplate = Field(description="The numbers that may be given.")
    variables: Annotated[list[Variable], Field(min_length=1)] = Field(description="What the judge model must be shown.")
    optional: list[Variable] = Field(default=[], description="What it is shown where the case has it.")
    source: Source | None = Field(default=None, description="Where the idea comes from.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [dimension.id for dimension in self.dimensions]
        if len(set(keys)) < len(keys):
            raise ValueError("each dimension must have an id of its own")
        if "output" not in self.variables:
            raise ValueError("`variables` must hold output, which is what is judged")
        if both := sorted(set(self.variables) & set(self.optional)):
            raise ValueError(f"{both[0]!r} stands in `variables` and in `optional`; remove one of them")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it is found by."""
        return (self.id, *self.aliases)

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.id}@{self.version}"

    @property
    def shown(self) -> frozenset[str]:
        """What the judge model is shown, where the case has it."""
        return frozenset((*self.variables, *self.optional))

    def content(self) -> dict[str, Json]:
        """Return all that a score depends on, as plain data."""
        return self.model_dump(mode="json", exclude={"category", "summary", "aliases", "source"})

    def form(self) -> ScoreForm:
        """Return what the judge model is asked to answer with."""
        scale = Scale(self.scale.low, self.scale.high, self.scale.whole)
        return ScoreForm(scale, tuple(dimension.id for dimension in self.dimensions))


def free_rubric(criteria: str) -> Rubric:
    """Return the rubric of criteria in the user's own words: no dimensions, a scale from 1 to 5."""
    return Rubric.model_validate(
        {
            "id": FREE,
            "version": 1,
            "category": "own",
            "summary": "Criteria in the user's own words.",
            "criteria": criteria,
            "scale": {"anchors": [{"value": value, "means": means} for value, means in _FREE_ANCHORS]},
            "variables": ["output"],
            "optional": ["input", "expected", "context"],
        }
    )


FREE: Final = "criteria"
"""Id of a rubric that is but criteria in the user's own words."""
_FREE_ANCHORS: Final = (
    (1, "The response does not meet the criteria at all."),
    (2, "It meets a small part of them, or misses what matters most."),
    (3, "It meets them in part, with flaws that a reader would mind."),
    (4, "It meets them, with small flaws."),
    (5, "It meets them fully; there is nothing to improve."),
)


@functools.cache
def library() -> Mapping[str, Rubric]:
    """Return the templates of the package, by id, in alphabetical order."""
    files = sorted(
        (entry for entry in resources.files(LIBRARY).iterdir() if entry.name.endswith(".yaml")),
        key=lambda entry: entry.name,
    )
    rubrics = (parse_rubric(file.read_text(encoding="utf-8"), file.name) for file in files)
    return {rubric.id: rubric for rubric in rubrics}


def named_rubric(name: str) -> Rubric | None:
    """Return the template of the library that is called so; ``None`` if there is none."""
    return _by_name().get(spell_name(name))


@functools.cache
def _by_name() -> Mapping[str, Rubric]:
    return {spell_name(name): rubric for rubric in library().values() for name in rubric.names}


def find_rubric(criteria: str) -> Rubric | None:
    """Return the template of the library that criteria name; ``None`` if they are the user's own words.

    Raises ``ValueError`` if they are one word that is no name, look like a misspelled one, or name a file.
    """
    rubric = named_rubric(refuse_file_name(criteria))
    if rubric is None and (is_one_word(criteria) or _is_misspelled(criteria)):
        raise ValueError(f"{unknown_rubric(criteria)} {_ADVICE}")
    return rubric


def _is_misspelled(criteria: str) -> bool:
    if not _NAME.fullmatch(criteria.strip()):
        return False
    return bool(difflib.get_close_matches(spell_name(criteria), _by_name(), n=1, cutoff=_CLOSE))


_ADVICE: Final = (
    'For criteria of your own, write a sentence, such as "The answer is polite."; for a rubric of your own, `template: '
    "FILE.yaml`. `promptevals rubrics list` shows the library"
)


def parse_rubric(text: str, shown: str) -> Rubric:
    """Return the rubric that a YAML text holds. Raises ``DatasetError`` with everything that is wrong, by line."""
    document = parse_yaml(text, shown)
    try:
        rubric = Rubric.model_validate(document.value)
    except ValidationError as error:
        findings = find_problems(error, Rubric, document.value)
        problems = [_problem(one.path, show_finding(one), document, shown) for one in findings]
        raise DatasetError(sorted(problems, key=lambda problem: problem.line or 0)) from None
    if marked := list(_find_marks(rubric)):
        raise DatasetError([_problem(path, _NOT_FILLED_IN, document, shown) for path in marked])
    return rubric


_MARKS: Final = ("{{", "{%", "{#")
_NOT_FILLED_IN: Final = (
    "holds {{, {% or {#, but nothing is filled into a rubric in a file: it is sent as it stands. Say it in words that "
    "hold for every case, which the judge model is shown, or write `criteria: ...` in the eval file, where variables "
    "are filled in"
)


def _find_marks(rubric: Rubric) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of texts that are meant to be templates."""
    texts: list[tuple[tuple[str | int, ...], str]] = [(("criteria",), rubric.criteria)]
    texts += [(("dimensions", index, "question"), one.question) for index, one in enumerate(rubric.dimensions)]
    texts += [(("scale", "anchors", index, "means"), one.means) for index, one in enumerate(rubric.scale.anchors)]
    return (path for path, text in texts if any(mark in text for mark in _MARKS))


def _problem(path: Sequence[str | int], message: str, document: YamlDocument, shown: str) -> FileProblem:
    return FileProblem(message, path=shown, line=document.line_of(path), field=field_name(path))


def load_rubric(name: str, search_path: Sequence[Path]) -> Rubric:
    """Return the rubric of a user's file, looked up in folders of which the last is the rootdir.

    Raises ``ValueError`` if there is none inside of the rootdir, or if it is not right.
    """
    rootdir = search_path[-1]
    try:
        paths = [resolve_inside(name, folder, rootdir) for folder in search_path]
        path = next((path for path in paths if path.is_file()), paths[0])
        return parse_rubric(read_text(path, shown_path(path, rootdir)), shown_path(path, rootdir))
    except (OutsideRootdirError, FileProblem, DatasetError) as error:
        raise ValueError(str(error)) from error

"""Collecting everything that is wrong, and saying it in the project's words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.findings import Finding, find_problems
from pytest_promptevals.records.json_types import Json

MAX_SHOWN: Final = 60
"""Characters of a value that a message shows."""

WireModel = TypeVar("WireModel", bound=BaseModel)


class Problems:
    """The problems of an eval file and of all files that belong to it."""

    def __init__(self) -> None:
        self._problems: list[FileProblem] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, message: str, source: Source, path: Sequence[str | int] = ()) -> None:
        """Note a problem of a part of the source's value."""
        line, field = source.line_of(path), source.field_of(path)
        self._problems.append(FileProblem(message, path=source.shown, line=line, field=field))

    def extend(self, problems: Iterable[FileProblem]) -> None:
        """Note problems that know their place."""
        self._problems.extend(problems)

    def raise_all(self) -> None:
        """Raise ``DatasetError`` with all problems, by file and line, if there are any."""
        if self._problems:
            raise DatasetError(sorted(self._problems, key=lambda problem: (problem.path, problem.line or 0)))

    def check(self, model: type[WireModel], value: object, source: Source) -> WireModel | None:
        """Return the value as a wire model, or ``None`` after noting all that is wrong with it."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.explain(error, model, value, source)
            return None

    def explain(self, error: ValidationError, model: type[BaseModel], value: object, source: Source) -> None:
        """Note all that a wire model found to be wrong with a value."""
        for finding in find_problems(error, model, value):
            self.add(_say(finding), source, finding.path)


def shorten(value: Json) -> str:
    """Return a value as messages show it: JSON, cut where it gets long."""
    text = json.dumps(value[: MAX_SHOWN * 2] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def render_problems(problems: Sequence[FileProblem], limit: int = 30) -> str:
    """Return problems as text, one a line, with the number of those beyond the limit."""
    lines = [str(problem) for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return "\n".join(lines)


def _say(finding: Finding) -> str:
    if finding.kind == "extra_forbidden":
        return finding.words
    if finding.kind == "missing":
        return "this key is missing; add it"
    return f"{finding.words}, got {shorten(finding.value)}{finding.hint}"

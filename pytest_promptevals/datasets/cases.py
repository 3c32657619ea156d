"""One case: from what is written to its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_promptevals.datasets.judge_specs import label_judges, read_judges
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import CaseWire, OutputWire
from pytest_promptevals.records.cases import Case, JudgeSpec, Location
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.responses import Response, ToolCall, Usage

ID_DIGITS: Final = 8
"""Hexadecimal digits of the id of a case that has none."""
LONG_ID_DIGITS: Final = 16
"""The same where two cases of different content would get one id."""

_EMPTY: Final[JsonObject] = {}
"""Shared by all cases without variables or notes: 100,000 dictionaries are 6 MB."""


class CaseReader:
    """Makes the cases of one dataset, whose ids are unique over all its files."""

    def __init__(self, tags: Sequence[str], judges: Sequence[JudgeSpec], least_trials: int, problems: Problems) -> None:
        self._tags = tuple(tags)
        self._labels = [judge.name for judge in judges]
        self._least_trials = least_trials
        self._problems = problems
        self._tag_tuples: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._cases: list[Case] = []
        self.judges: list[JudgeSpec] = []
        """Those of the cases, also of cases that are wrong elsewhere."""
        self._ids: dict[str, Location] = {}
        self._hashes: dict[str, Location] = {}
        self._short_ids: dict[str, int] = {}
        self._shared_short_ids: set[str] = set()

    def read(self, raw: Json, source: Source) -> None:
        """Add a case, or note what is wrong with it."""
        wire = self._problems.check(CaseWire, raw, source)
        location = source.locate()
        if wire is None:
            self._check_rest(raw, location, source)
            return
        if wire.trials is not None and wire.trials < self._least_trials:
            message = f"must be at least {self._least_trials}, as the reducer of the eval file says, got {wire.trials}"
            self._problems.add(message, source, ("trials",))
        case_id = (
            self._name_by_content(wire, location, source) if wire.id is None else self._claim(wire.id, location, source)
        )
        self._cases.append(self._build(case_id, wire, location, source))

    @property
    def count(self) -> int:
        """Number of cases so far."""
        return len(self._cases)

    def finish(self) -> tuple[Case, ...]:
        """Return all cases, in the order in which they were read, each with its id."""
        for short in self._shared_short_ids:
            index = self._short_ids[short]
            case = self._cases[index]
            self._cases[index] = replace(case, id=_hash_case(case.input, case.vars))
        return tuple(self._cases)

    def _check_rest(self, raw: Json, location: Location, source: Source) -> None:
        """Note what is wrong with the id and the judges of a case that is wrong elsewhere."""
        if not isinstance(raw, dict):
            return
        case_id, judges = raw.get("id"), raw.get("judges")
        if isinstance(case_id, str | int) and not isinstance(case_id, bool):
            self._claim(str(case_id), location, source)
        if isinstance(judges, list):
            self._read_judges(judges, source)

    def _claim(self, case_id: str, location: Location, source: Source) -> str:
        """Return the id, noted if another case has it."""
        first = self._ids.setdefault(case_id, location)
        if first is not location:
            message = f"the id {case_id!r} is already that of the case at {first}; give each case an id of its own"
            self._problems.add(message, source, ("id",))
        return case_id

    def _name_by_content(self, wire: CaseWire, location: Location, source: Source) -> str:
        """Return the id of a case that has none; noted if another one has the same content."""
        digits = _hash_case(wire.input, wire.vars)
        short = digits[:ID_DIGITS]
        first = self._hashes.setdefault(digits, location)
        if first is not location:
            message = f"has the same input and vars as the case at {first}; give both of them an id"
            self._problems.add(message, source)
            return short
        if self._short_ids.setdefault(short, len(self._cases)) == len(self._cases):
            return self._claim(short, location, source)
        self._shared_short_ids.add(short)
        return self._claim(digits, location, source)

    def _build(self, case_id: str, wire: CaseWire, location: Location, source: Source) -> Case:
        return Case(
            id=case_id,
            location=location,
            input=wire.input,
            vars=wire.vars or _EMPTY,
            expected=wire.expected,
            output=None if wire.output is None else build_response(wire.output),
            context=tuple(wire.context),
            tags=self._join_tags(wire.tags),
            judges=self._read_judges(wire.judges, source) if wire.judges else (),
            weight=wire.weight,
            priority=wire.priority,
            group=wire.group,
            trials=wire.trials,
            skip=wire.skip,
            xfail=wire.xfail,
            metadata=wire.metadata or _EMPTY,
        )

    def _join_tags(self, tags: list[str]) -> tuple[str, ...]:
        own = tuple(tags)
        shared = self._tag_tuples.get(own)
        if shared is None:
            shared = self._tag_tuples[own] = tuple(dict.fromkeys((*own, *self._tags)))
        return shared

    def _read_judges(self, entries: Sequence[Json], source: Source) -> tuple[JudgeSpec, ...]:
        judges = read_judges(entries, source.part("judges"), self._problems)
        labelled = label_judges(judges, self._labels, self._problems)
        self.judges += labelled
        return labelled


def is_named_by_content(case: Case) -> bool:
    """Return whether a case has the id that cases without one get."""
    digits = _hash_case(case.input, case.vars)
    return case.id in (digits, digits[:ID_DIGITS])


def _hash_case(content: Json, variables: JsonObject) -> str:
    return content_hash({"input": content, "vars": dict(variables)}, LONG_ID_DIGITS)


def build_response(wire: OutputWire) -> Response:
    """Return a recorded output as the response that it once was."""
    return Response(
        text=wire.text,
        tool_calls=tuple(ToolCall(call.name, call.arguments, call.id) for call in wire.tool_calls),
        finish_reason=wire.finish_reason,
        usage=Usage(**dict(wire.usage)),
        latency=wire.latency,
        cost=wire.cost,
        model=wire.model,
        refusal=wire.refusal,
    )

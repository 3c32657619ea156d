"""Just what a comparison reads of the results of a run: columns as they are, with no records made of them.

On SQLite they come through Python's own ``sqlite3``: SQLAlchemy takes three times as long to hand them over.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, overload

from sqlalchemy import Connection, text

from pytest_promptevals.history.light_checks import ColumnChecks, are_scores
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.stored import store_json, store_text
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.columns import Mappings
from pytest_promptevals.records.partial import SEPARATOR
from pytest_promptevals.records.results import ErrorRecord, Score, Trial

_Row: TypeAlias = "Sequence[Any]"
_Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
_Numbers: TypeAlias = "Mapping[str, float]"
_ScoresByTrial: TypeAlias = "Mapping[int, tuple[Score, ...]]"

_NOTHING: Final[_Numbers] = {}
_NO_SCORES: Final[_ScoresByTrial] = {}
_DENSE: Final = 0.5
"""Share of the range of its ids that a run must fill for that range to be read, and not its index: twice as fast."""


class BeforeRow(NamedTuple):
    """A result as a comparison reads it of the baseline: it is a ``comparison.scored.Before``."""

    name: str
    case_id: str
    case_fingerprint: str
    model: str
    prompt_name: str
    score: float
    cost: float | None
    latency: float | None
    output_length: float | None
    passed: bool
    trials: int
    trial_scores: Sequence[float]
    scores: _Numbers


class ScoredRow(NamedTuple):
    """A result as a comparison reads it of the run: it is a ``comparison.scored.Scored``."""

    name: str
    case_id: str
    case_fingerprint: str
    model: str
    prompt_name: str
    score: float | None
    cost: float | None
    latency: float | None
    output_length: float | None
    passed: bool | None
    trial_count: int
    trial_scores: Sequence[float]
    judge_values: _Numbers
    weight: float
    group: str | None
    path: str
    line: int
    error: ErrorRecord | None
    scores: tuple[Score, ...]
    trials: tuple[Trial, ...]

    @property
    def location(self) -> Location:
        """Where the case stands."""
        return Location(self.path, self.line)


_Kind = TypeVar("_Kind", BeforeRow, ScoredRow)


class Rows(Sequence[_Kind], Generic[_Kind]):
    """Results that are kept as columns: what reads columns is handed them, and rows are made where one is looked at.

    Args:
        kind: ``BeforeRow`` or ``ScoredRow``.
        columns: one for each of its fields, in their order.
    """

    def __init__(self, kind: type[_Kind], columns: Sequence[Sequence[Any]]) -> None:
        self._kind: type[_Kind] = kind
        self._columns: dict[str, Sequence[Any]] = dict(zip(_fields_of(kind), columns, strict=True))

    def column(self, name: str) -> Sequence[Any]:
        """Return a field of all of them."""
        return self._columns[name]

    def __len__(self) -> int:
        return len(self._columns["name"])

    def __iter__(self) -> Iterator[_Kind]:
        # All in C: a line of Python for each row takes as long as to read it.
        return map(functools.partial(tuple.__new__, self._kind), zip(*self._columns.values(), strict=True))

    @overload
    def __getitem__(self, place: int) -> _Kind: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[_Kind]: ...
    def __getitem__(self, place: int | slice) -> _Kind | Sequence[_Kind]:
        if isinstance(place, slice):
            return list(self)[place]
        row: _Kind = tuple.__new__(self._kind, [column[place] for column in self._columns.values()])
        return row


_OF_BOTH: Final = (
    "id",
    "name",
    # What is mostly a text that is known already is left out there: nothing is handed over faster than that.
    "nullif(case_id, name) AS case_id",
    "case_fingerprint",
    "nullif(model, :model) AS model",
    "nullif(prompt_name, :prompt_name) AS prompt_name",
    # What somebody else wrote into the file is no score.
    "CASE WHEN score BETWEEN 0 AND 1 THEN score END AS score",
    "cost",
    "latency",
    "output_length",
    "passed",
    "responses",
    "trial_scores",
    "judge_values",
)
_OF_NOW: Final = (
    *_OF_BOTH,
    "weight",
    "case_group",
    "nullif(path, file) AS path",
    "line",
    "error_kind",
    "error_message",
    "CASE WHEN score BETWEEN 0 AND 1 OR score IS NULL THEN 0 ELSE 1 END AS is_foreign",
)
_FOREIGN: Final = "history"
_NO_SCORE: Final = "the history holds no score for it: somebody else wrote what stands there"
_TRUTHS: Final = {0: False, 1: True, None: None}


def read_before(connection: Connection, run_id: str, file: str) -> Sequence[BeforeRow]:
    """Return the results with a score that a run has of an eval file, to compare others with."""
    reader = _Reader(connection, run_id, file)
    columns = reader.results(_OF_BOTH, "AND error_kind IS NULL AND score BETWEEN 0 AND 1")
    return Rows(BeforeRow, _common(columns, reader))


def read_scored(connection: Connection, run_id: str, file: str) -> Sequence[ScoredRow]:
    """Return the results that a run has of an eval file, errors among them."""
    reader = _Reader(connection, run_id, file)
    columns = reader.results(_OF_NOW)
    kinds, messages = _foreign_as_errors(columns)
    details = reader.scores_in_full() if reader.is_more_needed(columns["case_fingerprint"]) else {}
    full = [_in_full(details.get(result_id, _NO_SCORES)) for result_id in columns["id"]] if details else None
    return Rows(
        ScoredRow,
        [
            *_common(columns, reader),
            columns["weight"],
            columns["case_group"],
            _fill(columns["path"], itertools.repeat(file)),
            columns["line"],
            _errors(kinds, messages),
            *(zip(*full, strict=True) if full else [[()] * len(columns["id"])] * 2),
        ],
    )


def _fields_of(kind: type[BeforeRow | ScoredRow]) -> Sequence[str]:
    return kind._fields


def _common(columns: _Columns, reader: _Reader) -> list[Sequence[Any]]:
    """Return the columns that both kinds of rows begin with, in the order of their fields."""
    return [
        columns["name"],
        _fill(columns["case_id"], columns["name"]),
        columns["case_fingerprint"],
        *(_fill(columns[name], itertools.repeat(reader.usual[name])) for name in reader.usual),
        *(columns[name] for name in ("score", "cost", "latency", "output_length")),
        list(map(_TRUTHS.__getitem__, columns["passed"])),
        [responses or 1 for responses in columns["responses"]],
        reader.checks.parse_lists("trial_scores", columns["trial_scores"]),
        _read_judges(columns, reader),
    ]


def _fill(texts: Sequence[str | None], others: Iterable[str]) -> Sequence[str]:
    """Return the texts, and those that were left out from the others."""
    return [other if text is None else text for text, other in zip(texts, others, strict=False)]


def _foreign_as_errors(columns: _Columns) -> tuple[Sequence[str | None], Sequence[str | None]]:
    """Return kinds and messages of errors, with one for each result whose score somebody else wrote."""
    kinds, messages = columns["error_kind"], columns["error_message"]
    foreign = columns["is_foreign"]
    if not any(foreign):
        return kinds, messages
    return (
        [kind or (_FOREIGN if is_foreign else None) for kind, is_foreign in zip(kinds, foreign, strict=True)],
        [
            _NO_SCORE if is_foreign and not kind else message
            for kind, message, is_foreign in zip(kinds, messages, foreign, strict=True)
        ],
    )


def _errors(kinds: Sequence[str | None], messages: Sequence[str | None]) -> Sequence[ErrorRecord | None]:
    if not any(kinds):
        return [None] * len(kinds)
    return [
        None if kind is None else ErrorRecord(kind, message or "")
        for kind, message in zip(kinds, messages, strict=True)
    ]


def _in_full(scores: _ScoresByTrial) -> tuple[tuple[Score, ...], tuple[Trial, ...]]:
    """Return the scores over the trials, and the trials with theirs."""
    trials = (Trial(number, scores=found) for number, found in scores.items() if number != OVER_TRIALS)
    return scores.get(OVER_TRIALS, ()), tuple(trials)


def _read_judges(columns: _Columns, reader: _Reader) -> Sequence[_Numbers]:
    """Return each judge's score over the trials; rows of older versions have them in another table only."""
    stored = columns["judge_values"]
    if None not in stored:
        return parse_alike(stored) or reader.checks.parse_objects("judge_values", stored)
    values = reader.judge_values()
    return [values.get(result_id, _NOTHING) for result_id in columns["id"]]


def parse_alike(texts: Sequence[str]) -> Mappings | None:
    """Return what JSON texts hold that all have the same keys in the same order; ``None`` where they have not.

    The keys are taken out of the texts first, which leaves numbers: these are parsed in a fifth of the time. The number
    of its key is left behind each value but the last, and tells that it is the one that is meant.
    """
    try:
        first = json.loads(texts[0]) if texts else _NOTHING
    except ValueError:
        return None
    if not first or not isinstance(first, dict):
        return None
    numbers = ",".join(texts)
    for place, key in enumerate(map(store_json, first)):
        numbers = numbers.replace(f",{key}:", f",{place},") if place else numbers.replace(f"{{{key}:", "")
    try:
        parsed: list[float] = json.loads(f"[{numbers.replace('}', '')}]")
    except ValueError:
        return None
    step = 2 * len(first) - 1
    if len(parsed) != step * len(texts):
        return None
    if any(parsed[2 * place - 1 :: step] != [place] * len(texts) for place in range(1, len(first))):
        return None
    columns = {key: parsed[2 * place :: step] for place, key in enumerate(first)}
    return Mappings(columns) if all(map(are_scores, columns.values())) else None


class _Reader:
    """Asks for the results of one eval file in one run."""

    def __init__(self, connection: Connection, run_id: str, file: str) -> None:
        self._connection = connection
        self._sqlite: Any = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
        self.checks = ColumnChecks(run_id, file)
        self._values: dict[str, str | int] = {"run": store_text(run_id), "file": store_text(file)}
        self.usual = self._find_usual()
        """The model and the name of the prompt's template of one of the results: mostly, all have the same."""
        self._values |= self.usual
        self._is_dense = self._sqlite is not None and self._find_range()

    def results(self, names: Sequence[str], condition: str = "") -> _Columns:
        """Return columns of the results, by name."""
        # The plus keeps SQLite from its index of the runs, which leads to each row by itself.
        dense = "id BETWEEN :low AND :high AND +run_id = :run AND +file = :file"
        where = dense if self._is_dense else "run_id = :run AND file = :file"
        rows = self._ask(f"SELECT {', '.join(names)} FROM case_results WHERE {where} {condition}")  # noqa: S608 - our own words
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        found = dict(zip(map(_name_of_column, names), columns, strict=True))
        self.checks.check(found)
        return found

    def judge_values(self) -> Mapping[int, _Numbers]:
        """Return each judge's score over the trials, by the id of the result."""
        values: defaultdict[int, dict[str, float]] = defaultdict(dict)
        for result_id, judge, value in self._ask_scores("result_id, judge, value", f"trial = {OVER_TRIALS}"):
            values[result_id][judge] = value
        return values

    def is_more_needed(self, fingerprints: Sequence[str]) -> bool:
        """Return whether a comparison reads whole scores: a part of the judges ran, or scores have details."""
        if SEPARATOR in "".join(fingerprints):
            return True
        return bool(self._ask_scores("1", "details IS NOT NULL LIMIT 1"))

    def scores_in_full(self) -> Mapping[int, _ScoresByTrial]:
        """Return all scores, by the id of the result and the number of the trial."""
        found: dict[int, dict[int, tuple[Score, ...]]] = {}
        columns = "result_id, trial, judge, value, passed, threshold, weight, required, details"
        for result_id, trial, *score in self._ask_scores(columns, "1 = 1 ORDER BY result_id, trial, position"):
            of_result = found.setdefault(result_id, {})
            of_result[trial] = (*of_result.get(trial, ()), _score_of(score))
        return found

    def _find_usual(self) -> dict[str, str]:
        query = "SELECT model, prompt_name FROM case_results WHERE run_id = :run AND file = :file LIMIT 1"
        model, prompt_name = next(iter(self._ask(query)), ("", ""))
        return {"model": model, "prompt_name": prompt_name}

    def _find_range(self) -> bool:
        """Look how the ids of the results are spread, and return whether they are close together."""
        query = "SELECT min(id), max(id), count(*) FROM case_results WHERE run_id = :run AND file = :file"
        ((low, high, count),) = self._ask(query)
        if not count:
            return False
        self._values |= {"low": low, "high": high}
        return bool(count > _DENSE * (high - low + 1))

    def _ask_scores(self, columns: str, condition: str) -> list[_Row]:
        # In the range there may be scores of other results, which nobody asks for then.
        wanted = "SELECT id FROM case_results WHERE run_id = :run AND file = :file"
        where = "result_id BETWEEN :low AND :high" if self._is_dense else f"result_id IN ({wanted})"
        return self._ask(f"SELECT {columns} FROM scores WHERE {where} AND {condition}")  # noqa: S608 - our own words

    def _ask(self, query: str) -> list[_Row]:
        if self._sqlite is None:
            return list(self._connection.execute(text(query), self._values))
        rows: list[_Row] = self._sqlite.execute(query, self._values).fetchall()
        return rows


def _name_of_column(expression: str) -> str:
    return expression.rpartition(" ")[2]


def _score_of(row: _Row) -> Score:
    judge, value, passed, threshold, weight, required, details = row
    return Score(
        judge,
        value,
        passed=bool(passed),
        threshold=threshold,
        weight=weight,
        required=bool(required),
        details=None if details is None else json.loads(details),
    )

"""The cases of a run as the HTML report's script reads them: a small index, and packets of the long texts."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.reports.case_order import has_flipped
from pytest_promptevals.reports.file_names import short_names
from pytest_promptevals.reports.words import json_text

PACKET: Final = 250
"""Cases whose texts are unpacked together: one of them is opened in a few milliseconds."""
LONGEST_TEXT: Final = 1_000_000
"""Characters of one text that a report keeps."""
_ROOM_OF_FILES: Final = 20
"""Cells of a file's name in the table of cases."""
_DIGITS: Final = 6
_LEVEL: Final = 6
"""zlib's: a higher one takes twice as long, and saves a hundredth."""


def pack(data: Json) -> str:
    """Return plain data as compressed JSON in base64, which no text in it can break out of.

    JSON's own escapes keep what no encoding can write, such as halves of surrogate pairs.
    """
    text = json.dumps(data, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("ascii"), _LEVEL)).decode("ascii")


def packets(report: RunReport) -> Iterator[str]:
    """Yield the texts of all cases in their order, ``PACKET`` cases in each."""
    cases = itertools.chain.from_iterable(file.cases for file in report.files)
    while batch := list(itertools.islice(cases, PACKET)):
        yield pack([_texts(case) for case in batch])


def index(report: RunReport) -> dict[str, Json]:
    """Return what the table of cases, its filters and the charts need; words that come often stand in lists."""
    words = _Words()
    rows: list[Json] = [_row(case, words) for file in report.files for case in file.cases]
    files = list(words.kinds["files"])
    return {
        "run": report.run.id,
        "packet": PACKET,
        "short_files": [*short_names(files, _ROOM_OF_FILES)],
        "cases": rows,
        "trends": {file.file: _trend(file) for file in report.files if len(file.trend) > 1},
        **{name: list(places) for name, places in words.kinds.items()},
    }


@dataclass(slots=True)
class _Words:
    """Words by kind, each with its place in the list of its kind."""

    kinds: dict[str, dict[str, int]] = field(
        default_factory=lambda: {name: {} for name in ("files", "models", "prompts", "tags", "judges")}
    )

    def place(self, kind: str, word: str) -> int:
        places = self.kinds[kind]
        return places.setdefault(word, len(places))


def _row(case: ReportedCase, words: _Words) -> list[Json]:
    result, delta = case.result, case.delta
    return [
        result.name,
        words.place("files", result.file),
        words.place("models", result.model),
        words.place("prompts", result.prompt_name),
        [words.place("tags", tag) for tag in result.tags],
        case_status(result),
        "" if delta is None else delta.change.value,
        _number(result.score),
        None if delta is None else _number(delta.before),
        has_flipped(case),
        _number(result.cost),
        _number(result.latency),
        [[words.place("judges", score.judge), _number(score.value), score.passed] for score in result.scores],
    ]


def case_status(result: CaseResult) -> str:
    """Return ``passed``, ``failed`` or ``error``."""
    if result.error is not None or result.passed is None:
        return "error"
    return "passed" if result.passed else "failed"


def _trend(file: ReportedFile) -> list[Json]:
    return [
        [
            point.started_at,
            point.run_id,
            {name: _number(value) for name, value in point.values.items()},
            [verdict.value for verdict in point.verdicts],
        ]
        for point in file.trend
    ]


def _texts(case: ReportedCase) -> dict[str, Json]:
    result = case.result
    known: dict[str, Json] = {
        "place": str(result.location),
        "prompt": [] if result.prompt is None else _messages(result),
        "expected": _expected(result.expected),
        "before": _text(case.output_before),
        "renamed": None if case.delta is None else case.delta.renamed_from,
        "error": _error(result.error),
        "scores": _scores(result.scores),
        "trials": [_trial(trial, result.scores) for trial in result.trials],
        "weight": None if result.weight == 1 else result.weight,
        "group": result.group,
        "reused": result.reused_from,
        "spent": _number(result.spent),
    }
    return {name: value for name, value in known.items() if value is not None}


def _messages(result: CaseResult) -> list[Json]:
    messages = () if result.prompt is None else result.prompt.messages
    return [[message.role, _text(message.content)] for message in messages]


def _trial(trial: Trial, of_case: Sequence[Score]) -> dict[str, Json]:
    known: dict[str, Json] = {
        "number": trial.number,
        "score": _number(trial.score),
        "passed": trial.passed,
        "error": _error(trial.error),
        # Of a single trial, the case's scores are these.
        "scores": None if _are_alike(trial.scores, of_case) else _scores(trial.scores),
        **({} if trial.response is None else _response(trial.response)),
    }
    return {name: value for name, value in known.items() if value is not None}


def _response(response: Response) -> dict[str, Json]:
    calls: list[Json] = [f"{call.name}({_expected(call.arguments) or ''})" for call in response.tool_calls]
    return {
        "text": _text(response.text),
        "calls": calls or None,
        "finish": response.finish_reason,
        "refusal": _text(response.refusal),
        "latency": _number(response.latency),
        "cost": _number(response.cost),
        "cached": response.cached or None,
        "model": response.model,
        "tokens": _tokens(response),
    }


def _tokens(response: Response) -> Json:
    usage = response.usage
    known = [usage.input_tokens, usage.output_tokens]
    return None if known == [None, None] else [*known]


def _are_alike(scores: Sequence[Score], of_case: Sequence[Score]) -> bool:
    told = [(score.judge, score.value, score.explanation) for score in of_case]
    return [(score.judge, score.value, score.explanation) for score in scores] == told


def _scores(scores: Iterable[Score]) -> list[Json]:
    return [
        [
            score.judge,
            _number(score.value),
            score.passed,
            _number(score.threshold),
            _text(score.explanation),
            score.required,
            _number(score.cost),
            "" if score.details is None else _text(json_text(_plain(score.details), indent=1)),
        ]
        for score in scores
    ]


def _plain(details: Mapping[str, Json]) -> Json:
    return dict(details)


def _error(error: ErrorRecord | None) -> Json:
    return None if error is None else [error.kind, _text(error.message)]


def _expected(data: Json) -> str | None:
    if data is None:
        return None
    return _text(data if isinstance(data, str) else json_text(data, indent=2))


def _text(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    left_out = len(text) - LONGEST_TEXT
    return f"{text[:LONGEST_TEXT]}\n… {left_out:,} more characters are left out of this report."


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)

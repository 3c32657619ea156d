"""Datasets of pydantic-evals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.drafting import ROLES, share_judges
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_document
from pytest_promptevals.datasets.importers.pydantic_evaluators import (
    EVALUATORS,
    Evaluator,
    Evaluators,
    read_evaluator,
    unique_names,
)
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "$schema": "left out: it names the schema that editors check the file with",
    "name": "`description`",
    "cases.name": "`id`",
    "cases.inputs": "`input`; data that is no text is sent as JSON. The task is a function of yours: give its prompt",
    "cases.metadata": "`metadata`",
    "cases.expected_output": "`expected`",
    "cases.evaluators": "`judges` of the case, see below",
    "evaluators": "`judges` of all cases, see below",
    "report_evaluators": "left out, and named",
    **EVALUATORS,
}
"""Fields of a file and evaluators with their arguments, and what becomes of them."""
_JUDGE_MODEL: Final = "openai/gpt-5.2"
_COMMENTS: Final = {
    "judge_model": "What pydantic-evals asks where an evaluator names no model.",
    "prompt": "Inputs that are lists would be taken as chat messages.",
}
_REPORT: Final = (
    "figures over a whole report have no equivalent; left out. 'gate' has rules on the mean score, the pass rate, the "
    "cost and the latency"
)


class PydanticEvalsImporter:
    """Reads a dataset: its cases, and the evaluators that have an equivalent."""

    description = "datasets of pydantic-evals, as YAML or JSON, with their evaluators"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the file has cases with ``inputs``."""
        cases = request.sample.get("cases") if isinstance(request.sample, dict) else None
        if not isinstance(cases, list) or request.fields:
            return False
        return any(isinstance(case, dict) and "inputs" in case for case in cases)

    def read(self, request: ImportRequest) -> Draft:
        """Return the dataset as an eval file.

        Raises ``FileProblem`` for a file without a list of cases.
        """
        document, source = read_document(request.path, request.shown)
        if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
            raise FileProblem("must be a mapping with a list of cases", path=request.shown)
        losses = Losses()
        reader = _Reader(losses)
        with Fields(document, source, losses) as fields:
            fields.take("$schema")
            description, rows = fields.take_text("name"), fields.take_list("cases")
            common = reader.read_evaluators(fields.take_list("evaluators"), fields.part("evaluators"))
            for index, _ in enumerate(fields.take_list("report_evaluators")):
                losses.add(source, _REPORT, "report_evaluators", index)
        cases = list(reader.read_cases(rows, source.part("cases")))
        judges = reader.share_common(common, cases)
        reader.evaluators.counted.note()
        written: dict[str, Json] = {
            "description": description,
            "prompt": _prompt_for(cases),
            "judge_model": _JUDGE_MODEL if reader.evaluators.needs_model else None,
            "judges": judges,
        }
        settings = {key: value for key, value in written.items() if value}
        return Draft(settings, cases, losses.listed(), comments=_COMMENTS)


class _Reader:
    """Reads cases, and what judges them."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.evaluators = Evaluators(losses)

    def read_evaluators(self, written: Sequence[Json], source: Source) -> list[Evaluator]:
        """Return the evaluators of a list."""
        found = (read_evaluator(item, source.part(index), self._losses) for index, item in enumerate(written))
        return [evaluator for evaluator in found if evaluator is not None]

    def read_cases(self, rows: Sequence[Json], source: Source) -> Iterator[dict[str, Json]]:
        """Yield the cases, with the judges of each."""
        for index, row in enumerate(rows):
            place = source.part(index)
            if not isinstance(row, dict):
                self._losses.add(place, "the case is no mapping; left out")
                continue
            with Fields(row, place, self._losses) as fields:
                case = self._read_case(fields)
            if case is not None:
                yield case

    def _read_case(self, fields: Fields) -> dict[str, Json] | None:
        asked, expected = fields.take("inputs"), fields.take("expected_output")
        metadata, name = fields.take("metadata"), fields.take("name")
        own = self.read_evaluators(fields.take_list("evaluators"), fields.part("evaluators"))
        if asked in (None, "", [], {}):
            self._losses.add(fields.source, "the case has no inputs, so nothing is asked; left out")
            return None
        judges = [judge for evaluator in own for judge in self.evaluators.judges_of(evaluator, expected)]
        notes = metadata if isinstance(metadata, dict) else {"metadata": metadata}
        known: Json = {key: value for key, value in notes.items() if value is not None}
        return {"id": name, "input": asked, "expected": expected, "judges": judges, "metadata": known}

    def share_common(self, common: Sequence[Evaluator], cases: Sequence[dict[str, Json]]) -> list[Json]:
        """Return the judges of all cases. Those that depend on what a case expects may go to the cases."""
        shared: list[Json] = []
        for evaluator in common:
            if not evaluator.compares_expected:
                shared += self.evaluators.judges_of(evaluator)
                continue
            each = [self.evaluators.judges_of(evaluator, case["expected"]) for case in cases]
            if all(each) and all(judges == each[0] for judges in each):
                shared += each[0]
                continue
            for case, judges in zip(cases, each, strict=True):
                case["judges"] = [*judges, *_list(case["judges"])]
        taken: set[str] = set()
        shared = unique_names(shared, taken)
        for case in cases:
            case["judges"] = unique_names(_list(case["judges"]), set(taken))
        return [*shared, *share_judges(cases)]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _prompt_for(cases: Sequence[Mapping[str, Json]]) -> Json:
    """Return the prompt that sends lists as data; ``None`` where the inputs can be sent without one."""
    lists = [case["input"] for case in cases if isinstance(case["input"], list)]
    if all(map(_is_chat, lists)):
        return None
    return "{{ input if input is string else input | tojson }}"


def _is_chat(value: Json) -> bool:
    """Return whether a list is one of chat messages, which are sent as such."""
    return isinstance(value, list) and all(
        isinstance(item, dict) and item.keys() == {"role", "content"} and item["role"] in ROLES for item in value
    )

"""Cases as plain rows, one JSON object a line, for tools that know nothing of eval files."""

from __future__ import annotations

import dataclasses
import json
from typing import Final

from pytest_promptevals.datasets.cases import is_named_by_content
from pytest_promptevals.datasets.exporters.losing import Lost, parts_beside_text
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.drafts import Export, ExportRequest
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response

_KEYS: Final = (
    *("prompt", "model", "parameters", "trials", "reducer", "threshold", "timeout", "judges", "judge_model", "gate"),
    *("case_policy", "few_shot", "providers", "prices"),
)
_NO_PLACE: Final = "rows hold cases alone; left out"
_ROW: Final = "a row has no such field; left out"
_FIELDS: Final = ("judges", "weight", "priority", "group", "trials", "skip", "xfail")
_DEFAULTS: Final = {field.name: field.default for field in dataclasses.fields(Case)}


class LinesExporter:
    """Writes rows that hold what a case asks and expects, with its recorded output and notes."""

    description = "cases alone, one JSON object a line"
    endings = (".jsonl",)

    def export(self, request: ExportRequest) -> Export:
        """Return the rows."""
        lost = Lost(request)
        for key in _KEYS:
            if key in request.places:
                lost.key(key, _NO_PLACE)
        lines = [json.dumps(_row(case, lost), ensure_ascii=False) for case in request.dataset.cases]
        return Export("".join(f"{line}\n" for line in lines), len(lines), lost.listed())


def _row(case: Case, lost: Lost) -> dict[str, Json]:
    for name in _FIELDS:
        if getattr(case, name) != _DEFAULTS[name]:
            lost.at(case.location, name, _ROW)
    row: dict[str, Json] = {
        "id": None if is_named_by_content(case) else case.id,
        "input": case.input,
        "vars": dict(case.vars),
        "expected": case.expected,
        "output": None if case.output is None else _output(case, case.output, lost),
        "context": list(case.context),
        "tags": list(case.tags),
        "metadata": dict(case.metadata),
    }
    # An empty output is one, too: it was recorded.
    found = {key: value for key, value in row.items() if value is not None and value not in ({}, [])}
    # Without variables, a row might be a record of Braintrust's, which has all the other names.
    is_like_others = "expected" in found and "metadata" in found and "context" not in found
    return {key: value for key, value in row.items() if key in found or (key == "vars" and is_like_others)}


def _output(case: Case, output: Response, lost: Lost) -> str:
    for name in parts_beside_text(output):
        lost.at(case.location, f"output.{name}", "a recorded output is a text in a row; left out")
    return output.text

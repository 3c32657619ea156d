"""Goldens of DeepEval: single-turn ones, and conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.deepeval_turns import read_turns
from pytest_promptevals.datasets.importers.deepeval_values import (
    add_note,
    add_notes,
    read_passages,
    read_tools,
    snake_fields,
)
from pytest_promptevals.datasets.importers.drafting import share_judges
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_document, read_records
from pytest_promptevals.datasets.importers.naming import snake_name
from pytest_promptevals.datasets.importers.starting import explain, first_row, judge_of
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "input": "`input`",
    "actual_output": "the text of `output`: it is judged, and no model is asked",
    "expected_output": "`expected`, judged by `fuzzy`",
    "context": "`context`",
    "retrieval_context": "`context` where the golden has no other, else `metadata`; sources of passages are left out",
    "tools_called": "`tool_calls` of `output`",
    "expected_tools": "`vars`, judged by `tool_calls` in any order, with others allowed",
    "tools.name": "name of the tool",
    "tools.input_parameters": "its `arguments`",
    "tools.type": "left out; named unless it is an ordinary function",
    "tools.description": "left out, and named",
    "tools.reasoning": "left out, and named",
    "tools.output": "of a turn before the last one: a message of the tool; else left out, and named",
    "additional_metadata": "`metadata`",
    "comments": "`metadata`",
    "name": "`id`",
    "id": "`id` where the golden has no name, else `metadata`",
    "source_file": "`metadata`",
    "custom_column_key_values": "`metadata`",
    "multimodal": "left out, and named: no images are shown to models",
    "images_mapping": "left out, and named, likewise",
    "scenario": "`metadata`; without turns it stands in the place of the `input`, and the case is skipped",
    "turns": "chat messages as `input`; the last turn, if it is the assistant's, is the `output`",
    "turns.role": "role of the message",
    "turns.content": "content of the message",
    "turns.tools_called": "`tool_calls` of the message, or of the `output`",
    "turns.retrieval_context": "of the last answer: as `retrieval_context`; of others left out, and named",
    "turns.latency_ms": "`latency` of the `output`, for the last answer; else left out, and named",
    "turns.user_id": "left out, and named",
    "turns.audio": "left out, and named",
    "turns.interrupted": "left out, and named",
    "turns.mcp_tools_called": "left out, and named",
    "turns.mcp_resources_called": "left out, and named",
    "turns.mcp_prompts_called": "left out, and named",
    "turns.metadata": "left out, and named",
    "expected_outcome": "`expected`, which the judge `conversation` asks for",
    "user_description": "`metadata`",
    "persona": "`metadata`",
    "goldens": "the goldens",
    "conversational_goldens": "the goldens",
}
"""Fields of a golden, in snake or camel case, and what becomes of them."""
_LISTS: Final = ("goldens", "conversationalGoldens", "conversational_goldens")
_OWN: Final = frozenset(
    (
        *("actual_output", "retrieval_context", "tools_called", "expected_tools", "additional_metadata", "source_file"),
        *("custom_column_key_values", "expected_outcome", "user_description"),
    )
)
"""Fields that no other format has, of which one is enough."""
_IMAGE: Final = "[DEEPEVAL:"
_TOOLS_JUDGE: Final[Json] = {
    "tool_calls": {"calls": "{{ expected_tools }}", "in_order": False, "extra_calls": True},
}
_OUTCOME_JUDGE: Final[Json] = {"conversation": "The assistant brings about this outcome: {{ expected }}"}
_WHY_CONVERSATION: Final = (
    "Goldens name no judges; this is a start. It asks a model: name one as 'judge_model' here or in evals.yaml."
)
_WHY_TOOLS: Final = (
    "Tools are wanted with these arguments; ToolCorrectnessMetric looks at their names alone, unless it is told more."
)


class DeepEvalImporter:
    """Reads goldens in JSON, JSON Lines or CSV, in snake or camel case."""

    description = "goldens of DeepEval, single-turn and conversations, in JSON, JSON Lines or CSV"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether there are goldens, by a field that only they have."""
        row = first_row(request)
        if row is None:
            return False
        if isinstance(request.sample, dict) and any(isinstance(row.get(name), list) for name in _LISTS):
            return True
        names = {snake_name(name) for name in row}
        if "scenario" in names and not names.isdisjoint({"turns", "persona", *_OWN}):
            return True
        return "input" in names and not names.isdisjoint(_OWN)

    def read(self, request: ImportRequest) -> Draft:
        """Return each golden as a case. Raises ``FileProblem`` or ``DatasetError`` for a file that cannot be read."""
        losses = Losses()
        counts = CountedLosses(losses)
        cases = [case for row, source in _goldens(request, losses) if (case := _read_golden(row, source, counts))]
        counts.note()
        judges = share_judges(cases)
        settings: dict[str, Json] = {"judges": judges} if judges else {}
        return Draft(settings, cases, losses.listed(), comments={"judges": _explain(judges)} if judges else {})


def _goldens(request: ImportRequest, losses: Losses) -> Iterator[tuple[Json, Source]]:
    if not isinstance(request.sample, dict) or not any(name in request.sample for name in _LISTS):
        yield from read_records(request.path, request.shown)
        return
    value, source = read_document(request.path, request.shown)
    with Fields(value if isinstance(value, dict) else {}, source, losses) as fields:
        for name in _LISTS:
            part = fields.part(name)
            for index, row in enumerate(fields.take_list(name)):
                yield row, part.part(index)


def _read_golden(row: Json, source: Source, counts: CountedLosses) -> dict[str, Json] | None:
    if not isinstance(row, dict):
        counts.losses.add(source, "the row is no golden; left out")
        return None
    with Fields(snake_fields(row, source, counts), source, counts.losses) as fields:
        case: dict[str, Json] = {"metadata": {}}
        _read_names(fields, case)
        read = _read_conversation if "scenario" in fields else _read_single
        is_case = read(fields, case, counts)
        _read_rest(fields, case, counts)
    return case if is_case else None


def _read_names(fields: Fields, case: dict[str, Json]) -> None:
    name, own = fields.take("name"), fields.take("id")
    case["id"] = own if name is None else str(name)
    if name is not None:
        add_note(case, "id", own)


def _read_single(fields: Fields, case: dict[str, Json], counts: CountedLosses) -> bool:
    case["input"] = fields.take_text("input")
    text = fields.take_text("actual_output")
    calls = read_tools(fields, "tools_called", counts)
    output: dict[str, Json] = {"text": text, "tool_calls": [*calls]}
    if text or calls:
        case["output"] = {key: value for key, value in output.items() if value} if calls else text
    case["expected"] = fields.take_text("expected_output") or None
    judges: list[Json] = [judge_of(case["expected"])] if case["expected"] is not None else []
    tools = read_tools(fields, "expected_tools", counts)
    if tools:
        case["vars"] = {"expected_tools": [{key: tool[key] for key in tool if key != "id"} for tool in tools]}
        judges.append(_TOOLS_JUDGE)
    case["judges"] = judges or [judge_of(None)]
    _settle_contexts(fields, case, read_passages(fields, "retrieval_context", counts), counts)
    if not case["input"]:
        counts.add(fields.source, "the golden has neither 'input' nor 'scenario'; left out")
    elif any(_IMAGE in str(case.get(key)) for key in ("input", "output", "expected", "context")):
        counts.add(fields.source, "names images or PDFs, which no model is shown; the text names them still")
    return bool(case["input"])


def _settle_contexts(fields: Fields, case: dict[str, Json], retrieved: list[str], counts: CountedLosses) -> None:
    own = read_passages(fields, "context", counts)
    case["context"] = [*(own or retrieved)]
    if own and retrieved:
        add_note(case, "retrieval_context", [*retrieved])
        counts.add(
            fields.source,
            "a case has one context, which is 'context' here; this stands in its metadata, where no judge looks",
            "retrieval_context",
        )


def _read_conversation(fields: Fields, case: dict[str, Json], counts: CountedLosses) -> bool:
    scenario = fields.take_text("scenario")
    case["expected"] = fields.take_text("expected_outcome") or None
    case["judges"] = [_OUTCOME_JUDGE if case["expected"] else {"conversation": "completeness"}]
    for name in ("user_description", "persona"):
        add_note(case, name, fields.take(name))
    retrieved = read_turns(fields, case, scenario, counts)
    _settle_contexts(fields, case, retrieved or [], counts)
    return retrieved is not None


def _read_rest(fields: Fields, case: dict[str, Json], counts: CountedLosses) -> None:
    for name in ("comments", "source_file"):
        add_note(case, name, fields.take(name))
    for name in ("additional_metadata", "custom_column_key_values"):
        add_notes(case, name, fields.take(name), fields.source, counts)
    for name in ("multimodal", "images_mapping"):
        if fields.take(name) not in (None, False, "false", "False"):
            counts.add(fields.source, "no images are shown to models; left out", name)


def _explain(judges: list[Json]) -> str:
    if any(isinstance(judge, dict) and "conversation" in judge for judge in judges):
        return _WHY_CONVERSATION
    why = explain([judge for judge in judges if judge != _TOOLS_JUDGE], "Goldens")
    return f"{why} {_WHY_TOOLS}" if _TOOLS_JUDGE in judges else why

"""The JSON Schema of eval files, with which editors complete and check them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.datasets.judge_specs import GROUPS, NOT
from pytest_promptevals.datasets.wire import EvalFileWire
from pytest_promptevals.datasets.wire_cases import CaseWire, FileEntryWire, GroupOptionsWire, JudgeOptionsWire
from pytest_promptevals.records.json_types import Json, JsonObject

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_JUDGE: Final = {"$ref": "#/$defs/judge"}
_JUDGES: Final = {"type": "array", "items": _JUDGE}
_TAKES_NOTHING: Final = {"type": "null"}

# Schemas are built from plain mappings; the codec's Json type would need a cast at every step.
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JudgeSchema:
    """What the schema says about one judge."""

    description: str
    """One line for the editor."""
    parameters: JsonObject
    """JSON Schema of its parameters, as pydantic makes it."""
    shorthand: str | None = None
    """The parameter that ``name: value`` sets."""


def eval_file_schema(judges: Mapping[str, JudgeSchema]) -> Json:
    """Return the JSON Schema (draft 2020-12) of eval files in which the judges of these names may be used."""
    schema = _schema_of(EvalFileWire)
    definitions: Schema = schema.pop("$defs")
    for model in (CaseWire, FileEntryWire):
        part = _schema_of(model)
        definitions |= part.pop("$defs", {}) | {model.__name__: part}
    entry = {"anyOf": [{"$ref": "#/$defs/CaseWire"}, {"$ref": "#/$defs/FileEntryWire"}]}
    schema["properties"]["cases"] |= {"items": entry, "minItems": 1}
    for holder in (schema, definitions["CaseWire"]):
        holder["properties"]["judges"] |= _JUDGES
    definitions |= _judge_definitions(judges)
    title = {"$schema": DIALECT, "title": "Eval file of pytest-promptevals"}
    plain: Json = title | _without_titles(schema) | {"$defs": dict(sorted(definitions.items()))}
    return plain


def _schema_of(model: type[CaseWire | EvalFileWire | FileEntryWire | GroupOptionsWire | JudgeOptionsWire]) -> Schema:
    return _without_titles(model.model_json_schema())


def _without_titles(schema: Schema) -> Schema:
    """Leave out the titles that pydantic makes from names: editors would show them in place of descriptions."""
    return {
        key: _without_titles_below(key, value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }


def _without_titles_below(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        if key in {"properties", "$defs"}:  # here the keys are names
            return {name: _without_titles(part) if isinstance(part, dict) else part for name, part in value.items()}
        return _without_titles(value)
    if isinstance(value, list):
        return [_without_titles(item) if isinstance(item, dict) else item for item in value]
    return value


def _judge_definitions(judges: Mapping[str, JudgeSchema]) -> Schema:
    """Return the definitions of an entry of a ``judges`` list and of what it refers to."""
    forms: Schema = {}
    definitions: Schema = {}
    for name, judge in sorted(judges.items()):
        parameters, parts = _hoist(name, judge.parameters)
        definitions |= parts
        forms[name] = {"description": judge.description} | _judge_value(parameters, judge.shorthand)
    bare = [
        {"const": name, "description": judge.description}
        for name, judge in sorted(judges.items())
        if not judge.parameters.get("required")
    ]
    group = {"anyOf": [_JUDGES | {"minItems": 1}, _group_options()]}
    forms |= {name: {"description": f"A group of judges: {name}."} | group for name in GROUPS}
    forms[NOT] = {"description": "Passes where the judge does not."} | _JUDGE
    entry = {
        "type": "object",
        "properties": forms,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return definitions | {"judge": {"anyOf": [*bare, entry]}}


def _group_options() -> Schema:
    options = _schema_of(GroupOptionsWire)
    options["properties"]["judges"] |= _JUDGES
    return options


def _judge_value(parameters: Schema, shorthand: str | None) -> Schema:
    """Return the schema of what stands behind a judge's name: its parameters, or a bare value."""
    properties = parameters.get("properties", {})
    common = _schema_of(JudgeOptionsWire)["properties"]
    forms = [{"type": "object"} | parameters | {"properties": properties | common}]
    if shorthand in properties:
        forms.append(properties[shorthand])
    elif not parameters.get("required"):
        forms.append(_TAKES_NOTHING)
    return {"anyOf": forms}


def _hoist(name: str, parameters: JsonObject) -> tuple[Schema, Schema]:
    """Return a judge's schema and its definitions, under names that no other judge's have."""
    schema = _without_titles(dict(parameters))
    definitions: Schema = schema.pop("$defs", {})
    prefix = f"judge.{name}."
    renamed = {f"{prefix}{key}": _rename_refs(part, prefix) for key, part in definitions.items()}
    return _rename_refs(schema, prefix), renamed


def _rename_refs(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_rename_refs(item, prefix) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item.replace("#/$defs/", f"#/$defs/{prefix}")
        if key == "$ref" and isinstance(item, str)
        else _rename_refs(item, prefix)
        for key, item in value.items()
    }

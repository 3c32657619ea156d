"""Patterns and schemas of promptfoo, which are those of JavaScript, for our judges."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from pytest_promptevals.datasets.importers.drafting import literal_data
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.promptfoo_given import Given, UnfitError
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json

_DRAFT_7: Final = "http://json-schema.org/draft-07/schema#"
_OF_DRAFT_7: Final = ("dependencies", "additionalItems", "definitions")
_FORMAT: Final = "'format' is checked by promptfoo and not here; a 'pattern' can often say the same"


def read_pattern(template: str, pattern: str) -> dict[str, Any]:
    """Return the parameters of ``regex``.

    Args:
        template: the pattern as the eval file has it.
        pattern: the same, filled in.

    Raises ``UnfitError`` for one that no engine here can read.
    """
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        for_python = _for_python(template)
        try:
            re.compile(_for_python(pattern))
        except re.error as error:
            raise UnfitError(f"the pattern {pattern!r} cannot be read here: {error}") from None
        return {"pattern": for_python, "engine": "python"}
    return {"pattern": template}


def _for_python(pattern: str) -> str:
    """Return a pattern with named groups as Python writes them."""
    return re.sub(r"\\k<(\w+)>", r"(?P=\1)", re.sub(r"\(\?<(?![=!])", "(?P<", pattern))


def read_schema(given: Given, losses: Losses) -> Json:
    """Return a JSON Schema, kept literally, as promptfoo reads it: of draft 7 where that makes a difference."""
    schema = given.value
    if isinstance(schema, str):
        try:
            schema = parse_yaml(given.rendered(), "schema").value
        except PromptEvalsError as error:
            raise UnfitError(f"its schema cannot be read: {error}") from None
    if not isinstance(schema, dict):
        raise UnfitError("its schema must be a mapping")
    text = json.dumps(schema)
    if '"format":' in text:
        losses.add(given.fields.source, _FORMAT, "value")
    has_list = re.search(r'"items": \[', text) is not None
    if "$schema" not in schema and (has_list or any(f'"{key}":' in text for key in _OF_DRAFT_7)):
        schema = {"$schema": _DRAFT_7, **schema}
    return literal_data(schema)

"""Patterns and schemas of promptfoo, which are those of JavaScript, for our judges."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from pytest_promptevals.datasets.importers.drafting import literal, literal_data
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.javascript_patterns import translate
from pytest_promptevals.datasets.importers.promptfoo_given import Given, UnfitError
from pytest_promptevals.datasets.importers.regex_dialects import LINEAR, PYTHON
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json

_DRAFT_7: Final = "http://json-schema.org/draft-07/schema#"
_OF_DRAFT_7: Final = ("dependencies", "additionalItems", "definitions")
_FORMAT: Final = "'format' is checked by promptfoo and not here; a 'pattern' can often say the same"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for the judge ``regex``."""

    parameters: Mapping[str, Any]
    """The parameters of the judge."""
    counts_pairs: bool
    """Whether characters beyond U+FFFF, which are two in JavaScript, may decide."""


def read_pattern(template: str, pattern: str) -> Pattern:
    """Return what the judge ``regex`` is told.

    Args:
        template: the pattern as the eval file would have it.
        pattern: the same, filled in.

    Raises ``UnfitError`` for one that JavaScript cannot read, or no engine here.
    """
    try:
        found = translate(pattern, LINEAR)
        options = {} if not found.needs_python and _is_linear(found.text) else {"engine": "python"}
        text = translate(pattern, PYTHON).text if options else found.text
        if options:
            _check_python(text)
    except ValueError as error:
        raise UnfitError(f"the pattern {pattern!r} cannot be read here: {error}") from None
    return Pattern({"pattern": template if text == pattern else literal(text), **options}, found.counts_pairs)


def _is_linear(pattern: str) -> bool:
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        return False
    return True


def _check_python(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(str(error)) from None


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

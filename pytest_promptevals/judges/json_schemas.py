"""The ``json_schema`` judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import AfterValidator, BaseModel, Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.base import pass_or_fail
from pytest_promptevals.judges.excerpts import ITEMS, clip, quote, show_json
from pytest_promptevals.judges.json_judges import JsonJudge, list_problems
from pytest_promptevals.judges.json_text import JsonOutputParameters
from pytest_promptevals.judges.regex_engines import compile_linear
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_LATEST_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


def make_validator(schema: dict[str, Any]) -> Validator:
    """Return what checks data against a schema, reading nothing but the schema itself.

    Raises ``ValueError`` if it is no schema, refers to something outside of itself, or has a pattern that cannot be
    searched in bounded time.
    """
    from jsonschema import SchemaError, validators  # noqa: PLC0415 - loaded by those who use this judge only
    from referencing import Registry  # noqa: PLC0415 - as above
    from referencing.jsonschema import specification_with  # noqa: PLC0415 - as above

    draft = schema.get("$schema", _LATEST_DRAFT)
    draft_type = validators.validator_for({"$schema": str(draft)}, default=cast("Any", None))
    if draft_type is None:
        raise ValueError(f"has an unknown `$schema`, {show_json(draft)}; leave it out for {_LATEST_DRAFT}")
    try:
        draft_type.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"is no JSON Schema: at {error.json_path}, {clip(error.message)}") from None
    resource = specification_with(str(draft)).create_resource(schema)
    registry: Registry[Any] = Registry()
    _check_parts(resource, registry.resolver_with_root(resource))
    extend = cast("Callable[..., type[Validator]]", validators.extend)
    return extend(draft_type, {"pattern": _check_pattern})(schema, registry=registry)


def _check_parts(resource: Any, resolver: Any) -> None:
    """Check the references and patterns of a schema and of the schemas inside of it."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - loaded by those who use this judge only

    part = resource.contents if isinstance(resource.contents, dict) else {}
    for reference in filter(None, map(part.get, _REFERENCES)):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise ValueError(_explain_reference(reference)) from None
    if (pattern := part.get("pattern")) is not None:
        try:
            compile_linear(pattern)
        except ValueError as error:
            raise ValueError(f"has the pattern {quote(pattern)}, which cannot be used: {error}") from None
    for inner in resource.subresources():
        _check_parts(inner, resolver.in_subresource(inner))


def _explain_reference(reference: str) -> str:
    return (
        f"refers to {quote(reference)}, which is not in it; nothing is fetched or read: copy what is meant into `$defs`"
    )


def _check_pattern(validator: Validator, pattern: str, instance: Any, schema: Any) -> Iterator[Exception]:
    """Stand in for jsonschema's own check, which a bad pattern could keep busy for ever."""
    from jsonschema import ValidationError  # noqa: PLC0415 - loaded by those who use this judge only

    del schema
    if validator.is_type(instance, "string") and not compile_linear(pattern)(instance):
        yield ValidationError(f"{quote(instance)} does not match {quote(pattern)}")


def _read_schema(schema: dict[str, Any]) -> dict[str, Any]:
    make_validator(schema)
    return schema


class JsonSchemaParameters(JsonOutputParameters):
    """Parameters of ``json_schema``."""

    schema_: Annotated[dict[str, Any], AfterValidator(_read_schema)] = Field(
        alias="schema", description="The JSON Schema, of any draft; draft 2020-12 unless its `$schema` says otherwise."
    )


class JsonSchemaJudge(JsonJudge[JsonSchemaParameters]):
    r"""The output is JSON that fits a JSON Schema.

    How the JSON is found in the output is said at `json_valid`. `$ref` works inside of the schema; nothing is fetched
    or read from elsewhere. A `pattern` is searched by the linear engine of `regex`, so look-around and backreferences
    are refused. `format` is not checked.

    ```yaml
    judges:
      - json_schema:
          schema:
            type: object
            required: [id, total]
            properties:
              id: {type: string, pattern: '^[A-Z]-\d+$'}
              total: {type: number, minimum: 0}
    cases:
      - input: Give me the order as JSON.
        output: '{"id": "A-17", "total": 12.5}'
    ```
    """

    name = "json_schema"
    shorthand = "schema"
    Parameters = JsonSchemaParameters

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        self._validator = make_validator(self.parameters.schema_)

    def grade_data(self, data: Json, subject: JudgeInput) -> Grade:
        """List the first problems, if there are any."""
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - loaded by those who use this judge only

        where = f"{subject.case.location}: judge {self.name!r}: the schema"
        try:
            errors = list(islice(self._validator.iter_errors(data), ITEMS + 1))
        except Unresolvable as error:
            raise JudgeError(f"{where} {_explain_reference(error.ref)}") from error
        except RecursionError:
            raise JudgeError(
                f"{where} refers to itself more deeply than can be followed on this output; bound its recursion"
            ) from None
        problems = [f"{error.json_path}: {clip(error.message)}" for error in errors]
        return pass_or_fail(list_problems(problems) or "fits the schema", passed=not problems)

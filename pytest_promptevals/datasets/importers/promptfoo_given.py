"""What an assertion of promptfoo says, read for the judge that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.datasets.importers.foreign import Fields
from pytest_promptevals.datasets.importers.promptfoo_files import Files, is_reference
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates, js_text
from pytest_promptevals.records.json_types import Json

_NO_TEXT: Final = "its value {value} is no text, so that it fails whatever the output is in promptfoo"
_TAKE_TRUTH: Final = ("equals",)
_TAKE_NUMBERS: Final = ("equals", "contains", "icontains")
"""Types whose value may be a number."""
_NO_NUMBER: Final = "names no threshold"


class UnfitError(Exception):
    """An assertion cannot be judged with what it says. Its text says what is missing."""


class Scope:
    """What assertions may use of their test.

    Args:
        variables: by their names with us.
        renames: variables that have another name with us.
        options: of the test: the model that judges, and how it is asked.
        is_recorded: whether its output is recorded, so that nothing is known of a call.
    """

    def __init__(
        self,
        variables: Mapping[str, Json],
        renames: Mapping[str, str],
        options: Mapping[str, Json] | None = None,
        *,
        is_recorded: bool = False,
    ) -> None:
        self.variables = variables
        self.renames = renames
        self.options = options or {}
        self.is_recorded = is_recorded


class Given:
    """The value and the threshold of an assertion.

    Args:
        kind: its type, without ``not-``.
        fields: the assertion; what is read of it counts as taken.
        scope: what is known of its test.
        templates: brings texts into our form.
        files: reads the file that a value names.
    """

    def __init__(self, kind: str, fields: Fields, scope: Scope, templates: Templates, files: Files) -> None:
        self.kind = kind
        self.fields = fields
        self.scope = scope
        self._templates = templates
        self.has_value = "value" in fields
        self._source = fields.part("value")
        value = fields.take("value")
        self.value: Json = files.data(value, self._source) if is_reference(value) else value
        if is_reference(value) and self.value is None:
            raise UnfitError("its value cannot be read")
        self._threshold = fields.take("threshold")

    def text(self) -> str:
        """Return the value as a template of ours. Raises ``UnfitError`` if it is none that promptfoo takes."""
        if isinstance(self.value, dict | list) or self.value in (None, ""):
            raise UnfitError("needs a text as its value")
        if not isinstance(self.value, str):
            if self.kind not in _TAKE_NUMBERS or (isinstance(self.value, bool) and self.kind not in _TAKE_TRUTH):
                raise UnfitError(_NO_TEXT.format(value=js_text(self.value)))
            return js_text(self.value)
        return self._templates.fill(self.value, self._source, self.scope.variables, self.scope.renames)

    def rendered(self) -> str:
        """Return the value filled in for the test."""
        if isinstance(self.value, dict | list) or self.value in (None, ""):
            raise UnfitError("needs a text as its value")
        converted = self._templates.convert(js_text(self.value), self._source, self.scope.renames)
        return self._templates.evaluate(converted, self.scope.variables)

    def texts(self, *, as_texts: bool = False) -> list[Any]:
        """Return the items of a list, texts as templates of ours, others as they are or as their text."""
        items = self.value if isinstance(self.value, list) else [self.value]
        return [self._item(item, as_texts=as_texts) for item in items]

    def _item(self, item: Json, *, as_texts: bool) -> Json:
        if isinstance(item, str):
            return self._templates.fill(item, self._source, self.scope.variables, self.scope.renames)
        return js_text(item) if as_texts else item

    def threshold(self, default: float) -> float:
        """Return the threshold, or what promptfoo takes without one."""
        value = self._threshold
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnfitError(f"its threshold must be a number, but is {value!r}")
        return value

    def has_threshold(self) -> bool:
        """Return whether it names a threshold."""
        return self._threshold is not None

    def needed_threshold(self) -> float:
        """Return the threshold. Raises ``UnfitError`` without one."""
        if self._threshold is None:
            raise UnfitError(_NO_NUMBER)
        return self.threshold(0)

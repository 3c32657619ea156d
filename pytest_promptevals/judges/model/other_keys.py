"""What a judge model's JSON says under keys that it was not asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

REASONING: Final = "reasoning"
"""The key that comes first, so that a model thinks before it decides."""
REASON_KEYS: Final = (REASONING, "reason", "rationale", "explanation", "justification", "analysis", "feedback")

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_REVISES: Final = re.compile(
    r"(?:^|_)(?:final|actual|revis\w*|correct(?:ed|ion)|adjust\w*|updated|amended|new|true|real|errors?|changed?)(?:_|$)"
)
"""In a key: what stands there may be the verdict that counts."""
_DECIDES: Final = re.compile(
    r"(?:^|_)(?:scores?|ratings?|grades?|marks?|points?|verdicts?|total|overall|results?|decision|winner|choice|pass(?:ed)?"
    r"|fail(?:ed)?|max|maximum|scale|range|out_of|top|value|weighted)(?:_|$)"
)
"""In a key: what stands there is a verdict, or what a verdict is out of."""
_MAY_DECIDE: Final = re.compile(
    r"(?:^|_)(?:note|nota|answer|evaluation|assessment|judge?ment|review|grading|output|response)(?:_|$)"
)
"""In a key: what stands there is a verdict, unless it is prose."""
_IS_REASON: Final = re.compile(rf"(?:^|_)(?:{'|'.join(REASON_KEYS)}|comments?|reasons|confidence)(?:_|$)")


def key_form(name: str) -> str:
    """Return a key in lower case, its words parted by ``_``."""
    return re.sub(r"[\s-]+", "_", _CAMEL.sub("_", str(name).strip()).lower())


def disputed(data: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """Return what an object says under keys beside the known ones that may hold a verdict, or take one back."""
    return {key: value for key, value in data.items() if key not in known and _may_dispute(key, value)}


def _may_dispute(key: str, value: Any) -> bool:
    if value is None or value == "" or (value is False and "error" in key):
        return False
    if _REVISES.search(key):
        return True
    if isinstance(value, str) and _IS_REASON.search(key):
        return False
    if key.endswith("points") and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return False  # what is to be said, not what is given for it
    is_prose = isinstance(value, str) and " " in value.strip() and not any(map(str.isdigit, value))
    return _DECIDES.search(key) is not None or (_MAY_DECIDE.search(key) is not None and not is_prose)

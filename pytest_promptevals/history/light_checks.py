"""Whether columns of results hold what this plugin writes: a database file may have been edited by somebody else.

All values of a column are looked at together, in C: a line of Python for each row takes as long as to read it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from pytest_promptevals.errors import HistoryError

_TEXTS: Final = ("name", "case_id", "case_fingerprint", "model", "prompt_name", "case_group", "path", "error_kind")
_NUMBERS: Final = ("cost", "latency", "output_length", "responses", "weight", "line")
_TRUTHS: Final = frozenset({0, 1, None})
_SHOWN: Final = 40
"""Characters of a foreign value that a message shows."""


def are_scores(values: Sequence[Any]) -> bool:
    """Return whether all values are numbers from 0 to 1."""
    return type(None) not in set(map(type, values)) and _are_numbers(values, 1)


class ColumnChecks:
    """Looks at the columns of the results that a run has of an eval file.

    Each of its methods raises ``HistoryError`` for a value that is none of its column's.
    """

    def __init__(self, run_id: str, file: str) -> None:
        self._run_id = run_id
        self._file = file

    def check(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Check the columns that are there, but for scores and for those in JSON."""
        for name, values in columns.items():
            if name in _TEXTS and not set(map(type, values)) <= {str, type(None)}:
                self._refuse(name, (value for value in values if not isinstance(value, str | None)))
            elif name in _NUMBERS and not _are_numbers(values, math.inf):
                self._refuse(name, (value for value in values if not _are_numbers([value], math.inf)))
            elif name == "passed" and not set(values) <= _TRUTHS:
                self._refuse(name, (value for value in values if value not in _TRUTHS))

    def parse_lists(self, name: str, texts: Sequence[str | None]) -> list[Any]:
        """Return lists of scores from JSON, an empty list for ``None``."""
        if not any(texts):
            return [[]] * len(texts)
        found = self._parse(name, texts, "[]")
        if set(map(type, found)) != {list} or not are_scores(list(itertools.chain.from_iterable(found))):
            self._refuse(name, filter(None, texts))
        return found

    def parse_objects(self, name: str, texts: Sequence[str | None]) -> list[Any]:
        """Return scores by name from JSON, none for ``None``."""
        found = self._parse(name, texts, "{}")
        if set(map(type, found)) - {dict}:
            self._refuse(name, filter(None, texts))
        if not are_scores(list(itertools.chain.from_iterable(map(dict.values, found)))):
            self._refuse(name, filter(None, texts))
        return found

    def _parse(self, name: str, texts: Sequence[str | None], nothing: str) -> list[Any]:
        # All are parsed at once, in a fraction of the time.
        try:
            found: list[Any] = json.loads(f"[{','.join([text or nothing for text in texts])}]")
        except (ValueError, TypeError, RecursionError):
            found = []
        if len(found) != len(texts):
            self._refuse(name, filter(None, texts))
        return found

    def _refuse(self, name: str, values: Iterable[Any]) -> NoReturn:
        shown = str(next(iter(values)))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise HistoryError(
            f"run {self._run_id} cannot be compared: its results of {self._file} hold what this plugin does not write "
            f"({name}: {shown!r}); 'promptevals runs rm {self._run_id}' removes it"
        )


def _are_numbers(values: Sequence[Any], high: float) -> bool:
    """Return whether all values that are known are numbers from 0 to ``high``, and finite."""
    types = set(map(type, values))
    has_gaps = type(None) in types
    if not types - {type(None)} <= {int, float}:
        return False
    known = [value for value in values if value is not None] if has_gaps else values
    if not known:
        return True
    return min(known) >= 0 and max(known) <= high and math.isfinite(sum(known) if high == 1 else max(known))

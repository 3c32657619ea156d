"""Items that may be kept as columns: of 100,000, a line of Python for each takes too long."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Columnar(Protocol):
    """Items that are kept as columns, and that become rows where somebody looks at one."""

    def column(self, name: str) -> Sequence[Any]:
        """Return what the attribute of that name is of each of them."""


def column_of(items: Sequence[object], name: str) -> Sequence[Any]:
    """Return what an attribute is of each item."""
    return items.column(name) if isinstance(items, Columnar) else list(map(operator.attrgetter(name), items))

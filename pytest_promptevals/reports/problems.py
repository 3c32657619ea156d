"""The problems of a file, as a user reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_promptevals.errors import FileProblem

MOST_SHOWN: Final = 50
"""Problems that are shown; what is wrong a thousand times over has one cause."""


def problem_lines(problems: Sequence[FileProblem]) -> list[str]:
    """Return one line for each problem, in file order, and a count of those left out."""
    lines = [str(problem) for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        lines.append(f"... and {len(problems) - MOST_SHOWN} more problems")
    return lines

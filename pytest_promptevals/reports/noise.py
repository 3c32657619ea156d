"""The noise of eval files as a table, and what to make of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Final

from pytest_promptevals.comparison.noise_floor import MOST_TRIALS, NoiseFloor
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.reports.cells import count_cells, shorten_left
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.tables import text_table
from pytest_promptevals.reports.words import count_text

_HEADERS: Final = ("eval file", "pairs", "cases", "trials", "noise", "largest", "flips", "seen from")
_RIGHT: Final = frozenset(_HEADERS[1:])
_SHORTEST_NAME: Final = 12
_LARGEST_ADVICE: Final = 0.5
"""A larger drop is none that anybody would allow."""


def noise_lines(
    floors: Mapping[str, NoiseFloor | None], max_drop: float, recorded: Collection[str], width: int
) -> list[str]:
    """Return a table of the eval files whose noise is known, then a sentence on each file.

    Of those that are ``recorded``, nothing is asked: their cases carry their outputs.
    """
    known = {file: floor for file, floor in floors.items() if floor is not None}
    lines: list[str] = []
    if known:
        lines += [*_table(known, width), ""]
        lines += fill_lines(
            "noise: standard deviation of the change in mean score between two runs that asked the same; largest: the "
            "largest such change that was seen; flips: share of cases that passed in one of the two runs and failed in "
            "the other; seen from: smallest drop in mean score that stands out at confidence 0.95 with a chance of 0.8",
            width,
        )
        lines.append("")
    for file, floor in floors.items():
        lines += fill_lines(f"{file}: {_hint(file, floor, max_drop, recorded)}", width)
    return lines


def noise_data(floors: Mapping[str, NoiseFloor | None], max_drop: float, recorded: Collection[str]) -> list[JsonObject]:
    """Return the same as plain data, one object for each file."""
    return [
        {"file": file, **_data(floor), "hint": _hint(file, floor, max_drop, recorded)} for file, floor in floors.items()
    ]


def _table(known: Mapping[str, NoiseFloor], width: int) -> list[str]:
    rows = [[file, *_cells(floor)] for file, floor in known.items()]
    table = text_table(_HEADERS, rows, _RIGHT).splitlines()
    excess = max(map(count_cells, table)) - width
    if excess <= 0:
        return table
    room = max(_SHORTEST_NAME, max(map(count_cells, known)) - excess)
    return text_table(_HEADERS, [[shorten_left(file, room), *cells] for file, *cells in rows], _RIGHT).splitlines()


def _cells(floor: NoiseFloor) -> tuple[str, ...]:
    numbers = (f"{value:.3f}" for value in (floor.deviation, floor.largest))
    counts = (str(floor.pairs), str(floor.cases), f"{floor.trials:.3g}")
    return *counts, *numbers, f"{floor.flips * 100:.1f} %", f"{floor.smallest_drop:.3f}"


def _data(floor: NoiseFloor | None) -> JsonObject:
    if floor is None:
        return {"pairs": 0}
    return {
        "pairs": floor.pairs,
        "cases": floor.cases,
        "trials": floor.trials,
        "deviation": floor.deviation,
        "deviation_of": "runs" if floor.of_runs else "cases",
        "largest": floor.largest,
        "flips": floor.flips,
        "smallest_drop": floor.smallest_drop,
    }


def _hint(file: str, floor: NoiseFloor | None, max_drop: float, recorded: Collection[str]) -> str:
    if floor is None:
        return _how_to_measure(file, recorded)
    if floor.deviation == 0:
        return "no noise was seen: all answers scored alike"
    if floor.smallest_drop <= max_drop:
        return f"a drop of {max_drop:.2f} (max_drop) stands out from the noise"
    hides = f"the noise hides a drop of {max_drop:.2f} (max_drop)"
    other = f", or set max_drop to {floor.smallest_drop:.2f}" if floor.smallest_drop <= _LARGEST_ADVICE else ""
    trials = floor.trials_for(max_drop)
    if trials is None:
        reason = "look for what makes the answers differ: a temperature, a judge, too few cases"
        return f"{hides}, and {MOST_TRIALS} trials a case would not show it: {reason}{other}"
    return f"{hides}: {count_text(trials, 'trial')} a case would show it{other}"


def _how_to_measure(file: str, recorded: Collection[str]) -> str:
    if file in recorded:
        return "its cases carry their outputs, so nothing is asked and nothing changes by chance"
    if "::" in file:
        return (
            "no two runs yet of the same code, at one commit without changes; to measure the noise of a test function, "
            f"commit, then run twice: pytest {_quote(file)}"
        )
    return (
        "no two runs yet that asked the same, each of them anew; to measure its noise, run twice: "
        f"pytest --evals-cache=refresh {_quote(file)}"
    )


def _quote(file: str) -> str:
    return f'"{file}"' if " " in file or os.sep == "\\" else file

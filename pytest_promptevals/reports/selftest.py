"""What a self-test found out, as text: the answer of ``--evals-selftest``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_promptevals.engine.selftest import FileTest, Pass
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.reports.terminal import Line, fill_lines
from pytest_promptevals.reports.words import count_text

_SHORTEST_NAME: Final = 12
_FEW: Final = 20
"""Dead cases that are listed; -v lists all, and the passes of the other models as well."""
_PERCENT: Final = 100


def selftest_lines(tests: Sequence[FileTest], *, level: int, width: int, verbosity: int) -> list[Line]:
    """Return what a self-test found out, no line wider than ``width`` where that can be helped."""
    if not any(test.cases for test in tests):
        reason = f"none of the selected cases has a judge up to level {level}" if tests else "no eval case is selected"
        return [Line(f"selftest: {reason}", {"yellow": True})]
    dead = [item for test in tests for item in test.dead]
    lines = [
        Line("share of cases that an answer passes which knows nothing:"),
        *map(Line, _table(tests, width)),
        Line(""),
    ]
    lines += _dead_lines(dead, width, verbosity)
    if verbosity > 0:
        lines += _other_lines(tests, width)
    lines += [Line(row) for text in _notes(tests, level) for row in fill_lines(text, width)]
    return [*lines, *(Line(row, _colour(dead)) for row in fill_lines(_verdict(tests, dead), width))]


def _colour(dead: Sequence[Pass]) -> dict[str, bool]:
    return {"red": True, "bold": True} if dead else {"green": True}


def _table(tests: Sequence[FileTest], width: int) -> list[str]:
    longest = max(len(test.file) for test in tests)
    table = _tabulate(tests, longest)
    excess = max(map(len, table)) - width
    return table if excess <= 0 else _tabulate(tests, max(_SHORTEST_NAME, longest - excess))


def _tabulate(tests: Sequence[FileTest], room: int) -> list[str]:
    from tabulate import tabulate  # noqa: PLC0415 - slow to load

    rows = [["eval file", "cases", *(model.name for model in USELESS_MODELS)]]
    for test in tests:
        file = test.file if len(test.file) <= room else f"...{test.file[-(room - 3) :]}"
        rows.append([file, str(test.cases), *(_share(test, model.name) for model in USELESS_MODELS)])
    align = ["left"] + ["right"] * (len(USELESS_MODELS) + 1)
    return tabulate(rows, tablefmt="plain", colalign=align, disable_numparse=True).splitlines()


def _share(test: FileTest, model: str) -> str:
    """Return a share as a whole percentage; only all and none are shown as such."""
    answered, passed = test.answered[model], test.passed_by(model)
    if not answered:
        return "-"
    if 0 < passed < answered:
        return f"{min(max(round(passed / answered * _PERCENT), 1), _PERCENT - 1)}%"
    return f"{_PERCENT if passed else 0}%"


def _dead_lines(dead: Sequence[Pass], width: int, verbosity: int) -> list[Line]:
    if not dead:
        return []
    cases = _by_case(dead)
    shown = cases if verbosity > 0 else cases[:_FEW]
    lines = [Line("dead cases, which test nothing:", {"red": True})]
    lines += [Line(row) for item in shown for row in _pass_rows(*item, width)]
    if len(shown) < len(cases):
        lines.append(Line(f"  ... and {len(cases) - len(shown)} more, -v lists them"))
    return [*lines, Line("")]


def _other_lines(tests: Sequence[FileTest], width: int) -> list[Line]:
    others = [item for test in tests for item in test.passes if not item.is_dead]
    if not others:
        return []
    rows = [row for item in _by_case(others) for row in _pass_rows(*item, width)]
    return [Line("other cases that such an answer passes:"), *map(Line, rows), Line("")]


def _by_case(passes: Sequence[Pass]) -> list[tuple[Pass, list[str]]]:
    """Return each case once, with the models that pass it."""
    cases: dict[tuple[str, str], tuple[Pass, list[str]]] = {}
    for item in passes:
        cases.setdefault((str(item.location), item.name), (item, []))[1].append(item.model)
    return list(cases.values())


def _pass_rows(item: Pass, models: Sequence[str], width: int) -> list[str]:
    text = f"{item.location}: {item.name}: passed by {', '.join(models)}; judges: {', '.join(item.judges)}"
    return [f"  {row}" for row in fill_lines(text, width - 2)]


def _notes(tests: Sequence[FileTest], level: int) -> list[str]:
    errors, unjudged = sum(test.errors for test in tests), sum(test.unjudged for test in tests)
    spent = sum(test.spent for test in tests)
    return [
        *([f"{count_text(unjudged, 'case')} without a judge up to level {level}: not tested"] if unjudged else []),
        *([f"{count_text(errors, 'answer')} could not be judged, and so did not pass"] if errors else []),
        *([f"the judges spent {format_dollars(spent)}"] if spent else []),
    ]


def _verdict(tests: Sequence[FileTest], dead: Sequence[Pass]) -> str:
    total = count_text(sum(test.cases for test in tests), "case")
    if not dead:
        return f"selftest: none of {total} is passed by an empty answer or a refusal"
    count = len(_by_case(dead))
    verb = "is" if count == 1 else "are"
    return (
        f"selftest: {count} of {total} {verb} dead: an empty answer or a refusal passes. Give them a judge that asks "
        "for what must be there"
    )

"""What a self-test found out, as text: the answer of ``--evals-selftest``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_promptevals.engine.selftest import EXEMPT_TAG, FileTest, Pass, Undecided
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.reports.cells import count_cells, shorten_left
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.words import count_text, visible_line, visible_text

_SHORTEST_NAME: Final = 12
_FEW: Final = 20
"""Cases of a kind that are listed; -v lists all, and the passes of the other models as well."""
_LONG: Final = 200
"""Characters that are shown of an error."""
_PERCENT: Final = 100


def selftest_lines(tests: Sequence[FileTest], *, width: int, verbosity: int) -> list[Line]:
    """Return what a self-test found out, no line wider than ``width`` where that can be helped."""
    if not tests:
        return [Line("selftest: no eval case is selected", {"yellow": True})]
    dead = [item for test in tests for item in test.dead]
    undecided = [item for test in tests for item in test.undecided]
    known = ", as far as that is decided" if undecided else ""
    head = f"share of cases that an answer passes which knows nothing{known}:"
    lines = [
        *map(Line, fill_lines(head, width)),
        *map(Line, _table(tests, width)),
        Line(""),
        *_dead_lines(dead, width, verbosity),
        *_undecided_lines(undecided, width, verbosity),
    ]
    if verbosity > 0:
        lines += _other_lines(tests, width)
    lines += [Line(row) for text in _notes(tests, undecided) for row in fill_lines(text, width)]
    verdict = _verdict(tests, dead, len(undecided))
    return [*lines, *(Line(row, _colour(dead, undecided)) for row in fill_lines(verdict, width))]


def _colour(dead: Sequence[Pass], undecided: Sequence[Undecided]) -> dict[str, bool]:
    if dead:
        return {"red": True, "bold": True}
    return {"yellow": True} if undecided else {"green": True}


def _table(tests: Sequence[FileTest], width: int) -> list[str]:
    longest = max(count_cells(test.file) for test in tests)
    table = _tabulate(tests, longest)
    excess = max(map(count_cells, table)) - width
    return table if excess <= 0 else _tabulate(tests, max(_SHORTEST_NAME, longest - excess))


def _tabulate(tests: Sequence[FileTest], room: int) -> list[str]:
    from tabulate import tabulate  # noqa: PLC0415 - slow to load

    names = [model.name for model in USELESS_MODELS]
    rows = [["eval file", "cases", *names], *(_row(test, names, room) for test in tests)]
    align = ["left"] + ["right"] * (len(USELESS_MODELS) + 1)
    return tabulate(rows, tablefmt="plain", colalign=align, disable_numparse=True).splitlines()


def _row(test: FileTest, names: Sequence[str], room: int) -> list[str]:
    return [shorten_left(visible_line(test.file), room), str(test.cases), *(_share(test, name) for name in names)]


def _share(test: FileTest, model: str) -> str:
    """Return a share as a whole percentage; only all and none are shown as such."""
    answered, passed = test.answered[model], test.passed_by(model)
    if not answered:
        return "-"
    if 0 < passed < answered:
        return f"{min(max(round(passed / answered * _PERCENT), 1), _PERCENT - 1)}%"
    return f"{_PERCENT if passed else 0}%"


def _dead_lines(dead: Sequence[Pass], width: int, verbosity: int) -> list[Line]:
    rows = [_pass_rows(*item, width) for item in _by_case(dead)]
    return _list_lines(Line("dead cases, which test nothing:", {"red": True}), rows, verbosity)


def _undecided_lines(undecided: Sequence[Undecided], width: int, verbosity: int) -> list[Line]:
    head = Line("cases that are not decided, since a judge was not heard:", {"yellow": True})
    return _list_lines(head, [_undecided_rows(item, width) for item in undecided], verbosity)


def _list_lines(head: Line, items: Sequence[Sequence[str]], verbosity: int) -> list[Line]:
    if not items:
        return []
    shown = items if verbosity > 0 else items[:_FEW]
    lines = [head, *(Line(row) for rows in shown for row in rows)]
    if len(shown) < len(items):
        lines.append(Line(f"  ... and {len(items) - len(shown)} more, -v lists them"))
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
    what = "all judges only forbid" if item.only_forbids else "judges"
    return _rows(
        f"{item.location}: {item.name}: passed by {', '.join(models)}; {what}: {', '.join(item.judges)}", width
    )


def _undecided_rows(item: Undecided, width: int) -> list[str]:
    said = [_shorten(line) for line in item.error.splitlines()[:1]]
    left_out = [f"{', '.join(item.judges)} (level {item.level})"] if item.judges else []
    comparing = [item.comparing] if item.comparing else []
    return _rows(f"{item.location}: {item.name}: {'; '.join([*said, *left_out, *comparing])}", width)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _rows(text: str, width: int) -> list[str]:
    return [f"  {row}" for row in fill_lines(visible_text(text), width - 2)]


def _notes(tests: Sequence[FileTest], undecided: Sequence[Undecided]) -> list[str]:
    errors = sum(test.errors for test in tests)
    spent = sum(test.spent for test in tests)
    exempt = [name for test in tests for name in test.exempt]
    needless = [name for test in tests for name in test.needless]
    misspelt = [name for test in tests for name in test.misspelt]
    return [
        *([f"{count_text(errors, 'answer')} could not be judged, and so did not pass"] if errors else []),
        *([_exempt_text(exempt)] if exempt else []),
        *([_needless_text(needless)] if needless else []),
        *([_misspelt_text(misspelt)] if misspelt else []),
        *([f"the judges spent {format_dollars(spent)}"] if spent else []),
        *_how_to_decide([item for item in undecided if item.judges]),
    ]


def _exempt_text(names: Sequence[str]) -> str:
    return f"{count_text(len(names), 'case')} exempt by the tag {EXEMPT_TAG}: {_list_names(names)}"


def _needless_text(names: Sequence[str]) -> str:
    return f"no need for the tag {EXEMPT_TAG}, since neither an empty answer nor a refusal passes: {_list_names(names)}"


def _misspelt_text(names: Sequence[str]) -> str:
    count = count_text(len(names), "case")
    return f"{count} with a tag that exempts nothing, did you mean {EXEMPT_TAG}: {_list_names(names)}"


def _list_names(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _FEW} more"] if len(names) > _FEW else []
    return visible_text(", ".join([*names[:_FEW], *more]))


def _how_to_decide(left_out: Sequence[Undecided]) -> list[str]:
    if not left_out:
        return []
    level, calls = max(item.level for item in left_out), sum(item.calls for item in left_out)
    # Where a judge that compares is left, the others decide only if one of them fails the answer.
    decides = "may decide" if any(item.comparing for item in left_out) else "decides"
    text = (
        f"--evals-level {level} {decides} {count_text(len(left_out), 'case')}: it has their judge models asked about "
        f"the useless answers, at least {count_text(calls, 'call')}, which costs unless they are in the cache; "
        "--evals-max-cost limits that"
    )
    return [text]


def _verdict(tests: Sequence[FileTest], dead: Sequence[Pass], undecided: int) -> str:
    cases = sum(test.cases for test in tests)
    total = count_text(cases, "case")
    if dead:
        count = len(_by_case(dead))
        return (
            f"selftest: {count} of {total} {_is(count)} dead: an empty answer or a refusal passes. Give them a judge "
            f"that asks for what must be there; where nothing has to be, the tag {EXEMPT_TAG} exempts a case"
        )
    if not cases:
        return "selftest: all of the selected cases are exempt"
    nothing = "is passed by an empty answer or a refusal"
    if not undecided:
        return f"selftest: none of {total} {nothing}"
    rest = f", and none of the others {nothing}" if undecided < cases else ""
    return f"selftest: {undecided} of {total} {_is(undecided)} not decided{rest}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"

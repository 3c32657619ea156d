"""A case that failed, as a reviewer would put it: what was asked, what came back, what each judge said."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import NOT_RUN, OF_BASELINE, CaseResult, Score, Trial
from pytest_promptevals.reports.cells import cut_long
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.words import json_text, score_text, visible_text

_INDENT: Final = "    "
_FEW_LINES: Final = 16
_FEW_CHARACTERS: Final = 1200
_FIRST_LINES: Final = 4
"""Of a text that is shortened: what it ends with says more, in a prompt as in an answer."""
_DIFF_LINES: Final = 400
"""Above that, comparing line by line takes too long."""
_LONG_TEXT: Final = 4000
"""Characters of both texts above which comparing letter by letter takes too long."""
_MUCH_IN_COMMON: Final = 0.6
_ALL_TEXT: Final = 2


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a case is shown."""

    verbosity: int = 0
    """Long texts are shortened below 2, ``-vv`` as for pytest's own diffs; judges' costs are left out at 0."""
    way: str = "-vv"
    """What shows all, as a user writes it."""


BRIEF: Final = Detail()
"""What is shown where nobody asked for more."""


def failure_lines(
    result: CaseResult, before: BaselineCase | None, detail: Detail = BRIEF, width: int | None = None
) -> list[str]:
    """Return the review of a case below its thresholds; the first line says it all.

    With a ``width``, lines are broken there, but for what was asked and answered: that stays as it was written.
    """
    trial = worst_trial(result.trials)
    names = _names_of_judges(result)
    head = _headline(result, None if before is None else before.score, names)
    lines = [*_broken(head, width), *_reused(result, width), ""]
    lines += _asked(result, detail)
    lines += [*_answered(result, trial, detail), "judges"]
    for line in _judge_lines(result.scores, names, detail):
        lines += _broken(line, width)
    if len(result.trials) > 1 and any(trial.score is not None for trial in result.trials):
        lines += ["trials", *_side_by_side(map(_trial_text, result.trials), width)]
    lines += _better_before(result, before, detail)
    return [visible_text(line if detail.verbosity >= _ALL_TEXT else cut_long(line)) for line in lines]


def case_headline(result: CaseResult, before: float | None) -> str:
    """Return the first line of the review of a case that does not pass; ``before`` is its score in the baseline."""
    if result.error is not None:
        return error_lines(result)[0]
    return visible_text(_headline(result, before, _names_of_judges(result)))


def error_lines(result: CaseResult) -> list[str]:
    """Return what kept a case from being scored."""
    assert result.error is not None, "only for cases that ended as an error"  # noqa: S101 - states what callers know
    head, *rest = result.error.message.splitlines() or [""]
    answers = [trial for trial in result.trials if trial.response is not None]
    lines = [_headline_of_error(result.error.kind, head), *(_INDENT + line for line in rest)]
    if len(result.trials) > 1:
        lines.append(f"{len(answers)} of {len(result.trials)} trials got an answer")
    return [visible_text(cut_long(line)) for line in lines]


def _headline_of_error(kind: str, text: str) -> str:
    if kind not in NOT_RUN:
        return f"{kind} error: {text}"
    return text if text.startswith("not run: ") else f"not run: {text}"


def _headline(result: CaseResult, before: float | None, names: Mapping[str, str]) -> str:
    was = "" if before is None else f" (was {score_text(before)})"
    score = f"score {score_text(result.score)}{was}"
    failed = [score for score in result.scores if score.required and not score.passed]
    if not failed:
        return f"{score} is below the threshold"
    first = failed[0]
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    said = f": {first.explanation.splitlines()[0]}" if first.explanation else ""
    return f"{names[first.judge]}{more} failed, {score}{said}"


def _reused(result: CaseResult, width: int | None) -> list[str]:
    if result.reused_from is None:
        return []
    run = "the baseline" if result.reused_from == OF_BASELINE else f"run {result.reused_from}"
    return _broken(f"unchanged, so not run again: this is the result of {run}", width)


def _asked(result: CaseResult, detail: Detail) -> list[str]:
    if result.prompt is None or not result.prompt.messages:
        return []
    by = result.model + (f", prompt {result.prompt.name}" if result.prompt.name else "")
    lines = [f"asked ({by})"]
    for message in result.prompt.messages:
        if len(result.prompt.messages) > 1:
            lines.append(f"  {message.role}:")
        lines += _block(message.content, detail)
    return lines


def _answered(result: CaseResult, trial: Trial, detail: Detail) -> list[str]:
    if trial.response is None:
        return []
    which = f" (trial {trial.number})" if len(result.trials) > 1 else ""
    calls = [f"{_INDENT}called {call.name}({json_text(call.arguments)})" for call in trial.response.tool_calls]
    text = trial.response.text
    expected = None if result.expected is None else expected_text(result.expected)
    if expected is None or text.strip() == expected.strip():
        return [f"answered{which}", *_block(text, detail), *calls]
    if _is_like(expected, text):
        return [f"expected (-), answered (+){which}", *_diff(expected, text, detail), *calls]
    return [f"answered{which}", *_block(text, detail), *calls, "expected", *_block(expected, detail)]


def expected_text(expected: Json) -> str:
    """Return a reference answer as a text."""
    return expected if isinstance(expected, str) else json_text(expected, indent=2)


def _is_like(expected: str, text: str) -> bool:
    """Return whether two texts have so much in common that their differences tell more than the texts."""
    if len(expected) + len(text) > _LONG_TEXT:
        return expected.count("\n") > _FEW_LINES
    return difflib.SequenceMatcher(None, expected, text, autojunk=False).ratio() > _MUCH_IN_COMMON


def _diff(expected: str, text: str, detail: Detail) -> list[str]:
    old, new = expected.splitlines(), text.splitlines()
    if len(old) + len(new) > _DIFF_LINES:
        lines: Iterable[str] = difflib.unified_diff(old, new, lineterm="", n=1)
    else:
        lines = difflib.ndiff(old, new)
    return _block("\n".join(line.rstrip("\n") for line in lines), detail)


def _judge_lines(scores: Sequence[Score], names: Mapping[str, str], detail: Detail) -> list[str]:
    width = max((len(names[score.judge]) for score in scores), default=0)
    lines: list[str] = []
    for score in scores:
        mark = "ok  " if score.passed else "FAIL" if score.required else "low "
        needs = "" if score.threshold is None else f" (needs {score_text(score.threshold)})"
        cost = f"  {format_dollars(score.cost)}" if detail.verbosity > 0 and score.cost else ""
        head = f"{_INDENT}{mark} {names[score.judge]:<{width}}  {score_text(score.value)}{needs}{cost}"
        explanation = score.explanation.splitlines()
        if not score.passed and explanation:
            lines.append(f"{head}  {explanation[0]}")
            more = _block("\n".join(explanation[1:]), detail) if explanation[1:] else []
            lines += [" " * len(f"{mark} ") + line for line in more]
        else:
            lines.append(head)
    return lines


def _names_of_judges(result: CaseResult) -> dict[str, str]:
    """Return what judges are called, by their labels: that of a rubric tells which rubric, if it does not by itself."""
    scores = [*result.scores, *(score for trial in result.trials for score in trial.scores)]
    names = {score.judge: score.judge for score in scores}
    for score in scores:
        rubric = _rubric_of(score)
        if rubric and rubric not in score.judge:
            names[score.judge] = f"{score.judge} ({rubric})"
    return names


def _rubric_of(score: Score) -> str:
    """Return the id of the rubric, or the begin of criteria in the user's own words; empty for another judge."""
    details = score.details or {}
    rubric, criteria = details.get("rubric"), details.get("criteria")
    if not isinstance(rubric, str):
        return ""
    return criteria if isinstance(criteria, str) else rubric.partition("@")[0]


def _better_before(result: CaseResult, before: BaselineCase | None, detail: Detail) -> list[str]:
    if before is None or result.score is None or before.score <= result.score or not before.output:
        return []
    head = f"answered in the baseline, score {score_text(before.score)} ({before.model})"
    return [head, *_block(before.output, detail)]


def worst_trial(trials: Sequence[Trial]) -> Trial:
    """Return the trial that says most about why a case does not pass."""
    return min(trials, key=lambda trial: (trial.passed is True, trial.score if trial.score is not None else -1.0))


def _trial_text(trial: Trial) -> str:
    return f"{trial.number}: {score_text(trial.score)}{' FAIL' if trial.passed is False else ''}"


def _side_by_side(texts: Iterable[str], width: int | None) -> list[str]:
    """Return as many texts beside each other as there is room for."""
    first, *others = texts
    lines = [_INDENT + first]
    for text in others:
        if width is None or len(lines[-1]) + len(text) + 2 <= width:
            lines[-1] += f"  {text}"
        else:
            lines.append(_INDENT + text)
    return lines


def _broken(line: str, width: int | None) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    return fill_lines(line, width, indent=_INDENT + " " * (len(line) - len(line.lstrip())))


def _block(text: str, detail: Detail) -> list[str]:
    """Return the text indented, shortened in the middle unless the user asked for all of it."""
    if not text.strip():
        return [_INDENT + "(empty)"]
    if detail.verbosity < _ALL_TEXT:
        text = shorten_middle(text, detail.way)
    return textwrap.indent(text, _INDENT, lambda _: True).splitlines()


def shorten_middle(text: str, way: str) -> str:
    """Return a text without its middle where it is long, saying so; ``way`` is what shows all."""
    lines = text.splitlines()
    if len(lines) > _FEW_LINES:
        left_out = f"... {len(lines) - _FEW_LINES} lines left out, {way} shows them ..."
        lines = [*lines[:_FIRST_LINES], left_out, *lines[_FIRST_LINES - _FEW_LINES :]]
    text = "\n".join(lines)
    if len(text) <= _FEW_CHARACTERS:
        return text
    half = _FEW_CHARACTERS // 2
    return f"{text[:half]} ... {len(text) - _FEW_CHARACTERS} characters left out, {way} shows them ... {text[-half:]}"

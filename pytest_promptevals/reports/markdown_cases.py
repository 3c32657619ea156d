"""Cases that a reader has to look at, as Markdown that opens on a click."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.records.results import CaseResult, Score
from pytest_promptevals.records.run_reports import ReportedCase
from pytest_promptevals.reports.markdown_text import code_block, html_line, inline
from pytest_promptevals.reports.review import case_headline, expected_text, shorten_middle, worst_trial
from pytest_promptevals.reports.words import count_text, score_text

_LONGEST_NAME: Final = 200
_LONGEST_HEADLINE: Final = 300
_MOST_JUDGES: Final = 10


def case_block(case: ReportedCase, run_id: str) -> list[str]:
    """Return a case with what was asked, what came back before and now, and what the judges said."""
    result = case.result
    way = f"promptevals show {run_id} --all --case {shlex.quote(result.name)}"
    lines = ["<details>", f"<summary>{_summary(case)}</summary>", ""]
    lines += [f"{inline(str(result.location), _LONGEST_NAME)}, {inline(result.model, _LONGEST_NAME)}", ""]
    lines += [*_judge_lines(result), ""]
    for title, text in _texts(case):
        lines += [f"{title}:", "", *code_block(shorten_middle(text, way) or "(empty)"), ""]
    return [*lines, "</details>", ""]


def error_block(first: CaseResult, others: int) -> list[str]:
    """Return an error and how many more cases ended in the same."""
    more = f" (and {count_text(others, 'more case')})" if others else ""
    name = inline(f"{first.file}::{first.name}", _LONGEST_NAME)
    return [f"- {name}{more}: {inline(case_headline(first, None), _LONGEST_HEADLINE)}"]


def _summary(case: ReportedCase) -> str:
    before = "" if case.delta is None or case.delta.before is None else f"{score_text(case.delta.before)} → "
    score = f"{before}{score_text(case.result.score)}"
    return f"{html_line(f'{case.result.file}::{case.result.name}', _LONGEST_NAME)}: {score}"


def _judge_lines(result: CaseResult) -> Iterator[str]:
    low = [score for score in result.scores if not score.passed]
    for score in low[:_MOST_JUDGES]:
        yield _judge_line(score)
    if len(low) > _MOST_JUDGES:
        yield f"- and {count_text(len(low) - _MOST_JUDGES, 'more judge')}"


def _judge_line(score: Score) -> str:
    needs = "" if score.threshold is None else f" (needs {score_text(score.threshold)})"
    said = f": {inline(score.explanation, _LONGEST_HEADLINE)}" if score.explanation else ""
    return f"- judge {inline(score.judge, _LONGEST_NAME)} {score_text(score.value)}{needs}{said}"


def _texts(case: ReportedCase) -> Iterator[tuple[str, str]]:
    result = case.result
    if result.prompt is not None and result.prompt.messages:
        yield "Asked", result.prompt.messages[-1].content
    if result.expected is not None:
        yield "Expected", expected_text(result.expected)
    response = worst_trial(result.trials).response if result.trials else None
    now = None if response is None else response.text
    if case.output_before is not None and case.output_before == now:
        yield "Answered before and now", case.output_before
        return
    if case.output_before is not None:
        yield "Answered before", case.output_before
    if now is not None:
        yield "Answered now" if case.output_before is not None else "Answered", now

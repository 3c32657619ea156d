"""A run as one web page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from pytest_promptevals.records.changes import PromptChange
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.reports.case_order import badness
from pytest_promptevals.reports.changes import difference_texts
from pytest_promptevals.reports.html_data import case_status, index, pack, packets
from pytest_promptevals.reports.html_numbers import (
    breakdowns,
    effect_table,
    file_table,
    gate_rows,
    headline,
)
from pytest_promptevals.reports.prompt_texts import diff_lines
from pytest_promptevals.reports.review import worst_trial
from pytest_promptevals.reports.run_list import git_text
from pytest_promptevals.reports.spending import spending_text
from pytest_promptevals.reports.words import count_text, json_text, one_line, score_text, visible_text

_TEMPLATE: Final = "report.html.j2"
_STYLES: Final = ("vendor/uPlot.min.css", "report.css")
_LIBRARY: Final = "vendor/uPlot.iife.min.js"
_SCRIPTS: Final = ("data.js", "texts.js", "diff.js", "table.js", "case.js", "charts.js", "view.js", "main.js")
"""In the order in which they need each other; together they are one script."""
_MOST_FAILING: Final = 50
"""Failing cases that stand in the page itself, for paper and for readers without JavaScript."""
_LONGEST_ANSWER: Final = 600
_LONGEST_DIFF: Final = 500
"""Lines of the diff of one prompt."""


class HtmlReport:
    """The verdict first, then its evidence, charts, what changed, and all cases to search, filter and open."""

    description = "a page to look at a run in a browser, without any network"
    ending = ".html"

    def render(self, report: RunReport) -> str:
        """Return the page. What models wrote is escaped in it, and its policy lets no script run but its own."""
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - for this format alone
        from markupsafe import Markup  # noqa: PLC0415 - likewise

        library, script = _read(_LIBRARY), "\n".join(map(_read, _SCRIPTS))
        style = "\n".join(map(_read, _STYLES))
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_visible
        )
        page: str = environment.from_string(_read(_TEMPLATE)).render(
            report=report,
            headline=headline(report),
            facts=_run_facts(report),
            gates=gate_rows(report),
            files=file_table(report),
            effects=[table for file in report.files if (table := effect_table(file))],
            breakdowns=breakdowns(report),
            changes=[changes for file in report.files if (changes := _changes(file))],
            failing=_failing(report),
            policy=_policy([library, script], style),
            # They are files of this package, not what somebody else wrote.
            style=Markup(style),  # noqa: S704
            library=Markup(library),  # noqa: S704
            script=Markup(script),  # noqa: S704
            index=pack(index(report)),
            packets=packets(report),
        )
        return page


@dataclass(frozen=True, slots=True)
class _Diff:
    """A prompt that changed."""

    title: str
    lines: tuple[str, ...]
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class _Changes:
    """What changed in an eval file."""

    file: str
    baseline: str
    diffs: tuple[_Diff, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _FailingCase:
    """A case that does not pass, in short."""

    name: str
    place: str
    status: str
    scores: str
    asked: str
    expected: str
    answered: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Failing:
    """The worst of the cases that do not pass."""

    cases: tuple[_FailingCase, ...]
    left_out: str
    none: str
    """What is said where there is none."""


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("html", name).read_text(encoding="utf-8")


def _visible(value: object) -> object:
    """Return what stands in the page with its control characters visible; exact strings only, no ready markup."""
    return visible_text(value) if type(value) is str else value


def _policy(scripts: Sequence[str], style: str) -> str:
    """Return a policy that allows just these scripts and this style sheet, and nothing from elsewhere."""
    allowed = " ".join(map(_hash, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _run_facts(report: RunReport) -> list[tuple[str, str]]:
    run = report.run
    results = [case.result for file in report.files for case in file.cases]
    unpriced = sum(result.cost is None for result in results) if run.cost is None else 0
    judged = sum(charge.cost or 0.0 for result in results for charge in result.charges)
    facts = [
        ("run", f"{run.id} ({run.name})" if run.name else run.id),
        ("started", f"{run.started_at[:16].replace('T', ' ')} UTC"),
        ("checkout", git_text(run.git) if run.git else ""),
        ("beside", ", ".join(sorted({file.comparison.baseline for file in report.files} - {""}))),
        ("spent", spending_text(run, unpriced, judged) or ""),
        ("command", " ".join(run.arguments)),
    ]
    return [(name, text) for name, text in facts if text]


def _changes(file: ReportedFile) -> _Changes | None:
    if file.changes is None:
        return None
    diffs = tuple(map(_diff, file.changes.cases.prompts))
    texts = tuple(difference_texts(file.comparison, file.changes))
    return _Changes(file.file, file.comparison.baseline, diffs, texts)


def _diff(change: PromptChange) -> _Diff:
    title = f"prompt {change.name}".rstrip() + f" changed ({count_text(change.cases, 'case')})"
    if change.before is None or change.after is None:
        return _Diff(f"{title}; its earlier text is not known", ())
    lines: list[str] = []
    for name in {**change.before, **change.after}:
        found = diff_lines(change.before.get(name, ""), change.after.get(name, ""))
        lines += [f" {name}:", *found] if name and found else found
    more = len(lines) - _LONGEST_DIFF
    left_out = f"… and {count_text(more, 'more line')}" if more > 0 else ""
    return _Diff(title, tuple(lines[:_LONGEST_DIFF]), left_out)


def _failing(report: RunReport) -> _Failing:
    cases = [case for file in report.files for case in file.cases if case_status(case.result) != "passed"]
    cases.sort(key=badness)
    more = len(cases) - _MOST_FAILING
    none = "All cases pass." if any(file.cases for file in report.files) else "No case has a result."
    return _Failing(tuple(map(_in_short, cases[:_MOST_FAILING])), f"… and {more:,} more" if more > 0 else "", none)


def _answer(result: CaseResult) -> str:
    """Return the answer that the judges' words are about: of several trials, that of the worst."""
    answered = [trial for trial in result.trials if trial.response is not None]
    response = worst_trial(answered).response if answered else None
    return "" if response is None else response.text


def _in_short(case: ReportedCase) -> _FailingCase:
    result, delta = case.result, case.delta
    before = f", before {score_text(delta.before)}" if delta is not None and delta.before is not None else ""
    error = [] if result.error is None else [f"{result.error.kind}: {result.error.message}"]
    reasons = [f"{score.judge} {score_text(score.value)}: {score.explanation}" for score in result.scores]
    asked = "" if result.prompt is None else result.prompt.text
    given = "" if result.expected is None else result.expected
    expected = given if isinstance(given, str) else json_text(given)
    return _FailingCase(
        result.name,
        str(result.location),
        case_status(result),
        f"score {score_text(result.score)}{before}",
        one_line(asked, _LONGEST_ANSWER),
        one_line(expected, _LONGEST_ANSWER),
        one_line(_answer(result), _LONGEST_ANSWER),
        tuple(one_line(text, _LONGEST_ANSWER) for text in (*error, *reasons)),
    )

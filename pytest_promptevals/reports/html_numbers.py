"""The numbers of a run that stand in the HTML report itself, for readers without JavaScript, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import WORST_FIRST, GateResult, Verdict
from pytest_promptevals.records.effects import COST, LATENCY_P50, LATENCY_P95, Effect
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.reports.case_counts import cases_text
from pytest_promptevals.reports.metric_texts import (
    UNKNOWN,
    chance_of,
    chance_text,
    change_text,
    effect_change,
    interval_text,
    is_worse_when_higher,
    metric_order,
    metric_title,
    value_text,
)
from pytest_promptevals.reports.standing import Standing, find_standing, gates_text

SIGNS: Final = {
    Verdict.REGRESSED: "✗",
    Verdict.FAILED: "✗",
    Verdict.INSUFFICIENT_DATA: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.PASSED: "✓",
    Verdict.NO_BASELINE: "–",  # noqa: RUF001 - the dash of a table
}
"""A sign for each verdict, beside its word and colour."""
_WIDTH: Final = 200.0
"""Units of the drawing of an interval, from one end to the other."""
_MARGIN: Final = 1.15
_MOST_TAGS: Final = 40


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict of a run."""

    sign: str
    """One character."""
    word: str
    """The verdict."""
    mood: str
    """``bad``, ``unsure``, ``good`` or ``plain``: its colour."""
    text: str
    """What it is about, in a sentence."""


@dataclass(frozen=True, slots=True)
class Interval:
    """How a change and its interval are drawn: worse at the left, better at the right, in units of the drawing."""

    low: float
    high: float
    change: float
    limit: float
    text: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """One verdict with its evidence."""

    gate: GateResult
    sign: str
    mood: str
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values."""
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table; all columns but the first hold numbers."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def headline(report: RunReport) -> Headline:
    """Return the verdict of a run."""
    text, standing = cases_text(report), find_standing(report)
    if standing is Standing.STOPPED:
        mood = "bad" if report.has_failures else "unsure"
        return Headline("?", "stopped early", mood, f"There is no verdict: not all cases were run; {text}.")
    if standing is Standing.OTHERS_FAIL:
        more = f" Beside them, {report.failures[0]} failed." if report.failures else ""
        return Headline("✗", "failed", "bad", f"{text}; {gates_text(report)}.{more}")
    if not report.gates:
        return Headline("–", "no gate", "plain", f"No gate decides over this run. {text}.")  # noqa: RUF001 - a dash
    worst = report.gates[0]
    mood = "unsure" if standing is Standing.UNKNOWN else mood_of(worst)
    return Headline(SIGNS[worst.verdict], worst.verdict.value, mood, f"{text}; {gates_text(report)}.")


def mood_of(gate: GateResult) -> str:
    """Return the colour of a verdict: ``bad``, ``unsure``, ``good`` or ``plain``."""
    if gate.fails:
        return "bad"
    if gate.verdict in (Verdict.PASSED, Verdict.NO_BASELINE):
        return "good" if gate.verdict is Verdict.PASSED else "plain"
    return "unsure"


def gate_rows(report: RunReport) -> list[GateRow]:
    """Return all verdicts, the worst first."""
    return [_gate_row(gate) for gate in report.gates]


def _gate_row(gate: GateResult) -> GateRow:
    sign, mood = SIGNS[gate.verdict], mood_of(gate)
    if gate.evidence is None:
        return GateRow(gate, sign, mood)
    evidence, effect = gate.evidence, gate.evidence.effect
    facts = (
        ("before", value_text(effect.metric, effect.before)),
        ("now", value_text(effect.metric, effect.after)),
        ("change", change_text(effect.metric, effect_change(effect))),
        ("95 % interval", interval_text(effect)),
        ("by chance, in runs", chance_text(chance_of(effect))),
        ("allowed", value_text(effect.metric, evidence.limit)),
        ("smallest that would be found", value_text(effect.metric, evidence.smallest_detectable)),
        ("cases", f"{effect.cases:,}"),
        ("cases that would settle it", UNKNOWN if evidence.cases_needed is None else f"{evidence.cases_needed:,}"),
    )
    known = tuple((name, value) for name, value in facts if value != UNKNOWN)
    return GateRow(gate, sign, mood, known, _interval(effect, evidence.limit))


def _interval(effect: Effect, limit: float) -> Interval | None:
    if effect.low is None or effect.high is None:
        return None
    reach = _MARGIN * max(abs(effect.low), abs(effect.high), abs(effect.worse_by), limit)
    if reach == 0:
        return None

    def place(worse_by: float) -> float:
        return round(_WIDTH / 2 * (1 - worse_by / reach), 1)

    worse = "more" if is_worse_when_higher(effect.metric) else "less"
    text = (
        f"change {change_text(effect.metric, effect_change(effect))}, 95 % interval {interval_text(effect)}; "
        f"up to {value_text(effect.metric, limit)} {worse} is allowed"
    )
    return Interval(place(effect.high), place(effect.low), place(effect.worse_by), place(limit), text)


def file_table(report: RunReport) -> Table:
    """Return the eval files, the worst first."""
    heads = ("eval file", "verdict", "cases", "passed", "errors", "score", "before", "change")
    more = ("cost", "latency p50", "p95")
    files = sorted(report.files, key=_badness)
    return Table("Eval files", heads + more, tuple(map(_file_row, files)))


def _badness(file: ReportedFile) -> tuple[int, str]:
    return len(WORST_FIRST) if file.verdict is None else WORST_FIRST.index(file.verdict), file.file


def _file_row(file: ReportedFile) -> tuple[str, ...]:
    metrics, comparison = file.comparison.metrics, file.comparison
    drop = comparison.drop
    return (
        file.file,
        UNKNOWN if file.verdict is None else f"{SIGNS[file.verdict]} {file.verdict.value}",
        f"{metrics.cases:,}",
        f"{metrics.passed:,}",
        f"{metrics.errors:,}",
        value_text("score", metrics.mean_score),
        value_text("score", comparison.mean_before),
        change_text("score", None if drop is None else -drop),
        UNKNOWN if metrics.cost is None else format_dollars(metrics.cost),
        value_text(LATENCY_P50, metrics.latency_p50),
        value_text(LATENCY_P95, metrics.latency_p95),
    )


def effect_table(file: ReportedFile) -> Table | None:
    """Return how each metric of an eval file changed; ``None`` if nothing was compared."""
    effects = sorted(file.comparison.effects, key=lambda effect: metric_order(effect.metric))
    if not effects:
        return None
    rows = tuple(
        (
            metric_title(effect.metric) + (" of a trial" if effect.metric == COST else ""),
            value_text(effect.metric, effect.before),
            value_text(effect.metric, effect.after),
            change_text(effect.metric, effect_change(effect)),
            interval_text(effect),
            chance_text(chance_of(effect)),
        )
        for effect in effects
    )
    heads = ("metric", "before", "now", "change", "95 % interval", "by chance, in runs")
    return Table(f"{file.file} beside {file.comparison.baseline}", heads, rows)


def breakdowns(report: RunReport) -> list[Table]:
    """Return the scores by judge, tag, model and prompt; what has one value only is left out, judges are not."""
    cases = [case for file in report.files for case in file.cases]
    tables = [
        _case_table("By tag", "tag", cases, lambda case: case.result.tags),
        _case_table("By model", "model", cases, lambda case: (case.result.model,)),
        _case_table("By prompt", "prompt", cases, lambda case: (case.result.prompt_name or "(inline)",)),
    ]
    return [*_judge_tables(cases), *(table for table in tables if len(table.rows) > 1)]


def _judge_tables(cases: Sequence[ReportedCase]) -> list[Table]:
    found: dict[str, list[tuple[float, bool]]] = {}
    for case in cases:
        for score in case.result.scores:
            found.setdefault(score.judge, []).append((score.value, score.passed))
    rows = tuple(
        (
            judge,
            f"{len(scores):,}",
            f"{sum(passed for _, passed in scores) / len(scores):.1%}",
            value_text("score", sum(value for value, _ in scores) / len(scores)),
        )
        for judge, scores in sorted(found.items())
    )
    return [Table("By judge", ("judge", "cases", "passed", "mean score"), rows)] if rows else []


def _case_table(
    title: str, head: str, cases: Sequence[ReportedCase], words: Callable[[ReportedCase], Iterable[str]]
) -> Table:
    found: dict[str, list[ReportedCase]] = {}
    for case in cases:
        for word in words(case):
            found.setdefault(word, []).append(case)
    shown = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = tuple(sorted(_group_row(word, group) for word, group in shown[:_MOST_TAGS]))
    note = f"The {_MOST_TAGS} most used of {len(shown):,}." if len(shown) > _MOST_TAGS else ""
    heads = (head, "cases", "passed", "errors", "mean score", "change", "cost", "mean latency")
    return Table(title, heads, rows, note)


def _group_row(word: str, cases: Sequence[ReportedCase]) -> tuple[str, ...]:
    results = [case.result for case in cases]
    scored = [result for result in results if result.score is not None]
    drops = [case.delta.drop for case in cases if case.delta is not None and case.delta.drop is not None]
    costs = [result.cost for result in results if result.cost is not None]
    return (
        word,
        f"{len(results):,}",
        f"{sum(result.passed is True for result in scored) / len(scored):.1%}" if scored else UNKNOWN,
        f"{sum(result.error is not None for result in results):,}",
        value_text("score", _mean([result.score for result in scored if result.score is not None])),
        change_text("score", None if not drops else -sum(drops) / len(drops)),
        format_dollars(sum(costs)) if len(costs) == len(results) else UNKNOWN,
        value_text(LATENCY_P50, _mean([result.latency for result in results if result.latency is not None])),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

"""What a notification says of a run: verdict first, nothing that a model wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import WORST_FIRST, Comparison, GateResult, Verdict
from pytest_promptevals.records.notifications import Event, Notification
from pytest_promptevals.records.runs import Run
from pytest_promptevals.reports.words import count_text, visible_line

_MOST_CHARACTERS: Final = 1400
"""Of the failing gates: some services refuse messages of more than 2,000."""
_LONGEST_REASON: Final = 400
"""Characters of the sentence of one gate."""
_SHORT_COMMIT: Final = 10


@dataclass(frozen=True, slots=True)
class RunNews:
    """What a notification is made from."""

    project: str
    """What to call the project."""
    run: Run
    """The run, finished."""
    comparisons: Sequence[Comparison]
    """Its eval files with the answers of their gates."""
    not_run: int = 0
    """Cases that were not run, as the budget was spent."""
    failed_before: Collection[str] = ()
    """Eval files of which a gate failed in the last comparable run of the branch."""
    failed: int = 0
    """What pytest counts as failed: cases, gates and tests."""
    link: str = ""
    """Where the CI job can be looked at."""

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, the worst first."""
        found = {
            Event.REGRESSION: bool(self.failing),
            Event.BUDGET: self.not_run > 0,
            Event.RECOVERY: not self.failing and not self.not_run and bool(self.recovered),
        }
        return tuple(event for event, happened in found.items() if happened)

    @property
    def failing(self) -> list[GateResult]:
        """The gates that failed, the worst first."""
        gates = [gate for comparison in self.comparisons for gate in comparison.gates if gate.fails]
        return sorted(gates, key=lambda gate: (WORST_FIRST.index(gate.verdict), gate.file))

    @property
    def recovered(self) -> list[str]:
        """The eval files that failed before and do not fail now; one without any answer says nothing."""
        return [
            comparison.file
            for comparison in self.comparisons
            if comparison.file in self.failed_before
            and any(gate.verdict is not Verdict.NO_BASELINE for gate in comparison.gates)
            and not any(gate.fails for gate in comparison.gates)
        ]


def find_notification(news: RunNews, wanted: Collection[Event]) -> Notification | None:
    """Return what to tell of a run, ``None`` if nothing happened of what is wanted."""
    event = next((event for event in news.events if event in wanted), None)
    if event is None:
        return None
    return Notification(event, _title(news, event), "\n".join(_body(news, event)))


def find_link(environment: Mapping[str, str]) -> str:
    """Return where the CI job of a process can be looked at, by the variables of its server; empty if not known.

    GitHub Actions, GitLab, Jenkins, Azure Pipelines, CircleCI and Buildkite are known.
    """
    for template in _LINKS:
        try:
            return template.format_map(environment)
        except KeyError:
            continue
    return ""


_LINKS: Final = (
    "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    "{CI_JOB_URL}",
    "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    "{CIRCLE_BUILD_URL}",
    "{BUILDKITE_BUILD_URL}",
    "{BUILD_URL}",
)


def _title(news: RunNews, event: Event) -> str:
    of_project = f"evals of {news.project}{_place(news.run)}"
    if event is Event.RECOVERY:
        files = count_text(len(news.recovered), "eval file")
        still = f"; the run is red all the same, with {count_text(news.failed, 'failure')}" if news.failed else ""
        return visible_line(f"recovered: {of_project}, the gates of {files} pass again{still}")
    if event is Event.BUDGET:
        return visible_line(f"budget spent: {of_project}, {count_text(news.not_run, 'case')} not run")
    files = f"{len({gate.file for gate in news.failing})} of {count_text(len(news.comparisons), 'eval file')}"
    return visible_line(f"{news.failing[0].verdict.value}: {of_project}, {files}")


def _place(run: Run) -> str:
    if run.git is None:
        return ""
    return f" on {run.git.branch}" if run.git.branch else f" at {run.git.commit[:_SHORT_COMMIT]}"


def _body(news: RunNews, event: Event) -> Iterator[str]:
    if event is Event.RECOVERY:
        yield from (_file(news, file) for file in news.recovered)
    else:
        yield from _gates(news)
    if news.not_run:
        yield f"not run, as the budget was spent: {count_text(news.not_run, 'case')}"
    yield ""
    yield _cost(news.run)
    commit = "" if news.run.git is None else f", commit {news.run.git.commit[:_SHORT_COMMIT]}"
    yield f"run {news.run.id}{commit}"
    if news.link:
        yield f"CI: {visible_line(news.link)}"
    yield f"look closer: promptevals show {news.run.id}"


def _file(news: RunNews, file: str) -> str:
    metrics = next(comparison.metrics for comparison in news.comparisons if comparison.file == file)
    return f"{visible_line(file)}: {metrics.passed:,} of {count_text(metrics.cases, 'case')} passed"


def _gates(news: RunNews) -> Iterator[str]:
    failing, left, file = news.failing, _MOST_CHARACTERS, ""
    for number, gate in enumerate(failing):
        lines = [] if gate.file == file else [_file(news, gate.file)]
        lines.append(f"  [{visible_line(gate.gate)}] {gate.verdict.value}: {_shorten(visible_line(gate.explanation))}")
        left -= sum(map(len, lines))
        if number and left < 0:
            yield f"and {count_text(len(failing) - number, 'more failing gate')}"
            return
        yield from lines
        file = gate.file


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _cost(run: Run) -> str:
    paid = "" if run.spent == run.cost else f", {format_dollars(run.spent)} of it paid now"
    return f"cost {format_dollars(run.cost)}{paid}"

"""``--evals-adaptive``: eval files whose drop may be chance get further trials, until they can tell or it is no use."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import pytest

from pytest_promptevals.comparison.pairing import match_cases
from pytest_promptevals.comparison.power import can_be_significant
from pytest_promptevals.comparison.scored import Pair
from pytest_promptevals.engine.more_trials import MoreTrials, add_trials, can_have_more
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.pytest_glue.deciding import Compared, decide_run
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.reusing import asked_reuse
from pytest_promptevals.pytest_glue.saying import say
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, GateResult, Verdict
from pytest_promptevals.records.effects import JUDGE_PREFIX, SCORE, Effect
from pytest_promptevals.records.results import CaseResult, ErrorRecord
from pytest_promptevals.reports.adaptive import decided_text, round_text, undecided_text
from pytest_promptevals.settings import Settings

if TYPE_CHECKING:
    from pytest_promptevals.comparison.rounds import Rounds

Planned: TypeAlias = Mapping[tuple[str, str], PlannedCase]
"""Cases by eval file and item name."""
_TOLERANCE: Final = 1e-9
_NO_MORE_CALLS: Final = "no further calls are made: "


class Caller(Protocol):
    """Where models can be asked: the session of this process."""

    def planned_cases(self, session: pytest.Session, files: Collection[str]) -> Planned:
        """Return the cases of those eval files that can be run."""
        ...

    def run(self, work: Callable[[Pipeline], Any]) -> Any:
        """Run a coroutine function that takes the pipeline on the engine's loop."""
        ...

    def output_before(self, source: EvalSource, name: str) -> str | None:
        """Return the output that the baseline keeps of an item."""
        ...


class Ledger(Protocol):
    """Where results are recorded and compared."""

    def take_more(self, result: CaseResult, lost: float) -> None:
        """Record a result with further trials in the place of what it was; ``lost`` US dollars gave no score."""
        ...

    def compare_again(self, file: str) -> Compared:
        """Return the comparison of an eval file as it is now."""
        ...

    def cases_before(self, file: str) -> Sequence[BaselineCase]:
        """Return the baseline of an eval file."""
        ...


@dataclass(slots=True)
class _File:
    """An eval file that may get further trials."""

    first: Compared
    """After the first pass."""
    rounds: Rounds
    """Its rounds."""
    now: Compared
    """What is decided on."""
    gated: frozenset[str] = frozenset()
    """Metrics that gates are about."""
    reason: str = ""
    """Why it gets no further trials, although it cannot tell."""
    is_closed: bool = False
    """Whether it gets no further trials."""

    @property
    def name(self) -> str:
        """The eval file."""
        return self.first.source.file


class AdaptiveTrials:
    """Keeps the results of a session, and runs further trials of the eval files that cannot tell.

    Args:
        config: pytest's.
        settings: of the session.
        ledger: where results go.
    """

    def __init__(self, config: pytest.Config, settings: Settings, ledger: Ledger) -> None:
        self._config = config
        self._settings = settings
        self._ledger = ledger
        self._results: dict[str, dict[str, CaseResult]] = {}
        self._grown: set[str] = set()
        self._reason = ""

    def keep(self, result: CaseResult) -> None:
        """Keep a whole result: what it has is not asked for again."""
        self._results.setdefault(result.file, {})[result.name] = result

    @property
    def grown(self) -> frozenset[str]:
        """Eval files that were given further trials."""
        return frozenset(self._grown)

    def run(self, session: pytest.Session, caller: Caller, compared: Sequence[Compared]) -> list[Compared]:
        """Return the comparisons to decide on, after as many further trials as it takes.

        The p-values of their effects are valid however often they were looked at. What is not looked at again stays as
        the first pass has it: cost, latency, length, and what passed.
        """
        wanted = [(item, decided) for item, decided in self._decide(compared) if _open_gates(decided)]
        planned = self._plan(session, caller, [item.source.file for item, _ in wanted])
        files = [file for item, decided in wanted if (file := self._open(item, decided, planned)) is not None]
        while self._close_decided(compared, files):
            self._run_round([file for file in files if not file.is_closed], caller, planned)
        return _current(compared, files)

    def _decide(self, compared: Sequence[Compared]) -> list[tuple[Compared, Comparison]]:
        return list(zip(compared, decide_run(compared, self._settings), strict=True))

    def _plan(self, session: pytest.Session, caller: Caller, files: Sequence[str]) -> Planned:
        if not files or asked_reuse(self._config) is not None:
            return {}  # whoever asks for the outputs of another run wants no calls
        planned = caller.planned_cases(session, files)
        return {key: case for key, case in planned.items() if can_have_more(case)}

    def _open(self, item: Compared, decided: Comparison, planned: Planned) -> _File | None:
        """Return the file with the p-values of its first look; ``None`` if nothing of it can be looked at again."""
        from pytest_promptevals.comparison.rounds import Rounds  # noqa: PLC0415 - it loads numpy

        file, gates = item.source.file, _open_gates(decided)
        gated = frozenset(gate.evidence.effect.metric for gate in decided.gates if gate.evidence is not None)
        limits = {gate.evidence.effect.metric: gate.evidence.limit for gate in gates if gate.evidence is not None}
        pairs = self._pairs(item)
        growing = [pair.now.name for pair in pairs if (file, pair.now.name) in planned]
        rounds = Rounds(pairs, growing, self._settings.max_trials, limits)
        if rounds.planned == 1 or not rounds.limits:
            if any(gate.verdict is Verdict.INCONCLUSIVE for gate in gates):
                say(self._config, undecided_text(file, self._why_none(file, growing, rounds)))
            return None
        opened = _File(item, rounds, item, gated)
        opened.now = _look(opened, item.comparison)
        return opened

    def _why_none(self, file: str, growing: Sequence[str], rounds: Rounds) -> str:
        if "::" in file:
            return "a test function cannot be called again for further trials"
        if not growing:
            return (
                "no case can have further trials: outputs are recorded or reused, or the reducer is not 'mean', "
                "so that more trials would change what a score means"
            )
        if rounds.planned == 1:
            return f"every case has {self._settings.max_trials} trials or more; --evals-max-trials allows more"
        again = "save a new one with 'pytest --evals-save-baseline'"
        return f"the baseline does not say how each of its trials scored; {again}"

    def _pairs(self, item: Compared) -> Sequence[Pair]:
        file = item.source.file
        results = list(self._results.get(file, {}).values())
        return match_cases(results, self._ledger.cases_before(file), frozenset(item.source.names)).pairs

    def _close_decided(self, compared: Sequence[Compared], files: Sequence[_File]) -> bool:
        """Close the files that are decided, or cannot be; return whether others are left."""
        decided = {comparison.file: comparison for _, comparison in self._decide(_current(compared, files))}
        for file in files:
            if not file.is_closed:
                self._close_if_decided(file, _looked_at(decided[file.name], file.rounds))
        return any(not file.is_closed for file in files)

    def _close_if_decided(self, file: _File, gates: Sequence[GateResult]) -> None:
        unclear = [gate for gate in gates if gate.verdict is Verdict.INCONCLUSIVE]
        trials = max(len(result.trials) for result in self._results[file.name].values())
        if not unclear:
            file.is_closed = True
            if file.now.comparison is not file.first.comparison and file.rounds.looks > 1:
                say(self._config, decided_text(gates, trials))
            return
        file.reason = file.reason or self._reason or self._why_no_more(file, unclear)
        if file.reason:
            file.is_closed = True
            say(self._config, undecided_text(file.name, file.reason))
            return
        say(self._config, round_text(unclear[0], self._more(file), self._cost(file)))

    def _why_no_more(self, file: _File, unclear: Sequence[GateResult]) -> str:
        if not file.rounds.next_round():
            return f"its cases have {self._settings.max_trials} trials, the most that --evals-max-trials allows"
        evidence = [gate.evidence for gate in unclear if gate.evidence is not None]
        if not any(can_be_significant(item.effect.groups, item.confidence) for item in evidence):
            return "so few independent cases cannot show any drop, whatever their trials say; more cases can"
        if all(file.rounds.is_futile(item.effect.metric, 1 - item.confidence) for item in evidence):
            return "further trials would hardly change that; more cases would"
        return ""

    def _more(self, file: _File) -> dict[str, int]:
        has = self._results[file.name]
        return {name: end - len(has[name].trials) for name, end in file.rounds.next_round().items()}

    def _cost(self, file: _File) -> float | None:
        """Return about what the next round costs: as much for each trial as the case's trials cost so far."""
        has = self._results[file.name]
        costs = [(has[name].cost, len(has[name].trials), more) for name, more in self._more(file).items()]
        known = [cost / trials * more for cost, trials, more in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    def _run_round(self, files: Sequence[_File], caller: Caller, planned: Planned) -> None:
        wanted = [(file, name, end) for file in files for name, end in file.rounds.next_round().items()]
        try:
            made = caller.run(self._work(caller, wanted, planned))
        except KeyboardInterrupt:
            self._reason = "further trials were stopped; what they gave by then is in the cache"
            return
        except PromptEvalsError as error:
            self._reason = f"{_NO_MORE_CALLS}{error}"
            return
        for file in files:
            of_file = [more for (other, *_), more in zip(wanted, made, strict=True) if other is file]
            self._take(file, of_file)

    def _work(
        self, caller: Caller, wanted: Sequence[tuple[_File, str, int]], planned: Planned
    ) -> Callable[[Pipeline], Any]:
        before = [caller.output_before(file.first.source, name) for file, name, _ in wanted]

        async def work(pipeline: Pipeline) -> list[MoreTrials]:
            return await asyncio.gather(
                *(
                    add_trials(planned[file.name, name], self._results[file.name][name], end, pipeline, output)
                    for (file, name, end), output in zip(wanted, before, strict=True)
                )
            )

        return work

    def _take(self, file: _File, made: Sequence[MoreTrials]) -> None:
        has = self._results[file.name]
        error = next((more.error for more in made if more.error is not None), None)
        grown = [more for more in made if len(more.result.trials) > len(has[more.result.name].trials)]
        for more in made:
            if more in grown or more.lost:
                self._ledger.take_more(more.result, more.lost)
                self.keep(more.result)
        if error is not None and (not grown or _is_final(error)):
            file.reason = f"{_NO_MORE_CALLS}{error.message}"
        if grown:
            self._grown.add(file.name)
            file.rounds.take(self._pairs(file.first))
            file.now = _look(file, self._ledger.compare_again(file.name).comparison)


def _open_gates(comparison: Comparison) -> list[GateResult]:
    """Return the gates on scores that found a drop larger than allowed, be it chance or not."""
    return [
        gate
        for gate in comparison.gates
        if gate.evidence is not None
        and (gate.evidence.effect.metric == SCORE or gate.evidence.effect.metric.startswith(JUDGE_PREFIX))
        and gate.evidence.effect.worse_by - gate.evidence.limit > _TOLERANCE
    ]


def _looked_at(comparison: Comparison, rounds: Rounds) -> list[GateResult]:
    return [
        gate for gate in comparison.gates if gate.evidence is not None and gate.evidence.effect.metric in rounds.limits
    ]


def _look(file: _File, comparison: Comparison) -> Compared:
    """Return the comparison with p-values that hold at any look; whatever is looked at once stays as it was."""
    first = file.first.comparison
    now = {effect.metric: effect for effect in comparison.effects}
    effects = _as_the_score([_seen_again(file, effect, now.get(effect.metric, effect)) for effect in first.effects])
    metrics = dataclasses.replace(
        first.metrics, mean_score=comparison.metrics.mean_score, judges=comparison.metrics.judges
    )
    seen = dataclasses.replace(
        comparison,
        effects=effects,
        metrics=metrics,
        baseline=first.baseline,
        baseline_run=first.baseline_run,
    )
    return dataclasses.replace(file.first, comparison=seen)


def _seen_again(file: _File, first: Effect, now: Effect) -> Effect:
    if first.metric in file.rounds.limits:
        return dataclasses.replace(now, p_worse=file.rounds.p_value(first.metric))
    is_shown_only = first.metric.startswith(JUDGE_PREFIX) and first.metric not in file.gated
    if is_shown_only and file.rounds.looks > 1:
        return dataclasses.replace(now, p_worse=None, p_better=None)  # no number of a single look would hold
    return first


def _as_the_score(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Give judges whose scores are those of the cases, as one has that is alone, the p-values of the mean score."""
    score = next(effect for effect in effects if effect.metric == SCORE)  # without it, no judge has any
    return tuple(
        dataclasses.replace(effect, p_worse=score.p_worse, p_better=score.p_better)
        if effect.p_worse is None and _numbers_of(effect) == _numbers_of(score)
        else effect
        for effect in effects
    )


def _numbers_of(effect: Effect) -> tuple[float | None, ...]:
    return effect.before, effect.after, effect.worse_by, effect.low, effect.high, effect.error, effect.cases


def _current(compared: Iterable[Compared], files: Iterable[_File]) -> list[Compared]:
    by_name = {file.name: file.now for file in files}
    return [by_name.get(item.source.file, item) for item in compared]


def _is_final(error: ErrorRecord) -> bool:
    """Return whether no later call would be made either."""
    return error.kind in ("budget", "quota", "replay", "refused")

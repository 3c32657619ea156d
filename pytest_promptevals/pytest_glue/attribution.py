"""``--evals-attribute``: runs the cases that now fail with each of two changes alone, to tell which explains them."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from pytest_promptevals.comparison.attribution import Attribution, Cause, find_cause
from pytest_promptevals.comparison.changes import is_flip, worst_deltas
from pytest_promptevals.engine.budget import check_all_priced
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import EvalPlan, PlannedCase, Target
from pytest_promptevals.engine.pricing import unpriced_models
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.engine.variations import find_target, with_parameters, with_prompt
from pytest_promptevals.errors import HistoryError, PromptEvalsError, UsageError
from pytest_promptevals.history.environment import new_run
from pytest_promptevals.history.opening import open_run_history
from pytest_promptevals.history.past import PastFile
from pytest_promptevals.history.place import OFF, locate_history
from pytest_promptevals.pytest_glue.adaptive import Caller
from pytest_promptevals.pytest_glue.kept import Totals
from pytest_promptevals.pytest_glue.saying import say
from pytest_promptevals.records.comparisons import BaselineCase, Delta
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunFile, RunKind, RunStatus
from pytest_promptevals.reports.committed import CommittedFiles
from pytest_promptevals.reports.what_changed import ComparedFile, Explainer
from pytest_promptevals.reports.words import count_text
from pytest_promptevals.settings import Settings

MOST_CASES: Final = 100
"""Cases of an eval file that are run again, the worst ones: more would tell little more."""
_SHORT: Final = 7
"""Digits of a commit that are shown."""
_PATIENCE: Final = 10.0
"""Seconds that writing waits for other processes."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A case that passed before and fails now."""

    planned: PlannedCase
    """As it is now."""
    before: BaselineCase
    """As the baseline has it."""
    asked: RenderedPrompt
    """What was asked for it then."""


@dataclass(frozen=True, slots=True)
class _Old:
    """What is known of an eval file when its baseline was made."""

    file: str
    """The eval file."""
    parameters: JsonObject
    """Parameters of the model calls; those of now where they are not known."""
    is_recorded: bool
    """Whether the history tells them, so that there is no doubt."""
    prompts: Mapping[str, str]
    """Content hashes of the prompts by their names; empty where the history does not tell them."""
    committed: CommittedFiles | None
    """Its files in git; ``None`` if the commit is not known."""
    hint: str
    """What to do for git to know it; empty if nothing helps."""

    @property
    def what_is_missing(self) -> str:
        """Why no case can be asked again."""
        if self.committed is None or self.committed.dataset(self.file) is None:
            hint = f" ({self.hint})" if self.hint else ""
            return f"neither the history nor git knows what was asked for the baseline{hint}"
        return (
            "the history does not know what was asked for the baseline, and with the prompt and parameters of commit "
            f"{self.committed.commit[:_SHORT]}, and the provider of now, it was not made"
        )


@dataclass(frozen=True, slots=True)
class _Variant:
    """The same cases with one change alone."""

    cases: tuple[PlannedCase, ...]
    """In the order of the others."""
    outputs: tuple[str | None, ...]
    """The baseline's outputs, for judges that look at them."""
    file: RunFile
    """What makes their results comparable."""
    results: tuple[CaseResult, ...] = ()
    """What became of them."""


class Attributor:
    """Runs cases again, and records what became of them as runs of their own.

    Args:
        explainer: it tells what was found.
        settings: those of the session.
        session: pytest's.
        caller: where models can be asked.
    """

    def __init__(self, explainer: Explainer, settings: Settings, session: pytest.Session, caller: Caller) -> None:
        self._explainer = explainer
        self._settings = settings
        self._session = session
        self._caller = caller
        self._notices: list[str] = []

    def attribute(self, files: Iterable[ComparedFile], run: Run) -> list[str]:
        """Find out what explains the cases of eval files that now fail, and return what the user should know.

        Args:
            files: those whose verdict needs an explanation.
            run: the run that they were part of.
        """
        for compared in files:
            self._explainer.attributions[compared.file] = self._attribute_file(compared, run)
        return self._notices

    def _attribute_file(self, compared: ComparedFile, run: Run) -> Attribution:
        flips = [delta for delta in worst_deltas(compared.comparison) if is_flip(delta)]
        past = self._explainer.past_file(compared, run)
        try:
            old = self._find_old(compared, past)
            cases = self._find_cases(compared, flips[:MOST_CASES], run, old)
            other = self._name_changes(cases, old)
            variants = self._vary(cases, compared.now, old)
            say(
                self._session.config,
                f"{compared.file}: asking {count_text(len(cases), 'case')} again, with each change alone",
            )
            variants = self._caller.run(partial(_run_all, variants=variants))
        except PromptEvalsError as error:
            return Attribution(problem=str(error))
        except KeyboardInterrupt:
            return Attribution(problem="stopped; what was answered by then is in the cache")
        self._record(variants, run)
        return _sum_up(variants, other, left_out=len(flips) - len(cases))

    def _find_old(self, compared: ComparedFile, past: PastFile | None) -> _Old:
        committed = self._explainer.committed(compared, past)
        parameters = self._explainer.parameters(compared, past)
        return _Old(
            file=compared.file,
            parameters=compared.now.parameters if parameters is None else parameters,
            is_recorded=past is not None,
            prompts={} if past is None else past.file.prompts,
            committed=committed,
            hint=self._explainer.hint(compared, past),
        )

    def _find_cases(self, compared: ComparedFile, flips: Sequence[Delta], run: Run, old: _Old) -> tuple[_Case, ...]:
        """Return the cases that can be run again. Raises ``UsageError`` if there is none."""
        if run.kind not in (RunKind.RUN, RunKind.RERUN):
            raise UsageError("this run asks no model, so no case is run again")
        if not flips:
            raise UsageError("no case that passed before fails now, so there is nothing to explain")
        planned = self._caller.planned_cases(self._session, [compared.file])
        pairs = [
            (planned[compared.file, delta.name], compared.before[delta.old_name])
            for delta in flips
            if (compared.file, delta.name) in planned
        ]
        if not pairs:
            raise UsageError("cases of a test function cannot be run again with one change alone")
        cases = tuple(case for now, before in pairs if (case := self._remember(old, now, before)) is not None)
        if not cases:
            raise UsageError(
                f"{old.what_is_missing}, so it cannot be asked again; run the old prompt with the old model once, and "
                "name that run: --evals-baseline RUN"
            )
        return cases

    def _remember(self, old: _Old, planned: PlannedCase, before: BaselineCase) -> _Case | None:
        """Return the case with what was asked for it, from the history or else from git; ``None`` if it is unknown."""
        if not before.fingerprint or planned.case.output is not None:
            return None
        asked = self._explainer.past.prompt_of(old.file, before.name, before.fingerprint)
        if asked is None:
            asked = _render_committed(old, planned, before)
        elif old.is_recorded:
            return _Case(planned, before, asked)
        is_known = asked is not None and _is_proven(old, planned, before, asked)
        return _Case(planned, before, asked) if asked is not None and is_known else None

    def _name_changes(self, cases: Sequence[_Case], old: _Old) -> str:
        """Return what changed beside the prompt. Raises ``UsageError`` if it is not the prompt and something else."""
        is_other_model = any(case.before.model != case.planned.target.label for case in cases)
        are_others = old.parameters != cases[0].planned.plan.dataset.parameters
        changed = [name for name, is_other in (("model", is_other_model), ("parameters", are_others)) if is_other]
        other = " and ".join(changed)
        has_prompt = self._caller.run(lambda _: _has_other_prompt(cases))
        if has_prompt and other:
            return other
        alone = "the prompt" if has_prompt else f"the {other}" if other else ""
        if alone:
            raise UsageError(f"only {alone} changed, so there is nothing to tell apart")
        raise UsageError("neither the prompt nor the model changed, so there is nothing to tell apart")

    def _vary(self, cases: Sequence[_Case], now: RunFile, old: _Old) -> tuple[_Variant, _Variant]:
        """Return the cases with the prompt's change alone, and with that of the model. Raises ``UsageError``."""
        old_plan = with_parameters(cases[0].planned.plan, old.parameters)
        prompt_alone = tuple(
            dataclasses.replace(case.planned, target=_find_target(old_plan, case.before.model), plan=old_plan)
            for case in cases
        )
        model_alone = tuple(with_prompt(case.planned, case.asked) for case in cases)
        if self._settings.max_cost is not None:
            check_all_priced(unpriced_models([*prompt_alone, *model_alone], self._explainer.rootdir))
        outputs = tuple(case.before.output or None for case in cases)
        return (
            _Variant(prompt_alone, outputs, dataclasses.replace(now, parameters=old.parameters)),
            _Variant(model_alone, outputs, dataclasses.replace(now, prompts=old.prompts)),
        )

    def _record(self, variants: Sequence[_Variant], run: Run) -> None:
        """Write a run for each variant. What goes wrong is said, and costs no answer."""
        if self._settings.history == OFF:
            return
        try:
            history = open_run_history(locate_history(self._explainer.rootdir, self._settings.history), _PATIENCE)
            try:
                for variant in variants:
                    history.add_run(self._describe(variant, run), variant.results, ())
            finally:
                history.close()
        except HistoryError as error:
            self._notices.append(f"--evals-attribute: its runs are not recorded: {error}")

    def _describe(self, variant: _Variant, run: Run) -> Run:
        totals = Totals()
        for result in variant.results:
            totals.add(result)
        models = {result.model: _answered_as(result) for result in variant.results}
        described = dataclasses.replace(
            new_run(run.arguments, self._explainer.rootdir),
            status=RunStatus.FINISHED,
            finished_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            parent=run.id,
            kind=RunKind.ATTRIBUTE,
            selected=len(variant.results),
            files=(dataclasses.replace(variant.file, models=models),),
        )
        return totals.put_into(described)


def _answered_as(result: CaseResult) -> str:
    """Return the model as the provider says it answered; its name where it says nothing."""
    answers = (trial.response.model for trial in result.trials if trial.response is not None)
    return next(filter(None, answers), result.model)


def _render_committed(old: _Old, planned: PlannedCase, before: BaselineCase) -> RenderedPrompt | None:
    """Return what git's text of the prompt asks for a case, ``None`` if git does not have it."""
    prompt = None if old.committed is None else old.committed.prompt(old.file, before.prompt_hash)
    return None if prompt is None else prompt.render_now(planned.case)


def _is_proven(old: _Old, planned: PlannedCase, before: BaselineCase, asked: RenderedPrompt) -> bool:
    """Return whether all that is known of a case gives the fingerprint that the baseline keeps.

    Raises ``UsageError`` if the provider of its model is not known any more.
    """
    target = _find_target(planned.plan, before.model)
    then = dataclasses.replace(planned, target=target, plan=with_parameters(planned.plan, old.parameters))
    return then.full_fingerprint(asked, before.case_fingerprint) == before.fingerprint


def _find_target(plan: EvalPlan, label: str) -> Target:
    target = find_target(plan, label)
    if target is None:
        raise UsageError(f"the provider of the old model {label!r} is not known any more; name it under 'providers'")
    return target


async def _has_other_prompt(cases: Sequence[_Case]) -> bool:
    """Return whether any of the cases is asked something else than before."""
    for case in cases:
        now = await case.planned.prompt.render(case.planned.case)
        if now.messages != case.asked.messages:
            return True
    return False


async def _run_all(pipeline: Pipeline, variants: Sequence[_Variant]) -> list[_Variant]:
    results = await asyncio.gather(
        *(
            run_case(case, pipeline, before=output)
            for variant in variants
            for case, output in zip(variant.cases, variant.outputs, strict=True)
        )
    )
    size = len(variants[0].cases)
    return [
        dataclasses.replace(variant, results=tuple(results[number * size : (number + 1) * size]))
        for number, variant in enumerate(variants)
    ]


def _sum_up(variants: Sequence[_Variant], other: str, left_out: int) -> Attribution:
    prompt_alone, model_alone = variants
    totals = Totals()
    causes: dict[str, Cause] = {}
    for with_prompt_alone, with_model_alone in zip(prompt_alone.results, model_alone.results, strict=True):
        totals.add(with_prompt_alone)
        totals.add(with_model_alone)
        causes[with_prompt_alone.name] = find_cause(
            passes_with_prompt=with_prompt_alone.passed, passes_with_model=with_model_alone.passed
        )
    return Attribution(
        causes=causes,
        other=other,
        trials=max(case.trials for case in prompt_alone.cases),
        calls=totals.calls,
        spent=None if totals.unpriced else totals.spent,
        left_out=left_out,
    )

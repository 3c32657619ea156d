"""One planned case to its result: render, call, judge, reduce. Pure asyncio; knows nothing of pytest."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_promptevals.engine.asking import Ledger, Send, unhurried
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import EvalPlan, PlannedCase
from pytest_promptevals.engine.scoring import score_response
from pytest_promptevals.engine.trials import reduce_trials, score_trial
from pytest_promptevals.errors import (
    CacheError,
    CallNotMadeError,
    PromptEvalsError,
    ProviderConfigError,
    ProviderTimeoutError,
    did_you_mean,
)
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.prompts.trajectories import show_messages
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, JudgeSpending, Score, Trial


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one trial gave, before it is part of a result."""

    response: Response | None = None
    """``None`` if the call failed."""
    scores: tuple[Score, ...] = ()
    """Empty if there is an error."""
    error: ErrorRecord | None = None
    """Why there is no score."""
    judging: JudgeSpending | None = None
    """What judges spent on no score."""
    is_further: bool = False
    """Whether it is added to a result that was reported."""


async def run_case(
    planned: PlannedCase, pipeline: Pipeline, known: CaseResult | None = None, before: str | None = None
) -> CaseResult:
    """Return the result of one case. Every failure of prompt, provider or judge is part of the result.

    If a result is ``known`` from before and its fingerprint is what it would be now, its responses are judged anew, and
    no call is made for them. ``before`` is the baseline's output, for judges that compare with it.
    """
    try:
        prompt = await _render(planned)
    except TimeoutError:
        message = f"the prompt was not rendered within {planned.plan.timeout:g} s. Raise 'timeout' if it needs longer."
        return assemble_result(planned, None, [Outcome(error=ErrorRecord("timeout", message))])
    except PromptEvalsError as error:
        if planned.case.output is None:
            return assemble_result(planned, None, [Outcome(error=ErrorRecord("prompt", str(error)))])
        # A recorded output needs no prompt: it is rendered for the eyes of the reader, where that is possible.
        prompt = RenderedPrompt(())
    responses = _known_responses(planned, prompt, known)
    trials = [
        run_trial(planned, prompt, pipeline, number, responses.get(number), before)
        for number in range(1, planned.trials + 1)
    ]
    # A task for a single trial would cost as much as judging it.
    outcomes = await asyncio.gather(*trials) if len(trials) > 1 else [await trials[0]]
    result = assemble_result(planned, prompt, outcomes)
    return result if prompt.messages else _with_conversation(result, planned.case)


def _with_conversation(result: CaseResult, case: Case) -> CaseResult:
    """Return the result with the conversation that was recorded as its input in the place of a prompt."""
    messages = show_messages(case.input)
    return dataclasses.replace(result, prompt=RenderedPrompt(messages)) if messages else result


async def _render(planned: PlannedCase) -> RenderedPrompt:
    if planned.prompt.variables is not None:
        return await planned.prompt.render(planned.case)  # a template never waits
    async with asyncio.timeout(planned.plan.timeout):
        return await planned.prompt.render(planned.case)


async def judge_response(
    planned: PlannedCase,
    response: Response,
    prompt: RenderedPrompt | None,
    pipeline: Pipeline,
    before: str | None = None,
) -> Outcome:
    """Return the scores that the case's judges give a response, or why there are none."""
    plan = planned.plan
    subject = JudgeInput(
        planned.case,
        response,
        prompt,
        before=before,
        model="" if planned.case.output is not None else planned.target.label,
        parameters=plan.dataset.parameters,
    )
    ledger, scores = Ledger(_sender(plan, pipeline)), list[Score]()
    await plan.warmer.wait(planned.judges, planned.case)  # to load a model takes no time of the case's
    try:
        async with asyncio.timeout(plan.timeout) as limit:
            send = unhurried(ledger.send, limit)
            for judge in planned.judges:
                scores.append(await score_response(judge, plan.planner, subject, send))
    except TimeoutError:
        slow = planned.judges[len(scores)].spec
        message = (
            f"{slow.location}: judge {slow.name!r} gave no score within {plan.timeout:g} s. Raise 'timeout' if the "
            "judges need longer."
        )
        return Outcome(response, error=ErrorRecord("judge", message), judging=ledger.spending)
    except CallNotMadeError as error:
        return Outcome(response, error=ErrorRecord(error.reason, str(error)), judging=ledger.spending)
    except PromptEvalsError as error:
        return Outcome(response, error=ErrorRecord("judge", str(error)), judging=ledger.spending)
    return Outcome(response, tuple(scores))


def assemble_result(planned: PlannedCase, prompt: RenderedPrompt | None, outcomes: Sequence[Outcome]) -> CaseResult:
    """Return the case's result over its trials. One trial without a score makes the case an error."""
    trials = tuple(make_trial(number, outcome) for number, outcome in enumerate(outcomes, start=1))
    error = next((trial.error for trial in trials if trial.error is not None), None)
    dataset, case = planned.plan.dataset, planned.case
    scores: tuple[Score, ...] = ()
    score, passed = None, None
    if error is None:
        scores, score, passed = reduce_trials(dataset.reducer, trials, dataset.threshold)
    case_hash = planned.fingerprint
    return CaseResult(
        file=dataset.path,
        name=planned.name,
        case_id=case.id,
        location=case.location,
        model=planned.target.label,
        prompt_name=planned.prompt.name,
        case_fingerprint=case_hash,
        fingerprint=planned.full_fingerprint(prompt),
        trials=trials,
        scores=scores,
        score=score,
        passed=passed,
        error=error,
        prompt=prompt,
        expected=case.expected,
        tags=case.tags,
        group=case.group,
        weight=case.weight,
        prompt_hash=planned.prompt_hash,
    )


def _known_responses(planned: PlannedCase, prompt: RenderedPrompt, known: CaseResult | None) -> Mapping[int, Response]:
    if known is None:
        return {}
    if known.fingerprint != planned.full_fingerprint(prompt):
        return {}
    return {trial.number: trial.response for trial in known.trials if trial.response is not None}


async def run_trial(  # noqa: PLR0917 - what one trial needs
    planned: PlannedCase,
    prompt: RenderedPrompt,
    pipeline: Pipeline,
    number: int,
    known: Response | None,
    before: str | None,
) -> Outcome:
    """Return what one trial gave: a call and its scores, or the scores of a response that is known."""
    if known is not None:
        return await judge_response(planned, known, prompt, pipeline, before)
    target, dataset = planned.target, planned.plan.dataset
    request = Request(target.model, prompt.messages, dataset.parameters, number, planned.case)
    try:
        response = await pipeline.call(planned.endpoint, request)
    except CallNotMadeError as error:
        return Outcome(error=ErrorRecord(error.reason, str(error)))
    except CacheError as error:
        return Outcome(error=ErrorRecord("cache", str(error)))
    except ProviderTimeoutError as error:
        return Outcome(error=ErrorRecord("timeout", str(error)))
    except PromptEvalsError as error:
        return Outcome(error=ErrorRecord("provider", str(error)))
    return await judge_response(planned, response, prompt, pipeline, before)


def _sender(plan: EvalPlan, pipeline: Pipeline) -> Send:
    async def send(model: str, request: Request) -> Response:
        name = model.partition("/")[0]
        if name not in plan.endpoints:
            raise ProviderConfigError(
                f"unknown provider {name!r} in model {model!r}.{did_you_mean(name, plan.endpoints)}"
            )
        return await pipeline.call(plan.endpoints[name], request)

    return send


def make_trial(number: int, outcome: Outcome) -> Trial:
    """Return the trial of that number with what it gave."""
    if outcome.error is not None:
        further, judging = outcome.is_further, outcome.judging
        return Trial(number, outcome.response, error=outcome.error, judging=judging, is_further=further)
    score, passed = score_trial(outcome.scores)
    return Trial(number, outcome.response, outcome.scores, score, passed, is_further=outcome.is_further)

"""One case to its result, and the one way to a model."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import ProviderContext, ProviderFactory, _ignore_limits
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import CountingProvider, plan, run_all

CONFIG = ProviderConfig("counting", "counting")


def request(text: str = "hi") -> Request:
    return Request("m", (Message("user", text),))


def call(folder: Path, factory: ProviderFactory, text: str = "hi", seconds: float = 5) -> Response:
    async def main() -> Response:
        return await Pipeline(folder, 1).call(Endpoint(factory, CONFIG, seconds), request(text))

    return asyncio.run(main())


class Failing(CountingProvider):
    """Raises, sleeps, or gives a broken text, as its model says."""

    async def complete(self, request: Request) -> Response:
        """Do what the message says."""
        text = request.messages[-1].content
        if text == "sleep":
            await asyncio.sleep(10)
        if text == "raise":
            raise LookupError("odd")
        return Response("\ud800 broken")


def test_equal_configs_share_a_provider_and_others_do_not(tmp_path: Path) -> None:
    made: list[CountingProvider] = []

    def make(context: ProviderContext) -> CountingProvider:
        made.append(CountingProvider(context))
        return made[-1]

    other = ProviderConfig("other", "counting", {"a": 1})
    endpoints = [
        Endpoint(make, CONFIG, 3, (tmp_path,)),
        Endpoint(make, ProviderConfig("counting", "counting"), 3, (tmp_path,)),
        Endpoint(make, other, 3, (tmp_path,)),
        Endpoint(make, CONFIG, 9, (tmp_path,)),
        Endpoint(make, CONFIG, 3, ()),
    ]

    async def main() -> None:
        pipeline = Pipeline(tmp_path, 2)
        for endpoint in endpoints:
            await pipeline.call(endpoint, request())
        await pipeline.close()

    asyncio.run(main())

    assert [len(provider.requests) for provider in made] == [2, 1, 1, 1]
    assert all(provider.is_closed for provider in made)
    context = dataclasses.replace(made[1].context, report_limits=_ignore_limits)
    assert context == ProviderContext(other, tmp_path, (tmp_path,), concurrency=2, timeout=3)


def test_a_factory_that_is_slow_to_load_is_loaded_off_the_loop(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    class Late:
        def load(self) -> None:
            threads.append(threading.current_thread())

        def __call__(self, context: ProviderContext) -> CountingProvider:
            threads.append(threading.current_thread())
            return CountingProvider(context)

    call(tmp_path, Late())

    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


def test_one_call_that_is_given_up_leaves_the_provider_to_the_others(tmp_path: Path) -> None:
    class Late:
        def load(self) -> None:
            time.sleep(0.05)

        def __call__(self, context: ProviderContext) -> CountingProvider:
            return CountingProvider(context)

    endpoint = Endpoint(Late(), CONFIG, 5)

    async def main() -> Response:
        pipeline = Pipeline(tmp_path, 2)
        given_up = asyncio.create_task(pipeline.call(endpoint, request()))
        await asyncio.sleep(0.01)
        given_up.cancel()
        return await pipeline.call(endpoint, request())

    assert asyncio.run(main()).text == "hi"


def test_no_more_calls_are_under_way_than_allowed(tmp_path: Path) -> None:
    under_way, most = 0, 0

    class Slow(CountingProvider):
        async def complete(self, request: Request) -> Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1
            return Response("hi")

    planned = plan(
        tmp_path,
        "model: slow/m\njudges: [exact]\ncases: ["
        + ", ".join(f"{{id: c{n}, input: hi, expected: hi}}" for n in range(20))
        + "]",
        slow=Slow,
    )

    assert all(result.passed for result in run_all(planned, tmp_path, concurrency=3))
    assert most == 3


def test_a_call_that_takes_too_long_is_given_up_with_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(ProviderTimeoutError) as caught:
        call(tmp_path, Failing, "sleep", seconds=0.01)

    assert str(caught.value) == (
        "counting/m: no answer within 0.01 s. Raise 'timeout' in the eval file, or --evals-timeout, if the model needs "
        "longer."
    )


def test_whatever_a_provider_raises_is_a_provider_error(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="^provider 'counting' raised LookupError: odd$"):
        call(tmp_path, Failing, "raise")


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    assert call(tmp_path, Failing).text == "? broken"


def test_a_provider_that_cannot_be_made_is_a_config_error(tmp_path: Path) -> None:
    def refuse(context: ProviderContext) -> CountingProvider:
        raise ValueError("no such option") if context.timeout < 5 else ProviderConfigError("set the key")

    with pytest.raises(ProviderConfigError, match="^provider 'counting' cannot be made: ValueError: no such option$"):
        call(tmp_path, refuse, seconds=1)
    with pytest.raises(ProviderConfigError, match="^set the key$"):
        call(tmp_path, refuse)


def test_every_trial_is_a_call_of_its_own_with_its_number(tmp_path: Path) -> None:
    made: list[CountingProvider] = []

    def make(context: ProviderContext) -> CountingProvider:
        made.append(CountingProvider(context))
        return made[-1]

    planned = plan(
        tmp_path,
        "model: mine/m\nparameters: {temperature: 0}\ntrials: 2\njudges: [exact]\n"
        "cases: [{id: a, input: hi, expected: hi}, {id: b, input: hi, expected: hi, trials: 3}]",
        mine=make,
    )

    results = run_all(planned, tmp_path)

    assert [len(result.trials) for result in results] == [2, 3]
    assert sorted((r.case.id, r.trial) for r in made[0].requests if r.case) == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("b", 3),
    ]
    assert {tuple(r.parameters.items()) for r in made[0].requests} == {(("temperature", 0),)}


@pytest.mark.parametrize(
    ("given", "timeout", "trials"),
    [({}, 7.0, [2, 5]), ({"timeout": 3.0}, 3.0, [2, 5]), ({"trials": 4}, 7.0, [4, 4])],
)
def test_options_go_before_the_eval_file_and_its_cases(
    tmp_path: Path, given: dict[str, Any], timeout: float, trials: list[int]
) -> None:
    settings = Settings(**given, given=dict.fromkeys(given, ""))

    planned = plan(
        tmp_path,
        "model: counting/m\ntimeout: 7\ntrials: 2\njudges: [exact]\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: x, expected: x, trials: 5}]",
        settings,
    )

    assert [case.plan.timeout for case in planned] == [timeout, timeout]
    assert [case.trials for case in planned] == trials


@pytest.mark.parametrize(
    "raised", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()", "asyncio.CancelledError()"]
)
@pytest.mark.parametrize("kind", ["provider", "factory"])
def test_what_is_no_exception_ends_one_case_not_the_engine(tmp_path: Path, raised: str, kind: str) -> None:
    error = eval(raised)  # noqa: S307 - one of the four above

    class Rude(CountingProvider):
        def __init__(self, context: ProviderContext) -> None:
            super().__init__(context)
            if kind == "factory":
                raise error

        async def complete(self, request: Request) -> Response:
            raise error

    planned = plan(
        tmp_path,
        "model: rude/m\ntimeout: 5\njudges: [{contains: x}]\ncases: [{id: a, input: x}, {id: b, output: x}]",
        rude=Rude,
    )

    rude, recorded = run_all(planned, tmp_path)

    assert rude.error is not None
    assert type(error).__name__ in rude.error.message
    assert recorded.passed is True


def test_a_prompt_function_that_never_returns_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "endless_prompts_module.py").write_text(
        "import asyncio\nasync def ask(): await asyncio.sleep(100)\ndef leave(): raise SystemExit(3)\n",
        encoding="utf-8",
    )
    text = "model: counting/m\ntimeout: 0.05\njudges: [{{contains: x}}]\nprompt: python:endless_prompts_module:{}\n"
    results = [
        run_all(plan(tmp_path, text.format(name) + "cases: [{id: a, input: x}]"), tmp_path)[0]
        for name in ("ask", "leave")
    ]

    errors = [result.error for result in results if result.error is not None]
    assert [error.kind for error in errors] == ["timeout", "prompt"]
    assert errors[0].message == "the prompt was not rendered within 0.05 s. Raise 'timeout' if it needs longer."
    assert errors[1].message.endswith("raised RuntimeError: SystemExit: 3")


def test_one_trial_without_a_score_makes_the_case_an_error_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / "flaky_judge_module.py").write_text(
        "seen = []\n"
        "def judge(output):\n"
        "    seen.append(1)\n"
        "    if len(seen) == 2: raise ValueError('flaky')\n"
        "    return True\n",
        encoding="utf-8",
    )
    script = "providers: {scripted: {script: [{match: x, replies: [x, x]}]}}\n"
    planned = plan(
        tmp_path,
        script + "model: scripted/m\ntrials: 2\njudges: [{python: {function: 'flaky_judge_module:judge'}}]\n"
        "cases: [{id: a, input: x, expected: x}]",
    )

    (result,) = run_all(planned, tmp_path)

    assert result.error is not None
    assert (result.score, result.passed, result.scores) == (None, None, ())
    assert sorted(trial.score is None for trial in result.trials) == [False, True]


def test_a_prompt_function_that_fails_is_an_error_of_its_case(tmp_path: Path) -> None:
    (tmp_path / "failing_prompts_module.py").write_text("def ask(): raise ValueError('no')\n", encoding="utf-8")
    planned = plan(
        tmp_path,
        "prompt: python:failing_prompts_module:ask\nmodel: counting/m\njudges: [exact]\n"
        "cases: [{id: a, input: x, expected: x}]",
    )

    (result,) = run_all(planned, tmp_path)

    assert result.error is not None
    assert (result.error.kind, result.prompt) == ("prompt", None)


def test_a_result_tells_costs_and_latencies_only_where_they_are_known(tmp_path: Path) -> None:
    planned = plan(
        tmp_path,
        "model: counting/m\njudges: [exact]\ntrials: 2\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, output: x, expected: x}]",
    )

    paid, recorded = run_all(planned, tmp_path)

    assert (paid.cost, paid.latency) == (0.5, None)
    assert (recorded.cost, recorded.latency, recorded.model) == (None, None, "recorded")
    assert len(recorded.trials) == 1

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.python_provider import PythonProvider
from pytest_promptevals.records.cases import Case, Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall, Usage

CASE = Case(
    "c1", Location("a.eval.yaml", 3), input="question", vars={"x": [1]}, expected="secret", context=("passage",),
    metadata={"owner": "me"},
)  # fmt: skip
MESSAGES = (Message("system", "Be brief."), Message("user", "Hello"))

Application = Callable[[str], PythonProvider]


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """Write ``evals/app.py`` and return a provider that finds it there."""
    folder = tmp_path / "evals"
    folder.mkdir()

    def write(code: str) -> PythonProvider:
        (folder / "app.py").write_text(textwrap.dedent(code), encoding="utf-8")
        context = ProviderContext(ProviderConfig("python", "python"), tmp_path, (folder,), timeout=5.0)
        return PythonProvider(context)

    yield write
    sys.modules.pop("app", None)
    if str(folder) in sys.path:
        sys.path.remove(str(folder))


def ask(provider: PythonProvider, model: str = "app:answer", case: Case | None = CASE) -> Response:
    return asyncio.run(provider.complete(Request(model, MESSAGES, {"temperature": 0}, trial=2, case=case)))


def problem(provider: PythonProvider, model: str = "app:answer") -> str:
    with pytest.raises(ProviderError) as caught:
        ask(provider, model)
    return str(caught.value)


def test_a_function_gets_what_it_asks_for_by_name(application: Application) -> None:
    provider = application("""
        def answer(prompt, messages, input, vars, context, case_id, metadata, parameters, trial):
            return repr((prompt, messages, input, vars, context, case_id, metadata, parameters, trial))
    """)
    assert ask(provider).text == repr(
        (
            "system: Be brief.\n\nuser: Hello",
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
            "question",
            {"x": [1]},
            ["passage"],
            "c1",
            {"owner": "me"},
            {"temperature": 0},
            2,
        )
    )


def test_an_async_function_is_awaited(application: Application) -> None:
    provider = application("""
        import asyncio
        async def answer(prompt):
            await asyncio.sleep(0)
            return prompt
    """)
    response = ask(provider)
    assert response.text == "system: Be brief.\n\nuser: Hello"
    assert response.latency is not None
    assert 0 <= response.latency < 1


def test_a_call_without_a_case_has_empty_values(application: Application) -> None:
    provider = application("""
        def answer(input, vars, context, case_id, metadata):
            return repr((input, vars, context, case_id, metadata))
    """)
    assert ask(provider, case=None).text == "(None, {}, [], None, {})"


def test_what_an_application_does_to_its_arguments_leaves_the_case_alone(application: Application) -> None:
    provider = application("""
        def answer(vars, metadata, parameters):
            vars["x"].append(2); metadata.clear(); parameters.clear()
            return ""
    """)
    ask(provider)
    assert CASE.vars == {"x": [1]}
    assert CASE.metadata == {"owner": "me"}


def test_the_expected_answer_is_not_on_offer(application: Application) -> None:
    provider = application("def answer(prompt, expected): return expected")
    assert problem(provider) == (
        "'app:answer' takes 'expected', which is not on offer. It may take any of: prompt, messages, input, vars, "
        "context, case_id, metadata, parameters, trial."
    )


def test_a_mapping_of_a_responses_fields_is_a_response(application: Application) -> None:
    provider = application("""
        def answer():
            return {"text": "hi", "usage": {"input_tokens": 3}, "latency": 2, "cost": 0.5,
                    "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}
    """)
    assert ask(provider) == Response(
        "hi", usage=Usage(input_tokens=3), latency=2.0, cost=0.5, tool_calls=(ToolCall("f", {"a": 1}),)
    )


def test_a_response_is_returned_with_its_latency_measured(application: Application) -> None:
    provider = application("""
        from pytest_promptevals.records.responses import Response
        def answer():
            return Response("hi\\ud800", cost=0.5)
    """)
    response = ask(provider)
    assert (response.text, response.cost) == ("hi\ufffd", 0.5)
    assert response.latency is not None


def test_a_lone_surrogate_in_a_text_is_replaced(application: Application) -> None:
    assert ask(application("def answer(): return 'hi\\ud800'")).text == "hi\ufffd"


@pytest.mark.parametrize(
    ("value", "what"), [("None", "None"), ("3", "an object of type int"), ("b'x'", "an object of type bytes")]
)
def test_anything_else_is_refused_with_its_type(application: Application, value: str, what: str) -> None:
    assert problem(application(f"def answer(): return {value}")) == (
        f"'app:answer' returned {what}; return a text, a Response, or a mapping of a Response's fields"
    )


def test_a_mapping_with_a_wrong_field_names_it(application: Application) -> None:
    assert problem(application("def answer(): return {'text': 'x', 'costs': 1}")) == (
        "'app:answer' returned what is no response: Response: unknown field 'costs'"
    )


def test_a_response_with_a_wrong_type_names_the_field(application: Application) -> None:
    provider = application("""
        from pytest_promptevals.records.responses import Response
        def answer():
            return Response(text=5)
    """)
    assert problem(provider) == "'app:answer' returned what is no response: Response.text: 5 is not of type str"


def test_an_exception_names_the_users_own_line_and_keeps_its_cause(application: Application) -> None:
    provider = application("""
        import json
        def answer():
            return load("no json")
        def load(text):
            return json.loads(text)
    """)
    with pytest.raises(ProviderError) as caught:
        ask(provider)
    assert str(caught.value) == (
        "'app:answer' raised JSONDecodeError: Expecting value: line 1 column 1 (char 0) at evals/app.py:6"
    )
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_exception_without_a_text_is_named_alone(application: Application) -> None:
    assert problem(application("def answer(): raise KeyError")) == "'app:answer' raised KeyError at evals/app.py:1"


def test_a_function_of_somebody_else_has_no_line(application: Application) -> None:
    provider = application("import functools, statistics; answer = functools.partial(statistics.mean, [])")
    assert problem(provider) == "'app:answer' raised StatisticsError: mean requires at least one data point"


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_that_ends_the_interpreter_fails_only_its_case(application: Application, *, is_async: bool) -> None:
    provider = application(f"""
        import sys
        {"async " * is_async}def answer():
            sys.exit(3)
    """)
    assert problem(provider) == "'app:answer' raised SystemExit: 3 at evals/app.py:4"


def test_a_function_that_cancels_itself_fails_only_its_case(application: Application) -> None:
    provider = application("""
        import asyncio
        async def answer():
            raise asyncio.CancelledError
    """)
    assert problem(provider) == "'app:answer' raised CancelledError at evals/app.py:4"


def test_a_provider_error_of_the_application_stays_as_it_is(application: Application) -> None:
    provider = application("""
        from pytest_promptevals.errors import ProviderError
        def answer():
            raise ProviderError("the shop is closed", retryable=True)
    """)
    with pytest.raises(ProviderError, match=r"^the shop is closed$") as caught:
        ask(provider)
    assert caught.value.retryable


def test_a_timeout_of_the_application_itself_is_its_own_failure(application: Application) -> None:
    provider = application("def answer(): raise TimeoutError('database')")
    assert problem(provider) == "'app:answer' raised TimeoutError: database at evals/app.py:1"


def test_a_function_that_takes_too_long_is_left(application: Application) -> None:
    provider = application("""
        import asyncio
        async def answer():
            await asyncio.sleep(60)
    """)
    provider._timeout = 0.01
    with pytest.raises(ProviderTimeoutError) as caught:
        ask(provider)
    assert str(caught.value) == "'app:answer' did not return within 0.01 s. Allow more with --evals-timeout."
    assert caught.value.retryable


def test_a_cancelled_call_stays_cancelled(application: Application) -> None:
    provider = application("""
        import asyncio
        async def answer():
            await asyncio.sleep(60)
    """)

    async def cancel() -> bool:
        task = asyncio.ensure_future(provider.complete(Request("app:answer", MESSAGES)))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(cancel())


def test_an_application_is_imported_once_even_if_that_fails(application: Application, tmp_path: Path) -> None:
    provider = application("""
        from pathlib import Path
        count = Path(__file__).with_name("count")
        count.write_text(count.read_text() + "x" if count.exists() else "x")
        raise SystemExit("no")
    """)

    async def ask_often() -> list[object]:
        calls = [provider.complete(Request("app:answer", MESSAGES)) for _ in range(3)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    errors = asyncio.run(ask_often())
    assert [type(error) for error in errors] == [ProviderConfigError] * 3
    assert str(errors[0]) == "'app:answer': importing 'app' failed: SystemExit: no"
    assert (tmp_path / "evals" / "count").read_text() == "x"


def test_a_missing_function_is_named(application: Application) -> None:
    assert problem(application("def answer(): pass"), "app:anser") == (
        "'app:anser': module 'app' has no 'anser'. Did you mean 'answer'?"
    )


def test_the_rootdir_is_searched_last(tmp_path: Path) -> None:
    context = ProviderContext(ProviderConfig("python", "python"), tmp_path, (tmp_path / "a",))
    text = problem(PythonProvider(context), "missing_module:f")
    assert (
        text == f"'missing_module:f': no module named 'missing_module' is installed or in {tmp_path / 'a'}, {tmp_path}"
    )


def test_the_provider_has_no_options(tmp_path: Path) -> None:
    config = ProviderConfig("python", "python", {"timeout": 3}, Location("evals.yaml", 2))
    with pytest.raises(ProviderConfigError, match="unknown option 'timeout'"):
        PythonProvider(ProviderContext(config, tmp_path))

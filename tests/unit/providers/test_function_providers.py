"""Providers made of functions that have @provider above them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from pytest_promptevals.errors import FunctionError, ProviderConfigError, ProviderError
from pytest_promptevals.hookspecs import ProviderContext, ProviderFactory
from pytest_promptevals.providers.decorated import provider, provider_declaration
from pytest_promptevals.providers.function_providers import make_provider_factory
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response


def factory(function: Callable[..., Any]) -> ProviderFactory:
    assert isinstance(function, FunctionType)
    declaration = provider_declaration(function)
    assert declaration is not None
    return make_provider_factory(function, declaration)


def answer(function: Callable[..., Any], **options: Json) -> Response:
    async def main() -> Response:
        made = factory(function)(ProviderContext(ProviderConfig("local", "acme", options), Path("/project")))
        response = await made.complete(Request("m", (Message("user", "Hi"),), {"temperature": 0}, 2))
        await made.close()
        return response

    return asyncio.run(main())


def test_a_function_gets_what_it_asks_for_by_name() -> None:
    @provider("acme")
    async def acme(*, prompt: str, messages: Json, model: str, parameters: Json, trial: int, options: Json) -> str:
        return repr((prompt, messages, model, parameters, trial, options))

    expected = ("Hi", [{"role": "user", "content": "Hi"}], "m", {"temperature": 0}, 2, {"mark": "!"})
    assert answer(acme, mark="!").text == repr(expected)


def test_a_sync_function_answers_too_and_is_timed() -> None:
    @provider("acme")
    def acme(prompt: str) -> dict[str, Json]:
        return {"text": prompt, "cost": 0.5}

    response = answer(acme)

    assert (response.text, response.cost) == ("Hi", 0.5)
    assert response.latency is not None


def test_options_that_nobody_takes_are_refused() -> None:
    @provider("acme")
    def acme(prompt: str) -> str:
        return prompt

    with pytest.raises(ProviderConfigError, match="mark"):
        answer(acme, mark="!")


def test_what_it_raises_is_an_error_with_its_name() -> None:
    @provider("acme")
    def acme(prompt: str) -> str:
        raise LookupError("down")

    with pytest.raises(ProviderError, match="^'acme' raised LookupError: down"):
        answer(acme)


def test_what_it_cannot_get_is_an_error_when_it_is_made() -> None:
    @provider("acme")
    def acme(expected: str) -> str:
        return expected

    with pytest.raises(
        FunctionError, match="'acme' takes 'expected', which is not on offer. It may take any of: prompt, "
    ):
        factory(acme)


@pytest.mark.parametrize("name", ["", "acme/loud"])
def test_a_name_that_no_model_can_have_is_an_error(name: str) -> None:
    with pytest.raises(FunctionError) as caught:
        factory(provider(name)(lambda prompt: prompt))

    assert str(caught.value) == f"{name!r} cannot be the name of a provider; write one without '/', such as 'acme'"


def test_the_decorator_takes_a_name_and_stands_above_functions_only() -> None:
    with pytest.raises(TypeError) as nameless:
        provider(print)  # type: ignore[arg-type]  # what users may forget
    with pytest.raises(TypeError) as no_function:
        provider("acme")(int)

    assert str(nameless.value) == "@provider takes a name, as in @provider('acme'); got <built-in function print>."
    assert str(no_function.value) == (
        "@provider stands above a function; got <class 'int'>. A provider that is a class is registered with the hook "
        "pytest_promptevals_providers."
    )

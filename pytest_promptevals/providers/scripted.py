r"""A model whose answers are written down: deterministic, free and offline, for tests and examples.

In an eval file::

    providers:
      support: {type: scripted, script: support.script.yaml}
    model: support/any-name

``script`` is a list of rules, or the name of a YAML file that holds one. The first rule that fits a prompt answers; the
keys are those of ``ScriptedRule``::

    - match: order (?P<order>[A-Z]-\d+)
      unless: refund
      reply: Your order \g<order> is on its way.
    - reply: How can I help you?

From Python, in a ``conftest.py``::

    def pytest_promptevals_providers():
        rules = [ScriptedRule(match="refund", reply="You have 14 days."), ScriptedRule(reply="Hello!")]
        return {"support": lambda context: ScriptedProvider(rules)}
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import Provider, ProviderContext
from pytest_promptevals.providers.options import check_option_names, shown_provider
from pytest_promptevals.providers.script_files import read_script
from pytest_promptevals.providers.scripted_rules import (
    CompiledRule,
    ScriptedRule,
    compile_rule,
    fill_arguments,
    fill_groups,
)
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall, Usage

__all__ = ["ScriptedProvider", "ScriptedRule", "create_provider"]

_ECHO: Final = "echo"
_SHOWN_PROMPT: Final = 80


class ScriptedProvider:
    """Answers from rules.

    Args:
        rules: tried in order. Raises ``ProviderConfigError`` for one that cannot work.
        timeout: seconds after which a rule's ``latency`` is too long; ``None`` for no limit.
    """

    def __init__(self, rules: Sequence[ScriptedRule], *, timeout: float | None = None) -> None:
        self._rules = tuple(_compile(number, rule) for number, rule in enumerate(rules, start=1))
        self._timeout = timeout

    async def complete(self, request: Request) -> Response:
        """Return the answer of the first rule that fits. Raises ``ProviderError`` if none does, or if that says so."""
        prompt = "\n\n".join([f"{message.role}: {message.content}" for message in request.messages])
        for compiled in self._rules:
            groups = compiled.find_groups(prompt, request.model)
            if groups is not None:
                await self._wait(compiled.rule.latency)
                return _answer(compiled, groups, request)
        shown = prompt if len(prompt) <= _SHOWN_PROMPT else prompt[: _SHOWN_PROMPT - 1] + "…"
        raise ProviderError(
            f"no rule of the script fits the prompt {shown!r}. Add one; a rule without 'match' fits every prompt."
        )

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def _wait(self, latency: float) -> None:
        if not latency:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.sleep(latency)
        except TimeoutError:
            raise ProviderTimeoutError(
                f"the script gave no answer within {self._timeout:g} s. Allow more with --evals-timeout.",
                retryable=True,
            ) from None


class EchoProvider:
    """Answers with the last user message; its one model is ``echo``.

    Args:
        shown: how messages name the provider.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown

    async def complete(self, request: Request) -> Response:
        """Return the last user message. Raises ``ProviderConfigError`` for any other model."""
        if request.model != _ECHO:
            raise ProviderConfigError(
                f"{self._shown} has no script for the model {request.model!r}. Name a file of rules: "
                "'providers: {NAME: {type: scripted, script: FILE.yaml}}' and 'model: NAME/any'."
            )
        texts = [message.content for message in request.messages if message.role == "user"]
        text = texts[-1] if texts else ""
        return Response(
            text, finish_reason="stop", usage=_count_words(request.messages, text), latency=0.0, model=request.model
        )

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def create_provider(context: ProviderContext) -> Provider:
    """Return the provider that the options describe: one with rules, or without any the echo."""
    check_option_names(context.config, ("script",))
    if context.config.options.get("script") is None:
        return EchoProvider(shown_provider(context.config))
    return ScriptedProvider(read_script(context), timeout=context.timeout)


def _compile(number: int, rule: ScriptedRule) -> CompiledRule:
    try:
        return compile_rule(rule)
    except ProviderConfigError as error:
        raise ProviderConfigError(f"rule {number} of the script: {error}") from None


def _answer(compiled: CompiledRule, groups: Mapping[str, str], request: Request) -> Response:
    rule = compiled.rule
    if rule.error is not None:
        raise ProviderError(rule.error)
    replies = compiled.replies
    text = fill_groups(replies[(request.trial - 1) % len(replies)], groups)
    return Response(
        text=text,
        tool_calls=tuple(ToolCall(c.name, fill_arguments(c.arguments, groups), c.id) for c in rule.tool_calls),
        finish_reason=rule.finish_reason or ("tool_calls" if rule.tool_calls else "stop"),
        usage=rule.usage if rule.usage is not None else _count_words(request.messages, text),
        latency=rule.latency,
        cost=rule.cost,
        model=request.model,
    )


def _count_words(messages: Sequence[Message], text: str) -> Usage:
    return Usage(sum(len(message.content.split()) for message in messages), len(text.split()))

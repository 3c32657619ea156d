"""The rules of a scripted model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.errors import ProviderConfigError, did_you_mean
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import ToolCall, Usage

_GROUP: Final = re.compile(r"\\g<([^>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedRule:
    r"""What a scripted model answers, and when.

    A rule says one of ``reply``, ``replies``, ``error`` or just ``tool_calls``; the last may stand beside a reply.
    Patterns are regular expressions that are searched for in all messages, written ``role: content`` with an empty
    line between them; ``^`` and ``$`` fit at every line. In replies and in texts of tool calls ``\g<name>`` is what the
    named group ``(?P<name>...)`` of a ``match`` pattern found.
    """

    match: str | tuple[str, ...] = ()
    """Patterns that must all be found; none fits every prompt."""
    unless: str | tuple[str, ...] = ()
    """Patterns of which none may be found."""
    model: str | None = None
    """Pattern that must be found in the model's name."""
    reply: str | None = None
    """The answer."""
    replies: tuple[str, ...] = ()
    """The answer of each trial, in turn; after the last comes the first again."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tools that the model asks for."""
    error: str | None = None
    """The call fails with this message instead."""
    finish_reason: str | None = None
    """Why the model stopped; by itself ``stop``, or ``tool_calls`` where there are some."""
    usage: Usage | None = None
    """Tokens; by itself the number of words of the prompt and of the answer."""
    latency: float = 0.0
    """Seconds that the answer takes, and says it took."""
    cost: float | None = None
    """US dollars that the answer says it cost."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its patterns compiled."""

    rule: ScriptedRule
    replies: tuple[str, ...]
    _match: tuple[re.Pattern[str], ...]
    _unless: tuple[re.Pattern[str], ...]
    _model: re.Pattern[str] | None

    def find_groups(self, prompt: str, model: str) -> dict[str, str] | None:
        """Return what the named groups found if the rule fits, else ``None``."""
        if self._model is not None and self._model.search(model) is None:
            return None
        groups: dict[str, str] = {}
        for pattern in self._match:
            found = pattern.search(prompt)
            if found is None:
                return None
            if pattern.groupindex:
                groups.update(found.groupdict(""))
        return None if any(pattern.search(prompt) for pattern in self._unless) else groups


def compile_rule(rule: ScriptedRule) -> CompiledRule:
    """Return the rule ready for use. Raises ``ProviderConfigError`` for a rule that cannot work."""
    _check_answer(rule)
    match = tuple(_compile(pattern, "match") for pattern in _texts(rule.match))
    compiled = CompiledRule(
        rule=rule,
        replies=rule.replies or (rule.reply or "",),
        _match=match,
        _unless=tuple(_compile(pattern, "unless") for pattern in _texts(rule.unless)),
        _model=_compile(rule.model, "model") if rule.model is not None else None,
    )
    known = [name for pattern in match for name in pattern.groupindex]
    if twice := next((name for name in known if known.count(name) > 1), None):
        raise ProviderConfigError(f"'match' has two groups named {twice!r}; rename one of them")
    for text in (*compiled.replies, *(text for call in rule.tool_calls for text in _texts_in(call.arguments))):
        _check_groups(text, known)
    return compiled


def fill_groups(text: str, groups: Mapping[str, str]) -> str:
    r"""Return the text with every ``\g<name>`` replaced by what its group found."""
    return _GROUP.sub(lambda found: groups[found.group(1)], text) if groups else text


def fill_arguments(value: Json, groups: Mapping[str, str]) -> Json:
    """Return data with the groups in all its texts replaced."""
    if isinstance(value, str):
        return fill_groups(value, groups)
    if isinstance(value, list):
        return [fill_arguments(item, groups) for item in value]
    if isinstance(value, dict):
        return {key: fill_arguments(item, groups) for key, item in value.items()}
    return value


def _check_answer(rule: ScriptedRule) -> None:
    given = [name for name in ("reply", "replies", "error") if getattr(rule, name) not in {None, ()}]
    if len(given) > 1:
        raise ProviderConfigError(f"{given[0]!r} and {given[1]!r} say two different things; remove one of them")
    if not given and not rule.tool_calls:
        raise ProviderConfigError("the rule says nothing; give it 'reply', 'replies', 'tool_calls' or 'error'")
    if not 0 <= rule.latency < float("inf"):
        raise ProviderConfigError(f"'latency' is {rule.latency}; write seconds, 0 or more")


def _compile(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ProviderConfigError(f"{where!r}: {pattern!r} is no regular expression: {error}") from None


def _check_groups(text: str, known: list[str]) -> None:
    for name in _GROUP.findall(text):
        if name not in known:
            hint = did_you_mean(name, known) or " No pattern of 'match' names one, as in '(?P<name>...)'."
            raise ProviderConfigError(f"\\g<{name}> is no group of 'match'.{hint}")


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _texts_in(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts_in(item)]

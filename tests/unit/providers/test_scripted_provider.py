from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.scripted import ScriptedProvider, ScriptedRule, create_provider
from pytest_promptevals.records.cases import Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall, Usage


def ask(*rules: ScriptedRule, prompt: str = "Where is order A-17?", model: str = "m", trial: int = 1) -> Response:
    messages = (Message("system", "Be kind."), Message("user", prompt))
    return asyncio.run(ScriptedProvider(rules).complete(Request(model, messages, trial=trial)))


def refuse(**fields: Any) -> str:
    with pytest.raises(ProviderConfigError) as caught:
        ScriptedProvider([ScriptedRule(reply="x"), ScriptedRule(**fields)])
    return str(caught.value).removeprefix("rule 2 of the script: ")


def test_the_first_rule_that_fits_answers() -> None:
    rules = (ScriptedRule(match="refund", reply="a"), ScriptedRule(match="order", reply="b"), ScriptedRule(reply="c"))
    assert ask(*rules).text == "b"
    assert ask(*rules, prompt="Hello").text == "c"


def test_all_patterns_must_be_found_and_none_of_unless() -> None:
    rule = ScriptedRule(match=("order", "kind"), unless=("refund", "cancel"), reply="yes")
    rest = ScriptedRule(reply="no")
    assert ask(rule, rest).text == "yes"
    assert ask(rule, rest, prompt="Hello").text == "no"
    assert ask(rule, rest, prompt="cancel my order").text == "no"


def test_patterns_see_the_roles_line_by_line_and_in_their_case() -> None:
    assert ask(ScriptedRule(match=r"^system: Be kind\.$", reply="yes")).text == "yes"
    assert ask(ScriptedRule(match=r"\A.*\n\nuser: Where", reply="yes")).text == "yes"
    assert ask(ScriptedRule(match="ORDER", reply="yes"), ScriptedRule(reply="no")).text == "no"


def test_a_rule_may_be_for_one_model() -> None:
    rules = (ScriptedRule(model="^good", reply="right"), ScriptedRule(reply="wrong"))
    assert ask(*rules, model="good-1").text == "right"
    assert ask(*rules, model="bad").text == "wrong"


def test_named_groups_of_all_patterns_fill_the_reply() -> None:
    rule = ScriptedRule(
        match=(r"order (?P<id>\S+)\?", r"Be (?P<how>\w+)(?P<no>x)?"), reply=r"\g<how>: \g<id>\g<no> \1 \n"
    )
    assert ask(rule).text == r"kind: A-17 \1 \n"


def test_named_groups_fill_the_arguments_of_tool_calls() -> None:
    call = ToolCall("find", {"ids": [r"\g<id>", 1], "deep": {"id": r"is \g<id>"}}, "c1")
    response = ask(ScriptedRule(match=r"order (?P<id>[\w-]+)", tool_calls=(call,)))
    assert response.tool_calls == (ToolCall("find", {"ids": ["A-17", 1], "deep": {"id": "is A-17"}}, "c1"),)
    assert (response.text, response.finish_reason) == ("", "tool_calls")


def test_each_trial_gets_its_own_reply_in_turn() -> None:
    rule = ScriptedRule(replies=("a", "b"))
    assert [ask(rule, trial=trial).text for trial in (1, 2, 3, 4)] == ["a", "b", "a", "b"]


def test_a_response_is_the_same_every_time() -> None:
    first, second = ask(ScriptedRule(reply="Hello there you")), ask(ScriptedRule(reply="Hello there you"))
    assert first == second == Response("Hello there you", (), "stop", Usage(6, 3), latency=0.0, model="m")


def test_a_rule_may_say_what_the_response_holds_besides() -> None:
    usage = Usage(1, 2, 3)
    response = ask(ScriptedRule(reply="x", finish_reason="length", usage=usage, cost=0.25))
    assert (response.finish_reason, response.usage, response.cost) == ("length", usage, 0.25)


def test_latency_is_slept_and_reported_as_written() -> None:
    started = time.perf_counter()
    assert ask(ScriptedRule(reply="x", latency=0.05)).latency == 0.05
    assert time.perf_counter() - started >= 0.05


def test_a_latency_over_the_timeout_is_a_timeout() -> None:
    provider = ScriptedProvider([ScriptedRule(reply="x", latency=60)], timeout=0.01)
    with pytest.raises(ProviderTimeoutError) as caught:
        asyncio.run(provider.complete(Request("m", (Message("user", "a"),))))
    assert str(caught.value) == "the script gave no answer within 0.01 s. Allow more with --evals-timeout."


def test_an_error_rule_fails_the_call() -> None:
    with pytest.raises(ProviderError, match=r"^the model is down$"):
        ask(ScriptedRule(error="the model is down"))


def test_a_prompt_that_no_rule_fits_is_shown_shortened() -> None:
    with pytest.raises(ProviderError) as caught:
        ask(ScriptedRule(match="never", reply="x"), prompt="word " * 100)
    assert str(caught.value) == (
        "no rule of the script fits the prompt 'system: Be kind.\\n\\nuser: word word word word word word word word "
        "word word word \u2026'. Add one; a rule without 'match' fits every prompt."
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "the rule says nothing; give it 'reply', 'replies', 'tool_calls' or 'error'"),
        ({"reply": "a", "error": "b"}, "'reply' and 'error' say two different things; remove one of them"),
        ({"reply": "a", "latency": -1.0}, "'latency' is -1.0; write seconds, 0 or more"),
        ({"reply": "a", "latency": float("nan")}, "'latency' is nan; write seconds, 0 or more"),
        (
            {"reply": "a", "match": "("},
            "'match': '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            {"reply": "a", "unless": ("a", "[")},
            "'unless': '[' is no regular expression: unterminated character set at position 0",
        ),
        ({"reply": "a", "model": "*"}, "'model': '*' is no regular expression: nothing to repeat at position 0"),
        ({"reply": r"\g<idd>", "match": "(?P<id>x)"}, r"\g<idd> is no group of 'match'. Did you mean 'id'?"),
        (
            {"replies": ("a", r"\g<1>")},
            r"\g<1> is no group of 'match'. No pattern of 'match' names one, as in '(?P<name>...)'.",
        ),
        (
            {"tool_calls": (ToolCall("f", [{"a": r"\g<x>"}]),)},
            r"\g<x> is no group of 'match'. No pattern of 'match' names one, as in '(?P<name>...)'.",
        ),
        ({"reply": "", "match": ("(?P<a>x)", "(?P<a>y)")}, "'match' has two groups named 'a'; rename one of them"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refuse(**fields) == text


def context(tmp_path: Path, **options: Any) -> ProviderContext:
    return ProviderContext(ProviderConfig("fake", "scripted", options, Location("evals.yaml", 4)), tmp_path)


def test_without_a_script_the_model_echo_repeats_the_last_user_message(tmp_path: Path) -> None:
    messages = (Message("user", "a"), Message("assistant", "b"), Message("user", "c d"), Message("assistant", "e"))
    response = asyncio.run(create_provider(context(tmp_path)).complete(Request("echo", messages)))
    assert response == Response("c d", (), "stop", Usage(5, 2), latency=0.0, model="echo")


def test_the_echo_of_no_user_message_is_empty(tmp_path: Path) -> None:
    assert asyncio.run(create_provider(context(tmp_path)).complete(Request("echo", ()))).text == ""


def test_any_other_model_without_a_script_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        asyncio.run(create_provider(context(tmp_path)).complete(Request("good", ())))
    assert str(caught.value) == (
        "provider 'fake' (evals.yaml:4) has no script for the model 'good'. Name a file of rules: "
        "'providers: {NAME: {type: scripted, script: FILE.yaml}}' and 'model: NAME/any'."
    )


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigError, match=r"unknown option 'scripts'\. Did you mean 'script'\?$"):
        create_provider(context(tmp_path, scripts="x.yaml"))

"""Recorded conversations as the input of a case."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.errors import PromptError
from pytest_promptevals.prompts.trajectories import check_messages, has_tools, show_messages

CALL = {"function": {"name": "find_order", "arguments": '{"id": "A-17"}'}}
TRAJECTORY: list[Any] = [
    {"role": "user", "content": "Cancel order A-17.", "timestamp": "now"},
    {"role": "assistant", "content": None, "tool_calls": [CALL, {"name": "wait", "arguments": {"s": 1}}]},
    {"role": "tool", "tool_call_id": "call-1", "content": [{"type": "text", "text": "paid"}]},
    {"role": "function", "name": "wait", "content": ""},
    {"role": "assistant", "content": "Done?", "refusal": None},
]


@pytest.mark.parametrize(
    "value",
    [
        TRAJECTORY,
        "text",
        None,
        [],
        ["text"],
        {"role": "usr", "content": "x"},
        [{"role": "usr", "content": "x"}, "and text"],
        [{"name": "Ada", "role": "engineer"}],
        [{"content": "x"}],
    ],
)
def test_messages_in_their_documented_forms_and_other_data_are_fine(value: Any) -> None:
    check_messages(value)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"role": "usr", "content": "x"}, "role 'usr' is none of a chat. Did you mean 'user'?"),
        (
            {"role": "narrator", "content": "x"},
            "role 'narrator' is none of a chat. Known: assistant, developer, function, system, tool, user.",
        ),
        ({"rol": "user", "content": "x"}, "unknown key 'rol'. Did you mean 'role'?"),
        ({"role": "user", "contnt": "x"}, "unknown key 'contnt'. Did you mean 'content'?"),
        ({"role": "assistant", "tool_cals": []}, "unknown key 'tool_cals'. Did you mean 'tool_calls'?"),
        ({"role": "user", "text": "x"}, "it says nothing: it has neither 'content' nor 'tool_calls'"),
        ({"role": "assistant", "tool_calls": "find"}, "tool_calls is no list"),
        (
            {"role": "assistant", "tool_calls": [CALL, {"nme": "x"}]},
            "tool call 2 names no tool; write {function: {name, arguments}}",
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": "find"}]},
            "tool call 1 names no tool; write {function: {name, arguments}}",
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_told_with_its_number(message: dict[str, Any], problem: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_messages([{"role": "user", "content": "x"}, message])

    assert str(caught.value) == f"input: message 2: {problem}"


def test_a_role_of_a_chat_alone_tells_that_messages_are_meant() -> None:
    with pytest.raises(PromptError, match=r"^input: message 1: unknown key 'contnt'"):
        check_messages([{"role": "user", "contnt": "x"}])


def test_a_key_beside_the_one_that_it_is_like_is_the_users_own() -> None:
    check_messages([{"role": "user", "content": "x", "contents": 1}])


def test_a_trajectory_is_shown_with_calls_and_results() -> None:
    assert [(message.role, message.content) for message in show_messages(TRAJECTORY)] == [
        ("user", "Cancel order A-17."),
        ("assistant", 'called find_order({"id": "A-17"})\ncalled wait({"s": 1})'),
        ("tool (call-1)", '[{"type": "text", "text": "paid"}]'),
        ("function (wait)", ""),
        ("assistant", "Done?"),
    ]
    assert show_messages([{"role": "user", "content": "x", "tool_calls": [7]}])[0].content == "x\n7"
    assert show_messages("text") == ()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (TRAJECTORY[:1], False),
        (TRAJECTORY[:2], True),
        ([TRAJECTORY[0], {"role": "tool", "content": "x"}], True),
        ("x", False),
    ],
)
def test_tools_are_found_in_messages(value: Any, *, found: bool) -> None:
    assert has_tools(value) is found

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.script_files import read_script
from pytest_promptevals.providers.scripted import ScriptedRule, create_provider
from pytest_promptevals.records.cases import Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, ToolCall, Usage

LOCATION = Location("evals/evals.yaml", 4)


def context(tmp_path: Path, script: Any, location: Location | None = LOCATION) -> ProviderContext:
    return ProviderContext(ProviderConfig("fake", "scripted", {"script": script}, location), tmp_path, timeout=3.0)


def read_file(tmp_path: Path, text: str) -> tuple[ScriptedRule, ...]:
    (tmp_path / "evals").mkdir(exist_ok=True)
    (tmp_path / "evals" / "s.yaml").write_text(text, encoding="utf-8")
    return read_script(context(tmp_path, "s.yaml"))


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ProviderConfigError) as caught:
        read_file(tmp_path, text)
    return str(caught.value).splitlines()


def test_a_file_beside_the_one_that_names_it_is_read(tmp_path: Path) -> None:
    rules = read_file(
        tmp_path,
        r"""
- match: [a, 'b (?P<x>\d)']
  unless: c
  model: ^m
  reply: 'is \g<x>'
  finish_reason: length
  usage: {input_tokens: 3}
  latency: 1
  cost: 0.5
- replies: [p, q]
- tool_calls: [{name: f, arguments: {a: 1}}]
- error: broken
""",
    )
    assert rules == (
        ScriptedRule(
            match=("a", r"b (?P<x>\d)"), unless=("c",), model="^m", reply=r"is \g<x>", finish_reason="length",
            usage=Usage(3), latency=1.0, cost=0.5,
        ),
        ScriptedRule(replies=("p", "q")),
        ScriptedRule(tool_calls=(ToolCall("f", {"a": 1}),)),
        ScriptedRule(error="broken"),
    )  # fmt: skip


def test_rules_may_stand_in_the_eval_file(tmp_path: Path) -> None:
    assert read_script(context(tmp_path, [{"reply": "a"}])) == (ScriptedRule(reply="a"),)


def test_a_provider_is_made_of_a_script(tmp_path: Path) -> None:
    provider = create_provider(context(tmp_path, [{"match": "Hi", "reply": "Hello"}]))
    response = asyncio.run(provider.complete(Request("any", (Message("user", "Hi"),))))
    assert response.text == "Hello"


def test_a_file_named_nowhere_is_looked_for_in_the_rootdir(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("- reply: a", encoding="utf-8")
    assert read_script(context(tmp_path, "s.yaml", location=None)) == (ScriptedRule(reply="a"),)


def test_everything_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    text = """- match: a
  replay: b
- 3
- reply: 4
  latency: soon
- match: '('
  reply: c
- reply: fine
- tool_calls: [{name: f}]
- usage: {tokens: 1}
  reply: x
- replies: []
- tool_calls: f
- reply: y
  cost: -1
"""
    assert problems(tmp_path, text) == [
        "evals/s.yaml:2: [0].replay: unknown key. Did you mean 'reply'?",
        "evals/s.yaml:3: [1]: 3 is no rule; write a mapping such as 'reply: Hello!'",
        "evals/s.yaml:4: [2].reply: 4 is no text; put it into quotes",
        "evals/s.yaml:5: [2].latency: 'soon' is no number; write 0 or more",
        "evals/s.yaml:6: [3]: 'match': '(' is no regular expression: missing ), unterminated subpattern at position 0",
        "evals/s.yaml:9: [5].tool_calls: ToolCall: field 'arguments' is missing",
        "evals/s.yaml:10: [6].usage: Usage: unknown field 'tokens'",
        "evals/s.yaml:12: [7].replies: is an empty list; write at least one text",
        "evals/s.yaml:13: [8].tool_calls: 'f' is no list of tool calls; write '- {name: ..., arguments: {...}}'",
        "evals/s.yaml:15: [9].cost: -1 is no number; write 0 or more",
    ]


def test_a_problem_of_a_rule_in_the_eval_file_has_the_line_of_the_provider(tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        read_script(context(tmp_path, [{"reply": True}]))
    assert str(caught.value) == "evals/evals.yaml:4: script[0].reply: True is no text; put it into quotes"


@pytest.mark.parametrize("script", ["", "reply: a", "[]"])
def test_a_script_that_is_no_list_is_refused(tmp_path: Path, script: str) -> None:
    assert problems(tmp_path, script) == [
        "evals/s.yaml:1: a script is a list of rules; write one such as '- reply: Hello!'"
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        read_script(context(tmp_path, "missing.yaml"))
    assert str(caught.value) == "evals/missing.yaml: there is no such file; create it, or correct its name"


def test_a_file_outside_of_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        read_script(context(tmp_path, "../../s.yaml"))
    assert str(caught.value).startswith("provider 'fake' (evals/evals.yaml:4): 'script': '../../s.yaml' leads to ")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "- reply: 'a")[0].startswith("evals/s.yaml:1: no valid YAML: ")

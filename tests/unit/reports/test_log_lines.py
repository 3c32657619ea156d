from __future__ import annotations

import json

import pytest

from pytest_promptevals.reports.log_lines import is_read_by_service, json_without_commands, without_commands
from tests.support.ci_logs import azure_commands, github_commands, read_azure, read_github
from tests.support.hostile import hostile_strings


@pytest.mark.parametrize(
    ("line", "harmless"),
    [
        ("::error::x", ": :error::x"),
        ("    ::add-mask::e", "    : :add-mask::e"),
        ("\u3000::set-env name=A::b", "\u3000: :set-env name=A::b"),
        (":::error::x", ": ::error::x"),
        ("said ##[error]x", "said # #[error]x"),
        ("###[add-mask]x", "## #[add-mask]x"),
        ("##vso[task.complete]x", "# #vso[task.complete]x"),
        ("##TeamCity[x]", "# #TeamCity[x]"),
        ("a::b::c", "a::b::c"),
        ("## Heading", "## Heading"),
        ("", ""),
    ],
)
def test_a_line_that_a_service_would_take_for_a_command_is_changed_and_no_other(line: str, harmless: str) -> None:
    assert without_commands(line) == harmless
    assert (read_github(harmless), read_azure(harmless)) == (None, None)


def test_no_line_of_a_hostile_text_is_a_command() -> None:
    lines = [line for text in hostile_strings(10_000) for line in text.splitlines()]
    assert len(github_commands("\n".join(lines))) > 500

    log = "\n".join(map(without_commands, lines))
    assert (github_commands(log), azure_commands(log)) == ([], [])


def test_every_line_of_a_text_is_made_harmless() -> None:
    assert without_commands("a\n\n::error::x\n b ##[error]y") == "a\n\n: :error::x\n b # #[error]y"


def test_json_means_the_same_without_its_commands() -> None:
    text = json.dumps({"##[error]x": ["###", "##vso[a.b]c", "#"]}, indent=2)

    harmless = json_without_commands(text)
    assert (github_commands(harmless), azure_commands(harmless)) == ([], [])
    assert json.loads(harmless) == json.loads(text)


@pytest.mark.parametrize("name", ["GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION"])
def test_services_that_read_logs_are_known_by_their_variables(name: str) -> None:
    assert is_read_by_service({name: "true"})
    assert not is_read_by_service({name: "", "CI": "true"})

"""What models, datasets and file names say is shown by pytest, and no terminal obeys it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.hostile import DANGEROUS, KINDS, hostile_strings
from tests.support.project import EvalProject

STRINGS: Final = [text for text in hostile_strings(3 * len(KINDS)) if len(text) < 10_000]
MARKERS: Final = re.compile(r"marker\d{5}end")
FILE: Final = "evals/\x1b[31mred\u202e.eval.yaml"
MODEL: Final = """
import json, pathlib
from pytest_promptevals import ProviderError

STRINGS = json.loads(pathlib.Path("strings.json").read_text())

def answer(prompt):
    number = int(prompt.rpartition(" ")[2])
    if number % 5 == 4:
        raise ProviderError(STRINGS[number])
    return STRINGS[number]
"""


def writable(text: str) -> str:
    """Return a text as a dataset may hold it: halves of surrogate pairs are refused there."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + " or so"


def write_project(project: EvalProject) -> None:
    """Write a project whose model answers with hostile strings, or fails with them; every name is hostile, too."""
    project.write("strings.json", json.dumps(STRINGS))
    project.write("my_model.py", MODEL)
    settings = {
        "model": "python/my_model:answer",
        "prompt": "question {{ input }}",
        "judges": [{"contains": {"name": "judge\x1b[2J\u202e"}}, "fuzzy"],
        "gate": {"min_score": 0.9},
        "cases": [{"file": "rows\u202e.jsonl"}],
    }
    project.write(FILE, json.dumps(settings))
    cases = (
        {"id": f"case\u202e\u2028{number}", "input": str(number), "expected": writable(text)}
        for number, text in enumerate(STRINGS)
    )
    project.write("evals/rows\u202e.jsonl", "\n".join(map(json.dumps, cases)))


def shown(project: EvalProject, arguments: Sequence[str]) -> str:
    """Run pytest and return what it wrote, after asserting that no terminal would obey any of it."""
    project.run_process("--color=no", *arguments)
    written = "".join((project.path / name).read_bytes().decode("utf-8") for name in ("stdout", "stderr"))
    found = DANGEROUS.search(written)
    assert found is None, ascii(written[max(0, found.start() - 200) : found.end() + 50])
    return written


@pytest.mark.parametrize(
    "arguments",
    [
        ("-vv", "-rA", "--tb=long", "--junitxml=junit.xml"),
        ("-n2", "-q", "--tb=short", "--durations=3", "--durations-min=0"),
        ("--collect-only",),
    ],
    ids=["verbose", "n2", "collected"],
)
def test_no_text_of_a_run_reaches_the_terminal_as_it_is(project: EvalProject, arguments: Sequence[str]) -> None:
    write_project(project)

    written = shown(project, arguments)

    assert r"\x1b[31mred\u202e.eval.yaml" in written
    if "--junitxml=junit.xml" in arguments:
        assert set(MARKERS.findall(written)) == set(MARKERS.findall("".join(STRINGS)))
        cases = list(ET.parse(project.path / "junit.xml").iter("testcase"))  # noqa: S314 - written here
        assert len(cases) == len(STRINGS) + 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--evals-baseline", "\x1b[2J\u202e"),
        ("--evals-accept", "\x1b[2J\u202e"),
    ],
    ids=["eval file", "baseline", "accept"],
)
def test_no_text_that_is_wrong_reaches_the_terminal_as_it_is(project: EvalProject, arguments: Sequence[str]) -> None:
    wrong = {} if arguments else {"\x1b[2J\u202e": "\x1b[2J\u202e", "prompt": "\x1b[2J\u202e.md"}
    case = {"id": "a\u202e", "input": "x", "output": "x", "expected": "x"}
    project.write("a.eval.yaml", json.dumps({"judges": ["exact"], "cases": [case], **wrong}))

    assert r"\x1b[2J" in shown(project, arguments)


COMMAND: Final = "\x1b[2J\u202e ##[error]pwned"
TESTS: Final = """
import pytest
from click.testing import CliRunner

COMMAND = "\\x1b[2J\\u202e ##[error]pwned"

@pytest.mark.evals("rows.jsonl")
def test_assertion(case):
    answer = f"fine\\n{COMMAND}"
    assert answer == case.expected

@pytest.mark.evals("rows.jsonl")
def test_failed(case):
    pytest.fail(COMMAND)

@pytest.mark.evals("rows.jsonl")
def test_skipped(case):
    pytest.skip(COMMAND)

@pytest.mark.evals("rows.jsonl")
def test_expected(case):
    pytest.xfail(COMMAND)

@pytest.mark.evals("rows.jsonl")
def test_raised(case):
    try:
        raise ValueError(COMMAND)
    except ValueError as error:
        raise KeyError(COMMAND) from error
"""


@pytest.mark.parametrize(
    "arguments",
    [(), ("--tb=native",), ("--tb=long", "-l"), ("--tb=line",), ("-n2",), ("-p", "no:randomly", "--tb=short")],
    ids=["auto", "native", "locals", "line", "n2", "short"],
)
def test_a_service_takes_no_command_from_what_tests_and_datasets_say(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.write("pytest.ini", "[pytest]\nevals_annotations = off\n")
    project.write("rows.jsonl", json.dumps({"id": "row", "expected": "x"}))
    project.write("test_rows.py", TESTS)
    cases = [
        {"id": "a", "input": "x", "expected": "y", "xfail": COMMAND},
        {"id": "b", "input": "x", "expected": "x", "skip": COMMAND},
    ]
    project.write("a.eval.yaml", json.dumps({"model": "scripted/echo", "judges": ["exact"], "cases": cases}))

    written = shown(project, ("-v", "-rA", *arguments))

    lines = [line for line in written.splitlines() if "##[" in line and "COMMAND = " not in line]
    assert lines == []
    assert written.count(r"\x1b[2J\u202e # #[error]pwned") >= 6


def test_a_service_takes_no_command_from_what_is_wrong_in_a_dataset(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_BUILD", "true")
    project.write("pytest.ini", "[pytest]\nevals_annotations = off\n")
    case = {"id": "##vso[task.complete result=Succeeded;]", "input": "x", "expected": "x"}
    project.write("a.eval.yaml", json.dumps({"model": "scripted/echo", "judges": ["exact"], "cases": [case]}))
    project.write("b\n::error::x.eval.yaml", "cases: [")

    written = shown(project, ())

    assert "##vso[" not in written
    assert "# #vso[task.complete" in written
    assert not [line for line in written.splitlines() if line.startswith("::")]


def test_a_service_takes_no_command_from_the_names_of_judges_and_files(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    judges = [{"exact": {"name": "j ##[error]pwned"}}]
    case = {"id": "a", "input": "x", "expected": "y"}
    project.write("a\x1b[2J\u202e.eval.yaml", json.dumps({"model": "scripted/echo", "judges": judges, "cases": [case]}))

    assert r"::error file=a\x1b[2J\u202e.eval.yaml,line=1," in shown(project, ())
    for command in (
        ["trends"],
        ["trends", "--format", "json"],
        ["compare", "latest", "latest"],
        ["compare", "latest", "latest", "--format", "markdown"],
        ["report", "--format", "gitlab"],
        ["report"],
    ):
        printed = CliRunner().invoke(main, command).output
        assert "pwned" in printed, command
        assert "##[" not in printed, command

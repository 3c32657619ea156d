"""What models, datasets and file names say is shown by pytest, and no terminal obeys it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

import pytest

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

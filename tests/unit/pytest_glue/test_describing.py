"""What is known of the eval files of a run, put together and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from pytest_promptevals.pytest_glue import describing
from pytest_promptevals.pytest_glue.describing import Describer, RunFacts
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.contents import ContentKind, FileFacts, case_content, dataset_version, make_content
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Trial
from pytest_promptevals.records.runs import RunFile
from tests.support.sample_results import FILE, make_result

PROMPT = make_content(ContentKind.PROMPT, {"messages": []})
CASES = [Case(f"c{number}", Location(FILE, number + 1), input=number) for number in range(5)]


class FakeHistory:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.versions: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def keep(self, action: Any) -> None:
        action(self)

    def add_contents(self, contents: Any) -> None:
        self.texts += [key for key, _, _ in contents]

    def knows_dataset(self, file: str, version: str) -> bool:
        return (file, version) in self.versions

    def add_dataset(self, file: str, version: str, created_at: str, members: Any) -> None:
        assert created_at.endswith("+00:00")
        self.versions[file, version] = list(members)


def make_facts(file: str = FILE, cases: Any = CASES) -> FileFacts:
    return FileFacts(RunFile(file, dataset_version(cases), len(cases)), (PROMPT,), file)


def answered_as(*models: str | None) -> tuple[Trial, ...]:
    return tuple(Trial(number, Response("x", model=model)) for number, model in enumerate(models, start=1))


def test_models_are_those_that_answered() -> None:
    facts = RunFacts(Path.cwd())
    facts.add(make_facts())
    facts.note(make_result("a", trials=answered_as("gpt-b", "gpt-a", None)))
    facts.note(make_result("b", model="scripted/m", trials=answered_as(None)))
    facts.note(make_result("c", None, model="openai/none"))
    facts.note(make_result("d", file="other.eval.yaml"))

    other, file = sorted(facts.files([FILE, "other.eval.yaml"]), key=lambda one: one.file, reverse=True)

    assert file.models == {
        "openai/gpt-5-mini": "gpt-a, gpt-b",
        "openai/none": "openai/none",
        "scripted/m": "scripted/m",
    }
    assert (file.cases, file.dataset_version) == (5, dataset_version(CASES))
    assert other == RunFile("other.eval.yaml", models={"openai/gpt-5-mini": "openai/gpt-5-mini"})


def test_texts_and_cases_are_kept_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "_AT_ONCE", 2)
    history, facts = FakeHistory(), RunFacts(Path.cwd())
    facts.add(make_facts(), CASES)
    facts.add(make_facts("not-run.eval.yaml"), CASES)

    facts.keep_in(cast("Any", history), [FILE, "unknown.eval.yaml"])

    hashes = [case_content(case).hash for case in CASES]
    assert history.texts == [PROMPT.hash, *hashes]
    assert history.versions == {
        (FILE, dataset_version(CASES)): [(case.id, key) for case, key in zip(CASES, hashes, strict=True)]
    }


def test_cases_of_a_version_that_is_known_are_not_even_looked_at() -> None:
    history, facts = FakeHistory(), RunFacts(Path.cwd())
    history.versions[FILE, dataset_version(CASES)] = []
    facts.add(make_facts(), cast("Any", None))

    facts.keep_in(cast("Any", history), [FILE])

    assert history.texts == [PROMPT.hash]


def test_what_was_said_first_of_a_file_counts() -> None:
    facts = RunFacts(Path.cwd())
    facts.add(make_facts())
    facts.add(make_facts(cases=CASES[:1]))

    assert facts.files([FILE])[0].cases == 5


def test_an_item_that_is_no_case_is_not_described() -> None:
    assert Describer().describe(cast("Any", object()), FILE) is None

"""What makes runs comparable, as a real run records it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_promptevals.records.runs import Run, RunFile
from tests.support.history_subjects import HistorySubject
from tests.support.project import EvalProject

FILE = "evals/a.eval.yaml"
EVAL = """
    prompt: ask.md
    model: scripted/m
    parameters: {temperature: 0}
    few_shot: [{user: Hi, assistant: Hello}]
    judges:
      - contains
      - exact: {name: same, weight: 0}
    providers:
      scripted:
        script: [{reply: Paris}]
    cases:
      - {id: france, vars: {country: France}, expected: Paris}
      - {id: italy, vars: {country: Italy}, expected: Paris}
"""
WAYS = pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])


def history_of(project: EvalProject) -> HistorySubject:
    return HistorySubject(project.path, ".promptevals/history.db")


def newest(project: EvalProject) -> Run:
    with history_of(project).open() as store:
        return store.runs(limit=1)[0]


def only_file(project: EvalProject) -> RunFile:
    (file,) = newest(project).files
    return file


def texts(project: EvalProject, kind: str) -> dict[str, Any]:
    """Return the contents of a kind that the history keeps, by hash."""
    found = history_of(project).execute(f"SELECT hash, text FROM contents WHERE kind = '{kind}'")  # noqa: S608 - a test
    return {key: json.loads(text) for key, text in found}


def versions(project: EvalProject) -> dict[str, dict[str, str]]:
    """Return the hash of each case of each version of a dataset."""
    found = history_of(project).execute("SELECT version, members FROM dataset_versions")
    return {version: dict(json.loads(members)) for version, members in found}


def write_project(project: EvalProject) -> None:
    project.write("evals/ask.md", "{% include 'tone.md' %}\nWhat is the capital of {{ country }}?\n")
    project.write("evals/tone.md", "Be brief.\n")
    project.write(FILE, EVAL)


@WAYS
def test_a_run_records_what_makes_it_comparable(project: EvalProject, extra: tuple[str, ...]) -> None:
    write_project(project)

    assert project.run(*extra).ret == 0

    file = only_file(project)
    assert (file.file, file.cases) == (FILE, 2)
    assert file.models == {"scripted/m": "m"}
    assert file.parameters == {"temperature": 0}
    prompts, judges, cases = (texts(project, kind) for kind in ("prompt", "judge", "case"))
    assert prompts[file.prompts["ask"]] == {
        "messages": [{"role": "user", "content": "{% include 'tone.md' %}\nWhat is the capital of {{ country }}?"}],
        "included": {"evals/tone.md": "Be brief.\n"},
        "few_shot": [{"user": "Hi", "assistant": "Hello"}],
    }
    assert judges[file.judges["contains"]] == {"judge": "contains", "name": "contains"}
    assert judges[file.judges["same"]] == {"judge": "exact", "name": "same", "weight": 0.0}
    members = versions(project)[file.dataset_version]
    assert cases[members["france"]] == {"vars": {"country": "France"}, "expected": "Paris"}
    assert (len(members), len(prompts), len(judges), len(cases)) == (2, 1, 2, 2)
    with history_of(project).open() as store:
        assert {result.prompt_hash for result in store.results(newest(project).id)} == {file.prompts["ask"]}


def test_an_edit_of_an_included_file_is_another_prompt_and_nothing_else(project: EvalProject) -> None:
    write_project(project)
    project.run()
    before = only_file(project)
    project.write("evals/tone.md", "Be kind.\n")

    project.run()

    after = only_file(project)
    assert after.prompts != before.prompts
    assert (after.dataset_version, after.judges) == (before.dataset_version, before.judges)
    assert len(texts(project, "prompt")) == 2


def test_a_version_is_that_of_all_cases_whatever_is_selected_and_in_whatever_order(project: EvalProject) -> None:
    cases = [{"id": name, "input": name, "expected": name} for name in ("a", "b", "c")]
    project.write_cases("a.eval.yaml", cases)
    project.run()
    before = only_file(project)
    project.write_cases("a.eval.yaml", cases[::-1])

    project.run("-k", "b")

    assert only_file(project) == before
    assert list(versions(project)) == [before.dataset_version]


@WAYS
def test_of_an_edited_dataset_only_what_is_new_is_written(project: EvalProject, extra: tuple[str, ...]) -> None:
    cases = [{"id": name, "input": name, "expected": name} for name in ("a", "b")]
    project.write_cases("a.eval.yaml", cases)
    project.run()
    project.write_cases("a.eval.yaml", [cases[0], {**cases[1], "tags": ["new"]}])

    project.run(*extra)

    first, second = versions(project).values()
    assert first["a"] == second["a"]
    assert first["b"] != second["b"]
    assert len(texts(project, "case")) == 3


@WAYS
def test_a_test_function_records_its_dataset(project: EvalProject, extra: tuple[str, ...]) -> None:
    project.write("cases.eval.jsonl", '{"id": "a", "input": "x"}\n{"id": "b", "input": "y"}\n')
    project.write("evals.yaml", "judges: [exact]\n")
    project.write(
        "test_x.py",
        """
        import pytest

        @pytest.mark.evals("cases.eval.jsonl")
        @pytest.mark.parametrize("how", ["1", "2"])
        def test_a(case, how):
            assert case.input
        """,
    )

    assert project.run(*extra).ret == 0

    file = only_file(project)
    assert (file.file, file.cases) == ("test_x.py::test_a", 2)
    assert (file.models, file.prompts, list(file.judges)) == ({"test": "test"}, {}, ["exact"])
    assert versions(project)[file.dataset_version].keys() == {"a", "b"}


def test_a_file_that_changes_while_workers_run_it_leaves_no_wrong_version(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}])
    project.write(
        "conftest.py",
        """
        import pathlib

        def pytest_runtest_teardown(item):
            text = "model: scripted/echo\\njudges: [exact]\\ncases: [{id: z, input: z}]\\n"
            pathlib.Path(item.path).write_text(text)
        """,
    )

    assert project.run("-n1").ret == 0

    assert only_file(project).dataset_version
    assert versions(project) == {}


def test_a_file_that_is_damaged_while_workers_run_it_costs_nothing_else(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}])
    project.write(
        "conftest.py",
        """
        import pathlib

        def pytest_runtest_teardown(item):
            pathlib.Path(item.path).write_text("cases: [")
        """,
    )

    result = project.run("-n1")

    assert result.ret == 0
    assert only_file(project).dataset_version
    assert versions(project) == {}


def test_a_recorded_output_is_asked_no_prompt(project: EvalProject) -> None:
    project.write("ask.md", "{{ input }}\n")
    head = "prompt: ask.md\nmodel: scripted/echo\njudges: [exact]\n"
    project.write_cases(
        "a.eval.yaml",
        [{"id": "asked", "input": "x", "expected": "x"}, {"id": "kept", "input": "x", "expected": "x", "output": "x"}],
        head=head,
    )

    project.run()

    file = only_file(project)
    assert file.models == {"recorded": "recorded", "scripted/echo": "echo"}
    with history_of(project).open() as store:
        hashes = {result.name: result.prompt_hash for result in store.results(newest(project).id)}
    assert hashes == {"asked": file.prompts["ask"], "kept": ""}


def test_without_a_history_nothing_is_kept_and_plugins_are_told_all_the_same(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "x", "expected": "x"}])
    project.write(
        "conftest.py",
        """
        def pytest_promptevals_run_finished(run):
            (file,) = run.files
            print("told", file.file, file.cases)
        """,
    )

    result = project.run("-o", "evals_history=off", "-s")

    result.stdout.fnmatch_lines(["*told a.eval.yaml 1"])
    assert not (project.path / ".promptevals" / "history.db").exists()


def test_a_run_is_there_as_soon_as_its_first_case_begins(project: EvalProject) -> None:
    project.write(
        "app.py",
        """
        import contextlib, sqlite3, time

        def answer(input):
            for _ in range(500):
                with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(input)) as history:
                    found = history.execute("SELECT status FROM runs").fetchall()
                    if found:
                        return found[0][0]
                time.sleep(0.02)
            return "no run"
        """,
    )
    case = {"id": "a", "input": str(project.path / ".promptevals/history.db"), "expected": "running"}
    project.write_cases("a.eval.yaml", [case], head="model: python/app:answer\njudges: [exact]\n")

    project.run().assert_outcomes(passed=1)

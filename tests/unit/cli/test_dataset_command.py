"""``promptevals dataset``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.loader import load_cases, load_dataset
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.contents import case_content, dataset_version
from pytest_promptevals.records.runs import RunFile
from tests.support.sample_results import make_result
from tests.unit.cli.history_project import add_run, call, open_store

FILE = "evals/a.eval.yaml"
HEAD = "model: scripted/echo\njudges: [exact]\ncases:\n"
CASES: tuple[dict[str, Any], ...] = (
    {"id": "france", "input": "What is the capital of France?", "expected": "Paris"},
    {"id": "italy", "input": "And of Italy?", "expected": "Rome"},
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that commands run in."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)
    return tmp_path


def write(*cases: dict[str, Any], file: str = FILE) -> None:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(HEAD + "".join(f"  - {json.dumps(case)}\n" for case in cases), encoding="utf-8")


def record(run_id: str, file: str = FILE, source: str = FILE, day: int = 1, *, with_texts: bool = True) -> str:
    """Record a run of the file as it is, and return the version of its dataset."""
    load = load_dataset if file == source else load_cases
    cases = load(Path(source), Path.cwd()).cases
    version, contents = dataset_version(cases), {case.id: case_content(case) for case in cases}
    place = Location(source, 3)
    add_run(run_id, make_result("france", file=file, location=place), files=(RunFile(file, version, len(cases)),))
    with open_store() as store:
        if with_texts:
            store.add_contents([(content.hash, "case", content.text) for content in contents.values()])
        members = [(name, content.hash) for name, content in contents.items()]
        store.add_dataset(file, version, f"2026-11-0{day}T12:00:00.000+00:00", members)
    return version


def test_versions_are_listed_newest_first_with_what_each_changed() -> None:
    write(*CASES)
    first = record("20261101-1")
    record("20261101-2")
    write({**CASES[0], "expected": "PARIS"}, {**CASES[1], "id": "rome"}, {"id": "spain", "input": "And of Spain?"})
    second = record("20261102-1", day=2)

    assert call("dataset", "versions", FILE).splitlines() == [
        "version           first run         runs  cases  added  removed  edited  renamed",
        "----------------  ----------------  ----  -----  -----  -------  ------  -------",
        f"{second}  2026-11-02 12:00     1      3      1                1        1",
        f"{first}  2026-11-01 12:00     2      2",
    ]


def test_versions_as_json() -> None:
    write(*CASES)
    first = record("20261101-1")
    write(CASES[0])
    second = record("20261102-1", day=2)

    newest, oldest = json.loads(call("dataset", "versions", "a.eval.yaml", "--format", "json"))

    assert oldest == {
        "version": first,
        "first_run": "2026-11-01T12:00:00.000+00:00",
        "runs": 1,
        "cases": 2,
        "changes": None,
    }
    assert newest["version"] == second
    assert newest["changes"] == {"added": [], "removed": ["italy"], "edited": [], "renamed": [], "same": 1}


def test_a_version_is_compared_with_the_file_as_it_is_now(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(*CASES)
    version = record("20261101-1")
    write(
        {**CASES[0], "expected": "PARIS", "tags": ["smoke"]}, {**CASES[1], "id": "rome"}, {"id": "spain", "input": "x"}
    )

    expected = [
        f"{FILE}: {version} (2026-11-01 12:00) → now",
        "1 added, 1 edited, 1 renamed, 0 the same",
        "added spain",
        "renamed italy to rome",
        "edited france",
        "    expected: Paris → PARIS",
        '    tags: none → ["smoke"]',
    ]
    assert call("dataset", "diff", FILE, version[:5]).splitlines() == expected
    monkeypatch.chdir(folder / "evals")
    assert call("dataset", "diff", "a.eval.yaml", "20261101-1").splitlines() == expected


def test_two_versions_are_compared_by_what_the_history_kept() -> None:
    write(*CASES)
    first = record("20261101-1")
    write({**CASES[0], "expected": "PARIS"}, CASES[1])
    second = record("20261102-1", day=2)
    Path(FILE).unlink()

    assert call("dataset", "diff", FILE, first, second).splitlines()[1:] == [
        "1 edited, 1 the same",
        "edited france",
        "    expected: Paris → PARIS",
    ]
    assert call("dataset", "diff", FILE, second, "latest").splitlines()[1:] == ["no change in 2 cases"]
    assert f"{FILE} is no longer there; name two versions to compare" in call("dataset", "diff", FILE, first, status=2)


def test_a_diff_as_json_has_all_fields() -> None:
    write(*CASES)
    version = record("20261101-1")
    write({**CASES[0], "expected": "PARIS"})

    shown = json.loads(call("dataset", "diff", FILE, version, "--format", "json"))

    assert shown == {
        "before": version,
        "after": dataset_version(load_dataset(Path(FILE), Path.cwd()).cases),
        "added": [],
        "removed": ["italy"],
        "renamed": [],
        "edited": {"france": [{"field": "expected", "before": "Paris", "after": "PARIS"}]},
        "same": 0,
    }


def test_many_edited_cases_are_cut_unless_all_are_wanted() -> None:
    write(*({"id": f"c{number:02}", "input": "x"} for number in range(25)))
    version = record("20261101-1")
    write(*({"id": f"c{number:02}", "input": "y"} for number in range(25)))

    assert call("dataset", "diff", FILE, version).splitlines()[-1] == "and 5 more edited; --all shows them"
    assert call("dataset", "diff", FILE, version, "--all").splitlines()[-2:] == ["edited c24", "    input: x → y"]


def test_contents_that_were_not_kept_are_said_to_be_so() -> None:
    write(*CASES)
    first = record("20261101-1", with_texts=False)
    write({**CASES[0], "expected": "PARIS"}, CASES[1])

    assert call("dataset", "diff", FILE, first).splitlines()[-1] == "    its content is not kept in the history"


def test_a_test_function_is_compared_with_the_file_of_its_cases() -> None:
    source = "evals/cases.yaml"
    Path("evals").mkdir()
    Path(source).write_text("- {id: france, input: x}\n", encoding="utf-8")
    version = record("20261101-1", "test_a.py::test_it", source)
    Path(source).write_text("- {id: france, input: y}\n", encoding="utf-8")

    assert call("dataset", "diff", "test_a.py::test_it", version).splitlines()[-1] == "    input: x → y"
    assert call("dataset", "diff", "test_a.py", version).splitlines()[-1] == "    input: x → y"


def test_a_test_function_whose_cases_stand_in_several_files_needs_two_versions() -> None:
    name = "test_a.py::test_it"
    results = [make_result(path, file=name, location=Location(path, 1)) for path in ("a.jsonl", "b.jsonl")]
    add_run("20261101-1", *results, files=(RunFile(name, "v1", 2),))
    with open_store() as store:
        store.add_dataset(name, "v1", "2026-11-01T12:00:00.000+00:00", [])

    assert "the cases of test_a.py::test_it stand in 2 files; name two versions to compare" in call(
        "dataset", "diff", name, "v1", status=2
    )


def test_a_file_that_cannot_be_loaded_is_shown_with_its_line() -> None:
    write(*CASES)
    version = record("20261101-1")
    write(*CASES, CASES[0])

    said = call("dataset", "diff", FILE, version, status=1)

    assert said.startswith(f"Error: {FILE}:6: cases[2].id: the id 'france' is already that of the case at {FILE}:4")


def test_a_file_that_was_never_run_is_an_error() -> None:
    write(*CASES)
    record("20261101-1")

    assert "the history has no run of 'b.eval.yaml'." in call("dataset", "versions", "b.eval.yaml", status=2)


def test_a_file_of_which_no_version_was_kept_says_so() -> None:
    add_run("20261101-1", files=(RunFile(FILE, "v1", 1),))

    assert call("dataset", "versions", FILE) == f"the history has not kept the cases of {FILE}\n"

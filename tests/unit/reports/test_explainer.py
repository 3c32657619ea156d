"""Where the texts of a changed prompt, and the run of a baseline, are looked for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.history.git import SHALLOW
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.changes import FileChanges, ValueChange
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison, Delta, Metrics
from pytest_promptevals.records.contents import ContentKind, make_content
from pytest_promptevals.records.runs import RunFile, RunStatus
from pytest_promptevals.reports.what_changed import ComparedFile, Explainer
from tests.support.sample_results import make_case, make_result, make_run

FILE = "a.eval.yaml"
NOW = '{"messages":[{"content":"new","role":"user"}]}'
THEN = '{"messages":[{"content":"old","role":"user"}]}'
SAME = Delta("same", Change.SAME, 1.0, 1.0)
WORSE = Delta("refund", Change.WORSE, 1.0, 0.0, passed_before=True, passed_after=False)


def find(tmp_path: Path, case: BaselineCase, comparison: dict[str, Any] | None = None, **compared: Any) -> FileChanges:
    """Return what changed for one case that was asked with the prompt ``p1`` and now is with ``p2``."""
    after = make_result(file=FILE, prompt_hash="p2", fingerprint="f2")
    fields = {"deltas": (WORSE, SAME), **(comparison or {})}
    found = Comparison(FILE, Metrics(1, 0, 0, 0.0, 0.0), has_baseline=True, **fields)
    file = ComparedFile(found, {"refund": case}, {"refund": after}, RunFile(FILE), {"p2": NOW}, **compared)
    return Explainer(tmp_path, "history.db").find(file, make_run("now"))


def record(tmp_path: Path, run_id: str, **changes: Any) -> None:
    with open_history(tmp_path, "history.db") as store:
        files = (RunFile(FILE, "d1", parameters={"of": run_id}),)
        store.add_run(make_run(run_id, status=RunStatus.FINISHED, files=files), [make_result(file=FILE, **changes)], ())
        store.add_contents([("p1", "prompt", THEN)])


def hash_of(text: str) -> str:
    return make_content(ContentKind.PROMPT, {"messages": [{"role": "user", "content": text}]}).hash


def before(**changes: Any) -> BaselineCase:
    return make_case(**{"prompt_hash": "p1", **changes})


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a committed baseline, in which the prompt was changed since."""
    git(tmp_path, "init", "-q")
    (tmp_path / "support.md").write_text("old", encoding="utf-8")
    (tmp_path / "base.jsonl").write_text("", encoding="utf-8")
    (tmp_path / FILE).write_text(
        "prompt: ['in line', support.md]\nparameters: {n: 1}\ncases: [{input: x, judges: [exact], expected: x}]\n",
        encoding="utf-8",
    )
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "baseline")
    (tmp_path / "support.md").write_text("new", encoding="utf-8")
    return tmp_path


def texts(changes: FileChanges) -> tuple[str | None, ...]:
    (prompt,) = changes.cases.prompts
    return tuple(None if parts is None else parts[""] for parts in (prompt.before, prompt.after))


def test_both_texts_are_those_of_the_history_and_of_the_run(tmp_path: Path) -> None:
    record(tmp_path, "then")

    changes = find(tmp_path, before())

    assert texts(changes) == ("old", "new")
    assert changes.is_run_known
    assert [change.before for change in changes.parameters] == ["then"]


def test_the_run_that_is_the_baseline_goes_before_one_that_had_the_same_results(tmp_path: Path) -> None:
    record(tmp_path, "then")
    record(tmp_path, "another")

    changes = find(tmp_path, before(), {"baseline_run": "another"})

    assert [change.before for change in changes.parameters] == ["another"]


def test_a_prompt_that_there_was_none_of_is_an_empty_text(tmp_path: Path) -> None:
    assert texts(find(tmp_path, before(prompt_hash="", prompt_name="", fingerprint="f1"))) == ("", "new")


def test_a_baseline_without_fingerprints_has_no_run(tmp_path: Path) -> None:
    record(tmp_path, "then")

    assert not find(tmp_path, before(fingerprint="")).is_run_known


@pytest.mark.parametrize("text", ["old", "in line"])
def test_git_has_the_prompts_and_parameters_of_the_commit_in_which_the_baseline_changed(
    checkout: Path, text: str
) -> None:
    changes = find(checkout, before(prompt_hash=hash_of(text)), baseline_path="base.jsonl")

    assert texts(changes) == (text, "new")
    assert changes.parameters == (ValueChange("n", 1, None),)
    assert changes.are_parameters_known
    assert not changes.is_run_known


def test_without_a_committed_baseline_git_is_not_asked(checkout: Path) -> None:
    assert texts(find(checkout, before(prompt_hash=hash_of("old")))) == (None, "new")


def test_files_that_the_baseline_was_not_made_with_tell_nothing(checkout: Path) -> None:
    changes = find(checkout, before(prompt_hash=hash_of("not committed")), baseline_path="base.jsonl")

    assert texts(changes) == (None, "new")
    assert not changes.are_parameters_known


@pytest.mark.parametrize("name", ["support.md", FILE])
def test_git_has_files_that_are_gone(checkout: Path, name: str) -> None:
    (checkout / name).unlink()

    assert texts(find(checkout, before(prompt_hash=hash_of("old")), baseline_path="base.jsonl")) == ("old", "new")


def test_where_a_shallow_clone_begins_git_does_not_know_and_it_is_said(checkout: Path) -> None:
    git(checkout, "commit", "-qam", "new")
    git(checkout, "clone", "-q", "--depth=1", f"file://{checkout}", "clone")

    changes = find(checkout / "clone", before(prompt_hash=hash_of("old")), baseline_path="base.jsonl")

    assert texts(changes) == (None, "new")
    assert changes.hint == SHALLOW
    assert find(checkout, before(), baseline_path="base.jsonl").hint == ""


def test_where_all_cases_were_edited_their_run_tells_all_the_same(tmp_path: Path) -> None:
    record(tmp_path, "then")

    changes = find(tmp_path, before(), {"deltas": (Delta("refund", Change.EDITED),)})

    assert [change.before for change in changes.parameters] == ["then"]

"""The CI workflows that the package ships: they are well formed, and what they call is what there is."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
import yaml

from pytest_promptevals.cli import main
from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.selection import shard_of
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.registry import find_reports
from tests.support.sample_results import make_run
from tests.support.workflows import NAMES, commands, fill, load, read, steps

GITHUB = [name for name in NAMES if name.startswith("github")]
GITLAB = [name for name in NAMES if name.startswith("gitlab")]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "ci.md"


def parse(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> click.Context:
    """Read a command line as the command does, and return the innermost command's context."""
    context = command.make_context(command.name, list(arguments), parent=parent)
    if not isinstance(command, click.Group):
        return context
    _, child, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    assert child is not None
    return parse(child, rest, context)


def test_all_services_are_there_and_on_the_page() -> None:
    assert set(NAMES) == {"Jenkinsfile", *GITHUB, *GITLAB}
    assert len(GITHUB) > len(GITLAB) > 1
    for name in NAMES:
        assert f"[`{name}`](ci/{name})" in PAGE.read_text("utf-8")
        assert f"```{{literalinclude}} ci/{name}\n" in PAGE.read_text("utf-8")
        assert f"[`{name}`]({name})" in (PAGE.parent / "ci" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_pytest_call_is_understood(name: str, pytester: pytest.Pytester) -> None:
    pytester.mkdir("evals")
    calls = [arguments for program, arguments in commands(name) if program == "pytest"]

    for arguments in calls:
        config = pytester.parseconfig(*arguments)
        settings_of(config)
        shard_of(config)
        assert config.args == ["evals"]

    assert calls


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("Jenkinsfile", "github-forks.yml")])
def test_every_promptevals_call_is_understood(name: str, pytester: pytest.Pytester) -> None:
    calls = [arguments for program, arguments in commands(name) if program == "promptevals"]

    for arguments in calls:
        context = parse(main, arguments)
        if context.info_name == "report":
            assert context.params["form"] in find_reports().entries
        if context.info_name == "merge":
            settings_of(pytester.parseconfig(*context.meta["pytest_arguments"]))

    assert calls


ON_MAIN = {"github.ref_name": "main", "github.run_id": "7", "github.run_attempt": "1"}


@pytest.mark.parametrize("name", GITHUB)
def test_what_one_job_saves_the_next_one_finds(name: str) -> None:
    found: dict[str, dict[str, list[str]]] = {"restore": {}, "save": {}}
    for job in load(name)["jobs"]:
        for step in steps(name, job):
            kind = step.get("uses", "").partition("@")[0].removeprefix("actions/cache/")
            if kind in found:
                found[kind].setdefault(step["with"]["path"], []).append(step["with"]["key"])
                key = fill(step["with"]["key"], ON_MAIN)
                prefixes = fill(step["with"].get("restore-keys", ""), ON_MAIN).splitlines()
                assert all(key.startswith(prefix) for prefix in prefixes)
                assert bool(prefixes) is (kind == "restore")

    assert found["save"].keys() == found["restore"].keys()
    for path, keys in found["save"].items():
        assert set(keys) == set(found["restore"][path])


@pytest.mark.parametrize("name", GITHUB)
def test_a_job_that_may_run_code_of_forks_is_given_no_secret(name: str) -> None:
    workflow = load(name)
    triggers = workflow[True]  # what YAML 1.1 makes of the key "on"

    assert "pull_request_target" not in triggers
    for job in workflow["jobs"].values():
        if "secrets." in str(job):
            assert job["if"].endswith("github.event.pull_request.head.repo.full_name == github.repository")
    assert workflow["permissions"]["contents"] == "read"


@pytest.mark.parametrize("name", [name for name in GITHUB if "gh api" in read(name)])
def test_the_comment_is_found_by_what_the_report_begins_with(name: str) -> None:
    report = RunReport(make_run(), Path.cwd(), ())

    mark = find_reports().load("markdown").render(report).splitlines()[0]

    assert f'startswith("{mark}")' in read(name)


def test_artifacts_of_hidden_folders_are_asked_for() -> None:
    uploads = [
        step["with"]
        for name in GITHUB
        for job in load(name)["jobs"]
        for step in steps(name, job)
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]

    hidden = [upload for upload in uploads if ".promptevals" in upload["path"]]
    assert hidden
    assert all(upload["include-hidden-files"] for upload in hidden)


@pytest.mark.parametrize("name", GITLAB)
def test_gitlab_keeps_reports_and_responses_after_a_red_run(name: str) -> None:
    job = load(name)["evals"]

    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"] == {"junit": "evals.xml", "codequality": "gl-code-quality-report.json"}
    assert [cache["when"] for cache in job["cache"]] == ["always", "always"]
    assert [cache["paths"] for cache in job["cache"]] == [[".promptevals/cache.db*"], [".promptevals/history.db*"]]


def test_the_jenkinsfile_is_balanced() -> None:
    text = "\n".join(line.partition("//")[0] for line in read("Jenkinsfile").splitlines())

    assert text.strip().startswith("pipeline {")
    for opening, closing in ("{}", "()"):
        assert text.count(opening) == text.count(closing) > 1
    assert text.count("'") % 2 == 0


@pytest.mark.parametrize("name", [*GITHUB, *GITLAB])
def test_a_workflow_says_what_it_is_before_anything_else(name: str) -> None:
    assert read(name).startswith("# ")
    assert all(len(line) <= 130 for line in read(name).splitlines())
    assert yaml.safe_load(read(name))

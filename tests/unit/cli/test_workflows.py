"""The CI workflows that the package ships: they are well formed, and what they call is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pytest_promptevals.cli import main
from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.selection import shard_of
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.registry import find_reports
from tests.support.sample_results import make_run
from tests.support.workflows import (
    GITHUB,
    GITLAB,
    JENKINS,
    NAMES,
    commands,
    evaluate,
    fill,
    gitlab_job,
    load,
    read,
    steps,
)

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
    assert set(NAMES) == {*GITHUB, *GITLAB, *JENKINS}
    assert len(GITHUB) > len(GITLAB) == len(JENKINS) == 2
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


@pytest.mark.parametrize("name", NAMES)
def test_every_promptevals_call_is_understood(name: str, pytester: pytest.Pytester) -> None:
    calls = [arguments for program, arguments in commands(name) if program == "promptevals"]

    for arguments in calls:
        context = parse(main, arguments)
        if context.info_name == "merge":
            settings_of(pytester.parseconfig(*context.meta["pytest_arguments"]))

    assert bool(calls) is (name not in ("github.yml", "github-forks.yml", "gitlab-ci.yml"))


@pytest.mark.parametrize("name", NAMES)
def test_reports_are_made_by_the_session_that_ran(name: str) -> None:
    """What ``promptevals report`` calls the newest run may be one that came with the history of the default branch."""
    formats = {
        pair.partition("=")[0]
        for _, arguments in commands(name)
        for pair in (argument.removeprefix("--evals-report=") for argument in arguments if "-report=" in argument)
    }

    assert "promptevals report" not in read(name)
    assert formats <= find_reports().entries.keys()
    assert formats == ({"gitlab"} if name in GITLAB else {"markdown"} if "gh api" in read(name) else set())


RUN = {"github.run_id": "7", "github.run_attempt": "1"}
ON_MAIN = {"github.event_name": "push", "github.run_id": 7, "github.repository": "shop/shop", "github.actor": "ada"}
ON_REQUEST = ON_MAIN | {
    "github.event_name": "pull_request",
    "github.event.pull_request.number": 12,
    "github.event.pull_request.head.repo.full_name": "shop/shop",
}
OF_FORK = ON_REQUEST | {"github.event.pull_request.head.repo.full_name": "eve/shop"}
OF_DEPENDABOT = ON_REQUEST | {"github.actor": "dependabot[bot]"}


def caching(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return all steps on GitHub that restore or save, with the names of their workflows."""
    return [
        (name, step)
        for name in GITHUB
        for job in load(name)["jobs"]
        for step in steps(name, job)
        if step.get("uses", "").startswith(f"actions/cache/{kind}@")
    ]


def test_what_one_job_saves_the_next_one_finds() -> None:
    """Also that of another workflow: forks find the history that the default branch saved."""
    saved = {(step["with"]["path"], step["with"]["key"]) for _, step in caching("save")}

    assert len(saved) == 2
    for _, step in caching("restore"):
        assert (step["with"]["path"], step["with"]["key"]) in saved
        (prefix,) = step["with"]["restore-keys"].split()
        assert fill(step["with"]["key"], RUN).startswith(prefix)
    for name in GITHUB:
        restored = {step["with"]["path"] for workflow, step in caching("restore") if workflow == name}
        assert ".promptevals/history.db*" in restored


def test_the_history_is_saved_by_the_default_branch_alone() -> None:
    history = [step for _, step in caching("save") if "history" in step["with"]["path"]]

    assert history
    for step in history:
        condition = step["if"].replace("!cancelled()", "True")
        assert [evaluate(condition, event) for event in (ON_MAIN, ON_REQUEST)] == [True, False]


@pytest.mark.parametrize("name", [name for name in GITHUB if name != "github-forks.yml"])
def test_every_event_runs_once_with_keys_or_on_recordings(name: str) -> None:
    job = next(iter(load(name)["jobs"].values()))
    forks = load("github-forks.yml")["jobs"]["evals"]

    assert [bool(evaluate(job["if"], event)) for event in (ON_MAIN, ON_REQUEST, OF_FORK, OF_DEPENDABOT)] == [
        True,
        True,
        False,
        False,
    ]
    assert [bool(evaluate(forks["if"], event)) for event in (ON_REQUEST, OF_FORK, OF_DEPENDABOT)] == [False, True, True]


@pytest.mark.parametrize("name", GITHUB)
def test_only_an_older_run_of_the_same_pull_request_gives_way(name: str) -> None:
    concurrency = load(name)["concurrency"]
    (expression,) = re.findall(r"\$\{\{(.*)\}\}", concurrency["group"])
    groups = [evaluate(expression, event | {"github.run_id": run}) for event in (ON_MAIN, ON_REQUEST) for run in (1, 2)]

    assert concurrency["cancel-in-progress"]
    assert groups[2:] == [12, 12]
    if "push" in load(name)[True]:
        assert groups[:2] == [1, 2]
    assert concurrency["group"].partition("$")[0] == ("evals-forks-" if name == "github-forks.yml" else "evals-")


@pytest.mark.parametrize("name", GITHUB)
def test_keys_are_given_to_the_step_that_asks_models_alone(name: str) -> None:
    workflow = load(name)
    keyed = [step for job in workflow["jobs"] for step in steps(name, job) if "secrets." in str(step)]

    assert "pull_request_target" not in workflow[True]  # what YAML 1.1 makes of the key "on"
    assert workflow["permissions"]["contents"] == "read"
    assert str(workflow).count("secrets.") == sum(str(step).count("secrets.") for step in keyed)
    assert len(keyed) == (name != "github-forks.yml")
    assert all("pytest evals" in step["run"] for step in keyed)


@pytest.mark.parametrize("name", [name for name in GITHUB if "gh api" in read(name)])
def test_a_run_that_a_newer_one_has_cancelled_writes_no_comment(name: str) -> None:
    (comment,) = [step for step in steps(name, "evals") if "gh api" in step.get("run", "")]

    assert "!cancelled()" in comment["if"]
    assert [evaluate(comment["if"].replace("!cancelled()", "True"), event) for event in (ON_MAIN, ON_REQUEST)] == [
        False,
        True,
    ]


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


@pytest.mark.parametrize("name", GITLAB)
def test_merge_requests_from_forks_run_on_recordings(name: str) -> None:
    job = gitlab_job(name, "evals")
    request: dict[str, Any] = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main"}
    events: dict[str, dict[str, Any]] = {
        "request": request | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": 1, "CI_MERGE_REQUEST_PROJECT_ID": 1},
        "fork": request | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": 2, "CI_MERGE_REQUEST_PROJECT_ID": 1},
        "main": {"CI_PIPELINE_SOURCE": "push", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main"},
        "branch": {"CI_PIPELINE_SOURCE": "push", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "feature"},
    }

    chosen = {
        event: next((rule["variables"] for rule in job["rules"] if evaluate(rule["if"], values)), None)
        for event, values in events.items()
    }

    assert job["variables"]["RESPONSES"] == ""
    assert chosen == {
        "request": {"HISTORY": "pull"},
        "fork": {"HISTORY": "pull", "RESPONSES": "--evals-cache=replay --evals-recordings=recordings"},
        "main": {"HISTORY": "pull-push"},
        "branch": None,
    }


def code_of(name: str) -> str:
    """Return a Jenkinsfile without its comments."""
    return "\n".join(re.sub(r"(^|\s)//.*", "", line) for line in read(name).splitlines())


@pytest.mark.parametrize("name", JENKINS)
def test_a_jenkinsfile_is_balanced(name: str) -> None:
    text = code_of(name)

    assert text.strip().startswith("pipeline {")
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing) > 0
    assert text.count("'") % 2 == 0
    assert text.count('"') % 2 == 0
    assert all(len(line) <= 130 for line in read(name).splitlines())


@pytest.mark.parametrize("name", JENKINS)
def test_a_jenkinsfile_defines_the_functions_that_it_calls(name: str) -> None:
    text = code_of(name)
    defined = set(re.findall(r"^def (\w+)\(", text, re.MULTILINE))
    called = set(re.findall(r"(?<!def )\b(install|bringWhatIsKept|copyFrom|runShare)\(", text))

    assert called == defined


@pytest.mark.parametrize("name", JENKINS)
def test_jenkins_gives_keys_to_no_pull_request_of_a_fork(name: str) -> None:
    text = code_of(name)
    stages = re.split(r"(?=stage\(')", text)
    keyed = [stage for stage in stages if "credentials" in stage.lower()]
    recorded = [stage for stage in stages if "--evals-cache=replay --evals-recordings=recordings" in stage]

    assert [stage.count("when { expression { env.CHANGE_FORK == null } }") for stage in keyed] == [1]
    assert [stage.count("when { expression { env.CHANGE_FORK != null } }") for stage in recorded] == [1]
    (inside,) = re.findall(r"withCredentials\(.*?\) \{(.*?)\}", keyed[0], re.DOTALL)
    assert re.fullmatch(r"sh '\.venv/bin/pytest .*'|runShare\(''\)", inside.strip())


@pytest.mark.parametrize("name", JENKINS)
def test_jenkins_keeps_what_a_case_came_to_and_what_the_default_branch_is(name: str) -> None:
    text = code_of(name)

    assert "junit testResults: 'evals.xml', keepProperties: true" in text
    assert "archiveArtifacts artifacts: '.promptevals/*.db*'" in text
    assert text.count("DEFAULT_BRANCH = 'main'\n") == text.count("'main'") == 1


def test_all_shares_on_jenkins_are_run_and_merged() -> None:
    text = code_of("Jenkinsfile-sharded")
    (axis,) = re.findall(r"values (.*)", text)
    (merged,) = re.findall(r"for \(share in \[(.*)\]\)", text)
    (count,) = re.findall(r"--evals-shard=\$SHARE/(\d+)", text)

    assert axis == merged == ", ".join(f"'{number + 1}'" for number in range(int(count)))
    assert text.count("checkout scm") == text.count("skipDefaultCheckout()") == 1


@pytest.mark.parametrize("name", [*GITHUB, *GITLAB])
def test_a_workflow_says_what_it_is_before_anything_else(name: str) -> None:
    assert read(name).startswith("# ")
    assert all(len(line) <= 130 for line in read(name).splitlines())
    assert yaml.safe_load(read(name))

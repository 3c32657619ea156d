"""What the scripts of the shipped workflows do where a run comes to a verdict, and where it does not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.reports.markdown_report import MARKER
from tests.support.checkouts import Checkout
from tests.support.workflows import GITLAB, fill, gitlab_job, jenkins_scripts, play, step_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for bash")

HEAD = "model: scripted/echo\njudges: [exact]\n"
GREEN = "cases:\n  - {id: a, input: Rome, expected: Rome}\n  - {id: b, input: Oslo, expected: Oslo}\n"
RED = GREEN.replace("expected: Oslo", "expected: Paris")
BROKEN = "cases: {oops\n"
NONE = ""
# Stands for GitHub's program: notes what it is asked, and keeps the comment that it is given.
GH = """#!/bin/sh
echo "$*" >> asked.txt
case "$*" in *--jq*) cat comments.txt 2>/dev/null ;; esac
for argument; do
  case "$argument" in body=@*) cp "${argument#body=@}" comment.md ;; esac
done
exit 0
"""
JOB = {
    "GITHUB_SERVER_URL": "https://git.shop.example",
    "GITHUB_REPOSITORY": "shop/shop",
    "GITHUB_RUN_ID": "7",
}
NO_VERDICT = f"""\
{MARKER}
## \N{WARNING SIGN}\N{VARIATION SELECTOR-16} Evals: no verdict

This run came to no verdict. [The log of the job](https://git.shop.example/shop/shop/actions/runs/7) says why.
"""


class Job:
    """A checkout that a job works in, with the history of a green run of the default branch."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self.path = checkout.path
        checkout.write("pytest.ini", "[pytest]\n")
        checkout.write("bin/gh", GH)
        (self.path / "bin" / "gh").chmod(0o755)
        self.change(GREEN)
        assert self.run("pytest evals") == 0

    def change(self, cases: str) -> None:
        """Commit other cases, or none at all."""
        self._checkout.write("evals/a.eval.yaml", HEAD + cases)
        if not cases:
            (self.path / "evals" / "a.eval.yaml").unlink()
        self._checkout.commit()

    def run(self, script: str, environment: Mapping[str, str] | None = None, **values: str) -> int:
        """Run a script, and return its exit status."""
        return play(script, self.path, environment, **values)

    def step(self, name: str, job: str, step: str, **values: str) -> int:
        """Run a step of a workflow on GitHub."""
        return self.run(step_of(name, job, step)["run"], JOB, **{"github.event.number": "12", **values})

    def comment(self, name: str) -> str:
        """Run the step that comments on the pull request, and return the comment."""
        assert self.step(name, "evals", "Comment on the pull request") == 0
        return (self.path / "comment.md").read_text("utf-8")

    def share(self, number: int) -> int:
        """Run a share as a job on GitHub does, and hand its results on."""
        status = self.step("github-sharded.yml", "shard", "Run a share of the evals", **{"matrix.shard": f"{number}/3"})
        shutil.copytree(self.path / ".promptevals", self.path / "shards" / f"evals-shard-{number}")
        return status

    def decide(self, *shares: int) -> int:
        """Run shares of the newest commit, and bring them together as the last job does: with main's history alone."""
        kept = self.path.parent / "kept"
        shutil.copytree(self.path / ".promptevals", kept)
        for number in shares:
            self.share(number)
            shutil.rmtree(self.path / ".promptevals")
            shutil.copytree(kept, self.path / ".promptevals")
        return self.step("github-sharded.yml", "evals", "Decide")


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)
    made = Checkout(tmp_path / "checkout", monkeypatch)
    monkeypatch.chdir(made.path)
    return Job(made)


def test_the_comment_is_the_report_of_the_session(job: Job) -> None:
    job.change(RED)

    assert job.step("github.yml", "evals", "Run the evals") == 1
    text = job.comment("github.yml")

    assert text.startswith(f"{MARKER}\n")
    assert "1 of 2 cases pass" in text
    assert (job.path / "asked.txt").read_text("utf-8").splitlines()[1:] == [
        "api repos/shop/shop/issues/12/comments --field body=@evals.md --silent"
    ]


@pytest.mark.parametrize(("cases", "status"), [(BROKEN, 2), (NONE, 5)], ids=["errors", "no case"])
def test_without_a_verdict_the_comment_says_so_in_the_place_of_an_older_one(job: Job, cases: str, status: int) -> None:
    """The newest run of the history is a green one of the default branch, which is no verdict on this commit."""
    job.change(cases)
    (job.path / "comments.txt").write_text("41\n42\n", encoding="utf-8")

    assert job.step("github.yml", "evals", "Run the evals") == status
    assert job.comment("github.yml") == NO_VERDICT
    assert (job.path / "asked.txt").read_text("utf-8").splitlines()[1:] == [
        "api repos/shop/shop/issues/comments/41 --method PATCH --field body=@evals.md --silent"
    ]


def test_a_job_that_did_not_come_to_its_evals_has_a_comment_too(job: Job) -> None:
    """Nothing of ours need be installed for it. What a project keeps by the name of the report is none."""
    (job.path / "evals.md").write_text("# How we write evals\n", encoding="utf-8")

    assert job.comment("github.yml") == NO_VERDICT
    assert "promptevals report" not in step_of("github.yml", "evals", "Comment on the pull request")["run"]


def test_the_comment_on_shares_is_that_of_the_merged_run(job: Job) -> None:
    job.change(RED)

    assert job.decide(1, 2, 3) == 1
    assert "1 of 2 cases pass" in job.comment("github-sharded.yml")


@pytest.mark.parametrize(
    ("cases", "shares"),
    [(RED, ()), (RED, (1,)), (BROKEN, (1, 3)), (NONE, (1,))],
    ids=["none", "one", "errors", "no case"],
)
def test_without_all_shares_the_comment_says_that_there_is_no_verdict(
    job: Job, cases: str, shares: tuple[int, ...]
) -> None:
    """Case a is in the first share, b in the third, none in the second."""
    job.change(cases)

    assert job.decide(*shares) == 2
    assert job.comment("github-sharded.yml") == NO_VERDICT


def after_merging_on_github(job: Job) -> int:
    return job.step("github-sharded.yml", "evals", "Put the responses together")


def after_merging_on_gitlab(job: Job) -> int:
    (script,) = gitlab_job("gitlab-sharded.yml", "evals")["after_script"]
    return job.run(script)


@pytest.mark.parametrize("put_together", [after_merging_on_github, after_merging_on_gitlab])
def test_shares_that_asked_no_model_leave_no_cache_and_nothing_fails_for_it(
    job: Job, put_together: Callable[[Job], int]
) -> None:
    assert job.decide(1, 2, 3) == 0
    assert not list(job.path.rglob("cache.db"))

    assert put_together(job) == 0


def gitlab_run(job: Job, name: str, **variables: str) -> int:
    """Run all that a job on GitLab runs, but for the installation; shares one after the other before it."""
    given = {"RESPONSES": gitlab_job(name, "evals")["variables"]["RESPONSES"], **variables}
    if name == "gitlab-sharded.yml":
        shares = gitlab_job(name, "evals shares")
        kept = job.path.parent / "kept"
        shutil.copytree(job.path / ".promptevals", kept)
        for number in range(1, shares["parallel"] + 1):
            share = {**given, "CI_NODE_INDEX": str(number), "CI_NODE_TOTAL": str(shares["parallel"])}
            job.run("\n".join(shares["script"]), share)
            assert job.run("\n".join(shares["after_script"]), share) == 0
            shutil.rmtree(job.path / ".promptevals")
            shutil.copytree(kept, job.path / ".promptevals")
    script = [line for line in gitlab_job(name, "evals")["script"] if "pip install" not in line]
    return job.run("\n".join(script), given)


@pytest.mark.parametrize(
    ("name", "mode"), list(zip(GITLAB, ["--evals-cache=replay --evals-recordings=recordings", ""], strict=True))
)
def test_the_code_quality_report_of_gitlab_is_that_of_the_session(job: Job, name: str, mode: str) -> None:
    job.change(RED)

    assert gitlab_run(job, name, RESPONSES=mode) == 1

    findings = json.loads((job.path / "gl-code-quality-report.json").read_text("utf-8"))
    assert {finding["check_name"] for finding in findings} == {"promptevals.flip"}
    assert (job.path / "evals.html").is_file()


@pytest.mark.parametrize("name", GITLAB)
def test_without_a_verdict_gitlab_is_given_no_code_quality_report(job: Job, name: str) -> None:
    """An empty one would mean that all is mended."""
    job.change(BROKEN)

    assert gitlab_run(job, name) == 2
    assert not (job.path / "gl-code-quality-report.json").exists()


def jenkins_script(name: str, part: str) -> str:
    return next(script for script in jenkins_scripts(name) if part in script)


@pytest.fixture
def on_jenkins(job: Job) -> Job:
    """A job that finds our programs where those on Jenkins are."""
    programs = job.path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("pytest", "promptevals"):
        (programs / name).symlink_to(Path(sys.executable).parent / name)
    return job


@pytest.mark.parametrize("part", ["--evals-max-cost", "--evals-recordings"])
def test_jenkins_runs_the_evals_on_what_the_default_branch_left(on_jenkins: Job, part: str) -> None:
    shutil.copytree(on_jenkins.path / ".promptevals", on_jenkins.path.parent / "archived")
    on_jenkins.change(RED)
    assert on_jenkins.run("pytest evals") == 1  # a build before, whose workspace this one is given
    (on_jenkins.path / "evals.xml").write_text("old", encoding="utf-8")

    assert on_jenkins.run(jenkins_script("Jenkinsfile", "rm -rf")) == 0
    shutil.copytree(on_jenkins.path.parent / "archived", on_jenkins.path / "kept")
    for script in ("find kept", "cache import"):
        assert on_jenkins.run(jenkins_script("Jenkinsfile", script)) == 0
    assert on_jenkins.run(jenkins_script("Jenkinsfile", part)) == 1

    with HistoryStore.open(on_jenkins.path / ".promptevals" / "history.db") as store:
        newest, _ = sorted(store.runs(), key=lambda run: run.started_at, reverse=True)
        (comparison,) = store.comparisons(newest.id)
    assert [(gate.gate, gate.verdict) for gate in comparison.gates] == [("score", Verdict.PASSED)]
    assert (on_jenkins.path / "evals.xml").read_text("utf-8") != "old"


@pytest.mark.parametrize("name", ["Jenkinsfile", "Jenkinsfile-sharded"])
def test_the_first_build_of_all_finds_nothing_kept_and_goes_on(on_jenkins: Job, name: str) -> None:
    for script in ("find kept", "cache import kept"):
        assert on_jenkins.run(jenkins_script(name, script)) == 0


@pytest.mark.parametrize(("cases", "status"), [(RED, 1), (BROKEN, 2), (GREEN, 0)], ids=["red", "errors", "green"])
def test_shares_on_jenkins_are_one_verdict(on_jenkins: Job, cases: str, status: int) -> None:
    on_jenkins.change(cases)
    shutil.rmtree(on_jenkins.path / ".promptevals")
    share = jenkins_script("Jenkinsfile-sharded", "--evals-shard")
    for number in "123":
        ended = on_jenkins.run(share, {"SHARE": number, "OPTIONS": ""})
        assert ended == (2 if cases == BROKEN else 0)
        stashed = on_jenkins.path / "shards" / number
        stashed.mkdir(parents=True)
        if (on_jenkins.path / ".promptevals").exists():
            (on_jenkins.path / ".promptevals").rename(stashed / ".promptevals")

    assert on_jenkins.run(jenkins_script("Jenkinsfile-sharded", "promptevals merge")) == status
    assert on_jenkins.run(jenkins_script("Jenkinsfile-sharded", "cache import shards")) == 0


def test_what_init_writes_for_forks_is_green_without_recordings(job: Job) -> None:
    """The stand-in for a model is no model: its answers need no recording."""
    shutil.rmtree(job.path / "evals")
    assert CliRunner().invoke(main, ["init", "--ci", "github", "--yes"]).exit_code == 0

    assert job.run(fill(step_of("github-forks.yml", "evals", "Run the evals on the recordings")["run"], {})) == 0

"""Committed baselines in git: what two branches change merges, and what they both change is a conflict."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.checkouts import Checkout
from tests.support.project import EvalProject

HEAD = "case_policy: gate\njudges: [exact]\n"
BASELINE = "baselines/a.eval.yaml.jsonl"


def save(project: EvalProject, checkout: Checkout, **outputs: str) -> None:
    """Save and commit the baseline of those cases with those outputs."""
    cases = [{"id": name, "input": name, "expected": "good", "output": output} for name, output in outputs.items()]
    project.write_cases("a.eval.yaml", cases, head=HEAD)
    project.run("--evals-save-baseline")
    checkout.git("add", BASELINE)
    checkout.git("commit", "--allow-empty", "-m", "baseline")


@pytest.fixture
def checkout(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(project.path, monkeypatch)


@pytest.fixture
def forked(project: EvalProject, checkout: Checkout) -> Checkout:
    """A baseline of some cases, with a branch ``other``."""
    save(project, checkout, a="good", b="good", c="good", d="good", e="good", f="good")
    checkout.git("branch", "other")
    return checkout


def test_branches_that_change_different_cases_merge(project: EvalProject, forked: Checkout) -> None:
    save(project, forked, a="bad", b="good", c="good", d="good", e="good", f="good")
    forked.git("checkout", "other")
    save(project, forked, a="good", b="good", c="good", d="bad", e="good", ee="good", f="good")

    forked.git("merge", "main")

    merged = (project.path / BASELINE).read_bytes()
    forked.git("rm", "--quiet", BASELINE)
    save(project, forked, a="bad", b="good", c="good", d="bad", e="good", ee="good", f="good")
    assert (project.path / BASELINE).read_bytes() == merged


def test_branches_that_change_one_case_leave_a_conflict_that_is_named(project: EvalProject, forked: Checkout) -> None:
    save(project, forked, a="good", b="good", c="bad", d="good", e="good", f="good")
    forked.git("checkout", "other")
    save(project, forked, a="good", b="good", c="worse", d="good", e="good", f="good")
    with pytest.raises(subprocess.CalledProcessError):
        forked.git("merge", "main")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"*insufficient data: {BASELINE}:3: a merge conflict is not resolved: '<<<<<<< HEAD'*"]
    )

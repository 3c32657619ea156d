"""pytest over the eval files of a recorded run, with its outputs in the place of a model's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pytest_promptevals.cli.histories import history_of_project
from pytest_promptevals.history.reusable import read_files
from pytest_promptevals.history.run_queries import find_run


def rerun(option: str, run: str, history: str | None, arguments: Sequence[str]) -> int:
    """Run pytest with an option that takes a run, over the eval files of that run, and return its exit status.

    Args:
        option: ``--evals-rejudge`` or ``--evals-regate``.
        run: id, beginning of an id, saved name or ``latest``.
        history: another history than that of the settings.
        arguments: further arguments of pytest.

    Raises ``click.ClickException`` if the run is not known, had no eval files, or none of them is left.
    """
    with history_of_project(history) as (store, project), store.reading() as connection:
        run_id = find_run(connection, run)
        files = read_files(connection, run_id)
    eval_files = [file for file in files if "::" not in file]
    paths = [path for file in eval_files if (path := project.rootdir / file).is_file()]
    if not paths:
        raise click.ClickException(f"run {run_id}: {_why_not(files, eval_files)}")
    command = [sys.executable, "-m", "pytest", *map(str, paths), f"{option}={run_id}"]
    if history is not None:
        command.append(f"--evals-history={history if '://' in history else Path.cwd() / history}")
    return subprocess.run([*command, *arguments], check=False).returncode  # noqa: S603 - our own Python, on the user's own tests


def _why_not(files: Sequence[str], eval_files: Sequence[str]) -> str:
    """Return why there is nothing to run of a run of those files, test functions included."""
    if files and not eval_files:
        return (
            f"it has results of test functions alone ({', '.join(files)}), which make their outputs themselves; "
            "run pytest for that"
        )
    return f"none of its eval files is there any more (it had {', '.join(eval_files) or 'none'})"

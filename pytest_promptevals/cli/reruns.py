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

    Raises ``click.ClickException`` if the run is not known, or none of its eval files is left.
    """
    with history_of_project(history) as (store, project), store.reading() as connection:
        run_id = find_run(connection, run)
        files = read_files(connection, run_id)
    paths = [path for file in files if "::" not in file and (path := project.rootdir / file).is_file()]
    if not paths:
        shown = ", ".join(files) or "none"
        if files and all("::" in file for file in files):
            raise click.ClickException(
                f"run {run_id}: it has results of test functions alone ({shown}), which make their outputs themselves; "
                "run pytest for that"
            )
        raise click.ClickException(f"run {run_id}: none of its eval files is there any more (it had {shown})")
    command = [sys.executable, "-m", "pytest", *map(str, paths), f"{option}={run_id}"]
    if history is not None:
        command.append(f"--evals-history={history if '://' in history else Path.cwd() / history}")
    return subprocess.run([*command, *arguments], check=False).returncode  # noqa: S603 - our own Python, on the user's own tests

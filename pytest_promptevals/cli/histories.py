"""The history of the project that a command is called in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_promptevals.cli.output import echo, use_safe_stdout
from pytest_promptevals.cli.project import Project, find_project
from pytest_promptevals.errors import HistoryError, UsageError
from pytest_promptevals.files.paths import shown_path

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore

_OFF: Final = "off"
history_option = click.option(
    "--history", metavar="FILE|URL", help="The history to look at; default: the setting evals_history."
)
"""Names another history than that of the settings."""


@contextmanager
def history_of_project(history: str | None = None, *, is_begun: bool = False) -> Iterator[tuple[HistoryStore, Project]]:
    """Give the history of the project that the current folder is in, and the project.

    Args:
        history: an SQLite file, relative to the current folder, or the URL of a database; ``None`` takes the setting.
        is_begun: whether one is made where there is none; else that is an error.

    What goes wrong with it, and what was asked wrongly of it, is raised as ``click`` shows it.
    """
    use_safe_stdout()  # models say what no encoding has
    here = Path.cwd()
    project = find_project(here)
    is_file = history is not None and history != _OFF and "://" not in history
    setting = project.resolve({"history": str(here / str(history)) if is_file else history}).history
    _check_there(project, setting, is_begun=is_begun)
    from pytest_promptevals.history.opening import open_history  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s

    try:
        with open_history(project.rootdir, setting) as store:
            if store.notice is not None:
                echo(store.notice, err=True)
            yield store, project
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    except HistoryError as error:
        raise click.ClickException(str(error)) from None


def _check_there(project: Project, setting: str, *, is_begun: bool) -> None:
    if setting == _OFF:
        raise click.ClickException(
            "no history is kept: the setting evals_history is off; give it the name of a file, or use --history"
        )
    path = project.rootdir / setting
    if "://" not in setting and not is_begun and not path.is_file():
        raise click.ClickException(
            f"there is no history yet: {shown_path(path, Path.cwd())} is not there. Run pytest first, or name another "
            "file with --history"
        )

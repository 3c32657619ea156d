"""``promptevals report RUN``: a run of the history for people, and for what CI servers read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo, open_output, output_option
from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.git import read_git_state
from pytest_promptevals.hookspecs import Report
from pytest_promptevals.records.references import LATEST
from pytest_promptevals.records.runs import Run
from pytest_promptevals.registering import Extensions
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.registry import find_reports

_USUAL: Final = "markdown"
_OF_PYTEST: Final = ("junit", "junitxml")
_SHOWN: Final = 7
"""Signs of a commit that are shown."""


class _Formats(click.Option):
    """Names the formats that there are, plugins' among them, where the help is asked for."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        del ctx
        names = ", ".join(_find().entries)
        return "--format NAME", f"One of: {names}. Default: what the name of the file ends in, or else {_USUAL}."


@click.command()
@click.argument("run", default=LATEST)
@click.option("--format", "form", metavar="NAME", cls=_Formats)
@output_option
@history_option
def report(run: str, form: str | None, output: Path | None, history: str | None) -> None:
    """Write what a run of the history came to: its verdicts, what changed, and its cases.

    RUN is its id, the beginning of its id, the name that it was saved under, or "latest", the default.
    """
    from pytest_promptevals.history.run_queries import find_run  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
    from pytest_promptevals.reports.run_report import read_report  # noqa: PLC0415 - likewise

    chosen = _choose(form, output)
    with history_of_project(history) as (store, project):
        with store.reading() as connection:
            run_id = find_run(connection, run)
        if run == LATEST:
            _tell_of_another_commit(store.run(run_id), project.rootdir)
        text = chosen.render(read_report(store, project.rootdir, run_id))
    with open_output(output, chosen.ending.removeprefix(".")) as stream:
        stream.write(text)
    if output is not None:
        echo(f"report of run {run_id} written to {output}")


def _tell_of_another_commit(run: Run, rootdir: Path) -> None:
    """Say where the newest run is one of another commit: whoever asks in a job wants to know of this one."""
    here = None if run.git is None else read_git_state(rootdir)
    if run.git is None or here is None or here.commit == run.git.commit:
        return
    then, now = run.git.commit[:_SHOWN], here.commit[:_SHOWN]
    text = f"the newest run is of commit {then}, the checkout is at {now}: pytest recorded no run of it"
    echo("\n".join(fill_lines(text, shutil.get_terminal_size().columns)), err=True)


def _find() -> Extensions[Report]:
    try:
        return find_reports()
    except UsageError as error:
        raise click.ClickException(str(error)) from None


def _choose(form: str | None, output: Path | None) -> Report:
    """Return the format that is asked for, or else the one that the name of the file ends in."""
    if form in _OF_PYTEST:
        raise click.UsageError("JUnit files are pytest's own: pytest --junitxml=FILE")
    reports = _find()
    try:
        if form is not None or output is None or not output.suffix:
            return reports.load(form or _USUAL)
        fitting = [name for name in reports.entries if reports.load(name).ending == output.suffix.lower()]
        if len(fitting) == 1:
            return reports.load(fitting[0])
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    named = ", ".join(reports.entries)
    raise click.UsageError(f"the name {str(output)!r} does not say which format is meant; add --format: {named}")

"""``promptevals regate``."""

from __future__ import annotations

import sys

import click

from pytest_promptevals.cli.histories import history_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", metavar="RUN")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST_ARGUMENTS]...")
@history_option
def regate(run: str, arguments: tuple[str, ...], history: str | None) -> None:
    """Decide a recorded run with the thresholds and gates of now.

    Nothing is called: the scores are those of RUN, which the new run names as its parent. Cases that were edited since,
    or have other judges, are left out; 'promptevals rejudge' takes those. RUN is an id, the beginning of one, a saved
    name, or latest. Further arguments go to pytest, such as --evals-max-drop 0.05.
    """
    from pytest_promptevals.cli.reruns import rerun  # noqa: PLC0415 - loads SQLAlchemy

    sys.exit(rerun("--evals-regate", run, history, arguments))

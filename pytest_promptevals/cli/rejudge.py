"""``promptevals rejudge``."""

from __future__ import annotations

import sys

import click

from pytest_promptevals.cli.histories import history_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("run", metavar="RUN")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST_ARGUMENTS]...")
@history_option
def rejudge(run: str, arguments: tuple[str, ...], history: str | None) -> None:
    """Judge the outputs of a recorded run with the judges of now.

    The model under test is not called; model judges are, unless the cache knows their answers. The result is a run of
    its own that names RUN as its parent. RUN is an id, the beginning of one, a saved name, or latest. Further arguments
    go to pytest, such as -k refund or --evals-judge-model openai/gpt-5-mini.
    """
    from pytest_promptevals.cli.reruns import rerun  # noqa: PLC0415 - loads SQLAlchemy

    sys.exit(rerun("--evals-rejudge", run, history, arguments))

"""``promptevals merge``: the shares that CI jobs ran of one selection, as one run with one verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_promptevals.cli.histories import history_of_project, history_option
from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import Project
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.words import count_text

if TYPE_CHECKING:
    from pytest_promptevals.history.merging import Merged, Part
    from pytest_promptevals.history.store import HistoryStore

_FILE: Final = "history.db"
"""What history files are called, which are looked for in folders."""
_NO_HISTORY: Final = "there is no history yet"
_SIGNS_OF_PYTEST: Final = ("[", "::")
"""What pytest reads in an argument as the name of a test."""
_SEPARATORS: Final = ("/", os.sep)
_ARGUMENTS: Final = "pytest_arguments"
# The whole is decided here, all of it, whatever the options of the project say of single jobs.
_OWN_OPTIONS: Final = ("--evals", "--evals-shard=", "--maxfail=0")


class _CannotMergeError(click.ClickException):
    """There is no verdict: not the exit status of one that is red."""

    exit_code = 2


class _WithPytestArguments(click.Command):
    """Keeps what stands behind ``--`` for pytest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_ARGUMENTS] = args[place + 1 :]
        try:
            return super().parse_args(ctx, args[:place])
        except click.NoSuchOption as error:
            message = f"No such option {error.option_name!r}. What pytest is to be told stands behind '--'."
            raise click.UsageError(message, ctx) from None


@click.command(cls=_WithPytestArguments, epilog="Example: promptevals merge shards -- -v")
@click.argument("sources", nargs=-1, metavar="[RUN|FILE|FOLDER]... [-- PYTEST_ARGUMENTS]")
@click.option("--junitxml", metavar="FILE", help="Write cases and gates to that file as JUnit XML.")
@history_option
@click.pass_context
def merge(context: click.Context, sources: Sequence[str], junitxml: str | None, history: str | None) -> None:
    """Put the shares of a run together, and decide the whole.

    The jobs of 'pytest --evals-shard I/N' each leave a history. Name these files, or a folder that holds them: of each
    file, the newest run is meant. A RUN is one of the project's own history, and stands for all shares of its
    selection; where nothing is named, the newest one is meant.

    No model is called. The gates are decided as if one pytest had run all cases, and the run is recorded in the history
    of the project. What is printed, and the exit status, are pytest's.
    """
    paths = list(_find_files(sources))
    references = [source for source in sources if not Path(source).exists()]
    with tempfile.TemporaryDirectory(prefix="promptevals-merge-") as name:
        union = Path(name, _FILE)
        with _no_verdict(references), history_of_project(history, is_begun=bool(paths)) as (store, project):
            merged = _merge(store, references, paths, Path(name))
            _write_union(store, merged, union)
        _tell(merged)
        # Ours stand last: an option of the shares that somebody repeats must not leave cases out again.
        arguments = [*context.meta[_ARGUMENTS], *_own_arguments(project, history, junitxml)]
        command = [sys.executable, "-m", "pytest", *_paths_of(project, merged), f"--evals-merge={union}", *arguments]
        status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own Python, on the user's own tests
    _mark_shards(history, merged)
    sys.exit(status)


@contextlib.contextmanager
def _no_verdict(references: Sequence[str]) -> Iterator[None]:
    """Turn what goes wrong inside into the exit status of no verdict; say which names may be mistyped."""
    try:
        yield
    except click.ClickException as error:
        unknown = [name for name in references if repr(name) in error.message or _NO_HISTORY in error.message]
        message = error.message
        if unknown:
            message = f"{message.rstrip('.')}. There is no file or folder {', '.join(map(repr, unknown))} either."
        if isinstance(error, click.UsageError):
            raise click.UsageError(message) from None
        raise _CannotMergeError(message) from None


def _find_files(sources: Sequence[str]) -> Iterator[Path]:
    """Yield the history files that are named, and those in folders. Raises ``click.UsageError`` if there is none."""
    for source in sources:
        path = Path(source)
        found = sorted(path.rglob(_FILE)) if path.is_dir() else [path] if path.is_file() else []
        if not found and path.is_dir():
            raise click.UsageError(
                f"{source}: no {_FILE} in this folder or below it; each job leaves its own at .promptevals/{_FILE}, "
                "which has to be brought here"
            )
        if not found and (len(path.parts) > 1 or path.suffix or source.endswith(_SEPARATORS)):
            raise click.UsageError(
                f"{source}: there is no such file or folder; each job leaves its own at .promptevals/{_FILE}"
            )
        yield from found


def _merge(store: HistoryStore, references: Sequence[str], paths: Sequence[Path], folder: Path) -> Merged:
    """Return what the runs are together that are named; their files are copied into a folder and read there."""
    from pytest_promptevals.history.merge_sources import find_parts, open_copy  # noqa: PLC0415 - loads SQLAlchemy
    from pytest_promptevals.history.merging import merge_parts  # noqa: PLC0415 - likewise

    parts: list[Part] = []
    with ExitStack() as copies:
        for reference in references or ([] if paths else [""]):
            parts += find_parts(store, "", reference)
        for number, path in enumerate(paths):
            place = folder / str(number)
            place.mkdir()
            shown = shown_path(path.absolute(), Path.cwd())
            parts += find_parts(copies.enter_context(open_copy(path, shown, place)), shown)
        return merge_parts(parts)


def _write_union(store: HistoryStore, merged: Merged, path: Path) -> None:
    """Write the whole into a history of its own; as a finished run if the store has it."""
    from pytest_promptevals.history.merge_sources import state_of  # noqa: PLC0415 - loads SQLAlchemy
    from pytest_promptevals.history.store import FileStore  # noqa: PLC0415 - likewise

    is_known = state_of(store, merged.run.id) is RunStatus.FINISHED
    run = dataclasses.replace(merged.run, status=RunStatus.FINISHED) if is_known else merged.run
    with FileStore.connect(path, patience=1.0) as union:
        union.add_run(run, merged.results, ())


def _tell(merged: Merged) -> None:
    parts, cases = count_text(len(merged.parts), "run"), count_text(len(merged.results), "result")
    for line in (*merged.notices, f"{parts} with {cases} merged into run {merged.run.id}"):
        echo("\n".join(fill_lines(line, shutil.get_terminal_size().columns)))


def _paths_of(project: Project, merged: Merged) -> list[str]:
    """Return what pytest has to collect. Raises ``_CannotMergeError`` for a file that is not there."""
    # Whole files: of a test function whose cases were all skipped, there is no result.
    paths = {_file_of(project, name) for name in {result.file for result in merged.results}}
    for path in sorted(paths):
        if not path.is_file():
            git = merged.run.git
            commit = "the commit that they ran on" if git is None else f"commit {git.commit[:7]}"
            name = shown_path(path, project.rootdir)
            raise _CannotMergeError(f"{name} has results, and is not here: check out {commit}, then merge again")
    return sorted({_argument_for(path) for path in paths})


def _file_of(project: Project, name: str) -> Path:
    """Return the file of an eval file, or of a test function; a file's name may have colons of its own."""
    path = project.rootdir / name
    while not path.is_file() and "::" in path.name:
        path = path.with_name(path.name.rpartition("::")[0])
    return path


def _argument_for(path: Path) -> str:
    """Return what to tell pytest to collect: a file, or the folder above in whose name pytest reads no parameters."""
    if not _has_signs(path):
        return str(path)
    place = Path(os.path.relpath(path))
    while _has_signs(place):
        place = place.parent
    return os.path.join(os.curdir, place)  # noqa: PTH118 - a Path would lose what tells the name from an option


def _has_signs(path: Path) -> bool:
    return any(sign in str(path) for sign in _SIGNS_OF_PYTEST)


def _own_arguments(project: Project, history: str | None, junitxml: str | None) -> Iterator[str]:
    yield f"--rootdir={project.rootdir}"
    yield from _OWN_OPTIONS
    if _wants_workers(f"{project.ini.get('addopts', '')} {os.environ.get('PYTEST_ADDOPTS', '')}"):
        yield "-n0"
    if history is not None:
        yield f"--evals-history={history if '://' in history else Path.cwd() / history}"
    if junitxml is not None:
        yield f"--junitxml={junitxml}"


def _wants_workers(added: str) -> bool:
    """Return whether the project's own options ask pytest-xdist for workers."""
    try:
        options = shlex.split(added)
    except ValueError:  # pytest says what is wrong
        return False
    return any(re.match(r"-n(?!o)|--numprocesses|--tx", option) for option in options) and (
        importlib.util.find_spec("xdist") is not None and "no:xdist" not in added
    )


def _mark_shards(history: str | None, merged: Merged) -> None:
    """Have the runs no longer count for themselves, if the whole is recorded and they are in its history, too."""
    from pytest_promptevals.history.merge_sources import mark_shards, state_of  # noqa: PLC0415 - loads SQLAlchemy

    with history_of_project(history, is_begun=True) as (store, _):
        if state_of(store, merged.run.id) is RunStatus.FINISHED:
            mark_shards(store, merged.run.id, merged.parts)

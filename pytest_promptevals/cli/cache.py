"""``promptevals cache``: look at the response cache and the recordings, take them elsewhere, make them smaller."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import tabulate

from pytest_promptevals.cache import maintenance
from pytest_promptevals.cache.recordings import UnusedRecording, find_unused, remove_unused
from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import find_project
from pytest_promptevals.cli.replay import replay_evals
from pytest_promptevals.errors import CacheError
from pytest_promptevals.files.paths import shown_path

_FILE: Final = "cache.db"
"""What caches are called, which are looked for in folders."""
_MEGABYTE: Final = 1_000_000
_HEADERS: Final = ("model", "responses", "cost", "seconds")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a project keeps its responses."""

    rootdir: Path
    """Root of the project."""
    cache: Path
    """SQLite file of the response cache."""
    recordings: Path | None
    """Folder of the recordings, if there is to be one."""


def _find_places(cache: Path | None, recordings: Path | None) -> Places:
    """Return the places that the options name, relative to the current folder, or else those of the settings."""
    here = Path.cwd()
    project = find_project(here)
    given = {
        "cache_file": str(here / cache) if cache is not None else None,
        "recordings": str(here / recordings) if recordings is not None else None,
    }
    settings = project.resolve(given)
    folder = project.rootdir / settings.recordings if settings.recordings else None
    return Places(project.rootdir, project.rootdir / settings.cache_file, folder)


_cache_option = click.option(
    "--cache",
    "cache_file",
    type=click.Path(path_type=Path),
    help="SQLite file of the cache; default: the setting evals_cache_file.",
)
_recordings_option = click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    help="Folder of the recordings; default: the setting evals_recordings.",
)


@contextmanager
def _errors_shown() -> Iterator[None]:
    try:
        yield
    except CacheError as error:
        raise click.ClickException(str(error)) from None


@click.group()
def cache() -> None:
    """Look at the kept responses of models, take them elsewhere, make them fewer."""


@cache.command()
@_cache_option
@_recordings_option
def stats(cache_file: Path | None, recordings: Path | None) -> None:
    """Print what the response cache and the recordings hold."""
    places = _find_places(cache_file, recordings)
    with _errors_shown():
        _print_cache(places.cache)
        if places.recordings is not None:
            _print_recordings(places.recordings)


@cache.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_cache_option
def export(file: Path, cache_file: Path | None) -> None:
    """Write all responses to FILE, one JSON line each, as recordings have them."""
    places = _find_places(cache_file, None)
    with _errors_shown():
        count = maintenance.export_entries(places.cache, file)
    echo(f"{_responses(count)} of {_shown(places.cache)} written to {file}")


@cache.command("import")
@click.argument("files", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Let the responses of FILE go before those that are there.")
@_cache_option
def import_(files: Sequence[Path], cache_file: Path | None, *, replace: bool) -> None:
    """Bring the responses of each FILE, an export, a recording or another cache, into the cache.

    Of a FOLDER, those of all files cache.db in it and below it.
    """
    places = _find_places(cache_file, None)
    with _errors_shown():
        counts = [maintenance.import_entries(places.cache, file, replace=replace) for file in _find_caches(files)]
    if not counts:
        return
    added, replaced, kept = (sum(each) for each in zip(*map(dataclasses.astuple, counts), strict=True))
    echo(f"{_shown(places.cache)}: {added} added, {replaced} replaced, {kept} kept as they were")


def _find_caches(sources: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that are named, and the caches in folders; say which folders have none."""
    for source in sources:
        found = sorted(source.rglob(_FILE)) if source.is_dir() else [source]
        if not found:
            echo(f"{source}: no {_FILE} in this folder or below it, so there is nothing to import")
        yield from found


@cache.command()
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Remove responses older than that.")
@click.option(
    "--max-size",
    type=click.FloatRange(min=0),
    metavar="MB",
    help="Remove the oldest responses until the others take no more than that.",
)
@click.option("--all", "everything", is_flag=True, help="Remove all responses.")
@click.option("--yes", is_flag=True, help="Delete the unused recordings that are listed.")
@click.option("--force", is_flag=True, help="With --yes: delete also those that may be used after all.")
@_cache_option
@_recordings_option
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def prune(
    older_than: float | None,
    max_size: float | None,
    cache_file: Path | None,
    recordings: Path | None,
    pytest_arguments: Sequence[str],
    *,
    everything: bool,
    yes: bool,
    force: bool,
) -> None:
    """Remove responses from the cache, or list recordings that are not used any more.

    With --older-than, --max-size or --all, responses are removed from the cache. Without, the evals are run, calling
    no model, and the recordings that they do not use are listed; --yes deletes them. PYTEST_ARGUMENTS, after "--", go
    to that run.
    """
    places = _find_places(cache_file, recordings)
    with _errors_shown():
        if older_than is not None or max_size is not None or everything:
            _prune_cache(places.cache, older_than, max_size, everything=everything)
        elif places.recordings is not None and places.recordings.is_dir():
            _prune_recordings(places, places.recordings, pytest_arguments, yes=yes, force=force)
        else:
            raise click.UsageError(
                "there are no recordings; say what to remove from the cache: --older-than DAYS, --max-size MB or --all"
            )


def _print_cache(path: Path) -> None:
    if not path.is_file():
        echo(f"response cache {_shown(path)}: there is none yet")
        return
    statistics = maintenance.read_statistics(path)
    total = sum(model.responses for model in statistics.models)
    days = f", stored from {_day(statistics.oldest)} to {_day(statistics.newest)}" if total else ""
    echo(f"response cache {_shown(path)}: {_responses(total)}, {_megabytes(statistics.size)}{days}")
    if statistics.models:
        rows = [[model.model, model.responses, _cost(model), f"{model.seconds:.0f}"] for model in statistics.models]
        headers = ["model", "responses", "cost", "seconds"]
        echo(tabulate.tabulate(rows, headers, colalign=("left", "right", "right", "right"), disable_numparse=True))


def _print_recordings(folder: Path) -> None:
    count = maintenance.count_recordings(folder)
    files = f"{count.files} file{'s' if count.files != 1 else ''}"
    echo(f"recordings {_shown(folder)}: {_responses(count.responses)} in {files}, {_megabytes(count.size)}")


def _prune_cache(path: Path, older_than: float | None, max_size: float | None, *, everything: bool) -> None:
    steps: list[tuple[bool, Callable[[], int]]] = [
        (everything, lambda: maintenance.remove_all(path)),
        (older_than is not None, lambda: maintenance.remove_old(path, older_than or 0.0)),
        (max_size is not None, lambda: maintenance.remove_above(path, int((max_size or 0.0) * _MEGABYTE))),
    ]
    removed = sum(step() for is_wanted, step in steps if is_wanted)
    echo(f"{_responses(removed)} removed from {_shown(path)}")


def _prune_recordings(places: Places, folder: Path, arguments: Sequence[str], *, yes: bool, force: bool) -> None:
    replay = replay_evals(places.rootdir, places.cache, folder, arguments)
    found = find_unused(folder, replay.used(), places.rootdir)
    if not found:
        echo(f"all recordings in {_shown(folder)} are used")
        return
    doubts = {unused.path: "" if unused.is_stale else replay.doubt(unused.path, folder) for unused in found}
    for unused in found:
        echo(_describe(unused, doubts[unused.path]))
    chosen = [unused for unused in found if force or not doubts[unused.path]]
    count = sum(len(unused.keys) for unused in chosen)
    if not yes:
        echo(f"nothing was deleted; --yes deletes {_responses(count)}")
        return
    for unused in chosen:
        remove_unused(unused)
    echo(f"{_responses(count)} deleted from {_shown(folder)}")


def _describe(unused: UnusedRecording, doubt: str) -> str:
    which = f"{len(unused.keys)} of {_responses(unused.total)} not used"
    if unused.is_stale:
        return f"{unused.name}: {which}, since its eval file is no more"
    return f"{unused.name}: {which}" + (f", but {doubt}: only --force deletes them" if doubt else "")


def _cost(model: maintenance.ModelStatistics) -> str:
    if model.unpriced == model.responses:
        return "unknown"
    return f"${model.cost:.4f}" + (f" + {model.unpriced} unknown" if model.unpriced else "")


def _responses(count: int) -> str:
    return f"{count} response{'s' if count != 1 else ''}"


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"


def _day(seconds: float | None) -> str:
    return dt.datetime.fromtimestamp(seconds or 0, dt.UTC).date().isoformat()


def _shown(path: Path) -> str:
    return shown_path(path, Path.cwd())

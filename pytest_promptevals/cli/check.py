"""``promptevals check``: data hygiene of eval files, without a test run and without any model call."""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import Project, find_project
from pytest_promptevals.engine.registry import Registry, builtin_registry
from pytest_promptevals.errors import UsageError
from pytest_promptevals.files.paths import is_in_directory_loop, shown_path
from pytest_promptevals.hygiene.accepted import Accepted, find_idle, is_accepted, read_accepted
from pytest_promptevals.hygiene.checks import run_checks, run_cross_checks, sort_findings
from pytest_promptevals.hygiene.findings import Finding, Kind, Severity, Subject
from pytest_promptevals.hygiene.loading import is_eval_file, load_subject
from pytest_promptevals.hygiene.missing_ids import BROKEN, WrittenIds, write_missing_ids
from pytest_promptevals.hygiene.unknown_names import say_once
from pytest_promptevals.reports.words import portable_json
from pytest_promptevals.settings import SETTINGS, Settings

_WIDTH: Final = 80
_NOT_ENTERED: Final = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", "__pycache__")
"""Folders that pytest does not look into unless ``norecursedirs`` says otherwise."""
_SETTING: Final = "evals_check_ignore"
_KINDS: Final = click.Choice([kind.value for kind in Kind])


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--fix-ids", is_flag=True, help="Write the ids that cases without one go by into their files.")
@click.option("--only", multiple=True, type=_KINDS, metavar="KIND", help="Look for this kind only; may be repeated.")
@click.option("--ignore", multiple=True, type=_KINDS, metavar="KIND", help="Leave this kind out; may be repeated.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print each finding as a line of JSON.")
def check(
    paths: tuple[Path, ...],
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    *,
    fix_ids: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Look for what is wrong with eval files: in PATHS, or else where pytest would look for them.

    Nothing is run and no model is called. Exits with 1 if there is an error: a file that cannot be loaded, cases that
    contradict each other, a judge that cannot fail, a misspelt name.
    """
    # What cannot be loaded cannot be checked for anything, so that is said whatever is looked for.
    chosen = {Kind.LOAD_ERROR, *map(Kind, only)} if only else set(Kind)
    kinds = frozenset(chosen - {Kind(name) for name in ignore})
    project = find_project(_common_folder(paths))
    settings = project.resolve(dict.fromkeys(row.name for row in SETTINGS))
    accepted = () if only else _read_accepted(settings)
    files = list(dict.fromkeys(_find_files(paths or _start(project), project.ini, settings)))
    if not files:
        raise click.UsageError(f"there are no eval files here; they are called {' or '.join(settings.files)}")
    inspection = _Inspection(project.rootdir, settings, kinds, fix_ids=fix_ids)
    try:
        found = [finding for path in files for finding in inspection.inspect(path)]
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from None
    every = sort_findings([*found, *inspection.compare()])
    open_findings = [finding for finding in every if not is_accepted(finding, accepted)]
    findings = list(say_once(open_findings))
    # Elsewhere there may be findings that are accepted.
    is_whole = not paths and Path.cwd() == project.rootdir
    idle = _explain_idle([one for one in accepted if one.kind in kinds], every) if is_whole else []
    for note in [*inspection.notes, *idle]:
        echo(note, err=as_json)
    if as_json:
        for finding in findings:
            echo(portable_json(_to_plain(finding)))
    else:
        _print(findings, _summary(findings, inspection.cases, len(files), len(every) - len(open_findings)))
    is_bad = strict or any(finding.kind.severity is Severity.ERROR for finding in findings)
    raise SystemExit(1 if findings and is_bad else 0)


def _read_accepted(settings: Settings) -> tuple[Accepted, ...]:
    try:
        # Items are told apart by white space, of which some may stand behind a colon.
        return tuple(map(read_accepted, re.sub(r":\s+", ":", "\n".join(settings.check_ignore)).splitlines()))
    except UsageError as error:
        raise click.UsageError(f"{_SETTING}: {error}") from None


def _explain_idle(accepted: Sequence[Accepted], findings: Sequence[Finding]) -> list[str]:
    """Return notes on what the setting leaves out in vain; none where that may be for a file that cannot be loaded."""
    if any(finding.kind is Kind.LOAD_ERROR for finding in findings):
        return []
    return [
        f"{_SETTING}: {str(one)!r} leaves nothing out: correct it, or remove it"
        for one in find_idle(accepted, findings)
    ]


class _Inspection:
    """Checks one file after the other."""

    def __init__(self, rootdir: Path, settings: Settings, kinds: frozenset[Kind], *, fix_ids: bool) -> None:
        self._rootdir = rootdir
        self._settings = settings
        self._kinds = kinds
        self._fix_ids = fix_ids
        self._registry: Registry = builtin_registry()
        self.cases = 0
        self.notes: list[str] = []
        self._subjects: list[Subject] = []

    def inspect(self, path: Path) -> list[Finding]:
        """Return what is found in a file, its missing ids written first if that is asked for."""
        subject, findings = load_subject(path, self._rootdir, self._registry, self._settings)
        if subject is None and self._fix_ids:
            shown = shown_path(path, self._rootdir)
            self.notes.append(f"{shown}: no ids written: {BROKEN}")
        if subject is not None and self._fix_ids:
            done = list(write_missing_ids(subject))
            for file in done:
                self.notes.append(_explain_written(file))
            if any(file.written for file in done):
                subject, findings = load_subject(path, self._rootdir, self._registry, self._settings)
        wanted = [finding for finding in findings if finding.kind in self._kinds]
        if subject is None:
            return wanted
        self.cases += len(subject.dataset.cases)
        # Without what is planned, the cases of a thousand files are small enough to keep.
        self._subjects.append(dataclasses.replace(subject, planned=()))
        return [*wanted, *run_checks(subject, self._kinds)]

    def compare(self) -> list[Finding]:
        """Return what is found between the files."""
        return run_cross_checks(self._subjects, self._kinds)


def _explain_written(file: WrittenIds) -> str:
    if file.reason:
        return f"{file.path}: no ids written: {file.reason}"
    left = f"; {file.left:,} could not be" if file.left else ""
    return f"{file.path}: {_count(file.written, 'id')} written{left}"


def _common_folder(paths: Sequence[Path]) -> Path:
    if not paths:
        return Path.cwd()
    folders = [path.absolute() if path.is_dir() else path.absolute().parent for path in paths]
    return Path(os.path.commonpath([os.path.normpath(folder) for folder in folders]))


def _start(project: Project) -> list[Path]:
    """Return where pytest begins to look if nothing is named."""
    here = Path.cwd()
    named = [project.rootdir / name for name in _list(project.ini.get("testpaths", []))]
    found = [path for path in named if path.exists()]
    return found if found and here == project.rootdir else [here]


def _list(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else [str(item) for item in value]


def _find_files(paths: Sequence[Path], ini: Mapping[str, Any], settings: Settings) -> Iterator[Path]:
    """Yield the files that are named, whatever their names, and the eval files in the folders that are."""
    not_entered = _list(ini.get("norecursedirs", _NOT_ENTERED))
    for path in paths:
        whole = Path(os.path.normpath(path.absolute()))
        if whole.is_file():
            yield whole
            continue
        for folder, names, files in os.walk(whole, followlinks=True):
            names[:] = sorted(name for name in names if _is_entered(Path(folder, name), not_entered))
            yield from (file for name in sorted(files) if is_eval_file(file := Path(folder, name), settings))


def _is_entered(folder: Path, not_entered: Sequence[str]) -> bool:
    if (folder / "pyvenv.cfg").is_file() or is_in_directory_loop(folder / "any"):
        return False
    return not any(fnmatch.fnmatch(str(folder) if "/" in pattern else folder.name, pattern) for pattern in not_entered)


def _print(findings: Sequence[Finding], summary: str) -> None:
    for _, group in groupby(findings, key=lambda finding: finding.path):
        for finding in group:
            echo(_wrap(str(finding)))
        echo()
    echo(_wrap(summary))


def _wrap(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _summary(findings: Sequence[Finding], cases: int, files: int, accepted: int) -> str:
    counts = Counter(finding.kind.severity for finding in findings)
    found = [_count(counts[severity], severity.value) for severity in Severity if counts[severity]]
    looked = f"{_count(cases, 'case')} in {_count(files, 'eval file')}"
    left_out = f"; {_SETTING} leaves out {_count(accepted, 'finding')}" if accepted else ""
    return f"{', '.join(found) or 'nothing found'}; looked at {looked}{left_out}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _to_plain(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "severity": finding.kind.severity.value,
        "message": finding.message,
        "file": finding.path,
        "line": finding.line,
        "cases": finding.cases,
        "also": [str(place) for place in finding.also],
    }

"""``promptevals init``: eval file, prompt and CI workflow to begin with."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from pytest_promptevals.cli.git_hosts import find_host
from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import Project, find_project
from pytest_promptevals.cli.starter_files import (
    CI_FILES,
    EVALS,
    USUAL_BRANCH,
    ci_files,
    names_branch,
    root_file,
    starter_files,
)
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.files.all_or_none import find_same, write_all
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.history.git import find_default_branch
from pytest_promptevals.reports.lines import fill_lines

_NONE: Final = "none"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_BRANCH: Final = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
"""A branch that means nothing else in YAML, in a pattern of GitHub's, or in Groovy."""
_OFFLINE: Final = frozenset({"recorded", "scripted"})
"""Providers that are no models by themselves."""
_KEYS: Final = {
    "openai": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
}


def _check_model(model: str) -> str:
    """Return the model; raises ``click.BadParameter`` for one that no eval file could name without more."""
    from pytest_promptevals.engine.registry import builtin_registry  # noqa: PLC0415 - only where a model is named

    provider, _, name = model.partition("/")
    known = sorted(builtin_registry().providers.keys() - _OFFLINE)
    if not model:
        return ""
    if not name or re.search(r"[\s#'\"]", model):
        raise click.BadParameter(f"{model!r} is no model; write it as PROVIDER/MODEL, such as openai/gpt-5-mini")
    if provider in _OFFLINE:
        raise click.BadParameter(f"{model!r} is no model that can be asked; for a stand-in, leave it out")
    if provider not in known:
        raise click.BadParameter(f"there is no provider {provider!r}.{did_you_mean(provider, known)}")
    return model


def _read_model(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    del ctx, param
    return None if value is None else _check_model(value)


def _read_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    del ctx, param
    if not _NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name for files; use letters, digits, '-' and '_'")
    return value


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--model", callback=_read_model, metavar="PROVIDER/MODEL", help="Model to ask; default: a stand-in.")
@click.option(
    "--ci",
    type=click.Choice([*CI_FILES, _NONE]),
    help="CI server to write a workflow for; default: that of the repository's address, if it tells.",
)
@click.option("--name", callback=_read_name, default="tickets", show_default=True, help="Name of the eval file.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Write over what is there.")
def init(folder: Path, model: str | None, ci: str | None, name: str, *, yes: bool, force: bool) -> None:
    """Begin with evals in FOLDER, by default the current one.

    Writes an eval file with its prompt and, if asked to, a CI workflow. All of it runs as it is, without a key.
    """
    root = folder.absolute()
    if _has_evals(root) and not force:
        if ci is None or ci == _NONE:
            raise click.ClickException(
                f"{folder / EVALS} holds evals already, so nothing is written. --ci NAME adds a CI workflow to them"
            )
        _write(root, folder, _ci_files(root, ci), force=False)
        _say(_notes_on_ci(root, ci))
        return
    asks = _has_terminal() and not yes
    if model is None:
        model = _ask_model() if asks else ""
    if ci is None:
        ci = _ask_ci(_guess_ci(root)) if asks else _guess_ci(root)
    _write(root, folder, starter_files(name, model) | root_file(root) | _ci_files(root, ci), force=force)
    _say([*_notes(root, name), *_notes_on_ci(root, ci), *_next_steps(root, folder, name, model)])


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _say(texts: Iterable[str]) -> None:
    width = shutil.get_terminal_size().columns
    for text in texts:
        echo("\n".join(fill_lines(text, width)))


def _has_evals(root: Path) -> bool:
    folder = root / EVALS
    return (folder / "evals.yaml").exists() or any(folder.glob("*.eval.*"))


def _ask_model() -> str:
    text = "Model, such as openai/gpt-5-mini (empty: a stand-in without a key)"
    return str(click.prompt(text, default="", show_default=False, value_proc=_check_model))


def _ask_ci(guess: str) -> str:
    return str(click.prompt("CI workflow", type=click.Choice([*CI_FILES, _NONE]), default=guess))


def _guess_ci(root: Path) -> str:
    """Return the CI server that the address of the repository tells of, unless it has a workflow already."""
    server = find_host(root)
    return _NONE if not server or any((root / name).exists() for name in CI_FILES[server]) else server


def _ci_files(root: Path, ci: str) -> dict[str, str]:
    return ci_files(ci, _find_branch(root) or USUAL_BRANCH)


def _find_branch(root: Path) -> str | None:
    """Return the default branch that git tells, if a workflow can name it as it is."""
    # The folder may be one that is yet to be made.
    branch = find_default_branch(next(base for base in (root, *root.parents) if base.is_dir()))
    return branch if branch is not None and _BRANCH.fullmatch(branch) else None


def _write(root: Path, folder: Path, texts: Mapping[str, str], *, force: bool) -> None:
    same = find_same(root, texts)
    taken = [name for name in texts if name not in same and os.path.lexists(root / name)]
    if taken and not force:
        shown = ", ".join(str(folder / name) for name in taken)
        raise click.ClickException(f"there already, so nothing is written: {shown}; give --force to write over it")
    try:
        write_all(root, {name: text for name, text in texts.items() if name not in same})
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from None
    for name in texts:
        echo(f"{'already there:' if name in same else 'wrote'} {folder / name}")


def _notes(root: Path, name: str) -> Iterator[str]:
    """Yield what the settings of the project keep from working, and how to mend it."""
    project = find_project(root)
    evals = shown_path(root / EVALS, project.rootdir)
    if not _looks_into(project, root / EVALS):
        yield f"pytest looks only into its testpaths: add {evals} to them, or run 'pytest {evals}'"
    settings = project.resolve({"files": None, "default": None})
    file = root / EVALS / f"{name}.eval.yaml"
    if not any(file.match(pattern) for pattern in settings.files):
        yield f"evals_files names no such file: add {file.name} to it"
    if settings.default == "skip":
        yield "evals_default is skip: run 'pytest --evals'"


def _notes_on_ci(root: Path, ci: str) -> Iterator[str]:
    """Yield what is to be corrected in the workflows: the default branch if git does not tell it, and their place."""
    if ci not in CI_FILES:
        return
    names = list(CI_FILES[ci])
    if names_branch(ci) and _find_branch(root) is None:
        yield f"{names[0]} takes {USUAL_BRANCH} for the default branch: correct it there if it is another one"
    checkout = next((base for base in (root, *root.parents) if (base / ".git").exists()), root)
    if checkout != root:
        them = "it" if len(names) == 1 else "them"
        shown = " and ".join(names)
        yield f"{ci} looks for {shown} in {checkout} alone: move {them} there, and correct 'pytest evals' in {them}"


def _looks_into(project: Project, evals: Path) -> bool:
    paths = project.ini.get("testpaths", ())
    folders = [project.rootdir / path for path in (paths.split() if isinstance(paths, str) else paths)]
    return not folders or any(evals.is_relative_to(folder) for folder in folders)


def _command(root: Path) -> str:
    """Return how pytest runs the evals with the settings that the project has."""
    project = find_project(root)
    # From the folder that was given on: there the user is by then.
    path = "" if _looks_into(project, root / EVALS) else f" {EVALS}"
    return f"pytest{path}{' --evals' if project.resolve({'default': None}).default == 'skip' else ''}"


def _next_steps(root: Path, folder: Path, name: str, model: str) -> Iterator[str]:
    command = _command(root)
    yield ""
    if not model:
        place = folder / EVALS / "evals.yaml"
        yield f"A stand-in answers, offline. For a real model, change the line 'model:' in {place}."
    elif (key := _KEYS.get(model.partition("/")[0])) is not None:
        yield f"It asks {model}: set its key, {key}."
    if folder != Path():
        yield f"next: cd {shlex.quote(str(folder))}"
        yield f"then: {command}"
    else:
        yield f"next: {command}"
    yield f"then: {command} --evals-save-baseline; and after a change of prompts/{name}.md, {command} again"

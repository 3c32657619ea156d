"""Where a project is and what its ini file says, for commands that run without pytest."""

from __future__ import annotations

import argparse
import os
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import iniconfig

from pytest_promptevals.errors import UsageError
from pytest_promptevals.files.arguments import spell_out
from pytest_promptevals.records.references import FILE
from pytest_promptevals.settings import SETTINGS, Settings, check_places, resolve_settings


@dataclass(frozen=True, slots=True)
class Project:
    """A project, as pytest would see it."""

    rootdir: Path
    """Its root, the folder of the ini file."""
    ini: Mapping[str, Any]
    """What the ini file says, by key."""

    def resolve(self, options: Mapping[str, object]) -> Settings:
        """Return the settings that ``options`` names, as they are in force; the others have their defaults.

        ``options`` holds what the command line gave, ``None`` where it gave nothing: then an option that the ini file
        or ``PYTEST_ADDOPTS`` adds to each run of pytest counts. Raises ``click.UsageError`` for a value that a setting
        cannot have.
        """
        rows = [setting for setting in SETTINGS if setting.name in options]
        environment = {row.variable: os.environ[row.variable] for row in rows if row.variable in os.environ}
        ini = {row.name: self.ini[row.ini] for row in rows if row.ini in self.ini}
        try:
            added = _read_options(self.ini.get("addopts", ""), os.environ.get("PYTEST_ADDOPTS", ""))
            given = {name: added.get(name) if value is None else value for name, value in options.items()}
            settings = resolve_settings(given, environment, ini)
            check_places(settings, self.rootdir)
        except UsageError as error:
            raise click.UsageError(str(error)) from None
        return settings


def _read_options(*texts: object) -> Mapping[str, object]:
    """Return the options of ours among arguments of pytest, each a text or a list of texts; the last one counts."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for setting in SETTINGS:
        if setting.is_ini_only:
            continue
        action = {"flag": "store_true", "list": "append"}.get(setting.kind, "store")
        parser.add_argument(setting.option, dest=setting.name, action=action, default=None)
    try:
        arguments = [part for text in texts for part in (text if isinstance(text, list) else shlex.split(str(text)))]
        for setting in SETTINGS:
            if setting.kind == "name":
                arguments = spell_out(arguments, setting.option, FILE, Path.cwd())
        found, _ = parser.parse_known_args(arguments)
    except (ValueError, argparse.ArgumentError) as error:
        raise UsageError(f"addopts: {error}") from None
    return {name: " ".join(value) if isinstance(value, list) else value for name, value in vars(found).items()}


def find_project(folder: Path) -> Project:
    """Return the project that a folder is in: the nearest ini file of pytest at or above it, else the folder itself.

    Raises ``click.ClickException`` for an ini file that cannot be read.
    """
    bare: Path | None = None
    for base in (folder, *folder.parents):
        for name, load in _LOADERS.items():
            path = base / name
            if not path.is_file():
                continue
            if (section := _load(path, load)) is not None:
                return Project(base, section)
            if name == _PYPROJECT and bare is None:
                bare = base
    return Project(bare or folder, {})


def has_settings(folder: Path) -> bool:
    """Return whether a folder holds an ini file that pytest takes; one of another tool has to speak of pytest."""
    return any((folder / name).is_file() and _load(folder / name, load) is not None for name, load in _LOADERS.items())


def _load(path: Path, load: Callable[[Path], Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    try:
        return load(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, iniconfig.ParseError) as error:
        raise click.ClickException(f"{path}: {error}") from None


def _load_pyproject(path: Path) -> Mapping[str, Any] | None:
    tool = _read_toml(path).get("tool", {}).get("pytest", {})
    section: Mapping[str, Any] = tool.get("ini_options", tool)
    return section or None


def _load_ini(section: str) -> Callable[[Path], Mapping[str, Any] | None]:
    def load(path: Path) -> Mapping[str, Any] | None:
        sections = iniconfig.IniConfig(str(path))
        return dict(sections[section].items()) if section in sections else None

    return load


def _read_toml(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


_PYPROJECT: Final = "pyproject.toml"
# In pytest's order; the first four count even if they say nothing about pytest.
_LOADERS: Final[Mapping[str, Callable[[Path], Mapping[str, Any] | None]]] = {
    "pytest.toml": lambda path: _read_toml(path).get("pytest", {}),
    ".pytest.toml": lambda path: _read_toml(path).get("pytest", {}),
    "pytest.ini": lambda path: _load_ini("pytest")(path) or {},
    ".pytest.ini": lambda path: _load_ini("pytest")(path) or {},
    _PYPROJECT: _load_pyproject,
    "tox.ini": _load_ini("pytest"),
    "setup.cfg": _load_ini("tool:pytest"),
}

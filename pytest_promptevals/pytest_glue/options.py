"""Options, ini keys and environment variables, made from the settings table."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import fnmatch
import os
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.files.arguments import spell_out
from pytest_promptevals.records.references import FILE
from pytest_promptevals.reports.words import visible_text
from pytest_promptevals.setting_kinds import Setting
from pytest_promptevals.settings import SETTINGS, Settings, check_places, resolve_settings

REUSING_OPTIONS: Final = ("evals_rejudge", "evals_regate", "evals_merge")
"""Options of sessions whose outputs are there already."""
_SETTINGS_KEY: Final = pytest.StashKey[Settings]()
_NAMED_KEY: Final = pytest.StashKey[frozenset[Path]]()
_DEST: Final = "evals_option_"
_INI_TYPES: Final[dict[str, Literal["string", "args", "bool", "int", "float"]]] = {
    "text": "string",
    "whole number": "int",
    "number": "float",
    "list": "args",
    "flag": "bool",
    "name": "string",
}


def add_options(parser: pytest.Parser) -> None:
    """Add one ini key for each setting, an option for those that have one, and the two switches."""
    group = parser.getgroup("evals", "LLM evals (pytest-promptevals)")
    group.addoption(
        "--evals",
        action="store_true",
        dest="evals_on",
        help="Run eval items where evals_default = skip leaves them out.",
    )
    group.addoption("--no-evals", action="store_true", dest="evals_off", help="Leave eval items out of this run.")
    group.addoption(
        "--evals-rejudge",
        metavar="RUN",
        help="Judge the outputs of a recorded run anew, with the judges of now: no model under test is called.",
    )
    group.addoption(
        "--evals-regate",
        metavar="RUN",
        help="Decide a recorded run anew, with the thresholds and gates of now: nothing is called.",
    )
    group.addoption("--evals-merge", metavar="FILE", help=argparse.SUPPRESS)  # what 'promptevals merge' calls
    for setting in SETTINGS:
        if not setting.is_ini_only:
            group.addoption(setting.option, **_option_arguments(setting))
        parser.addini(setting.ini, setting.help, type=_INI_TYPES[setting.kind], default=None)


def _option_arguments(setting: Setting) -> dict[str, Any]:
    arguments: dict[str, Any] = {"dest": _dest(setting), "default": None}
    if setting.kind == "flag":
        return arguments | {"action": "store_true", "help": setting.help}
    if setting.kind == "name":
        # ``spell_bare_options`` sees to it that a path after it is no value of it.
        return arguments | {"nargs": "?", "const": FILE, "metavar": "NAME", "help": setting.help}
    arguments["help"] = f"{setting.help} Default: {setting.shown_default}."
    if setting.kind == "list":
        return arguments | {"action": "append", "metavar": setting.name.upper()}
    return arguments | {"metavar": "|".join(setting.choices) or setting.name.upper()}


def spell_bare_options(config: pytest.Config, parser: pytest.Parser, arguments: list[str]) -> None:
    """Give options that may stand alone their value, in place: what follows one may be a path that pytest is to run."""
    spelled = list(arguments)
    for setting in SETTINGS:
        if setting.kind == "name":
            spelled = spell_out(spelled, setting.option, FILE, config.invocation_params.dir)
    if spelled != arguments:
        arguments[:] = spelled
        # By these, pytest is about to look for conftest files.
        paths = parser.parse_known_args(arguments, namespace=copy.copy(config.option)).file_or_dir
        config.known_args_namespace.file_or_dir = paths


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings of the session. Raises ``pytest.UsageError`` for a value that a setting cannot have."""
    if _SETTINGS_KEY not in config.stash:
        try:
            settings = resolve_settings(_given_options(config), os.environ, _given_ini(config))
            check_places(settings, config.rootpath)
            if reuses_outputs(config):
                # Of runs whose outputs are there, nothing is continued or left out.
                settings = dataclasses.replace(settings, resume=False, changed="")
            config.stash[_SETTINGS_KEY] = settings
        except UsageError as error:
            raise pytest.UsageError(visible_text(str(error))) from error
    return config.stash[_SETTINGS_KEY]


def reuses_outputs(config: pytest.Config) -> bool:
    """Return whether the outputs of this session are those of earlier ones."""
    return any(config.getoption(name, None) for name in REUSING_OPTIONS)


def given_option(config: pytest.Config, name: str) -> object:
    """Return what the command line gives for a setting, unread; ``None`` if nothing."""
    value: object = config.getoption(_DEST + name)
    return value


def _dest(setting: Setting) -> str:
    return _DEST + setting.name


def _given_options(config: pytest.Config) -> dict[str, object]:
    given = {}
    for setting in SETTINGS:
        if setting.is_ini_only:
            continue
        value = config.getoption(_dest(setting))
        given[setting.name] = " ".join(value) if isinstance(value, list) else value
    return given


def _given_ini(config: pytest.Config) -> dict[str, object]:
    return {setting.name: _read_ini(config, setting) for setting in SETTINGS}


def _read_ini(config: pytest.Config, setting: Setting) -> object:
    try:
        return config.getini(setting.ini)
    except (TypeError, ValueError, pytest.UsageError) as error:
        source = config.inipath.name if config.inipath is not None else "ini"
        raise UsageError(f"{source}: {setting.ini}: {error}; it takes a {setting.kind}.") from error


def is_eval_file(path: Path, config: pytest.Config) -> bool:
    """Return whether pytest is to collect that file as an eval file in this session."""
    settings = settings_of(config)
    if not any(_matches(path, pattern) for pattern in settings.files):
        return False
    if config.getoption("evals_off"):
        return False
    is_wanted = settings.default == "run" or config.getoption("evals_on")
    return bool(is_wanted) or is_named(path, config)


def is_named(path: Path, config: pytest.Config) -> bool:
    """Return whether a file is named on the command line, and evals are not switched off."""
    return path in _named_files(config) and not config.getoption("evals_off")


def are_evals_wanted(config: pytest.Config) -> bool:
    """Return whether eval items that are not named on the command line run in this session."""
    if config.getoption("evals_off"):
        return False
    return settings_of(config).default == "run" or bool(config.getoption("evals_on"))


def explain_gates(error: pytest.UsageError, config: pytest.Config) -> pytest.UsageError:
    """Return the error of a command line on which something was not found, and why gates among it were not."""
    for argument in config.args:
        file, _, name = argument.partition("::")
        if name.startswith("gate[") and f"{Path(file).name}::gate" in str(error):
            hint = f"a gate is a verdict on a whole eval file and cannot be selected: run 'pytest {file}'"
            return pytest.UsageError(*error.args, hint)
    return error


def _matches(path: Path, pattern: str) -> bool:
    return path.match(pattern) if "/" in pattern else fnmatch.fnmatch(path.name, pattern)


def _named_files(config: pytest.Config) -> frozenset[Path]:
    if _NAMED_KEY not in config.stash:
        named = (argument.partition("::")[0] for argument in config.args)
        config.stash[_NAMED_KEY] = frozenset(config.invocation_params.dir / name for name in named)
    return config.stash[_NAMED_KEY]


def is_xdist_controller(config: pytest.Config) -> bool:
    """Return whether this process hands its tests to the workers of pytest-xdist."""
    return not is_xdist_worker(config) and config.getoption("dist", "no") != "no"


def is_xdist_worker(config: pytest.Config) -> bool:
    """Return whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")

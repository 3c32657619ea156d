"""Where functions with ``@judge`` or ``@provider`` above them count: plugins, and conftests for what is below them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

_DECORATORS: Final = ("pytest_promptevals.judges.decorated", "pytest_promptevals.providers.decorated")


def declaring_modules(config: pytest.Config, path: Path) -> Sequence[ModuleType]:
    """Return the modules whose decorated functions count for a file, in the order in which pytest knows them.

    There are none as long as nobody has imported a decorator.
    """
    if not any(name in sys.modules for name in _DECORATORS):
        return ()
    plugins = [plugin for _, plugin in config.pluginmanager.list_name_plugin() if isinstance(plugin, ModuleType)]
    return [plugin for plugin in plugins if _counts(plugin, path)]


def _counts(plugin: ModuleType, path: Path) -> bool:
    file = Path(getattr(plugin, "__file__", None) or "")
    return file.name != "conftest.py" or path.is_relative_to(file.parent)

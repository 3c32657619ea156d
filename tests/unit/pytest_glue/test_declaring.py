"""Where decorated functions count."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from pytest_promptevals.pytest_glue.declaring import declaring_modules

DECORATORS = ("pytest_promptevals.judges.decorated", "pytest_promptevals.providers.decorated")


def module(file: str | None) -> ModuleType:
    found = ModuleType("plugin")
    found.__file__ = file
    return found


@pytest.fixture
def config(pytestconfig: pytest.Config, pytester: pytest.Pytester) -> pytest.Config:
    return pytester.parseconfig("-p", "no:promptevals")


def found(config: pytest.Config, *modules: ModuleType, path: str = "/project/evals/a.eval.yaml") -> list[int]:
    for number, plugin in enumerate(modules):
        config.pluginmanager.register(plugin, f"of-this-test-{number}")
    known = declaring_modules(config, Path(path))
    return [number for number, plugin in enumerate(modules) if plugin in known]


def test_plugins_count_everywhere_and_conftests_for_what_is_below_them(config: pytest.Config) -> None:
    modules = [
        module("/somewhere/plugin.py"),
        module("/project/conftest.py"),
        module("/project/evals/conftest.py"),
        module("/project/other/conftest.py"),
        module(None),
    ]

    assert found(config, *modules) == [0, 1, 2, 4]


def test_nothing_is_looked_at_while_nobody_has_imported_a_decorator(
    config: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in DECORATORS:
        monkeypatch.delitem(sys.modules, name, raising=False)

    assert found(config, module("/somewhere/plugin.py")) == []


@pytest.mark.parametrize("name", DECORATORS)
def test_one_decorator_is_enough(config: pytest.Config, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in DECORATORS:
        monkeypatch.delitem(sys.modules, other, raising=False)
    monkeypatch.setitem(sys.modules, name, module(None))

    assert found(config, module("/somewhere/plugin.py")) == [0]

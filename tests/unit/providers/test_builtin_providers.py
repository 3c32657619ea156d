from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pluggy

from pytest_promptevals import hookspecs
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers import builtin
from pytest_promptevals.records.cases import ProviderConfig

HEAVY = ("openai", "anthropic", "httpx", "httpx2", "yaml", "pydantic")


def heavy_modules_after(code: str) -> str:
    report = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return result.stdout.strip()


def test_all_built_in_providers_are_registered_through_the_hook() -> None:
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    manager.register(builtin)
    (factories,) = manager.hook.pytest_promptevals_providers()
    assert sorted(factories) == ["anthropic", "openai", "openai-responses", "python", "recorded", "scripted"]


def test_a_factory_makes_its_provider() -> None:
    factory = builtin.pytest_promptevals_providers()["recorded"]
    provider = factory(ProviderContext(ProviderConfig("recorded", "recorded"), Path()))
    assert type(provider).__name__ == "RecordedProvider"


def test_registering_the_providers_imports_nothing_heavy() -> None:
    assert heavy_modules_after("import pytest_promptevals.providers.builtin") == ""


def test_a_provider_without_its_key_imports_no_sdk() -> None:
    code = """
import os, pathlib
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.cases import ProviderConfig
os.environ.pop("OPENAI_API_KEY", None)
try:
    pytest_promptevals_providers()["openai"](ProviderContext(ProviderConfig("openai", "openai"), pathlib.Path()))
except ProviderConfigError:
    pass
else:
    raise SystemExit("no error")
"""
    assert not {"openai", "anthropic"} & set(heavy_modules_after(code).split())

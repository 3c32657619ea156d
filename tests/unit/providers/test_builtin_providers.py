from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

from pytest_promptevals import hookspecs
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers import builtin
from pytest_promptevals.records.cases import ProviderConfig

HEAVY = ("openai", "anthropic", "aiohttp", "httpx", "httpx2", "yaml", "pydantic")
CONTEXT = """
import os, pathlib
from pytest_promptevals.providers.builtin import pytest_promptevals_providers
from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.cases import ProviderConfig
for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
    os.environ.pop(name, None)
def context(kind, **options):
    return ProviderContext(ProviderConfig(kind, kind, options), pathlib.Path())
"""


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


def test_an_identity_imports_nothing_heavy_and_needs_no_key() -> None:
    code = CONTEXT + "for kind, factory in pytest_promptevals_providers().items(): factory.identify(context(kind))"
    assert heavy_modules_after(code) == ""


def test_a_provider_without_its_key_imports_no_sdk() -> None:
    code = (
        CONTEXT
        + """
try:
    pytest_promptevals_providers()["openai"](context("openai"))
except ProviderConfigError:
    pass
else:
    raise SystemExit("no error")
"""
    )
    assert not {"openai", "anthropic"} & set(heavy_modules_after(code).split())


@pytest.mark.parametrize(("transport", "modules"), [("lean", set()), ("sdk", {"openai"})])
def test_only_a_call_through_an_sdk_imports_it(transport: str, modules: set[str]) -> None:
    code = (
        CONTEXT
        + f"""
import asyncio
from pytest_promptevals.errors import ProviderConnectionError
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message
async def ask():
    options = dict(base_url="http://127.0.0.1:1", transport={transport!r})
    provider = pytest_promptevals_providers()["openai"](context("openai", **options))
    try:
        await provider.complete(Request("m", (Message("user", "x"),)))
    except ProviderConnectionError:
        await provider.close()
asyncio.run(ask())
"""
    )
    loaded = set(heavy_modules_after(code).split())
    assert "aiohttp" in loaded
    assert loaded & {"openai", "anthropic"} == modules

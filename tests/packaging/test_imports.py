"""What importing costs, and what it may reach."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import pytest_promptevals

HEAVY = (
    "yaml",
    "pydantic",
    "openai",
    "anthropic",
    "sqlalchemy",
    "alembic",
    "numpy",
    "jinja2",
    "rapidfuzz",
    "jsonschema",
)
MODULES = sorted(module.name for module in pkgutil.walk_packages(pytest_promptevals.__path__, "pytest_promptevals."))
REPORT = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def python(code: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported_by_pytest(folder: Path, *arguments: str) -> set[str]:
    options = ["-q", "-p", "pytest_promptevals.plugin", *arguments]
    code = f"import pytest; pytest.main({options!r}); print(); {REPORT}"
    # Other plugins of this environment may import what they like.
    output = python(code, folder, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    return set(json.loads(output.strip().splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--co",), (), ("--help",)], ids=["collect", "run", "help"])
def test_a_plain_pytest_run_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "test_plain.py").write_text("def test_one(): pass\n", encoding="utf-8")

    imported = imported_by_pytest(tmp_path, *arguments)

    assert imported.isdisjoint(HEAVY)
    assert "asyncio" not in imported


def test_evals_with_a_scripted_model_import_no_sdk(tmp_path: Path) -> None:
    (tmp_path / "a.eval.yaml").write_text(
        "model: scripted/echo\njudges: [exact]\ncases: [{id: a, input: x, expected: x}]\n", encoding="utf-8"
    )

    imported = imported_by_pytest(tmp_path)

    assert {"yaml", "pydantic", "jinja2"} <= imported
    assert imported.isdisjoint({"openai", "anthropic", "numpy"})


def test_only_a_baseline_that_is_a_run_loads_the_database_library(tmp_path: Path) -> None:
    (tmp_path / "a.eval.yaml").write_text(
        "judges: [exact]\ncases: [{id: a, input: x, expected: x, output: x}]\n", encoding="utf-8"
    )
    imported_by_pytest(tmp_path, "--evals-save-baseline")

    assert "sqlalchemy" not in imported_by_pytest(tmp_path)
    assert "sqlalchemy" not in imported_by_pytest(tmp_path, "--evals-accept=a", "--evals-save-baseline=v1")
    assert "sqlalchemy" in imported_by_pytest(tmp_path, "--evals-baseline=latest")


def test_the_public_names_are_all_there() -> None:
    for name in pytest_promptevals.__all__:
        assert getattr(pytest_promptevals, name) is not None


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_promptevals' has no attribute 'Jugde'"):
        _ = pytest_promptevals.Jugde


def test_dir_lists_the_public_names() -> None:
    assert set(pytest_promptevals.__all__) <= set(dir(pytest_promptevals))


def test_importing_the_package_imports_nothing_else_of_it(tmp_path: Path) -> None:
    code = "import sys, pytest_promptevals; print([n for n in sys.modules if n.startswith('pytest_promptevals.')])"

    assert python(code, tmp_path).strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each module is imported in a fork, which this system has not")
@pytest.mark.parametrize("chunk", range(4))
def test_every_module_imports_alone(tmp_path: Path, chunk: int) -> None:
    modules = [name for name in MODULES if ".migrations" not in name][chunk::4]
    code = f"""
import importlib, os, sys
for name in {modules!r}:
    pid = os.fork()
    if pid == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        print(name, "ended with", status)
"""

    assert python(code, tmp_path) == ""


def test_there_is_no_import_cycle_function_level_imports_counted() -> None:
    graph = grimp.build_graph("pytest_promptevals", cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    assert list(_cycles(edges)) == []


def _cycles(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield a cycle for each module from which a path leads back to itself."""
    for start in sorted(edges):
        seen, open_paths = {start}, [[start]]
        while open_paths:
            path = open_paths.pop()
            for name in edges[path[-1]]:
                if name == start:
                    yield [*path, start]
                elif name not in seen:
                    seen.add(name)
                    open_paths.append([*path, name])


def test_nobody_inside_imports_the_public_names() -> None:
    graph = grimp.build_graph("pytest_promptevals", cache_dir=None)

    assert graph.find_modules_that_directly_import("pytest_promptevals") == set()


def test_the_shipped_marker_file_says_that_the_package_is_typed() -> None:
    assert (Path(str(importlib.import_module("pytest_promptevals").__file__)).parent / "py.typed").is_file()

"""Names of judges and models of the user's own, as far as they can be read in a conftest without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.text import read_text


def find_own_names(path: Path, rootdir: Path) -> frozenset[str]:
    """Return what the conftests of an eval file may register: the names of all functions, and all texts in them.

    They are those of the file's folder and the folders above, up to the rootdir, with the modules of the project that
    they import or name, as in ``pytest_plugins``. A module that cannot be read has no names.
    """
    folders = [folder for folder in path.parents if folder.is_relative_to(rootdir)]
    conftests = [file for folder in folders if (file := folder / "conftest.py").is_file()]
    names = [_names(file) for file in conftests]
    named = [
        _names(file)
        for own, conftest in zip(names, conftests, strict=True)
        for file in _modules(own, conftest, rootdir)
    ]
    return frozenset[str]().union(*names, *named)


def _modules(names: Iterable[str], conftest: Path, rootdir: Path) -> Iterator[Path]:
    """Yield the files of the modules that a conftest names."""
    for name in names:
        parts = name.partition(":")[0].strip(".").split(".")
        if not all(part.isidentifier() for part in parts):
            continue
        for folder in dict.fromkeys([conftest.parent, rootdir]):
            file = folder.joinpath(*parts).with_suffix(".py")
            if file.is_file():
                yield file


def _names(file: Path) -> frozenset[str]:
    try:
        return _read_names(file, file.stat().st_mtime_ns)
    except (FileProblem, SyntaxError, ValueError, RecursionError, OSError):
        return frozenset()


@cache
def _read_names(file: Path, changed: int) -> frozenset[str]:
    del changed  # only tells one state of the file from another
    return frozenset(name for node in ast.walk(ast.parse(read_text(file, file.name))) for name in _names_of(node))


def _names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []

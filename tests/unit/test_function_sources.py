"""Content hashes of the user's own code."""

from __future__ import annotations

import functools
import importlib
import json
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest

from pytest_promptevals.function_sources import source_hash, source_text


class Load(Protocol):
    """Writes and loads two modules, each time anew, and returns the first one."""

    def __call__(self, old: str = "", new: str = "", helpers: str = ...) -> ModuleType:
        """Replace ``old`` by ``new`` in the first one; ``helpers`` is the other one's source."""
        ...


SOURCE = """
import functools
import importlib
import json
import {helpers}

LIMIT = 5

def wrap(function):
    @functools.wraps(function)
    def wrapper(output):
        return function(output) and TAIL
    return wrapper

TAIL = True
REGISTRY = {{"key": [lambda text: text.strip()]}}

def stripped(output):
    return REGISTRY["key"][0](output)

@wrap
def decorated(output):
    return True

def helper(text):
    return len(text)

def judge(output):
    return helper(output) <= LIMIT and {helpers}.fine(output) and bool(json.dumps(output))

def unrelated():
    return 1

class Judge:
    def __call__(self, output):
        return self.inner(output)

    def inner(self, output):
        return helper(output)
"""
HELPERS = """
def fine(text):
    return True

def other(text):
    return False
"""


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Return a function that writes and loads two modules, each time anew."""
    names = [f"sources_{abs(hash(tmp_path))}", f"helpers_{abs(hash(tmp_path))}"]

    def load_both(old: str = "", new: str = "", helpers: str = HELPERS) -> ModuleType:
        (tmp_path / f"{names[1]}.py").write_text(helpers, encoding="utf-8")
        source = SOURCE.format(helpers=names[1])
        assert old in source
        (tmp_path / f"{names[0]}.py").write_text(source.replace(old, new, 1) if old else source, encoding="utf-8")
        linecache.clearcache()
        return [_load(tmp_path, name) for name in reversed(names)][1]

    yield load_both
    for name in names:
        sys.modules.pop(name, None)


def _load(folder: Path, name: str) -> ModuleType:
    # Executed here: a file that is written twice within a second may be taken for its compiled first form.
    path = folder / f"{name}.py"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(module))  # noqa: S102 - code of this test
    return module


def test_the_hash_stays_while_the_code_does(load: Load) -> None:
    assert source_hash(load().judge) == source_hash(load().judge) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("helper(output) <= LIMIT", "helper(output) < LIMIT"),
        ("return len(text)", "return len(text) + 1"),
        ("LIMIT = 5", "LIMIT = 6"),
    ],
    ids=["the function", "what it calls", "a constant that it reads"],
)
def test_the_hash_changes_with(load: Load, old: str, new: str) -> None:
    assert source_hash(load().judge) != source_hash(load(old, new).judge)


def test_a_helper_in_another_module_of_the_project_is_followed(load: Load) -> None:
    assert source_hash(load().judge) != source_hash(load(helpers=HELPERS.replace("True", "not text")).judge)


def test_what_the_function_does_not_name_changes_nothing(load: Load) -> None:
    before = source_hash(load().judge)
    assert source_hash(load("return 1", "return 2").judge) == before
    assert source_hash(load(helpers=HELPERS.replace("False", "None")).judge) == before


def test_a_class_counts_with_its_methods_and_what_they_call(load: Load) -> None:
    before = source_hash(load().Judge)
    assert source_hash(load("return self.inner(output)", "return not self.inner(output)").Judge) != before
    assert source_hash(load("return len(text)", "return 0").Judge) != before


def test_objects_partials_and_bound_methods_are_their_functions(load: Load) -> None:
    module = load()
    assert source_hash(functools.partial(module.judge)) is not None
    assert source_hash(module.Judge()) == source_hash(module.Judge)
    assert source_hash(module.Judge().inner) == source_hash(module.Judge.inner)


def test_the_class_below_is_followed(load: Load) -> None:
    base, child = "class Judge:", "class Base:\n    limit = 3\n\nclass Judge(Base):"
    before = source_hash(load(base, child).Judge)
    assert source_hash(load(base, child.replace("3", "4")).Judge) != before


def test_code_without_a_source_has_no_hash() -> None:
    assert source_hash(len) is None
    assert source_hash(eval("lambda x: x")) is None  # noqa: S307 - a function without a file


def test_what_is_installed_counts_by_its_name() -> None:
    def calls_json(value: object) -> str:
        return json.dumps(value)

    assert source_hash(calls_json) is not None


def test_functions_that_call_each_other_end(load: Load) -> None:
    module = load("return len(text)", "return judge(text)")
    assert source_hash(module.judge) is not None


def test_variables_of_an_outer_function_count() -> None:
    def make(limit: int) -> Callable[[int], bool]:
        def judge(output: int) -> bool:
            return output > limit

        return judge

    assert source_hash(make(1)) != source_hash(make(2))
    assert source_hash(make(1)) == source_hash(make(1))


def test_the_text_shows_the_function_first_and_what_it_names_after_it(load: Load) -> None:
    text = source_text(load().judge)
    first, helper = text.index("def judge(output):"), text.index("def helper(text):")
    assert text.startswith("# ")
    assert first < helper
    assert "unrelated" not in text
    assert source_text(len) == ""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("decorated", "function(output) and TAIL", "TAIL and function(output)"),
        ("decorated", "TAIL = True", "TAIL = 1"),
        ("decorated", "    return True", "    return bool(output)"),
        ("stripped", "text.strip()", "text.lstrip()"),
    ],
    ids=["a decorator", "what a decorator reads", "what it wraps", "a function in a container"],
)
def test_the_hash_follows(load: Load, name: str, old: str, new: str) -> None:
    assert source_hash(getattr(load(), name)) != source_hash(getattr(load(old, new), name))


def test_arguments_that_are_bound_count(load: Load) -> None:
    judge = load().judge
    assert source_hash(functools.partial(judge, "a")) != source_hash(functools.partial(judge, "b"))
    assert source_hash(functools.partial(judge, output="a")) != source_hash(functools.partial(judge, output="b"))


REACHING = {
    "through its package": "import {package}.inner\ndef judge(text):\n    return {package}.inner.tail(text)\n",
    "imported in the function": "def judge(text):\n    from {package}.inner import tail\n    return tail(text)\n",
    "of a module imported there": "def judge(text):\n    from {package} import inner\n    return inner.tail(text)\n",
    "of a package imported there": (
        "def judge(text):\n    import {package}.inner as it\n    return [it.tail(t) for t in text]\n"
    ),
    "in a function inside": (
        "def judge(text):\n    def inside():\n        import {package}.inner\n"
        "        return {package}.inner.tail(text)\n    return inside()\n"
    ),
    "as a default": "from {package}.inner import tail as t\ndef judge(text, how=t):\n    return how(text)\n",
    "as a default by name": "from {package}.inner import tail\ndef judge(text, *, how=[tail]):\n    return how[0]\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package that is looked for in the test's folder."""
    name = f"package_{abs(hash(tmp_path))}"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    _forget(name)


def _forget(name: str) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
    importlib.invalidate_caches()
    linecache.clearcache()


def _judge(folder: Path, package: str, source: str, tail: str, *, is_plain: bool = True) -> object:
    """Write a package with a module that has a function, and return the function that reaches it."""
    _forget(package)
    (folder / package).mkdir(exist_ok=True)
    if is_plain:
        (folder / package / "__init__.py").write_text("", encoding="utf-8")
    (folder / package / "inner.py").write_text(f"def tail(text):\n    return {tail}\n", encoding="utf-8")
    (folder / "reaching.py").write_text(source.format(package=package), encoding="utf-8")
    return _load(folder, "reaching").judge


@pytest.mark.parametrize("is_plain", [True, False], ids=["a package", "a folder"])
@pytest.mark.parametrize("source", REACHING.values(), ids=REACHING)
def test_a_helper_is_found(tmp_path: Path, package: str, source: str, is_plain: bool) -> None:
    before, same, after = (
        source_hash(_judge(tmp_path, package, source, tail, is_plain=is_plain)) for tail in ("1", "1", "2")
    )

    assert before == same != after


def test_a_relative_import_in_a_function_is_found(tmp_path: Path, package: str) -> None:
    _judge(tmp_path, package, REACHING["as a default"], "1")
    source = "def judge(text):\n    from .inner import tail\n    return tail(text)\n"
    (tmp_path / package / "near.py").write_text(source, encoding="utf-8")
    text = source_text(importlib.import_module(f"{package}.near").judge)

    assert "def tail(text):" in text


@pytest.mark.parametrize(
    "statement", ["import idlelib.nosuch", "from . import far", "import {package}.broken", "import nosuch_at_all"]
)
def test_what_cannot_be_imported_or_is_installed_counts_by_its_name(
    tmp_path: Path, package: str, statement: str
) -> None:
    judge = _judge(tmp_path, package, f"def judge(text):\n    {statement}\n    return text\n", "1")
    (tmp_path / package / "broken.py").write_text("1 / 0", encoding="utf-8")

    assert source_hash(judge) is not None
    assert "idlelib" not in sys.modules

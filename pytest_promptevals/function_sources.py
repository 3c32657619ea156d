"""Content hashes of the user's own Python code: equal while what it does is written in the same words."""

from __future__ import annotations

import dis
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

_DIGITS: Final = 16
"""Hexadecimal digits of a hash: 64 bits, as fingerprints have."""
_MOST_PARTS: Final = 500
"""Functions and classes that are followed, so that a large application does not make a run wait."""
_CONSTANTS: Final = (str, int, float, bool, type(None), list, tuple, dict)
_LONGEST_CONSTANT: Final = 100_000
"""Characters."""


def source_hash(target: object) -> str | None:
    """Return the hash of a function's or class's source, together with what it names of its own project.

    Followed are the functions, classes and plain constants of modules in the folder of the first one or below, and in
    packages around it; what is installed elsewhere counts by its name alone. ``None`` if there is no source.
    """
    parts = _parts_of(target)
    if not parts:
        return None
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def source_text(target: object) -> str:
    """Return what ``source_hash`` is the hash of, to be read by people; empty if there is no source."""
    return "\n\n\n".join(f"# {name}\n{source}" for name, source in _parts_of(target).items())


def _parts_of(target: object) -> dict[str, str]:
    """Return the sources of a function and of what it names, by module and name, its own first."""
    bound = _bound_arguments(target)
    first, *others = _code_of(target) or [None]
    folder = _folder_of(first)
    if folder is None:
        return {}
    parts = {"(arguments)": bound} if bound else {}
    queue = [first, *others]
    while queue and len(parts) < _MOST_PARTS:
        item = queue.pop(0)
        name = _name_of(item)
        if name in parts or not _is_within(item, folder):
            continue
        parts[name] = _source_of(item)
        for used_name, value in _uses(item, folder):
            constant = _constant(value)
            if constant is not None:
                parts[f"{name}:{used_name}"] = constant
            else:
                queue += _code_of(value)
    return parts


def _code_of(value: object) -> list[Any]:
    """Return the functions and classes that a value is made of: itself, what decorators wrap, what containers hold."""
    if isinstance(value, functools.partial | MethodType):
        return _code_of(value.func if isinstance(value, functools.partial) else value.__func__)
    if isinstance(value, dict | list | tuple | set | frozenset):
        inner = value.values() if isinstance(value, dict) else value
        return [code for item in list(inner)[:_MOST_PARTS] if not _is_data(item) for code in _code_of(item)]
    if isinstance(value, ModuleType):
        return []
    wrapped = getattr(value, "__wrapped__", None) if callable(value) else None
    return [value if _is_code(value) else type(value), *(_code_of(wrapped) if wrapped is not None else ())]


def _is_data(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bytes)


def _bound_arguments(value: object) -> str:
    """Return the plain arguments that partials give, as text; empty if there are none."""
    given: list[object] = []
    while isinstance(value, functools.partial):
        given.append([list(value.args), value.keywords])
        value = value.func
    return (_constant(given) or "") if given else ""


def _is_code(value: object) -> bool:
    return isinstance(value, FunctionType | type)


def _name_of(item: Any) -> str:
    # A decorator may have given its wrapper the name of what it wraps.
    if isinstance(item, FunctionType):
        return f"{item.__globals__.get('__name__', '')}:{item.__code__.co_qualname}"
    return f"{item.__module__}:{item.__qualname__}"


def _folder_of(item: Any) -> Path | None:
    """Return the folder of the project that an item belongs to: that of its module, or of its outermost package."""
    path = _path_of(item)
    if path is None or not _source_of(item):
        return None
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _path_of(item: Any) -> Path | None:
    try:
        return Path(inspect.getfile(item)).resolve()
    except (TypeError, OSError):
        return None


def _is_within(item: Any, folder: Path) -> bool:
    path = _path_of(item)
    return path is not None and path.is_relative_to(folder) and "site-packages" not in path.parts


def _source_of(item: Any) -> str:
    try:
        return inspect.cleandoc(inspect.getsource(item.__code__ if isinstance(item, FunctionType) else item))
    except (OSError, TypeError):
        return ""


def _uses(item: Any, folder: Path) -> Iterator[tuple[str, object]]:
    """Yield what the code of an item names, by name: of its module, and of modules that it reaches into."""
    for function in _functions_of(item):
        names = list(dict.fromkeys(_names_in(function.__code__)))
        reached = [*_values_of(function, names), *_imports_of(function, folder)]
        for name, value in reached:
            if isinstance(value, ModuleType):
                yield from _named_in(value, name, names, folder)
            else:
                yield name, value
        yield from _defaults_of(function)
    if isinstance(item, type):
        yield from ((base.__name__, base) for base in item.__bases__)


def _named_in(outer: ModuleType, called: str, names: list[str], folder: Path) -> Iterator[tuple[str, object]]:
    """Yield what code may name of a module, and of the project's modules in it: ``package.module.function``."""
    seen, modules = {id(outer)}, [(called, outer)]
    while modules:
        prefix, module = modules.pop()
        found = vars(module)
        for name in (name for name in names if name in found):
            value = found[name]
            if not isinstance(value, ModuleType):
                yield f"{prefix}.{name}", value
            elif id(value) not in seen and _holds(folder, value):
                seen.add(id(value))
                modules.append((f"{prefix}.{name}", value))


def _holds(folder: Path, module: ModuleType) -> bool:
    """Return whether a module is one of the project in that folder."""
    file = getattr(module, "__file__", None)
    return _are_within([file] if file else getattr(module, "__path__", ()), folder)


def _are_within(paths: Iterable[str], folder: Path) -> bool:
    resolved = [Path(path).resolve() for path in paths]
    return any(path.is_relative_to(folder) and "site-packages" not in path.parts for path in resolved)


def _imports_of(function: FunctionType, folder: Path) -> Iterator[tuple[str, object]]:
    """Yield what a function imports of its project when it runs; a module that is not loaded yet is loaded now."""
    for level, name, wanted in _import_statements(function.__code__):
        full_name = _absolute(name, level, function.__globals__.get("__package__"))
        module = _load(full_name, folder)
        if module is None:
            continue
        if not wanted:  # the name that it binds is that of the outermost package
            outermost = full_name.partition(".")[0]
            yield outermost, sys.modules[outermost]
        for inner in wanted:
            value = vars(module).get(inner, _load(f"{full_name}.{inner}", folder))
            if value is not None:
                yield inner, value


def _import_statements(code: CodeType) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield the level of dots, the module and the names of each import in a function, and in those inside of it."""
    steps = list(dis.get_instructions(code))
    for place, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            yield steps[place - 2].argval, step.argval, steps[place - 1].argval or ()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _import_statements(constant)


def _absolute(name: str, level: int, package: str | None) -> str:
    if not level:
        return name
    try:
        return importlib.util.resolve_name("." * level + name, package or "")
    except ImportError:
        return ""


def _load(name: str, folder: Path) -> ModuleType | None:
    """Return a module of the project by its name; ``None`` for others: what is installed may be slow to load."""
    try:
        outermost = importlib.util.find_spec(name.partition(".")[0])
        places = [] if outermost is None else [outermost.origin or "", *(outermost.submodule_search_locations or ())]
        if not _are_within(filter(None, places), folder):
            return None
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - the user's own module; what is wrong with it is said when the function runs
        return None


def _defaults_of(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the default values of arguments that hold code: others stand in the source."""
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    yield from (("(default)", value) for value in defaults if not _is_data(value) and _constant(value) is None)


def _functions_of(item: Any) -> list[FunctionType]:
    if isinstance(item, FunctionType):
        return [item]
    members = [
        value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        for value in vars(item).values()
    ]
    return [member for member in members if isinstance(member, FunctionType)]


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _values_of(function: FunctionType, names: list[str]) -> Iterator[tuple[str, object]]:
    known: Mapping[str, object] = function.__globals__
    yield from ((name, known[name]) for name in names if name in known)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet bound
            continue


def _constant(value: object) -> str | None:
    """Return a plain constant as text, ``None`` for anything else."""
    if not isinstance(value, _CONSTANTS):
        return None
    try:
        text = json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if len(text) <= _LONGEST_CONSTANT else hashlib.sha256(text.encode()).hexdigest()

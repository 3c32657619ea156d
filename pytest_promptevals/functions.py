"""Finding and calling the user's own Python functions, written ``module:function``."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import importlib.util
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pytest_promptevals.errors import FunctionError, did_you_mean

Result = TypeVar("Result")

_ADDED_FOLDERS: Final[set[str]] = set()
"""Folders of users that were put on ``sys.path``, which is as global as this."""
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def load_function(reference: str, search_path: Sequence[Path]) -> Callable[..., Any]:
    """Import the function that ``module:function`` names.

    Folders of ``search_path`` that hold the module are put at the end of ``sys.path``, as pytest does for
    test folders, so that what is installed wins. Raises ``FunctionError`` naming what could not be found.
    """
    module_name, colon, function_name = reference.partition(":")
    if not colon or not module_name or not function_name:
        raise FunctionError(f"{reference!r} names no function; write 'module:function'")
    module = _import_module(module_name, reference, search_path)
    target: Any = module
    for part in function_name.split("."):
        if not hasattr(target, part):
            known = [name for name, item in vars(target).items() if callable(item) and name[0] != "_"]
            hint = did_you_mean(part, known)
            raise FunctionError(f"{reference!r}: module {module_name!r} has no {part!r}.{hint}")
        target = getattr(target, part)
    if not callable(target):
        raise FunctionError(f"{reference!r} is a {type(target).__name__}, not a function")
    function: Callable[..., Any] = target
    return function


def _import_module(name: str, reference: str, search_path: Sequence[Path]) -> Any:
    top = name.partition(".")[0]
    _refuse_namesake(top, reference, search_path)
    for folder in search_path:
        is_there = (folder / f"{top}.py").is_file() or (folder / top).is_dir()
        if is_there and str(folder) not in sys.path:
            sys.path.append(str(folder))
            _ADDED_FOLDERS.add(str(folder))
            importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise FunctionError(f"{reference!r}: importing {name!r} failed: {error}") from error
        places = ", ".join(str(folder) for folder in search_path) or "sys.path"
        raise FunctionError(f"{reference!r}: no module named {error.name!r} is installed or in {places}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may call sys.exit() or pytest.skip()
        raise FunctionError(f"{reference!r}: importing {name!r} failed: {type(error).__name__}: {error}") from error


def _refuse_namesake(name: str, reference: str, search_path: Sequence[Path]) -> None:
    """Raise ``FunctionError`` if a module of that name was loaded from another folder of the user's."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    nearest = next((folder / f"{name}.py" for folder in search_path if (folder / f"{name}.py").is_file()), None)
    if loaded is None or nearest is None or Path(loaded) == nearest:
        return
    if str(Path(loaded).parent) in _ADDED_FOLDERS:
        raise FunctionError(
            f"{reference!r}: Python has loaded another module {name!r} from {loaded}, and can hold only one of that "
            f"name; rename {nearest} or the other"
        )


def choose_arguments(
    function: Callable[..., Any], offered: Mapping[str, object], reference: str
) -> Callable[[Mapping[str, object]], dict[str, object]]:
    """Return what picks, from the offered values, those that the function's parameters ask for by name.

    ``**kwargs`` gets all of them. ``offered`` only gives the names here. Raises ``FunctionError`` for a
    parameter without a default that is not on offer.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise FunctionError(f"{reference!r} has no signature that Python can show; wrap it in a def") from None
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return dict
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind in _VARIADIC:
            continue
        if parameter.name in offered and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
            names.append(parameter.name)
        elif parameter.default is inspect.Parameter.empty:
            raise FunctionError(
                f"{reference!r} takes {parameter.name!r}, which is not on offer. "
                f"It may take any of: {', '.join(offered)}."
            )
    return lambda values: {name: values[name] for name in names}


async def contain(awaitable: Awaitable[Result]) -> Result:
    """Await code of the user's. What it raises that is no ``Exception`` becomes a ``RuntimeError``.

    A ``sys.exit()`` in one model may end neither the loop nor the other cases. Only the cancelling of the task that
    awaits goes through.
    """
    try:
        return await awaitable
    except Exception:
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


async def call_function(function: Callable[..., Any], arguments: Mapping[str, object]) -> Any:
    """Call an async function on this loop, or a sync one in a thread of its own, and return what it returns.

    The thread is a daemon: a function that never returns is left behind at its timeout and keeps neither the
    run nor the interpreter from ending.
    """
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - an object with an async __call__
        return await function(**arguments)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def work() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(lambda: function(**arguments))
        except StopIteration as stop:  # a future refuses to hold one
            error = RuntimeError(f"StopIteration: {stop}")
        except BaseException as caught:  # noqa: BLE001 - whatever the user's code raises goes to who awaits it
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits for this call any more

    threading.Thread(target=work, name="promptevals-function", daemon=True).start()
    result = await future
    return await result if inspect.isawaitable(result) else result

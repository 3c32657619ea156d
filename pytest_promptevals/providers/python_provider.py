"""The user's own application as a model: ``python/module:function``.

The function may be sync or async, and takes, by name, any of: ``prompt`` (all messages as one text), ``messages`` (a
list of ``{role, content}``), ``input``, ``vars``, ``context``, ``case_id``, ``metadata``, ``parameters`` and ``trial``.
The expected answer is not on offer. It returns a text, a ``Response``, or a mapping of a ``Response``'s fields.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.errors import (
    CodecError,
    FunctionError,
    ProviderConfigError,
    ProviderError,
    ProviderTimeoutError,
)
from pytest_promptevals.files.user_code import last_place
from pytest_promptevals.functions import call_function, choose_arguments, load_function
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.options import check_option_names
from pytest_promptevals.providers.texts import clean_text
from pytest_promptevals.records.codec import from_plain, to_plain
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import RenderedPrompt, Response

OFFERED: Final[Mapping[str, Callable[[Request], object]]] = {
    "prompt": lambda request: RenderedPrompt(request.messages).text,
    "messages": lambda request: [{"role": item.role, "content": item.content} for item in request.messages],
    # Copies: what an application does to its arguments must not change the case that is judged afterwards.
    "input": lambda request: copy.deepcopy(request.case.input) if request.case is not None else None,
    "vars": lambda request: copy.deepcopy(dict(request.case.vars)) if request.case is not None else {},
    "context": lambda request: list(request.case.context) if request.case is not None else [],
    "case_id": lambda request: request.case.id if request.case is not None else None,
    "metadata": lambda request: copy.deepcopy(dict(request.case.metadata)) if request.case is not None else {},
    "parameters": lambda request: copy.deepcopy(dict(request.parameters)),
    "trial": lambda request: request.trial,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Application:
    """A function that answers."""

    name: str
    """How messages name it."""
    function: Callable[..., Any]
    """Sync or async."""
    choose: Callable[[Mapping[str, object]], dict[str, object]]
    """Picks what the function takes from what is on offer."""


class ApplicationCaller:
    """Has functions of the user's answer.

    Args:
        context: what the provider is made from.
    """

    def __init__(self, context: ProviderContext) -> None:
        self._rootdir = context.rootdir
        self._timeout = context.timeout

    async def answer(self, application: Application, offered: Mapping[str, object]) -> Response:
        """Call a function. Raises ``ProviderError`` for whatever it raises, and for what is no response."""
        name, arguments = application.name, application.choose(offered)
        started = time.perf_counter()
        result = await self._call(name, application.function, arguments)
        latency = time.perf_counter() - started
        response = _read_result(result, name)
        return response if response.latency is not None else dataclasses.replace(response, latency=latency)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def _call(self, name: str, function: Callable[..., Any], arguments: Mapping[str, object]) -> object:
        timer = asyncio.timeout(self._timeout)
        try:
            async with timer:
                return await call_function(function, arguments)
        except (ProviderError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            if isinstance(error, TimeoutError) and timer.expired():
                message = f"{name!r} did not return within {self._timeout:g} s. Allow more with --evals-timeout."
                raise ProviderTimeoutError(message, retryable=True) from None
            raise self._explain(error, name) from error

    def _explain(self, error: BaseException, name: str) -> ProviderError:
        place = last_place(error, self._rootdir)
        text = clean_text(str(error))
        return ProviderError(f"{name!r} raised {type(error).__name__}{': ' * bool(text)}{text}{place}")


def offer(request: Request) -> dict[str, object]:
    """Return what a function may ask for by name."""
    return {name: value(request) for name, value in OFFERED.items()}


class PythonProvider(ApplicationCaller):
    """Calls functions of the user's project; the model's name is the function's, ``module:function``."""

    def __init__(self, context: ProviderContext) -> None:
        check_option_names(context.config, ())
        super().__init__(context)
        self._search_path = tuple(dict.fromkeys((*context.search_path, context.rootdir)))
        self._loaded: dict[str, Application | str] = {}
        self._loading = asyncio.Lock()

    async def complete(self, request: Request) -> Response:
        """Call the function. Raises ``ProviderError`` for whatever it raises, and for what is no response."""
        application = await self._find(request.model)
        return await self.answer(application, offer(request))

    async def _find(self, name: str) -> Application:
        async with self._loading:
            if name not in self._loaded:
                # In a thread: importing an application may take seconds, in which other calls go on.
                self._loaded[name] = await call_function(_load, {"name": name, "search_path": self._search_path})
        found = self._loaded[name]
        if isinstance(found, str):
            raise ProviderConfigError(found)
        return found


def _load(name: str, search_path: tuple[Path, ...]) -> Application | str:
    """Return the application, or why there is none: a second case must not import it again to hear the same."""
    try:
        function = load_function(name, search_path)
        return Application(name, function, choose_arguments(function, dict.fromkeys(OFFERED), name))
    except FunctionError as error:
        return str(error)
    except BaseException as error:  # noqa: BLE001 - sys.exit() and pytest.skip() in a module are no Exception
        return f"{name!r}: importing it failed: {type(error).__name__}: {clean_text(str(error))}"


def _read_result(result: object, name: str) -> Response:
    if isinstance(result, str):
        return Response(clean_text(result))
    if not isinstance(result, Response | Mapping):
        raise ProviderError(
            f"{name!r} returned {_shown_type(result)}; return a text, a Response, or a mapping of a Response's fields"
        )
    try:
        response = from_plain(Response, to_plain(result))
    except CodecError as error:
        raise ProviderError(f"{name!r} returned what is no response: {error}") from None
    return dataclasses.replace(response, text=clean_text(response.text))


def _shown_type(result: object) -> str:
    return "None" if result is None else f"an object of type {type(result).__name__}"

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import FunctionError
from pytest_promptevals.functions import call_function, choose_arguments, load_function

OFFERED = {"prompt": "hi", "trial": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_function_is_found_in_the_folders_named(folder: Path) -> None:
    (folder / "my_app_one.py").write_text(
        "class App:\n    @staticmethod\n    def answer(): return 7\n", encoding="utf-8"
    )

    assert load_function("my_app_one:App.answer", [folder])() == 7


def test_two_modules_of_one_name_are_not_taken_for_each_other(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "my_app_namesake.py").write_text(f"def which(): return {name!r}\n", encoding="utf-8")
    assert load_function("my_app_namesake:which", [folder / "a", folder])() == "a"
    assert load_function("my_app_namesake:which", [folder / "a"])() == "a"

    with pytest.raises(FunctionError) as caught:
        load_function("my_app_namesake:which", [folder / "b", folder])

    first, second = folder / "a" / "my_app_namesake.py", folder / "b" / "my_app_namesake.py"
    assert str(caught.value) == (
        f"'my_app_namesake:which': Python has loaded another module 'my_app_namesake' from {first}, and can hold only "
        f"one of that name; rename {second} or the other"
    )


def test_what_is_installed_wins_over_the_folders(folder: Path) -> None:
    (folder / "json.py").write_text("def dumps(x): return 'mine'\n", encoding="utf-8")

    assert load_function("json:dumps", [folder])([]) == "[]"


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [
        ("", "my_app_two", "'my_app_two' names no function; write 'module:function'"),
        ("", ":f", "':f' names no function; write 'module:function'"),
        (
            "def answer(): ...",
            "my_app_two:anwser",
            "'my_app_two:anwser': module 'my_app_two' has no 'anwser'. Did you mean 'answer'?",
        ),
        ("x = 1", "my_app_two:x", "'my_app_two:x' is a int, not a function"),
        (
            "import not_there_at_all",
            "my_app_two:f",
            "'my_app_two:f': importing 'my_app_two' failed: No module named 'not_there_at_all'",
        ),
        ("1 / 0", "my_app_two:f", "'my_app_two:f': importing 'my_app_two' failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_function_that_cannot_be_had_is_explained(folder: Path, source: str, reference: str, message: str) -> None:
    (folder / "my_app_two.py").write_text(source, encoding="utf-8")

    with pytest.raises(FunctionError) as caught:
        load_function(reference, [folder])

    assert str(caught.value) == message


def test_a_missing_module_names_where_it_was_looked_for(folder: Path) -> None:
    with pytest.raises(FunctionError) as caught:
        load_function("my_app_nowhere:f", [folder])

    assert str(caught.value) == f"'my_app_nowhere:f': no module named 'my_app_nowhere' is installed or in {folder}"


def test_a_function_gets_what_its_parameters_name() -> None:
    def one(prompt: str, *rest: Any, other: int = 1) -> str:
        return prompt

    def everything(**values: object) -> None: ...

    assert choose_arguments(one, OFFERED, "m:f")(OFFERED) == {"prompt": "hi"}
    assert choose_arguments(everything, OFFERED, "m:f")(OFFERED) == OFFERED


def test_a_parameter_that_is_not_on_offer_is_named_with_those_that_are() -> None:
    def wrong(question: str) -> None: ...

    with pytest.raises(FunctionError) as caught:
        choose_arguments(wrong, OFFERED, "m:wrong")

    assert str(caught.value) == (
        "'m:wrong' takes 'question', which is not on offer. It may take any of: prompt, trial."
    )


def test_a_function_without_a_signature_is_refused() -> None:
    with pytest.raises(FunctionError, match=r"^'m:iter' has no signature that Python can show; wrap it in a def$"):
        choose_arguments(iter, OFFERED, "m:iter")


def test_sync_and_async_functions_are_called_alike() -> None:
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x

    class Later:
        async def __call__(self, x: int) -> int:
            return x

    def returns_awaitable(x: int) -> Any:
        return later(x)

    for function in (later, Later(), returns_awaitable, lambda x: x):
        assert asyncio.run(call_function(function, {"x": 3})) == 3


def test_a_sync_function_does_not_hold_up_the_loop() -> None:
    release = threading.Event()

    async def both() -> str:
        waiting = asyncio.create_task(call_function(lambda: release.wait(10), {}))
        await asyncio.sleep(0)
        release.set()
        return "on time" if await waiting else "late"

    assert asyncio.run(both()) == "on time"


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration("no")])
def test_what_a_function_raises_reaches_the_caller(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises((ValueError, RuntimeError), match="no"):
        asyncio.run(call_function(fail, {}))


def test_a_function_that_never_returns_can_be_given_up() -> None:
    release = threading.Event()

    async def give_up() -> None:
        async with asyncio.timeout(0.05):
            await call_function(release.wait, {})

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    release.set()

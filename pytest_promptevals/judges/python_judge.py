"""The ``python`` judge: a function of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from pytest_promptevals.errors import FunctionError, JudgeError, did_you_mean
from pytest_promptevals.function_sources import source_hash, source_text
from pytest_promptevals.functions import choose_arguments, load_function
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JsonValue, JudgeParameters
from pytest_promptevals.judges.user_functions import OFFERED, grade_with, offer
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade


def _check_reference(reference: str) -> str:
    module, _, function = reference.partition(":")
    if not (module and function):
        raise ValueError(f"{reference!r} names no function; write 'module:function'")
    return reference


def _check_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    for name in arguments:
        if name in OFFERED:
            raise ValueError(f"{name!r} is what the function gets from the case; choose another name")
    return arguments


class PythonParameters(JudgeParameters):
    """Parameters of ``python``."""

    function: Annotated[str, AfterValidator(_check_reference)] = Field(
        description="The function, as `module:function`. The module is an installed one, or stands in the folder of "
        "the file that names it or in the rootdir."
    )
    arguments: Annotated[dict[str, JsonValue], AfterValidator(_check_arguments)] = Field(
        default={}, description="Further named arguments for the function."
    )


class PythonJudge(BaseJudge[PythonParameters]):
    """A Python function of your own says how good the output is.

    The function is `module:function`, sync or async. It gets what its parameters name:

    - `output`: the text of the response; `response`: all of it, a `Response`;
    - `expected`, `input`, `vars`, `context`, `metadata`: those of the case; `case`: all of it, a `Case`;
    - `prompt`: what was asked, a `RenderedPrompt` with `messages` and `text`, or None if nothing was;
    - the names that you give under `arguments`.

    It returns a bool; a number from 0 to 1 (then say with `threshold` what passes: without it, only 1 does); a dict
    with `value` or `passed`, and `explanation` and `cost` if it likes; or a `Grade`. Whatever it raises ends the case
    as an error that names the line, not with a low score.

    ```python
    # checks.py
    def is_brief(output, limit=50):
        words = len(output.split())
        return {"passed": words <= limit, "explanation": f"{words} words, at most {limit} wanted"}
    ```

    ```yaml
    judges:
      - python: checks:is_brief
      - python: {function: checks:is_brief, arguments: {limit: 10}}
    cases:
      - input: Where is my order?
        output: It is on its way.
    ```
    """

    name = "python"
    shorthand = "function"
    Parameters = PythonParameters
    reads_vars: ClassVar[bool] = True
    """Nobody can tell which of the case's vars the function uses."""

    _function: Callable[..., Any] | None = None

    @property
    def content(self) -> Json:
        """The function's source, for those who want to know what changed."""
        return None if self._function is None else source_text(self._function)

    @property
    def content_hash(self) -> str | None:
        """Hash of the function's source: scores by another version of it are not comparable."""
        return None if self._function is None else source_hash(self._function)

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Find the function. Raises ``JudgeError`` if there is none."""
        try:
            self._function = load_function(self.parameters.function, search_path)
        except FunctionError as error:
            raise JudgeError(str(error)) from error

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Call the function. Raises ``JudgeError`` if it cannot be called, raises, or returns no grade."""
        del ask
        reference = self.parameters.function
        where = f"{subject.case.location}: judge {self.name!r}: "
        try:
            function, arguments = self._prepare(subject)
        except FunctionError as error:
            raise JudgeError(f"{where}{error}") from error
        return await grade_with(function, arguments, subject, reference=reference, where=where)

    def _prepare(self, subject: JudgeInput) -> tuple[Callable[..., Any], dict[str, object]]:
        reference, own = self.parameters.function, self.parameters.arguments
        function = load_function(reference, subject.search_path)
        offered = {**offer(subject), **own}
        arguments = choose_arguments(function, offered, reference)(offered)
        for name in own:
            if name not in arguments:
                hint = did_you_mean(name, inspect.signature(function).parameters)
                raise FunctionError(f"{reference!r} takes no argument {name!r}, which `arguments` gives.{hint}")
        return function, arguments

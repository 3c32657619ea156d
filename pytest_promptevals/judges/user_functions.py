"""Functions of the user's that judge: what they may ask for by name, and how they are called."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.errors import JudgeError, PromptEvalsError
from pytest_promptevals.files.user_code import last_place
from pytest_promptevals.functions import call_function
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.judges.python_results import read_result
from pytest_promptevals.records.results import Grade

OFFERED: Final = ("output", "expected", "input", "vars", "context", "case", "response", "metadata", "prompt")
"""Names of the parameters that get what the case and its response are."""
_TO_LET_THROUGH: Final = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
_MESSAGE: Final = 300
"""Characters that are shown of what a function raised."""


def offer(subject: JudgeInput) -> dict[str, object]:
    """Return the values of the names in ``OFFERED``."""
    case = subject.case
    return {
        "output": subject.response.text,
        "expected": case.expected,
        "input": case.input,
        "vars": case.vars,
        "context": case.context,
        "case": case,
        "response": subject.response,
        "metadata": case.metadata,
        "prompt": subject.prompt,
    }


async def grade_with(
    function: Callable[..., Any], arguments: Mapping[str, object], subject: JudgeInput, *, reference: str, where: str
) -> Grade:
    """Call a function, sync or async, and return the grade that it means.

    Args:
        function: what to call.
        arguments: its named arguments.
        subject: what is judged.
        reference: how messages name the function.
        where: what messages begin with.

    Raises ``JudgeError`` if it raises, or returns no grade.
    """
    try:
        result = await call_function(function, arguments)
    except (*_TO_LET_THROUGH, PromptEvalsError):
        raise
    except BaseException as error:  # pytest.fail and sys.exit raise no Exception
        text = clip(str(error), _MESSAGE)
        rootdir = subject.search_path[-1] if subject.search_path else Path.cwd()
        raised = f"{type(error).__name__}{': ' * bool(text)}{text}{last_place(error, rootdir)}"
        raise JudgeError(f"{where}{reference!r} raised {raised}") from error
    try:
        grade = read_result(result, reference)
    except ValueError as error:
        raise JudgeError(f"{where}{reference!r} {error}") from error
    return dataclasses.replace(grade, details=result.details) if isinstance(result, Grade) else grade

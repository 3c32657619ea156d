from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.python_results import read_result
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade, Score
from tests.unit.judges.grading import JUDGES, PROMPT, WHERE, make_subject, refuse_to_ask, run_judge

MODULE = "checks_of_the_python_judge"
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write the user's module into the rootdir."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write_module(source: str) -> None:
        (tmp_path / f"{MODULE}.py").write_text(textwrap.dedent(source), encoding="utf-8")

    yield write_module
    sys.modules.pop(MODULE, None)


def call(root: Path, function: str = "judge", arguments: Json = None, **case: Any) -> Grade:
    parameters: dict[str, Json] = {} if arguments is None else {"arguments": arguments}
    judge = build_judge(JUDGES["python"], f"{MODULE}:{function}", parameters)
    return run_judge(judge, make_subject("Hello", "Hallo", search_path=(root / "evals", root), **case))


def fail(root: Path, **options: Any) -> str:
    with pytest.raises(JudgeError) as caught:
        call(root, **options)
    assert str(caught.value).startswith(f"{WHERE}: judge 'python': '{MODULE}:judge' ")
    return str(caught.value).removeprefix(f"{WHERE}: judge 'python': '{MODULE}:judge' ")


def test_a_function_gets_what_it_names(write: Write, tmp_path: Path) -> None:
    write("""
        def judge(output, expected, input, vars, context, metadata, case, response, prompt):
            got = (output, expected, input, vars, context, metadata)
            assert got == ("Hello", "Hallo", "Say hello", {"a": 1}, ("page",), {"by": "Ada"})
            assert (case.id, response.text, prompt.text) == ("late", "Hello", "Where is my order?")
            return True
    """)
    case: dict[str, Any] = {"input": "Say hello", "vars": {"a": 1}, "context": ("page",), "metadata": {"by": "Ada"}}
    assert call(tmp_path, **case) == Grade(1.0, f"{MODULE}:judge returned True (bool)")
    assert PROMPT.text == "Where is my order?"


def test_a_function_gets_the_arguments_of_the_judge(write: Write, tmp_path: Path) -> None:
    write("""
        def judge(output, limit, extra=5):
            return len(output) <= limit and extra == 5
        def judge_any(**everything):
            return everything["output"] == "Hello" and everything["limit"] == 5
    """)
    assert call(tmp_path, arguments={"limit": 5}).value == 1.0
    assert call(tmp_path, arguments={"limit": 4}).value == 0.0
    assert call(tmp_path, function="judge_any", arguments={"limit": 5}).value == 1.0


def test_an_async_function_is_awaited(write: Write, tmp_path: Path) -> None:
    write("""
        import asyncio
        async def judge(output):
            await asyncio.sleep(0)
            return 0.5
    """)
    assert call(tmp_path).value == 0.5


def test_the_nearest_folder_comes_first(tmp_path: Path, write: Write) -> None:
    write("def judge(): return False")
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / f"{MODULE}.py").write_text("def judge(): return True", encoding="utf-8")
    assert call(tmp_path).value == 1.0


def test_what_the_function_raises_is_an_error_and_no_score(write: Write, tmp_path: Path) -> None:
    write("""
        def judge(output):
            raise ValueError("no\\nluck")
    """)
    assert fail(tmp_path) == f"raised ValueError: no\\nluck at {MODULE}.py:3"


def test_the_place_is_that_of_the_users_own_code(write: Write, tmp_path: Path) -> None:
    write("""
        import json
        def judge(output):
            return read(output)
        def read(output):
            if output == "Hello":
                raise KeyError
            return json.loads("{")
    """)
    assert fail(tmp_path) == f"raised KeyError at {MODULE}.py:7"


@pytest.mark.parametrize("statement", ["sys.exit(3)", "pytest.fail('3')", "raise AssertionError(3)"])
def test_even_an_exit_is_an_error_and_no_score(statement: str, write: Write, tmp_path: Path) -> None:
    write(f"""
        import pytest, sys
        def judge(output):
            {statement}
    """)
    assert fail(tmp_path).startswith("raised ")


def test_a_cancelled_judge_is_cancelled(write: Write, tmp_path: Path) -> None:
    write("""
        import asyncio
        async def judge(output):
            await asyncio.sleep(60)
    """)
    judge = build_judge(JUDGES["python"], f"{MODULE}:judge", {})

    async def cancel() -> None:
        task = asyncio.ensure_future(judge.judge(make_subject("", search_path=(tmp_path,)), refuse_to_ask))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


def test_a_function_that_is_not_there_is_an_error(write: Write, tmp_path: Path) -> None:
    write("def juge(output): return True")
    with pytest.raises(JudgeError) as caught:
        call(tmp_path)
    assert str(caught.value) == (
        f"{WHERE}: judge 'python': '{MODULE}:judge': module '{MODULE}' has no 'judge'. Did you mean 'juge'?"
    )


def test_a_parameter_that_is_not_on_offer_is_an_error(write: Write, tmp_path: Path) -> None:
    write("def judge(output, threshold): return True")
    assert fail(tmp_path, arguments={"limit": 1}) == (
        "takes 'threshold', which is not on offer. It may take any of: output, expected, input, vars, context, case, "
        "response, metadata, prompt, limit."
    )


def test_an_argument_that_the_function_does_not_take_is_an_error(write: Write, tmp_path: Path) -> None:
    write("def judge(output, limit=1): return True")
    assert fail(tmp_path, arguments={"limt": 1}) == (
        "takes no argument 'limt', which `arguments` gives. Did you mean 'limit'?"
    )


def test_a_result_that_is_no_grade_is_an_error(write: Write, tmp_path: Path) -> None:
    write("def judge(output): pass")
    assert fail(tmp_path) == (
        "returned None (NoneType); return a bool, a number from 0 to 1, a Grade, "
        "or a dict with `value`, `passed` and `explanation`"
    )


def test_the_judge_may_read_every_variable() -> None:
    assert getattr(JUDGES["python"], "reads_vars", False)


@pytest.mark.parametrize("reference", ["checks", "checks:", ":judge"])
def test_a_function_that_is_not_named_is_refused(reference: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(JUDGES["python"], reference, {})
    assert str(caught.value) == f"judge 'python': function: {reference!r} names no function; write 'module:function'"


def test_arguments_may_not_hide_what_the_case_gives() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(JUDGES["python"], "checks:judge", {"arguments": {"output": "x"}})
    assert str(caught.value) == (
        "judge 'python': arguments: 'output' is what the function gets from the case; choose another name"
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (True, Grade(1.0, "f returned True (bool)")),
        (False, Grade(0.0, "f returned False (bool)")),
        (1, Grade(1.0, "f returned 1 (int)")),
        (0.25, Grade(0.25, "f returned 0.25 (float)")),
        (np.float32(0.25), Grade(0.25, "f returned 0.25 (float)")),
        (np.bool_(1), Grade(1.0, "f returned True (bool)")),
        ({"value": 0.5, "explanation": "half"}, Grade(0.5, "half")),
        ({"value": True, "passed": False, "explanation": "x", "cost": 1}, Grade(1.0, "x", passed=False, cost=1.0)),
        ({"passed": False, "explanation": "bad"}, Grade(0.0, "bad", passed=False)),
        ({"passed": np.bool_(1), "explanation": "good"}, Grade(1.0, "good", passed=True)),
        (Grade(0.5, "half", passed=True, cost=0.1), Grade(0.5, "half", passed=True, cost=0.1)),
        (Score("mine", 0.5, passed=True, explanation="half"), Grade(0.5, "half", passed=True)),
    ],
)
def test_results_become_grades(result: object, expected: Grade) -> None:
    grade = read_result(result, "f")
    assert grade == expected
    assert type(grade.value) is float


def test_a_result_without_explanation_gets_one() -> None:
    assert read_result({"value": 0.5}, "f").explanation == "f returned {'value': 0.5} (dict)"


def test_a_long_explanation_is_cut() -> None:
    explanation = read_result({"value": 0, "explanation": "a" * 5000}, "f").explanation
    assert explanation == "a" * 2000 + "…"


def test_an_explanation_can_be_stored_whatever_it_holds() -> None:
    assert read_result({"value": 0, "explanation": "a\nb \ud83d"}, "f").explanation == "a\nb \\ud83d"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (1.5, "returned the value 1.5 (float); a value is a number from 0 to 1"),
        (-1, "returned the value -1 (int); a value is a number from 0 to 1"),
        (float("nan"), "returned the value nan (float); a value is a number from 0 to 1"),
        ({"value": "0.5"}, "returned the value '0.5' (str); a value is a number from 0 to 1"),
        (
            "yes",
            (
                "returned 'yes' (str); return a bool, a number from 0 to 1, a Grade, "
                "or a dict with `value`, `passed` and `explanation`"
            ),
        ),
        ({}, "returned {} (dict), which has neither `value` nor `passed`"),
        ({"valu": 1}, "returned a dict with the unknown key 'valu'. Did you mean 'value'?"),
        ({"passed": 1}, "returned `passed` 1 (int), which is not a bool"),
        ({"value": 1, "explanation": 5}, "returned the explanation 5 (int), no text"),
        ({"value": 1, "cost": -1}, "returned the cost -1 (int); a cost is a number of US dollars"),
        ({"value": 1, "cost": float("inf")}, "returned the cost inf (float); a cost is a number of US dollars"),
        ({"value": 1, "cost": "free"}, "returned the cost 'free' (str); a cost is a number of US dollars"),
    ],
)
def test_results_that_are_no_grade_say_why(result: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        read_result(result, "f")
    assert str(caught.value) == message

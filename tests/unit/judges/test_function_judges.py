"""Judge classes made of functions that have @judge above them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from pytest_promptevals.datasets.wire_cases import JudgeOptionsWire
from pytest_promptevals.errors import CallNotMadeError, FunctionError, JudgeError
from pytest_promptevals.hookspecs import Ask, Judge
from pytest_promptevals.judges.build import COMMON_OPTIONS, JudgeParameterError, build_judge
from pytest_promptevals.judges.decorated import judge, judge_declaration
from pytest_promptevals.judges.describe import describe_judge
from pytest_promptevals.judges.function_judges import make_judge_type
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade
from tests.unit.judges.grading import make_subject, run_judge

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]  # what only a type checker sees


def with_output(output: str) -> bool: ...  # type: ignore[empty-body]
def with_vars(vars: Json) -> bool: ...  # type: ignore[empty-body]  # noqa: A002 - on offer
def with_case(case: Any) -> bool: ...  # type: ignore[empty-body]


class Range(BaseModel):
    low: int


def made(function: Callable[..., Any]) -> type[Judge]:
    assert isinstance(function, FunctionType)
    declaration = judge_declaration(function)
    assert declaration is not None
    return make_judge_type(function, declaration)


def graded(function: Callable[..., Any], argument: Json = None, /, **parameters: Json) -> Grade:
    return run_judge(build_judge(made(function), argument, parameters), make_subject("some words", "wanted"))


def problem(function: Callable[..., Any]) -> str:
    with pytest.raises(FunctionError) as caught:
        made(function)
    return str(caught.value)


def test_the_source_of_a_function_is_kept_for_those_who_want_to_know_what_changed() -> None:
    @judge
    def is_brief(output: str) -> bool:
        return len(output) < 9

    assert "return len(output) < 9" in build_judge(made(is_brief), None, {}).content  # type: ignore[attr-defined]  # optional


def test_a_function_gets_what_it_asks_for_by_name() -> None:
    @judge
    def everything(output: str, expected: Any, input: Any, vars: Any, context: Any) -> bool:  # noqa: A002 - on offer
        assert (output, expected, input, vars, context) == ("some words", "wanted", None, {}, ())
        return True

    @judge
    def rest(response: Any, case: Any, metadata: Json, prompt: Any) -> bool:
        assert (response.text, case.id, metadata, prompt.text) == ("some words", "late", {}, "Where is my order?")
        return True

    assert graded(everything).value == 1.0
    assert graded(rest).value == 1.0


def test_the_class_is_what_the_decorator_says() -> None:
    @judge(name="brief", threshold=0.5, level=3, shorthand="most")
    def is_brief(output: str, most: int) -> float:
        """Few words are better."""
        return most / len(output)

    made_type, plain = made(is_brief), made(judge(with_output))

    assert (made_type.name, made_type.level, made_type.default_threshold) == ("brief", 3, 0.5)
    assert describe_judge(made_type).summary == "Few words are better."
    assert graded(is_brief, 5).value == 0.5
    assert (plain.name, plain.level, plain.default_threshold, plain.shorthand) == ("with_output", 1, 1.0, None)
    assert describe_judge(plain).summary == "The function `with_output`."


def test_a_sync_function_runs_in_a_thread_and_an_async_one_on_the_loop() -> None:
    threads = []

    @judge
    def sync(output: str) -> bool:
        threads.append(threading.current_thread())
        return True

    @judge
    async def coroutine(output: str) -> bool:
        await asyncio.sleep(0)
        threads.append(threading.current_thread())
        return True

    graded(sync)
    graded(coroutine)

    assert [thread is threading.main_thread() for thread in threads] == [False, True]


def test_parameters_of_all_kinds_are_read() -> None:
    @judge
    def typed(
        output: str,
        *,
        text: str,
        count: "int",  # noqa: UP037 - a type as text
        share: float,
        flag: bool,
        words: list[str] | None,
        mapping: dict[str, Any],
        kind: Literal["a", "b"],
        small: Annotated[int, Field(le=3)],
        schema: Range,
        late: str = "default",
    ) -> bool:
        assert (text, count, share, flag, words, mapping) == ("t", 2, 1.5, True, None, {"k": 1})
        assert (kind, small, schema.low, late) == ("a", 3, 1, "default")
        return True

    grade = graded(
        typed,
        text="t",
        count="2",
        share="1.5",
        flag=True,
        words=None,
        mapping={"k": 1},
        kind="a",
        small=3,
        schema={"low": 1},
    )
    assert grade.value == 1.0


def test_wrong_parameters_are_told_in_our_words() -> None:
    @judge
    def typed(output: str, count: int, kind: Literal["a", "b"], text: str) -> bool:
        return True

    with pytest.raises(JudgeParameterError) as caught:
        graded(typed, count=1.5, kind="c", colour="red")

    assert caught.value.problems == (
        ("count", "must be a whole number, not 1.5"),
        ("kind", "must be one of 'a' or 'b', not \"c\""),
        ("text", "is missing"),
        ("colour", "unknown parameter. Known: count, kind, name, required, text, threshold, weight."),
    )


def test_what_a_grade_knows_beside_its_number_stays() -> None:
    @judge
    def detailed(output: str) -> Grade:
        return Grade(0.5, "half", details={"votes": 2})

    assert graded(detailed) == Grade(0.5, "half", details={"votes": 2})


def test_what_it_raises_is_an_error_with_its_name_and_place() -> None:
    @judge
    def broken(output: str) -> bool:
        raise SystemExit(3)

    where = r"evals/support.eval.yaml:7: judge 'broken': '.*:broken'"
    with pytest.raises(JudgeError, match=rf"^{where} raised SystemExit: 3 at \S*test_function_judges.py:\d+$"):
        graded(broken)


def test_what_is_no_grade_is_an_error() -> None:
    @judge
    def wordy(output: str) -> str:
        return "good"

    with pytest.raises(JudgeError, match="judge 'wordy': '.*:wordy' returned 'good' "):
        graded(wordy)


def test_a_call_that_was_not_made_stays_one() -> None:
    @judge
    async def asking(output: str, ask: Ask) -> bool:
        raise CallNotMadeError("no money", reason="budget")

    assert made(asking).level == 2
    with pytest.raises(CallNotMadeError):
        graded(asking)


@pytest.mark.parametrize(("function", "expected"), [(with_output, False), (with_vars, True), (with_case, True)])
def test_only_who_may_read_the_vars_keeps_them_from_being_unused(function: Callable[..., Any], expected: bool) -> None:
    assert getattr(made(judge(function)), "reads_vars") is expected  # noqa: B009 - not in the protocol


def test_parameters_that_no_judge_can_have_are_those_of_every_judge() -> None:
    assert set(COMMON_OPTIONS) == set(JudgeOptionsWire.model_fields)


def takes_positional(output: str, /) -> bool: ...  # type: ignore[empty-body]
def takes_all(**anything: str) -> bool: ...  # type: ignore[empty-body]
def takes_threshold(threshold: float) -> bool: ...  # type: ignore[empty-body]
def takes_path(file: Path) -> bool: ...  # type: ignore[empty-body]
def takes_paths(files: list[Path]) -> bool: ...  # type: ignore[empty-body]
def takes_unknown(thing: Unknown) -> bool: ...  # type: ignore[empty-body]
def asks(ask: Ask) -> bool: ...  # type: ignore[empty-body]
async def asks_later(ask: Ask) -> bool: ...  # type: ignore[empty-body]
def fine(output: str, words: str) -> bool: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        (takes_positional, {}, "parameter 'output' cannot be given by its name; write plain parameters"),
        (takes_all, {}, "parameter '**anything' cannot be given by its name; write plain parameters"),
        (takes_threshold, {}, "parameter 'threshold' is an option of every judge; choose another name"),
        (
            takes_path,
            {},
            "parameter 'file' is pathlib.Path, which an eval file cannot hold; use str, int, float, bool, list, dict*",
        ),
        (takes_paths, {}, "parameter 'files' is list[pathlib.Path], which an eval file cannot hold; use str*"),
        (takes_unknown, {}, "the type of parameter 'thing' cannot be found: NameError: name 'Unknown' is not defined"),
        (asks, {}, "'ask' has to be awaited; write 'async def'"),
        (asks_later, {"level": 1}, "a function that takes 'ask' calls a model, which is level 2; leave out 'level'"),
        (fine, {"name": "any_of"}, "name 'any_of' cannot be that of a judge; choose another one"),
        (fine, {"name": " "}, "name ' ' cannot be that of a judge; choose another one"),
        (fine, {"name": 3}, "name 3 cannot be that of a judge; choose another one"),
        (fine, {"threshold": 1.5}, "threshold 1.5 is no number from 0 to 1"),
        (fine, {"threshold": "high"}, "threshold 'high' is no number from 0 to 1"),
        (fine, {"level": 4}, "level 4 is none of 1, 2, 3"),
        (fine, {"shorthand": "word"}, "shorthand 'word' is no parameter of the function's own. Did you mean 'words'?"),
    ],
)
def test_what_cannot_be_a_judge_says_why(function: Callable[..., Any], options: dict[str, Any], expected: str) -> None:
    text = problem(judge(**options)(function))

    assert text == expected or (expected.endswith("*") and text.startswith(expected[:-1]))


@pytest.mark.parametrize("thing", ["polite", int])
def test_the_decorator_stands_above_functions_only(thing: Any) -> None:
    with pytest.raises(TypeError) as caught:
        judge(thing)

    assert str(caught.value) == (
        f"@judge stands above a function and takes its options by name, as in @judge(name='polite'); got {thing!r}. "
        "A judge that is a class is registered with the hook pytest_promptevals_judges."
    )

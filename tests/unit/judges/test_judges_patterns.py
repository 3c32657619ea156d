from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges import patterns
from pytest_promptevals.judges.build import JudgeParameterError
from tests.unit.judges.grading import WHERE, explain, passes

ENGINES = pytest.mark.parametrize("engine", ["linear", "python"])


@ENGINES
def test_a_pattern_is_searched_anywhere(engine: str) -> None:
    assert passes("regex", r"[A-Z]-\d+", output="Order A-17 is late.", engine=engine)
    assert not passes("regex", r"^[A-Z]-\d+", output="Order A-17 is late.", engine=engine)


@ENGINES
def test_the_whole_output_must_match_on_demand(engine: str) -> None:
    assert passes("regex", "a|ab", output="ab", full=True, engine=engine)
    assert not passes("regex", "a|b", output="ab", full=True, engine=engine)


@ENGINES
def test_case_is_ignored_on_demand(engine: str) -> None:
    assert passes("regex", "PARIS", output="Paris", ignore_case=True, engine=engine)
    assert not passes("regex", "PARIS", output="Paris", engine=engine)


@ENGINES
def test_flags_stand_in_the_pattern(engine: str) -> None:
    assert passes("regex", "(?s)a.b", output="a\nb", full=True, engine=engine)
    assert not passes("regex", "a.b", output="a\nb", engine=engine)


@ENGINES
def test_half_surrogate_pairs_do_not_disturb(engine: str) -> None:
    assert passes("regex", "end$", output="\ud83d end", engine=engine)


def test_any_of_several_patterns_will_do() -> None:
    assert passes("regex", output="b1", expected=["a[0-9]", "b[0-9]"])
    assert not passes("regex", ["a[0-9]", "b[0-9]"], output="c1")


def test_a_pattern_that_would_never_end_is_answered_at_once() -> None:
    assert not passes("regex", "(a+)+$", output="a" * 100_000 + "!")


def test_the_dollar_is_the_very_end_for_the_linear_engine() -> None:
    assert not passes("regex", "a$", output="a\n")
    assert passes("regex", "a$", output="a\n", engine="python")


def test_the_python_engine_knows_look_around_and_backreferences() -> None:
    assert passes("regex", r"(?<=a)b", output="ab", engine="python")
    assert passes("regex", r"(\w)\1", output="hello", engine="python")


def test_the_python_engine_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_SECONDS", 0.5)
    with pytest.raises(JudgeError) as caught:
        passes("regex", "(a+)+$", output="a" * 40 + "!", engine="python")
    assert str(caught.value) == (
        f"{WHERE}: judge 'regex': the pattern \"(a+)+$\" was stopped after 0.5 s on an output of 41 characters; "
        "simplify it, or leave `engine: python` out"
    )


def test_the_python_engine_works_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    run: Any = subprocess.run

    def watch(command: list[str], **options: Any) -> Any:
        started.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", watch)
    assert passes("regex", "a", output="a")
    assert started == []
    assert passes("regex", "a", output="a", engine="python")
    assert [command[:3] for command in started] == [[sys.executable, "-I", "-S"]]


def test_the_explanation_quotes_pattern_and_output() -> None:
    assert explain("regex", r"\d", output="none") == r'pattern "\d" not found in the output "none"'
    assert explain("regex", ["a", "b"], output="none", full=True) == (
        'pattern one of "a", "b" does not match the whole of the output "none"'
    )
    assert explain("regex", "o", output="one") == 'pattern "o" found'


def test_a_bad_pattern_is_refused_when_the_judge_is_built() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes("regex", ["a", "[b"], output="a")
    assert str(caught.value) == "judge 'regex': the pattern \"[b\" cannot be used: unclosed character class"
    with pytest.raises(JudgeParameterError, match="cannot be used: unterminated character set at position 1"):
        passes("regex", "a[b", output="a", engine="python")


def test_a_pattern_too_large_to_build_is_refused() -> None:
    with pytest.raises(JudgeParameterError, match="Compiled regex exceeds size limit"):
        passes("regex", r"\w{5000}", output="a")


def test_a_pattern_beyond_the_linear_engine_gets_advice() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes("regex", "(?!a)", output="a")
    assert str(caught.value) == (
        "judge 'regex': the pattern \"(?!a)\" cannot be used: look-around, including look-ahead and look-behind, "
        "is not supported; rewrite it, put `not:` before the judge, or set `engine: python`, which is slower"
    )


def test_a_bad_expected_pattern_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("regex", output="a", expected="[b")
    assert str(caught.value) == (
        f"{WHERE}: judge 'regex': `expected` must be a pattern, but the pattern \"[b\" cannot be used: "
        "unclosed character class"
    )

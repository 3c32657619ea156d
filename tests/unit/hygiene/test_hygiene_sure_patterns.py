"""Patterns that are found in every text: proved, or not claimed."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.hygiene.sure_patterns import is_in_every_text
from pytest_promptevals.judges.regex_engines import compile_linear


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".*",
        "x*",
        "X?y{0,3}",
        "x*?",
        "(x|yz)*",
        "(?:x*|y)z?",
        "|x",
        "(x*)+",
        "(?P<name>(?i:x)?)",
        "^",
        "$",
        "^.*",
        "x*$",
        "(?s)^.*$",
        r"^[\s\S]*$",
        "(?m)^",
    ],
)
def test_a_pattern_that_may_be_empty_is_found_in_every_text(pattern: str) -> None:
    assert is_in_every_text(pattern, full=False)


@pytest.mark.parametrize(
    "pattern",
    [
        "x",
        ".",
        ".+",
        "(?s).",
        "x*y",
        "(x|y)",
        "x{1,}",
        "[^<>]",
        "^$",
        "^.*$",
        "^[^<>]*$",
        "(?s)^.{0,500}$",
        "(?m)^x*$",
        "x*^",
        "$x*",
        r"x*\b",
        r"^(?!.*sorry)",
        r"(?s)\A(?!.*as an AI)",
        "(?=x)",
        "(?=)",
        "(?!x)",
        "(?<=x)",
        "(?<!x)",
        r"(x)?\1",
        r"(x)?(?(1)y|z)",
        "^^",
        r"\p{L}*",
        "(",
        "[[a]*",
        "[x&&[^x]*",
    ],
)
def test_a_pattern_that_may_not_be_found_is_not_claimed(pattern: str) -> None:
    assert not is_in_every_text(pattern, full=False)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?s).*",
        "(?s:.*)",
        "(?s).*?",
        "(?s)^x*.*y?$",
        r"[\s\S]*",
        r"[\d\D]*",
        r"[x\w\W]*",
        r"(?:.|\n)*",
        "(.|\n|x)*",
        "(?s:.)*",
        "((?s:.*))",
        "(?s)x|.*",
    ],
)
def test_a_pattern_that_takes_whatever_there_is_matches_every_text(pattern: str) -> None:
    assert is_in_every_text(pattern, full=True)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".*",
        "x*",
        "(?s).+",
        "(?s).{0,9}",
        "(?s)x.*",
        r"[\s\d]*",
        r"[^\s\S]*",
        r"[\w\S]*",
        "(?s:(?-s:.*))",
        "(?s:(?-s:.))*",
        "(?:.|x)*",
        r"(?:x|\n)*",
        r"(?:..|\n)*",
        "(?s:..)*",
        "(?s)(.x)*",
        "x|y*",
    ],
)
def test_a_pattern_that_leaves_something_over_is_not_claimed_for_the_whole_text(pattern: str) -> None:
    assert not is_in_every_text(pattern, full=True)


_PIECES = ["", ".", "x", "^", "$", "(?:x|)", "x*", ".*", "(?s:.)", r"\b", "(?!x)", "(?=.)", r"[\s\S]", "[^x]", "\n"]
_PATTERNS = st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(["", "|"])), max_size=5).map(
    lambda pairs: "".join(itertools.chain.from_iterable(pairs))
)
_STARRED = st.tuples(_PATTERNS, st.sampled_from(["*", "?", "+", "*?", "{0,2}", "*+", ""])).map(
    lambda pair: f"(?:{pair[0]}){pair[1]}"
)


@given(st.lists(st.one_of(_PATTERNS, _STARRED), max_size=3).map("".join), st.text("xy \n<", max_size=6), st.booleans())
def test_what_is_claimed_is_true(pattern: str, text: str, full: bool) -> None:
    compiled = re.compile(pattern)
    found = compiled.fullmatch(text) if full else compiled.search(text)
    is_sure = is_in_every_text(pattern, full=full)

    assert found is not None or not is_sure
    if is_sure and not re.search(r"\(\?[!=]", pattern):  # which the linear engine does not know
        assert compile_linear(pattern, full=full)(text)

from __future__ import annotations

import re

import pytest

from pytest_promptevals.datasets.importers.javascript_escapes import PatternError
from pytest_promptevals.datasets.importers.javascript_patterns import translate
from pytest_promptevals.datasets.importers.regex_dialects import LINEAR, PYTHON
from pytest_promptevals.judges.regex_engines import compile_linear

# What node 20 says: pattern, texts in which it is found, texts in which it is not.
CASES = [
    ("^a.b$", ["axb", "a\tb"], ["a\rb", "a\u2028b", "a\nb", "axb\n"]),
    ("bar$", ["bar"], ["bar\n"]),
    ("a\\sb", ["a\ufeffb", "a b", "a\u2028b"], ["a\x85b", "a\x1cb", "ab"]),
    ("a\\Sb", ["a\x85b", "axb"], ["a\ufeffb", "a b"]),
    ("^[\\s.]$", ["\ufeff", "."], ["\x85", "s"]),
    ("^[\\Sx]$", ["\x85", "y"], ["\ufeff", " "]),
    ("^[^\\s]$", ["\x85", "y"], ["\ufeff", " "]),
    ("^\\d$", ["1"], ["\u0661"]),
    ("^[\\d-]+$", ["1-2"], ["\u0661"]),
    ("^\\D$", ["\u0661", "a"], ["1"]),
    ("^[\\D1]$", ["1", "\u0661"], ["2"]),
    ("^\\w+$", ["a_1"], ["\u00e9"]),
    ("^[\\W_]$", ["\u00e9", "_", "-"], ["a", "1"]),
    ("\\bt", ["\u00e9t", "t"], ["at"]),
    ("^\\B", [""], ["a"]),
    ("\\<b\\>", ["<b>"], ["b"]),
    ("\\Abc\\z\\Z", ["AbczZ"], ["bc"]),
    ("^\\p{L}$", ["p{L}"], ["\u00e9"]),
    ("^\\u{2}\\h\\x$", ["uuhx"], ["\x02hx"]),
    ("^\\x41\\u00e9\\cA\\0\\101\\8$", ["A\u00e9\x01\x00A8"], ["x41"]),
    ("^\\c$", ["\\c"], ["c"]),
    ("^[a-z&&[^b]]$", ["b]", "&]"], ["c"]),
    ("^[[:alpha:]]$", ["a]", "[]"], ["a"]),
    ("^[a~~b||d]+$", ["~|", "ab"], ["e"]),
    ("^[+--]+$", ["+,-"], ["."]),
    ("^[]abc]$", [], ["a", "]", "abc]"]),
    ("^[^]$", ["\n", "a"], [""]),
    ("^[\\s\\S]$", ["\n", "a"], [""]),
    ("^[^\\d\\D]$", [], ["1", "a"]),
    ("^[\\b]$", ["\x08"], ["b"]),
    ("^[\\w-z]+$", ["a-"], ["."]),
    ("^[a^-]+$", ["a^-"], ["b"]),
    ("^[+-\\-]+$", ["+,-"], ["."]),
    ("^[\\]\\\\]+$", ["]\\"], ["a"]),
    ("^[\\u0080-\\uffff]+$", ["\u00e9\U0001f600"], ["a"]),
    ("^[\\u0080-\\ufffe]+$", ["\u00e9\U0001f600"], ["\uffff"]),
    ("^a{,3}]}$", ["a{,3}]}"], ["a"]),
    ("^a{2,3}?b{1}$", ["aab"], ["ab"]),
    ("^\\ud83d\\ude00$", ["\U0001f600"], ["a"]),
    ("^(?<x>a|b)(?:c)$", ["ac"], ["c"]),
]
LOOKING = [
    ("^(?!foo)\\w+$", ["bar"], ["bar\n", "foo"]),
    ("(?<=a)b(?<!ab)", [], ["ab"]),
    ("(?<x>a)\\k<x>\\1", ["aaa"], ["aa"]),
    ("^(?:(a)|b)\\1$", ["aa", "b"], ["a", "ba"]),
    ("(?=a)*b", ["b"], ["a"]),
]


@pytest.mark.parametrize(("pattern", "found", "missed"), CASES)
def test_a_pattern_matches_in_the_linear_engine_what_it_matches_in_javascript(
    pattern: str, found: list[str], missed: list[str]
) -> None:
    written = translate(pattern, LINEAR)
    search = compile_linear(written.text)

    assert not written.needs_python
    assert [text for text in (*found, *missed) if search(text)] == found


@pytest.mark.parametrize(("pattern", "found", "missed"), CASES + LOOKING)
def test_a_pattern_matches_in_python_what_it_matches_in_javascript(
    pattern: str, found: list[str], missed: list[str]
) -> None:
    search = re.compile(translate(pattern, PYTHON).text).search

    assert [text for text in (*found, *missed) if search(text)] == found


@pytest.mark.parametrize("pattern", [pattern for pattern, _, _ in LOOKING])
def test_a_pattern_that_looks_around_or_back_needs_python(pattern: str) -> None:
    assert translate(pattern, LINEAR).needs_python


@pytest.mark.parametrize("pattern", ["a+b*", "^[Hh]ello", '[^"]+', "\\$5?\\/\\-", "(?:a|b){2}$", "a\\n[\\t]"])
def test_a_pattern_that_means_the_same_stays_as_it_is(pattern: str) -> None:
    assert translate(pattern, LINEAR).text == pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?i)abc", "'(?i)' begins no group of JavaScript's"),
        ("(?x)a b", "'(?x)' begins no group of JavaScript's"),
        ("(?P<x>a)", "'(?P<' begins no group of JavaScript's"),
        ("(?>a)", "'(?>a' begins no group of JavaScript's"),
        ("^a++$", "there is nothing that '+' could repeat"),
        ("*", "there is nothing that '*' could repeat"),
        ("a|{2}", "there is nothing that '{' could repeat"),
        ("(?:+)", "there is nothing that '+' could repeat"),
        ("^*", "'*' repeats what cannot be repeated"),
        ("\\b+", "'+' repeats what cannot be repeated"),
        ("(?<=a)+", "'+' repeats what cannot be repeated"),
        ("a{3,2}", "the numbers in '{3,2}' are out of order"),
        ("^[a--b]$", "the range 'a' to '-' is out of order"),
        ("[\U0001f600-\U0001f60e]", "the range '\U0001f600' to '\U0001f60e' is out of order"),
        ("[a", "a '[' is not closed"),
        ("[a\\", "a '[' is not closed"),
        ("(a", "a '(' is not closed"),
        ("a)", "a ')' closes no group"),
        ("a\\", "it ends with a backslash"),
        ("(?<x>a)\\k<y>", "there is no group 'y'"),
        ("[\\ud83d\\ude00]", "it names halves of characters beyond U+FFFF"),
        ("[\\ud800-\\udfff]", "it names halves of characters beyond U+FFFF"),
        ("\\ud83d", "it names halves of characters beyond U+FFFF"),
        ("\U0001f600+", "it repeats half of a character beyond U+FFFF"),
    ],
)
def test_a_pattern_that_javascript_or_no_engine_here_can_read_is_told(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError) as raised:
        translate(pattern, LINEAR)

    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("pattern", "counts"),
    [
        ("a.b", True),
        ("a.*b", False),
        ("a.+?b", False),
        ("a.{1,}b", False),
        ("a.{2}b", True),
        (".?", True),
        ("\\S", True),
        ("\\d\\w", False),
        ("[^a]", True),
        ("[^a]*", False),
        ("[\\s\\S]", True),
        ("[^\\S]", False),
        ("[\\u0080-\\uffff]", True),
        ("[a-z]", False),
        ("[\U0001f600]+", True),
        ("\U0001f600", False),
    ],
)
def test_a_pattern_tells_whether_it_counts_characters_that_are_two_in_javascript(pattern: str, counts: bool) -> None:
    assert translate(pattern, LINEAR).counts_pairs is counts

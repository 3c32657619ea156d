from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files import strict_json
from pytest_promptevals.files.strict_json import MAX_DEPTH, parse_json


def problem_of(text: str) -> str:
    with pytest.raises(FileProblem) as caught:
        parse_json(text, "a.jsonl", 10)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
        ('"\\ud83d\\ude00 \\u00e9"', "😀 é"),
        ("1e300", 1e300),
        (str(10**300), 10**300),
        ('{"a": {"b": 1}, "b": 1}', {"a": {"b": 1}, "b": 1}),
        ('"' + "[" * 200 + '"', "[" * 200),
        ("[" + "[]," * 200 + "[]]", [[]] * 201),
        ('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH, None),
    ],
)
def test_plain_json_is_read(text: str, value: object) -> None:
    read = parse_json(text, "a.jsonl")
    assert value is None or read == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "a", "id": "b"}', "a.jsonl:10: the key 'id' stands twice, first in line 10; remove one of them"),
        ('{"id": 1,\n"x": {"id": 2},\n\n"id": 3}', "a.jsonl:13: the key 'id' stands twice, first in line 10"),
        ('{"a": {"é": 1,\n"\\u00e9" : 2}}', "a.jsonl:11: the key 'é' stands twice, first in line 10"),
        ('{"a": [true, 1, NaN]}', "a.jsonl:10: NaN is no JSON number; use null or a text"),
        ("[1,\n-Infinity]", "a.jsonl:11: -Infinity is no JSON number; use null or a text"),
        ('{"score":\n\n1e999}', "a.jsonl:12: 1e999 is too large a number; write it as text"),
        ("9" * 5000, "a.jsonl:10: a whole number of 5000 digits is too long; write it as text"),
        ('["ok",\n"\\uD800x"]', "a.jsonl:11: \\ud800 is half of a surrogate pair and no character; remove it"),
        ('"\udc00"', "a.jsonl:10: \\udc00 is half of a surrogate pair and no character; remove it"),
        ('{"a":' * 101 + "1" + "}" * 101, "a.jsonl:10: nested more than 100 levels deep; make the data flatter"),
        ("[" * 100 + "NaN" + "]" * 100, "a.jsonl:10: NaN is no JSON number; use null or a text"),
        ("[" * 100_000, "a.jsonl:10: nested more than 100 levels deep; make the data flatter"),
    ],
)
def test_what_python_would_let_through_is_refused_with_its_line(text: str, message: str) -> None:
    assert problem_of(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"id": "a"} x',
            "a.jsonl:10: column 13: text after the end of the JSON value; put one value here, and no more",
        ),
        ('{"id": "a",}', "a.jsonl:10: no valid JSON: expecting property name enclosed in double quotes at column 12"),
        ("{\"a\":\n'b'}", "a.jsonl:11: no valid JSON: expecting value at column 1"),
        ('"a\x01"', "a.jsonl:10: no valid JSON: invalid control character at column 3"),
        ("", "a.jsonl:10: no valid JSON: expecting value at column 1"),
        ("NaN]", "a.jsonl:10: column 4: text after the end of the JSON value; put one value here, and no more"),
    ],
)
def test_bad_syntax_is_named_with_its_place(text: str, message: str) -> None:
    assert problem_of(text) == message


def test_a_parser_that_runs_out_of_stack_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted(json.JSONDecoder):
        def decode(self, s: str, *_: object) -> Any:
            raise RecursionError(s)

    monkeypatch.setattr(strict_json, "_DECODER", Exhausted())
    assert problem_of("[[]]") == "a.jsonl:10: nested too deep to be read here; make the data flatter"

from __future__ import annotations

import json

import pytest

from pytest_promptevals.cache.entries import Entry, check_line, decode_response, encode_response, read_line
from pytest_promptevals.cache.keys import canonical_json, text_key
from pytest_promptevals.errors import CodecError, FileProblem
from pytest_promptevals.records.responses import Response, ToolCall
from tests.support.sample_results import make_full_result
from tests.unit.cache.asking import make_entry, respond

PLACE = ("rec.jsonl", 7, "do this")


def problem_of(line: str) -> str:
    with pytest.raises(FileProblem) as caught:
        read_line(line, *PLACE)
    return str(caught.value)


def test_a_response_comes_out_as_it_went_in_but_for_the_mark_that_it_was_cached() -> None:
    for trial in make_full_result().trials:
        if trial.response is not None:
            read = decode_response(encode_response(trial.response))
            assert read.cached
            assert encode_response(read) == encode_response(trial.response)
            assert (read.text, read.usage, read.cost) == (
                trial.response.text,
                trial.response.usage,
                trial.response.cost,
            )


def test_that_it_was_cached_is_not_stored() -> None:
    assert "cached" not in encode_response(Response("a", cached=True))


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"text":1}', '{"text":"a","news":1}', "[" * 100_000])
def test_a_response_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(CodecError):
        decode_response(text)


def test_an_entry_is_one_line_and_comes_out_of_it_as_it_was() -> None:
    entry = make_entry("Größe\n\u2028 \ud800 end", "\udfff\n")

    assert "\n" not in entry.to_line()
    assert read_line(entry.to_line(), *PLACE) == entry
    assert check_line(entry.to_line(), *PLACE) == entry


def test_a_line_that_was_formatted_is_read_all_the_same() -> None:
    entry = make_entry()
    data = json.loads(entry.to_line())

    assert read_line(json.dumps(dict(reversed(data.items())), indent=None), *PLACE) == entry


def test_keys_named_like_those_of_the_line_may_stand_inside_of_it() -> None:
    inner = {"a": {"trial": 1}, "response": {"text": "x"}, "request": {}}
    request = canonical_json({"parameters": inner, "trial": 1})
    response = encode_response(respond(tool_calls=(ToolCall("f", {"a": 1, "response": {"b": 2}}),)))
    entry = Entry(text_key(request), request, response)

    assert read_line(entry.to_line(), *PLACE) == entry


def test_a_merge_conflict_is_named() -> None:
    assert problem_of("<<<<<<< HEAD") == "rec.jsonl:7: a merge conflict is not resolved: '<<<<<<< HEAD'; do this"


def test_a_damaged_line_is_named() -> None:
    line = make_entry().to_line()

    assert problem_of(line[:-3]) == "rec.jsonl:7: no valid JSON: expecting ',' delimiter at column 368; do this"
    assert problem_of('{"key": 1}') == (
        "rec.jsonl:7: no recorded response with 'key', 'request' and 'response', but '{\"key\": 1}'; do this"
    )
    assert "no recorded response" in problem_of("[]")
    assert "no recorded response" in problem_of('{"key":"a","request":[],"response":{}}')
    assert problem_of(line.replace('"hi"', '"ho"')) == (
        f"rec.jsonl:7: key {make_entry().key!r} is not that of the request, which is {make_entry('ho').key!r}; do this"
    )
    assert problem_of(line.replace('"cost"', '"costs"').replace('{"key":', '{ "key":')) == (
        "rec.jsonl:7: Response: unknown field 'costs'; do this"
    )


def test_a_line_with_a_surrogate_is_checked_as_well() -> None:
    line = make_entry("\ud800").to_line()

    assert problem_of(line[:-2]) == (
        "rec.jsonl:7: no valid JSON: Expecting ',' delimiter: line 1 column 377 (char 376); do this"
    )
    assert "cannot be kept" in problem_of(line.replace("0.25", "NaN").replace('{"key":', '{ "key":'))

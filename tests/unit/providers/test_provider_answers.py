from __future__ import annotations

import pytest

from pytest_promptevals.providers.answers import Answer, parse_body, read_error
from pytest_promptevals.providers.texts import clean_text, shorten
from pytest_promptevals.providers.wire import UnreadableAnswerError


def test_a_body_is_parsed() -> None:
    assert parse_body(b'{"a": 1, "error": null}') == {"a": 1, "error": None}


@pytest.mark.parametrize(
    ("content", "text", "is_retryable"),
    [
        (b"", "answered with nothing", True),
        (
            b"\xef\xbb\xbf<!DOCTYPE html><h1 class=x>Log in</h1>",
            "answered with a web page (Log in) instead of JSON",
            False,
        ),
        (b'{"a": "bc', 'answered with JSON that is damaged or cut off: \'\u2026{"a": "bc\'', True),
        (b'{"a":\n "bc', 'answered with JSON that is damaged or cut off: \'\u2026{"a": "bc\'', True),
        (b'{"a": "\xff"}', 'answered with JSON that is damaged or cut off: \'\u2026{"a": "\ufffd"}\'', True),
        (b"OK\n", "answered with something that is no JSON: 'OK'", True),
        (b"[1]", "answered with a JSON list where an object should be", False),
        (b'"x"', "answered with a JSON text where an object should be", False),
        (b"null", "answered with a JSON null where an object should be", False),
        (b"true", "answered with a JSON true or false where an object should be", False),
        (b"1.5", "answered with a JSON number where an object should be", False),
        (b'{"error": {"message": "broke", "code": 502}}', "answered with an error: broke", True),
        (b'{"error": {"message": "broke", "code": 400}}', "answered with an error: broke", False),
        (b'{"error": {"message": "broke", "code": true}}', "answered with an error: broke", False),
        (b'{"error": {"message": "broke", "code": "server_error"}}', "answered with an error: broke", True),
        (b'{"error": "Unexpected endpoint"}', "answered with an error: Unexpected endpoint", False),
        (b'{"error": {"odd": 1}}', 'answered with an error: {"odd": 1}', False),
    ],
)
def test_an_answer_that_is_none_is_explained(content: bytes, text: str, *, is_retryable: bool) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        parse_body(content)
    assert str(caught.value) == text
    assert (caught.value.retryable, caught.value.is_overload, caught.value.is_exhausted) == (is_retryable, False, False)


def test_an_error_in_a_good_answer_may_be_overload() -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        parse_body(b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}')
    assert (caught.value.retryable, caught.value.is_overload, caught.value.is_exhausted) == (True, True, False)


def test_an_error_in_a_good_answer_may_be_the_end_of_the_money() -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        parse_body(b'{"error": {"message": "Insufficient credits", "code": 402}}')
    assert (caught.value.retryable, caught.value.is_overload, caught.value.is_exhausted) == (False, False, True)


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b'{"error": {"message": "too warm"}}', "Bad Request", "too warm"),
        (b'{"odd": 1}', "Bad Request", '{"odd": 1}'),
        (b"[1]", "Bad Request", "[1]"),
        (b"no\nJSON", "Bad Request", "no JSON"),
        (b" <html><title>Log\nin</title>", "Bad Request", "Log in"),
        (b"", "Bad Request", "Bad Request"),
        (b"", "", "no further word"),
    ],
)
def test_what_a_server_says_is_found(content: bytes, reason: str, message: str) -> None:
    assert read_error(Answer(400, reason, {}, content)).message == message


def test_shortened_text_is_one_line() -> None:
    assert shorten("a\n b\ud800  c", 20) == "a b\ufffd c"
    assert shorten("abcdef", 4) == "abc\u2026"


def test_lone_surrogates_are_replaced() -> None:
    assert clean_text("a\ud800b\udfff \U0001f600") == "a\ufffdb\ufffd \U0001f600"

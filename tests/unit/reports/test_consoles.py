"""Text for consoles whose encoding has not all of Unicode."""

from __future__ import annotations

import io

import pytest

from pytest_promptevals.reports.consoles import PLAIN_SIGNS, console_text


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "é … → · 日"),
        ("cp1252", r"é … -> · \u65e5"),
        ("cp437", r"é ... -> · \u65e5"),
        ("ascii", r"\xe9 ... -> | \u65e5"),
        ("no such encoding", r"\xe9 ... -> | \u65e5"),
    ],
)
def test_signs_have_a_form_in_ascii_and_letters_are_escapes(encoding: str, shown: str) -> None:
    assert console_text("é … → · 日", encoding) == shown


def test_half_of_a_surrogate_pair_is_an_escape_in_every_encoding() -> None:
    assert console_text("a\ud800", "utf-8") == r"a\ud800"


def test_a_stream_writes_the_same() -> None:
    binary = io.BytesIO()
    stream = io.TextIOWrapper(binary, "cp1252", errors=PLAIN_SIGNS)

    stream.write("0.90 → 0.10")
    stream.flush()

    assert binary.getvalue() == b"0.90 -> 0.10"


def test_what_cannot_be_read_is_an_error_as_ever() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", PLAIN_SIGNS)

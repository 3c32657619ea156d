"""Vectors as text, and back."""

from __future__ import annotations

import math
import sys
from array import array

import pytest

from pytest_promptevals.errors import CodecError
from pytest_promptevals.records import embeddings
from pytest_promptevals.records.codec import decode, encode, from_plain
from pytest_promptevals.records.embeddings import decode_vector, encode_vector
from pytest_promptevals.records.responses import Response


def test_a_vector_comes_back_with_the_precision_of_32_bits() -> None:
    numbers = [0.1, -2.5, 1e-20, 3e38]

    assert list(decode_vector(encode_vector(numbers))) == list(array("f", numbers))


def test_the_bytes_are_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a cache that is shared between machines would give other scores on one of them."""
    assert encode_vector([1.0, -2.0]) == "AACAPwAAAMA="

    monkeypatch.setattr(embeddings, "sys", type("machine", (), {"byteorder": "big"}))
    swapped = array("f", [1.0])
    swapped.byteswap()
    # There the numbers lie the other way round in memory.
    assert list(decode_vector("AACAPw==")) == list(swapped)
    assert sys.byteorder == "little"


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([], "it has no numbers"),
        *(([1.0, bad], "it holds a number that is not finite") for bad in (math.nan, math.inf, 1e39)),
    ],
)
def test_what_is_no_vector_is_not_written(numbers: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        encode_vector(numbers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no vector: it has no numbers"),
        ("AACAPwA=", "no vector: bytes length not a multiple of item size"),
        ("AADAfw==", "no vector: it holds a number that is not finite"),
        ("{}", "no vector: "),
    ],
)
def test_what_is_no_vector_is_not_read(text: str, message: str) -> None:
    with pytest.raises(CodecError, match=f"^{message}"):
        decode_vector(text)


def test_a_response_keeps_its_vector_and_old_ones_have_none() -> None:
    response = Response("", embedding=encode_vector([1.0, 2.0]))

    assert decode(Response, encode(response)) == response
    assert from_plain(Response, {"text": "hi"}).embedding == ""

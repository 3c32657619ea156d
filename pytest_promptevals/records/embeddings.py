"""Vectors of texts as they are kept: short text, since a vector has a thousand numbers or more."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable
from typing import TypeAlias

from pytest_promptevals.errors import CodecError

Vector: TypeAlias = "array[float]"
"""The numbers of a vector, each with the precision of 32 bits."""


def encode_vector(numbers: Iterable[float]) -> str:
    """Return a vector as ``Response.embedding`` holds it: base64 of its numbers as little-endian 32-bit floats.

    Raises ``ValueError`` for a vector without numbers, or with one that is infinite or none at all.
    """
    vector = array("f", numbers)
    _check(vector)
    return base64.b64encode(_little_endian(vector).tobytes()).decode("ascii")


def decode_vector(text: str) -> Vector:
    """Return the vector in ``Response.embedding``. Raises ``CodecError`` for what is none."""
    vector = array("f")
    try:
        vector.frombytes(base64.b64decode(text, validate=True))
        vector = _little_endian(vector)
        _check(vector)
    except (ValueError, binascii.Error) as error:
        raise CodecError(f"no vector: {error}") from None
    return vector


def _check(vector: Vector) -> None:
    if not vector:
        raise ValueError("it has no numbers")
    if not math.isfinite(sum(vector)):  # that of finite 32-bit floats is finite
        raise ValueError("it holds a number that is not finite")


def _little_endian(vector: Vector) -> Vector:
    """Return the vector with the bytes of its numbers in the order of a little-endian machine, or back again."""
    if sys.byteorder == "little":
        return vector
    swapped = vector[:]
    swapped.byteswap()
    return swapped

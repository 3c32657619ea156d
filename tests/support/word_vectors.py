"""Vectors of texts that count their words: texts with the same words are near to each other."""

from __future__ import annotations

import math
import re
import zlib
from typing import Final

DIMENSIONS: Final = 1536
"""Numbers of a vector where nobody asks for another length; with so many, hardly two words share one."""


def word_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return a vector of length 1, the same for the same words in any process."""
    counts = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [text]:
        counts[zlib.crc32(word.encode()) % dimensions] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]

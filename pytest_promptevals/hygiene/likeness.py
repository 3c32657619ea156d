"""Which texts are nearly the same, among thousands, in seconds.

A text is compared only with the first one of each group so far (leader clustering), and only with those that share
enough of their rarest words: comparing all pairs of 10,000 long texts would take hours.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from rapidfuzz import fuzz, process

LIKE: Final = 90
"""RapidFuzz ``ratio`` from which on two texts are nearly the same."""
SHORTEST: Final = 20
"""Characters from which on texts can be nearly the same: of shorter ones, one letter makes another question."""

_LENGTHS: Final = LIKE / (200 - LIKE)
"""Texts whose lengths have a smaller ratio than this cannot be so alike."""
_MOST_WORK: Final = 20_000_000
"""Work that one dataset may cause, in units of about a microsecond."""
_LENGTH_SQUARED: Final = 100_000
"""Square of a length whose comparison is a unit."""
_HITS: Final = 15
"""Looked-up positions that are a unit."""
_RAREST: Final = 10
_SHARED: Final = 0.5
"""Part of the rarest words that like texts share at least."""
_WORD: Final = re.compile(r"\w+")
_LONG_WORD: Final = 12
"""Mean length of words from which on a script has no spaces between them."""


class Leaders:
    """Texts, each the first of its group, and which of them a further text is like.

    Args:
        texts: all texts that will be asked for.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts = Counter(word for text in texts for word in set(_words(text)))
        self._work = 0.0
        self._texts: list[str] = []
        self._lengths: list[int] = []
        self._numbers: list[int] = []
        self._positions: defaultdict[tuple[Hashable, str], list[int]] = defaultdict(list)

    @property
    def is_exhausted(self) -> bool:
        """Whether comparing has taken so long that nothing more is compared."""
        return self._work > _MOST_WORK

    def find(self, text: str, buckets: Sequence[Hashable]) -> int | None:
        """Return the number of the leader in one of the buckets that the text is most like, if it is like any.

        Texts are added from short to long.
        """
        if self.is_exhausted:
            return None
        rarest = self._rarest(text)
        first = bisect_left(self._lengths, len(text) * _LENGTHS)
        last = bisect_right(self._lengths, len(text) / _LENGTHS)
        positions = {place for bucket in buckets for place in self._candidates(bucket, rarest, first, last)}
        choices = {position: self._texts[position] for position in sorted(positions)}
        self._work += sum(1 + len(choice) ** 2 / _LENGTH_SQUARED for choice in choices.values())
        found = process.extractOne(text, choices, scorer=fuzz.ratio, score_cutoff=LIKE)
        return None if found is None else self._numbers[found[2]]

    def add(self, text: str, buckets: Sequence[Hashable], number: int) -> None:
        """Add a leader, no shorter than the last one."""
        position = len(self._texts)
        self._texts.append(text)
        self._lengths.append(len(text))
        self._numbers.append(number)
        for word in self._rarest(text):
            for bucket in buckets:
                self._positions[bucket, word].append(position)

    def _candidates(self, bucket: Hashable, rarest: Sequence[str], first: int, last: int) -> list[int]:
        hits: Counter[int] = Counter()
        for word in rarest:
            places = self._positions.get((bucket, word), ())
            found = places[bisect_left(places, first) : bisect_left(places, last)]
            self._work += len(found) / _HITS
            hits.update(found)
        needed = _SHARED * len(rarest)
        return [position for position, count in hits.items() if count >= needed]

    def _rarest(self, text: str) -> list[str]:
        # A word that stands in one text only cannot be shared.
        shared = [word for word in set(_words(text)) if self._counts[word] > 1]
        return sorted(shared, key=lambda word: (self._counts[word], word))[:_RAREST]


def is_like(text: str, other: str) -> bool:
    """Return whether two plain texts are equal, or long enough and nearly the same."""
    if text == other:
        return True
    is_long = min(len(text), len(other)) >= SHORTEST
    return is_long and fuzz.ratio(text, other, score_cutoff=LIKE) > 0


def _words(text: str) -> list[str]:
    words = _WORD.findall(text)
    if words and sum(map(len, words)) > _LONG_WORD * len(words):
        return [text[start : start + 2] for start in range(len(text) - 1)]
    return words

"""Characters that nobody sees: those that a text needs stay, and nothing can be smuggled with them."""

from __future__ import annotations

import unicodedata
from typing import Final

import pytest

from pytest_promptevals.judges.model.unseen import show_unseen

VISIBLE_FORMATS: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Unicode calls them formats, but they are seen."""
IGNORABLE: Final = (
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0),
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    *range(0xFFF0, 0xFFF9),
    *range(0xE0000, 0xE1000),
)
"""Default_Ignorable_Code_Point of Unicode 15, but for those of the category Cf."""


def unseen_characters() -> list[str]:
    seen = VISIBLE_FORMATS | set("\t\n\r\x85")
    every = [chr(code) for code in range(0x110000)]
    formats = [one for one in every if unicodedata.category(one) in ("Cc", "Cf") and one not in seen]
    return formats + [chr(code) for code in IGNORABLE]


def test_no_character_that_nobody_sees_stays_between_others() -> None:
    for character in unseen_characters():
        assert show_unseen(f"a {character} b") == f"a [U+{ord(character):04X}] b"


def test_characters_that_are_seen_stay() -> None:
    text = "".join(VISIBLE_FORMATS) + "Gr\u00fc\u00dfe,\t\u4e16\u754c! \u2800\u00a0a\u0301 \U0001f469"
    assert show_unseen(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f469\U0001f3fd\u200d\U0001f680",  # with a colour of skin
        "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
        "\u2764\ufe0f and \u00a9\ufe0e, 1\ufe0f\u20e3 #\ufe0f\u20e3",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u0915\u094d\u200d \u0915",  # Devanagari
        "\u1820\u180b\u1821\u180e\u1820",  # Mongolian
        "\u05e9\u05dc\u05d5\u05dd! \u200e(A-17)\u200f",  # Hebrew
        "12\u061c \u0643\u062a\u0627\u0628",  # Arabic
    ],
)
def test_what_belongs_to_a_writing_stays(text: str) -> None:
    assert show_unseen(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a[U+200D]b"),
        ("\u2764\u200d", "\u2764[U+200D]"),
        ("\u2764\u200dx", "\u2764[U+200D]x"),
        ("\u2764\ufe0f\ufe0f", "\u2764[U+FE0F][U+FE0F]"),
        ("\u2764\ufe0f\u200dx", "\u2764[U+FE0F][U+200D]x"),
        ("\u2764\ufe00", "\u2764[U+FE00]"),
        ("a\ufe0f 1\ufe0f", "a[U+FE0F] 1[U+FE0F]"),
        ("\u0645\u200c\u200c\u0645", "\u0645[U+200C][U+200C]\u0645"),
        ("\u845b\U000e0100", "\u845b[U+E0100]"),
        ("a\u180bb", "a[U+180B]b"),
        ("a\u200eb", "a[U+200E]b"),
        ("\u05d0\u200e\u200f", "\u05d0[U+200E][U+200F]"),
        ("\u05d0" + "a" * 20 + "\u200e", "\u05d0" + "a" * 20 + "[U+200E]"),
        ("\u200e" + "a" * 20 + "\u05d0", "[U+200E]" + "a" * 20 + "\u05d0"),
    ],
)
def test_what_looks_like_a_part_of_a_writing_and_is_none_is_shown(text: str, shown: str) -> None:
    assert show_unseen(text) == shown


def test_a_mark_of_direction_looks_for_letters_on_either_side() -> None:
    for text in ("\u05d0" + "a" * 19 + "\u200e", "\u200e" + "a" * 19 + "\u05d0"):
        assert show_unseen(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Donau\u00addampf", "Donaudampf"),
        ("sys\u200btem\u2060s", "systems"),
        ("\u0e17\u0e35\u0e48\u200b\u0e44\u0e1b", "\u0e17\u0e35\u0e48\u0e44\u0e1b"),  # Thai
        ("a\u00ad\u00adb", "a[U+00AD][U+00AD]b"),
        ("a\u200b b\u00ad", "a[U+200B] b[U+00AD]"),
        ("1\u200b2_\u200bb", "1[U+200B]2_[U+200B]b"),
    ],
)
def test_what_says_only_where_a_line_may_end_is_left_out_between_letters(text: str, shown: str) -> None:
    assert show_unseen(text) == shown


def test_a_long_run_is_cut_short() -> None:
    eight = "".join(f"[U+E010{number}]" for number in range(8))
    run = "".join(chr(0xE0100 + number) for number in range(8))
    assert show_unseen(f"a{run}b") == f"a{eight}b"
    assert show_unseen(f"a{run}\0b") == f"a{eight}[and 1 more unseen characters]b"
    assert show_unseen(run + "\0" * 1200) == f"{eight}[and 1,200 more unseen characters]"


def test_ends_of_lines_become_line_feeds_and_halves_of_surrogates_are_replaced() -> None:
    assert show_unseen("a\r\nb\rc\x85d\u2028e\u2029f\ud83d") == "a\nb\nc\nd\ne\nf\ufffd"

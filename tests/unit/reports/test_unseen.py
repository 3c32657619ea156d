"""Characters that nobody sees are shown; signs that are made of several characters stay as they are."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from pytest_promptevals.reports.words import one_line, portable_json, visible_line, visible_text

SEEN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Unicode calls them format characters, but they have a shape; so do those of hieroglyphs."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("score \u200f1.00 - 0.25", r"score \u200f1.00 - 0.25"),
        ("\u200e\u061c", r"\u200e\u061c"),
        ("soft\xadhyphen", r"soft\xadhyphen"),
        ("zero\u200bwidth\u2060", r"zero\u200bwidth\u2060"),
        ("in\ufeffside", r"in\ufeffside"),
        ("\ufeffbegin", r"\ufeffbegin"),
        ("a\U000e0041\U000e007f", r"a\U000e0041\U000e007f"),
        ("\ufffe\uffff\ufdd0\U0001ffff", r"\ufffe\uffff\ufdd0\U0001ffff"),
        ("\u3164\u115f\u180e", r"\u3164\u115f\u180e"),
        ("pass\u200dword pass\u200cword", r"pass\u200dword pass\u200cword"),
        ("\u200d", r"\u200d"),
        ("\U0001f468\u200d", "\U0001f468" + r"\u200d"),
        ("a\ufe0f", r"a\ufe0f"),
        ("\u2764\ufe0f\ufe01\ufe02", "\u2764\ufe0f" + r"\ufe01\ufe02"),
        ("\u0645\u200f\u200d\u0645", "\u0645" + r"\u200f\u200d" + "\u0645"),
    ],
)
def test_what_nobody_sees_is_an_escape(text: str, shown: str) -> None:
    assert visible_text(text) == shown
    assert visible_line(text) == one_line(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u2764\ufe0f\u200d\U0001f525",
        "1\ufe0f\u20e3 #\ufe0f\u20e3 \xa9\ufe0f",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u05d0\u05d1\u05d2 abc \u0645\u0631",
        "Gr\xf6\xdfe, \u8a55\u4fa1, \U0001f1e9\U0001f1ea",
    ],
)
def test_emoji_and_scripts_that_need_joiners_stay_readable(text: str) -> None:
    assert visible_text(text) == text


def test_no_format_character_without_a_shape_is_left() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    left = {
        sign for sign in every if unicodedata.category(sign) == "Cf" and sign not in SEEN and visible_text(sign) == sign
    }

    assert all(unicodedata.name(sign).startswith("EGYPTIAN HIEROGLYPH") for sign in left)


def test_json_means_the_same_with_escapes() -> None:
    data = ["\u200f\U000e0041\ufffe", "\U0001f468\u200d\U0001f469"]

    written = portable_json(data)

    assert written.isascii() is False, "what is seen stays as it is"
    assert not any(sign in written for sign in "\u200f\u200d\ufffe\U000e0041")
    assert json.loads(written) == data

"""Texts that look the same to a reader made the same."""

from __future__ import annotations

from unicodedata import normalize


def compose(text: str) -> str:
    """Return the text in Unicode normalisation form C: é is one character however it was typed."""
    return normalize("NFC", text)


def compose_caseless(text: str) -> str:
    """Return the text for comparison without regard to case (Unicode Standard, section 3.13, D145)."""
    return normalize("NFC", normalize("NFD", text).casefold())


def normal_form(text: str, *, ignore_case: bool) -> str:
    """Return the text as it is compared."""
    return compose_caseless(text) if ignore_case else compose(text)

"""Criteria of conversations that have a name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from pytest_promptevals.judges.criteria import check_sentence, is_file_name, is_one_word

NAMED: Final[Mapping[str, str]] = {
    "knowledge_retention": (
        "The assistant keeps in mind what the user told it. It does not ask again for what was said, forgets no wish "
        "or constraint, and says nothing that contradicts it."
    ),
    "role_adherence": (
        "The assistant stays in the role that the system message, or else its own first turn, gives it: what it is, "
        "what it may do and how it speaks, also where the user tries to talk it out of that."
    ),
    "completeness": (
        "Each thing that the user asked for in the course of the conversation was dealt with by its end, or openly "
        "declined with a reason. Nothing was dropped on the way."
    ),
    "relevance": (
        "Each of the assistant's turns answers what the user just said, as it is to be understood after all that went "
        "before, and holds nothing that has nothing to do with it."
    ),
}
"""What is judged, by name."""
_CLOSE: Final = 0.8
_ONE_NAME: Final = re.compile(r"[a-z]+(_[a-z]+)*")


def read_criteria(text: str) -> str:
    """Return the criteria of that name, or the text itself if it is the user's own words.

    Raises ``ValueError`` if it is one word, looks like a misspelled name, or names a file.
    """
    name = re.sub(r"[\s_-]+", "_", text.strip().lower())
    if name in NAMED:
        return NAMED[name]
    close = difflib.get_close_matches(name, NAMED, n=1, cutoff=_CLOSE) if _ONE_NAME.fullmatch(name) else []
    if close or (is_one_word(text) and not is_file_name(text)):
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"there are no criteria {text.strip()!r}.{hint} Known: {', '.join(NAMED)}; or write a sentence of your own"
        )
    return check_sentence(text)

"""How users name what a run is compared with: the words, prefixes and names of ``--evals-baseline``."""

from __future__ import annotations

import re
from typing import Final

from pytest_promptevals.errors import did_you_mean

FILE: Final = "file"
"""The committed baseline of each eval file, or else the last results without a regression."""
COMMITTED: Final = "the baseline"
"""What a committed baseline is called in reports."""
LAST_GOOD: Final = "the last results without a regression"
"""What those are called."""
LATEST: Final = "latest"
"""The newest finished run."""
MERGE_BASE: Final = "merge-base"
"""The newest run at the commit where HEAD left the default branch, or at its nearest recorded ancestor."""
WORDS: Final = (FILE, LATEST, MERGE_BASE)

RUN: Final = "run"
NAME: Final = "name"
BRANCH: Final = "branch"
COMMIT: Final = "commit"
PREFIXES: Final = (RUN, NAME, BRANCH, COMMIT)
"""What may stand before a colon, in the order in which a reference without one is looked up."""

_NAME: Final = re.compile(r"\w[\w.-]{0,99}")
_RUN: Final = re.compile(r"\d{8}(?:-\d{0,6}(?:-[0-9a-f]{0,6})?)?")
_FEW_DIGITS: Final = re.compile(r"\d{1,7}")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
_EVAL_FILE: Final = (".py", ".yaml", ".yml", ".jsonl", ".json")


def split_reference(text: str) -> tuple[str, str]:
    """Return prefix and rest of a reference; the prefix is empty where it has none."""
    prefix, colon, rest = text.partition(":")
    return (prefix, rest) if colon else ("", text)


def looks_like_run(text: str) -> bool:
    """Return whether a text is a run's id, or a beginning of one with its whole date."""
    return _RUN.fullmatch(text) is not None


def may_begin_run(text: str) -> bool:
    """Return whether a run's id may begin so, though a branch or a name might as well: ``2026`` is four digits."""
    return looks_like_run(text) or _FEW_DIGITS.fullmatch(text) is not None


def looks_like_commit(text: str) -> bool:
    """Return whether a text may be the hash of a commit, or enough of its beginning."""
    return _COMMIT.fullmatch(text) is not None


def check_reference(text: str) -> None:
    """Raise ``ValueError`` where a text cannot be a reference, whatever the history holds."""
    prefix, rest = split_reference(text)
    if prefix and prefix not in PREFIXES:
        raise ValueError(f"{text!r} begins with the unknown prefix {prefix!r}.{did_you_mean(prefix, PREFIXES)}")
    if not rest:
        raise ValueError(f"{text!r} names no baseline; write {', '.join(WORDS)}, a run, a name, a branch or a commit.")


def check_name(text: str) -> None:
    """Raise ``ValueError`` where a run cannot be saved under that name."""
    if text in WORDS:
        raise ValueError(f"{text!r} cannot be a name: as a baseline it has a meaning of its own; choose another.")
    if looks_like_run(text) or looks_like_commit(text):
        raise ValueError(f"{text!r} cannot be a name: it looks like a run or a commit; choose another.")
    if text.endswith(_EVAL_FILE) or "::" in text or "/" in text:
        raise ValueError(f"{text!r} is no file that exists, and cannot be the name of a baseline.")
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} cannot be a name: a name has letters, digits, '.', '_' and '-' only, and begins with a letter "
            "or digit."
        )

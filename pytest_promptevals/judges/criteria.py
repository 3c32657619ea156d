"""What a text of the user's is meant as: the name of a rubric, the name of a file, or criteria."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from pytest_promptevals.files.yaml import parse_yaml

LIBRARY: Final = "pytest_promptevals.judges.rubrics"
"""The package that holds the templates, one file each."""
TEMPLATE_ENDINGS: Final = (".yaml", ".yml")
"""How names of files with rubrics end."""
_FILE_ENDINGS: Final = (*TEMPLATE_ENDINGS, ".md", ".txt")
_FILE_SCHEME: Final = "file://"
_CLOSE: Final = 0.6


def spell_name(name: str) -> str:
    """Return a name as all spellings of it are: in lower case, with ``_`` for spaces and hyphens."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


@functools.cache
def library_names() -> Mapping[str, str]:
    """Return the ids of the library's rubrics by all names that they are found by, as ``spell_name`` spells them.

    The rubrics are not checked: this is for the errors of judges that need none.
    """
    names: dict[str, str] = {}
    for file in sorted(resources.files(LIBRARY).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(TEMPLATE_ENDINGS):
            rubric: Any = parse_yaml(file.read_text(encoding="utf-8"), file.name).value
            names |= {spell_name(name): rubric["id"] for name in (rubric["id"], *rubric.get("aliases", ()))}
    return names


def unknown_rubric(name: str) -> str:
    """Return the sentences that say that the library has no such rubric, and which it has."""
    known = library_names()
    close = difflib.get_close_matches(spell_name(name), known, n=1, cutoff=_CLOSE)
    hint = f"Did you mean {known[close[0]]!r}?" if close else f"Known: {', '.join(sorted(set(known.values())))}."
    return f"there is no rubric {name.strip()!r}. {hint}"


def is_one_word(text: str) -> bool:
    """Return whether a text is a single word, which says too little to judge by.

    Chinese, Japanese and Thai are written without spaces: only what is all ASCII counts as a word.
    """
    text = text.strip()
    return text.isascii() and len(text.split()) == 1


def is_file_name(text: str) -> bool:
    """Return whether a text names a file: one line that ends as such names do, or begins with ``file://``."""
    text = text.strip()
    return "\n" not in text and (text.lower().endswith(_FILE_ENDINGS) or text.startswith(_FILE_SCHEME))


def is_template_name(text: str) -> bool:
    """Return whether a text names a file with a rubric."""
    text = text.strip()
    return is_file_name(text) and text.lower().endswith(TEMPLATE_ENDINGS) and not text.startswith(_FILE_SCHEME)


def refuse_file_name(text: str) -> str:
    """Return the text. Raises ``ValueError`` if it names a file that is no rubric."""
    if not is_file_name(text) or is_template_name(text):
        return text
    name = text.strip().removeprefix(_FILE_SCHEME)
    if is_template_name(name):
        raise ValueError(f"a rubric in a file is written `template: {name}`, not {text.strip()!r}")
    raise ValueError(
        f"{text.strip()!r} looks like the name of a file, which is not read here: a rubric of your own is a YAML file, "
        "written `template: FILE.yaml`; end a sentence with a full stop"
    )


def check_sentence(text: str) -> str:
    """Return criteria or a question in the user's own words. Raises ``ValueError`` for one word, or a file's name."""
    if is_file_name(text):
        raise ValueError(
            f"{text.strip()!r} looks like the name of a file, which is not read here; write its text, and end a "
            "sentence with a full stop"
        )
    if not is_one_word(text):
        return text
    rubric = library_names().get(spell_name(text))
    hint = f"; the library has a rubric of that name, `rubric: {rubric}`" if rubric else ""
    raise ValueError(f'must be a sentence, such as "Is the answer polite?", not the one word {text.strip()!r}{hint}')

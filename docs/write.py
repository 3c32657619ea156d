"""Writes into the docs what is made from the code: the parts of pages that ask for one, and copies of the CI workflows.

A page asks for a part with a line ``<!-- generated: NAME -->``; what follows up to ``<!-- end of generated -->`` is its
text. The workflows in ``docs/ci`` are those that the package ships. After a change of the code::

    python -m docs.write
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from docs.generate import PARTS

FOLDER: Final = Path(__file__).parent
_END: Final = "<!-- end of generated -->"
_PART: Final = re.compile(
    rf"^<!-- generated: (?P<name>[\w-]+) -->$(?:\n(?:(?!<!-- generated: ).*\n)*?{_END}$)?", re.MULTILINE
)


def fill_page(text: str, parts: Mapping[str, Callable[[], str]] = PARTS) -> str:
    """Return a page with the parts that it asks for. Raises ``KeyError`` for a part that there is not."""
    return _PART.sub(lambda found: _part(found["name"], parts), text)


def _part(name: str, parts: Mapping[str, Callable[[], str]]) -> str:
    return f"<!-- generated: {name} -->\n\n{parts[name]()}\n\n{_END}"


def find_outdated(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of the docs that do not say what the code says, each with the text that it should have."""
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (filled := fill_page(text)) != text:
            yield path, filled
    for name, workflow in _workflows().items():
        path = folder / "ci" / name
        if not path.exists() or path.read_text(encoding="utf-8") != workflow:
            yield path, workflow


def _workflows() -> Mapping[str, str]:
    shipped = resources.files("pytest_promptevals.cli").joinpath("workflows")
    return {entry.name: entry.read_text(encoding="utf-8") for entry in shipped.iterdir() if entry.is_file()}


def main() -> None:
    """Write what is out of date."""
    for path, text in find_outdated(FOLDER):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)} was written anew\n")


if __name__ == "__main__":
    main()

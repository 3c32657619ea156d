"""Texts of strangers in GitHub's Markdown: text they stay, whatever they hold."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_promptevals.reports.log_lines import without_commands
from pytest_promptevals.reports.words import one_line, visible_text

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#|~&!$]|:(?=//)|(?<=www)\.")
# GitHub looks for names, numbers and pictures once the Markdown is HTML: no escape of Markdown keeps it from that.
_LINKED: Final = re.compile(r"(?i)[@#]|gh-(?=\d)|(?:mailto|xmpp):|:(?=[a-z0-9_+-]+:)")
_APART: Final = "\N{ZERO WIDTH NON-JOINER}"
_FENCE: Final = "```"


def inline(text: str, longest: int | None = None) -> str:
    """Return a text for the inside of a line: one line, no markup, no link, no mention.

    ``longest`` is the most characters of it that are shown.
    """
    return _SPECIAL.sub(_escape, _linkless(one_line(text, longest)))


def html_line(text: str, longest: int | None = None) -> str:
    """Return the same for where Markdown takes HTML, as within ``<summary>``."""
    return html.escape(_linkless(without_commands(one_line(text, longest))), quote=False)


def code_block(text: str, language: str = "") -> list[str]:
    """Return the lines of a block that shows a text as it is, between fences that nothing in it closes.

    A log takes no command from it either, where somebody prints the report in a job.
    """
    lines = visible_text(text.replace("\r\n", "\n")).split("\n")
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(len(_FENCE), longest + 1)
    return [fence + language, *map(without_commands, lines), fence]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    """Return a table of cells that are Markdown already; those of columns with ``numbers`` stand at the right."""
    rule = ["---:" if is_number else "---" for is_number in numbers]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


def _escape(found: re.Match[str]) -> str:
    # A backslash does not keep GitHub from taking dollars for formulas.
    return "&#36;" if found.group() == "$" else f"\\{found.group()}"


def _linkless(text: str) -> str:
    return _LINKED.sub(lambda found: found.group() + _APART, text)

"""Markdown as GitHub renders it: what elements it has, and what of its text GitHub would make links of."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from markdown_it import MarkdownIt

WRITTEN: Final = frozenset(
    {"h2", "h3", "p", "ul", "li", "strong", "sub", "pre", "code", "details", "summary"}
    | {"table", "thead", "tbody", "tr", "th", "td"}
)
"""Elements that our reports have."""
_ATTRIBUTES: Final = frozenset({None, "text-align:right", "language-diff"})
_CODE: Final = frozenset({"code", "pre"})
_LINKED: Final = re.compile(r"(?i)@\w+|#\d+|gh-\d+")


class Rendered(HTMLParser):
    """The page that GitHub makes of a text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.strange: list[str] = []
        """Elements, attributes and declarations that our reports do not write."""
        self.texts: list[str] = []
        """Texts, code among it."""
        self.prose: list[str] = []
        """Texts outside of code, in which GitHub looks for mentions and numbers of issues."""
        self.comments: list[str] = []
        """Comments."""
        self._code = 0
        self.feed(_RENDERER.render(markdown))
        self.close()

    @property
    def text(self) -> str:
        """All of the text."""
        return "".join(self.texts)

    @property
    def links(self) -> list[str]:
        """Mentions and numbers of issues that GitHub would make of the text."""
        return _LINKED.findall("\n".join(self.prose))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in _CODE
        values = {value.rstrip(";") if value else None for _, value in attrs}
        if tag not in WRITTEN or values - _ATTRIBUTES:
            self.strange.append(self.get_starttag_text() or tag)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in _CODE

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if not self._code:
            self.prose.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.strange.append(data)

    def handle_pi(self, data: str) -> None:
        self.strange.append(data)


def _make_renderer() -> MarkdownIt:
    renderer = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    # GitHub makes no link of a name of a file that could be one of a server.
    renderer.linkify.set({"fuzzy_link": False})  # type: ignore[union-attr]  # it is there where "linkify" is asked for
    return renderer


_RENDERER: Final = _make_renderer()

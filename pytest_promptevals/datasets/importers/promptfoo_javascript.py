"""JavaScript in templates of promptfoo, which Nunjucks takes, as Jinja2 has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Token = tuple[str, str]
"""Kind and text of a piece of a template, as Jinja2's lexer names them."""
_DOT: Final = ("operator", ".")
_CALL: Final = (("operator", "("), ("operator", ")"))
_RULES: Final[Sequence[tuple[Sequence[Token], str]]] = (
    ((_DOT, ("name", "toUpperCase"), *_CALL), "|upper"),
    ((_DOT, ("name", "toLowerCase"), *_CALL), "|lower"),
    ((_DOT, ("name", "trim"), *_CALL), "|trim"),
    ((_DOT, ("name", "length")), "|length"),
    ((("operator", "=="), ("operator", "=")), "=="),
    ((("operator", "!="), ("operator", "=")), "!="),
)
"""What JavaScript says -> how Jinja2 says it."""
_NOTHING: Final = frozenset({"null", "undefined"})


def without_javascript(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens of a template with filters, signs and names of Jinja2 in the place of JavaScript's."""
    found: list[Token] = []
    index = 0
    while index < len(tokens):
        rule = next((rule for rule in _RULES if tuple(tokens[index : index + len(rule[0])]) == tuple(rule[0])), None)
        if rule is not None:
            found.append(("operator", rule[1]))
            index += len(rule[0])
            continue
        found.append(_nothing(tokens, index) if tokens[index][1] in _NOTHING else tokens[index])
        index += 1
    return found


def _nothing(tokens: Sequence[Token], index: int) -> Token:
    """Return what stands for no value: nothing is shown where it is all that is shown."""
    kind, value = tokens[index]
    before = next((token for token in reversed(tokens[:index]) if token[0] != "whitespace"), ("", ""))
    after = next((token for token in tokens[index + 1 :] if token[0] != "whitespace"), ("", ""))
    if kind != "name" or before[1] in (".", "|"):
        return kind, value
    is_shown = before[0] == "variable_begin" and after[0] == "variable_end"
    return ("string", "''") if is_shown else ("name", "none")

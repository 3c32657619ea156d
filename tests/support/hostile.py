"""Ten thousand strings that try to break a report: what models, datasets and servers may say, and must not get to do.

``hostile_strings`` makes as many as wanted, the same ones for the same seed. Each holds a ``marker`` of its own, a word
that has to be found in a report that promises to show the text: so "nothing broke" and "it is still readable" are two
tests over the same strings. The kinds:

- ``markup``: elements, event handlers, links and ends of what a report may have put the text in
- ``escapes``: ANSI and C1 sequences that recolour, erase, retitle, link, answer back; carriage returns, backspaces
- ``commands``: lines that a CI service obeys
- ``formulas``: cells that a spreadsheet calculates
- ``bidi``: characters that turn the direction of writing round, or take no room
- ``nulls``: NUL, other controls and noncharacters, which XML forbids
- ``surrogates``: halves of pairs, which no encoding can write
- ``markdown``: tables, fences, links, mentions, comments
- ``templates``: placeholders of template languages and format strings
- ``data``: quotes, brackets, document ends, tags of JSON, YAML, CSV and XML
- ``lines``: every character that somebody takes for the end of a line
- ``wide``: characters that take two columns, none, or many code points
- ``long``: lines of a megabyte; only the first few are that long, the others have 2,000 characters
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from typing import Final

_MEGABYTE: Final = 1_000_000
_LONG: Final = 2_000
DANGEROUS: Final = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\ue000-\ufdcf\ufdf0-\ufefe\uff00-\uffef\ufffc\ufffd"
    r"\U00010000-\U0001fffd\U00020000-\U000dffff\U000e1000-\U0010ffff]|[\xad\u061c\u180e\u200b]|(?<!.)[\u200c\u200d\ufe0f]"
)
"""Whatever moves the cursor, changes colours, turns text round, hides in it, or cannot be written."""
_MEGABYTE_LINES: Final = 3
"""Strings of a megabyte among any number of them: more would measure memory, not reports."""

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "markup": (
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        '" onmouseover="alert(1)" x="',
        "' onfocus='alert(1)' autofocus x='",
        '<a href="javascript:alert(1)">link</a>',
        '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
        "<style>*{display:none}</style>",
        "</textarea></title></style></pre></code>",
        "</td></tr></table></details></body></html>",
        '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
        "<!-- <script>",
        "--> <b>",
        "<![CDATA[ x ]]> y",
        "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
        "&lt;b&gt; &amp;amp; &#60;script&#62;",
        "<ScRiPt\n>alert(1)</ScRiPt\n>",
        "<template><slot onslotchange=alert(1)>",
        "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
    ),
    "escapes": (
        "\x1b[31mred\x1b[0m",
        "\x1b[2J\x1b[H",
        "\x1b[1A\x1b[2K1 passed",
        "\x1b]0;title\x07",
        "\x1b]8;;http://127.0.0.1/\x1b\\link\x1b]8;;\x1b\\",
        "\x1b]52;c;cm0gLXJm\x07",
        "\x1b[6n",
        "\x1bP+q544e\x1b\\",
        "\x1b[?1049h",
        "\x1bc",
        "\x9b31mred",
        "\x9d0;title\x9c",
        "FAILED\rPASSED",
        "no\b\byes",
        "bell\x07",
        "shift\x0eout\x0f",
        "\x1b",
        "\x1b[38;5;1",
    ),
    "commands": (
        "::error::injected",
        "\n::error file=a.py,line=1::injected",
        "::warning title=x::injected",
        "::add-mask::e",
        "::stop-commands::token",
        "::group::x\n::endgroup::",
        "::set-output name=x::y",
        "##[error]injected",
        "##vso[task.complete result=Succeeded;]DONE",
        "\n##vso[task.setvariable variable=x]y",
        "##teamcity[testFailed name='x']",
        "\nsection_start:1:x\r\x1b[0Kinjected",
        "%0A::error::injected",
        "::error::a%0Ab%25c",
    ),
    "formulas": (
        "=1+1",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://127.0.0.1/?"&A1,"click")',
        '=WEBSERVICE("http://127.0.0.1/")',
        "+1+1",
        "-1+1",
        "@SUM(1,1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        ' "=1+1"',
        "\uff1d1+1",
        "'=1+1",
        "%=1",
    ),
    "bidi": (
        "\u202edesrever\u202c",
        "\u202dforced\u202c",
        "\u202aembedded",
        "\u202bembedded",
        "\u2066isolated\u2069",
        "\u2067isolated",
        "\u2068isolated",
        "\u200e\u200f\u061cmarks",
        "zero\u200bwidth\u200c\u200d\u2060",
        "\ufeffmark",
        "\u05d0\u05d1\u05d2 abc \u0645\u0631",
        "soft\u00adhyphen",
        "\U000e0041\U000e0042tags",
    ),
    "nulls": (
        "\x00",
        "a\x00b",
        "\x01\x02\x03\x04\x05\x06",
        "\x0b\x0c\x0e\x1f",
        "\x7f",
        "\x80\x81\x99",
        "\ufffe\uffff",
        "\ufdd0",
        "\U0001ffff",
        "\ufffd",
    ),
    "surrogates": ("\ud800", "\udfff", "\udc80", "\udc00\ud800", "a\ud83d b", "\ud83d\ud83d\ude00", "\udcff\udcfe.txt"),
    "markdown": (
        "| a | b |\n|---|---|\n| c | d |",
        "a | b",
        "\\| c",
        "```\ncode\n```",
        "````",
        "~~~",
        "`tick` ``two`` `",
        "[link](javascript:alert(1))",
        "![picture](http://127.0.0.1/x.png)",
        "[ref]: http://127.0.0.1/ 'x'",
        "<http://127.0.0.1/>",
        "@everyone @octocat",
        "#1 GH-1",
        "\n\n# Heading",
        "\n---\n",
        "\n===",
        "*bold* **bold** _em_ __em__ ~~gone~~",
        "<!-- comment",
        "\n> quoted",
        "\n- [x] item",
        "\n1. item",
        "\n    indented",
        ":smile: $math$ $$math$$",
        "</summary></details>",
        "back\\slash\\",
    ),
    "templates": (
        "{{ 7*7 }}",
        "{% raw %}{% include '/etc/passwd' %}",
        "{# comment",
        "${7*7}",
        "$(id) `id`",
        "#{7*7}",
        "%s %d %n %(x)s %",
        "{0} {} {x.__class__} {",
        "<%= 7*7 %>",
        "${{ github.token }}",
    ),
    "data": (
        '"}]}',
        "\"'`",
        "\\",
        '\\"\\u0000\\n',
        "\\ud800",
        '","x","y',
        "a;b,c\td",
        "---\n- x",
        "...\n",
        "!!python/object/apply:os.system [id]",
        "&anchor *alias",
        "# comment",
        "null",
        "NaN",
        "true: {a: [b",
        "../../etc/passwd",
        "C:\\x\\..\\y",
        "-rf --help",
        "Robert'); DROP TABLE runs;--",
        "a::b[c]::d",
    ),
    "lines": (
        "a\nb",
        "a\r\nb",
        "a\rb",
        "a\x0bb",
        "a\x0cb",
        "a\x1cb\x1db\x1eb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "\n\n\n",
        " leading",
        "trailing \n",
        "\t\ttabs\t",
        "",
    ),
    "wide": (
        "\u8a55\u4fa1\u30c7\u30fc\u30bf",
        "\ud55c\uad6d\uc5b4",
        "\uff21\uff22\uff23",
        "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1e9\U0001f1ea",
        "e\u0301" * 4,
        "a" + "\u0300\u0316" * 30,
        "\u1100\u1161\u11a8",
        "\ufdfd",
        "\u2764\ufe0f",
    ),
    "long": ("x", "<b>", "\u8a55", "\x1b[31m", "a b ", "=1+", "\ud800", "|", "&", "\x00"),
}
"""What each kind is made of."""


def marker(number: int) -> str:
    """Return the word that is in the hostile string of that number, counted from 0, and in no other."""
    return f"marker{number:05d}end"


@functools.cache
def hostile_strings(count: int, seed: int = 0) -> tuple[str, ...]:
    """Return that many hostile strings, all different, the same ones for the same arguments.

    All kinds take turns, so that a few dozen have every kind. The first ones are plain; the others are put into other
    text, repeated, or joined with one of another kind.
    """
    chance = random.Random(seed)  # noqa: S311 - test data has no secrets
    kinds = itertools.cycle(KINDS)
    lengths = itertools.chain([_MEGABYTE] * _MEGABYTE_LINES, itertools.repeat(_LONG))
    turns = {kind: itertools.cycle(KINDS[kind]) for kind in KINDS}
    texts = []
    for number in range(count):
        kind = next(kinds)
        base = next(turns[kind])
        if kind == "long":
            texts.append(_long_line(base, marker(number), next(lengths)))
        elif number < len(KINDS) * max(map(len, KINDS.values())):
            texts.append(f"{base}{marker(number)}")
        else:
            texts.append(_mutated(base, marker(number), chance))
    return tuple(texts)


def _long_line(base: str, word: str, length: int) -> str:
    """Return one line; the marker comes first, as whoever shortens a text keeps its beginning."""
    return f"{word}{base * (length // len(base))}"


def _mutated(base: str, word: str, chance: random.Random) -> str:
    other = chance.choice(KINDS[chance.choice([kind for kind in KINDS if kind != "long"])])
    forms = (
        f"{base}{word}",
        f"{base} {word} {base}",
        f"{word}{base}",
        f"An answer of a model: {base} {word}.",
        f"{base}{other}{word}",
        f"{other}\n{base}\n{word}",
        f'{{"answer": "{base}"}} {word}',
        f"{base * 3}{word}",
        f"{word}\n\n{base}\n",
        f"{base.swapcase()}{word}",
    )
    return chance.choice(forms)

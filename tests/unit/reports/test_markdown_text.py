from __future__ import annotations

import re

import pytest

from pytest_promptevals.reports.markdown_text import code_block, html_line, inline, table
from pytest_promptevals.reports.review import shorten_middle
from tests.support.ci_logs import azure_commands, github_commands
from tests.support.github_markdown import Rendered
from tests.support.hostile import hostile_strings, marker

MANY = 10_000
JOINER = "\N{ZERO WIDTH NON-JOINER}"


def unseen(text: str, count: int) -> list[int]:
    """Return the numbers of the hostile texts that cannot be read."""
    seen = set(re.findall(r"marker\d+end", text))
    return [number for number in range(count) if marker(number) not in seen]


def test_hostile_texts_in_a_line_are_text_and_no_links() -> None:
    texts = hostile_strings(MANY)

    page = Rendered("\n".join(f"- said: {inline(text, 300)}" for text in texts))

    assert (page.strange, page.comments, page.links) == ([], [], [])
    assert unseen(page.text, MANY) == []


def test_hostile_texts_in_a_block_close_no_fence_and_are_no_commands() -> None:
    blocks = ["\n".join(code_block(shorten_middle(text, "-vv"))) for text in hostile_strings(MANY)]

    page = Rendered("\n\n".join(blocks))

    assert (page.strange, page.comments, page.prose) == ([], [], ["\n"] * (len(page.prose)))
    assert unseen(page.text, MANY) == []
    assert (github_commands("\n".join(blocks)), azure_commands("\n".join(blocks))) == ([], [])


def test_hostile_texts_in_html_are_text_and_no_links() -> None:
    lines = [f"<details>\n<summary>{html_line(text, 400)}</summary>\n\n</details>\n" for text in hostile_strings(2000)]

    page = Rendered("\n".join(lines))

    assert (page.strange, page.comments, page.links) == ([], [], [])
    assert unseen(page.text, 2000) == []


def test_hostile_texts_in_a_table_stay_in_their_cells() -> None:
    rows = [[inline(text, 200), f"end{number}"] for number, text in enumerate(hostile_strings(2000))]

    page = Rendered("\n".join(table(["text", "number"], rows, [False, True])))

    assert (page.strange, page.comments, page.links) == ([], [], [])
    cells = [text for text in page.texts if text.startswith("end")]
    assert cells == [f"end{number}" for number in range(2000)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b", "a \\| b"),
        ("@octocat", f"@{JOINER}octocat"),
        ("see #12", f"see \\#{JOINER}12"),
        ("GH-12", f"GH-{JOINER}12"),
        ("https://x.y", "https\\://x.y"),
        ("www.x.y", "www\\.x.y"),
        ("cost $5", "cost &#36;5"),
        (":smile:", f":{JOINER}smile:"),
        ("two\nlines\t here ", "two lines here"),
        ("\x1b[31mred\u202e", "\\\\x1b\\[31mred\\\\u202e"),
        ("", ""),
    ],
)
def test_a_text_in_a_line_is_escaped(text: str, written: str) -> None:
    assert inline(text) == written


def test_a_long_text_is_cut() -> None:
    assert inline("word " * 100, 10) == "word word…"
    assert inline("exactly 10", 10) == "exactly 10"


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert code_block("a\n````\nb") == ["`````", "a", "````", "b", "`````"]
    assert code_block("-a\n+b", "diff") == ["```diff", "-a", "+b", "```"]


def test_line_ends_of_windows_are_line_ends() -> None:
    assert code_block("a\r\nb") == ["```", "a", "b", "```"]


def test_numbers_stand_at_the_right() -> None:
    assert table(["a", "b"], [["x", "1"]], [False, True]) == ["| a | b |", "| --- | ---: |", "| x | 1 |"]

"""Markdown for a terminal."""

from __future__ import annotations

from pytest_promptevals.cli.markdown import plain_markdown


def test_paragraphs_are_filled_and_stay_apart() -> None:
    assert plain_markdown("one two\nthree four\n\nfive\nsix", 13) == "one two three\nfour\n\nfive six"


def test_items_keep_their_bullets_and_hang() -> None:
    text = "The scorers:\n- one two\n  three four;\n- five.\n\n1. one two three four\n2. five\n\nLast."
    assert plain_markdown(text, 13) == (
        "The scorers:\n- one two\n  three four;\n- five.\n\n1. one two\n   three four\n2. five\n\nLast."
    )


def test_links_are_their_texts_even_over_two_lines() -> None:
    text = "See [`semantic`](#semantic) and [a\nserver](models.md#servers), list[int](x is none."
    assert plain_markdown(text, 80) == "See `semantic` and a server, list[int](x is none."


def test_code_stays_as_it_is_though_long_or_like_a_list_or_with_empty_lines() -> None:
    code = "```yaml\njudges:\n- [a](b): one two three four\n\n\n| x\n```"
    assert plain_markdown(f"one\n{code}\ntwo\nthree", 10) == f"one\n{code}\ntwo three"


def test_tables_stay_but_for_links() -> None:
    text = "one\ntwo\n| a [b](c) | one two three |\n| - | - |\nthree"
    assert plain_markdown(text, 10) == "one two\n| a b | one two three |\n| - | - |\nthree"


def test_a_block_of_code_without_an_end_is_kept() -> None:
    assert plain_markdown("```\na  b\n\nc", 10) == "```\na  b\n\nc"

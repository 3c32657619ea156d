from __future__ import annotations

import json

from pytest_promptevals.reports.prompt_texts import diff_lines, prompt_text


def test_a_single_user_message_is_its_text() -> None:
    assert prompt_text(json.dumps({"messages": [{"role": "user", "content": "Be kind.\n{{ input }}"}]})) == (
        "Be kind.\n{{ input }}"
    )


def test_messages_examples_and_included_files_are_told_apart() -> None:
    content = {
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{ input }}"}],
        "few_shot": [{"user": "1+1", "assistant": "2"}],
        "included": {"evals/rules.md": "No jokes."},
    }

    assert prompt_text(json.dumps(content)) == (
        "system: Be kind.\nuser: {{ input }}\nexample: 1+1\nanswer: 2\nevals/rules.md:\nNo jokes."
    )


def test_a_function_is_its_name_and_its_source() -> None:
    assert prompt_text('{"python": "app:ask", "source": "def ask(): ..."}') == "python:app:ask\ndef ask(): ..."


def test_lines_that_changed_are_shown_with_one_line_around() -> None:
    before, after = "a\nb\nc\nd\ne", "a\nb\nX\nd\ne"

    assert [line for line in diff_lines(before, after) if not line.startswith("@@")] == [" b", "-c", "+X", " d"]


def test_a_long_paragraph_is_compared_by_its_sentences() -> None:
    before = (
        "You answer customers of a lamp shop in a friendly way. Name the order number. Never promise a date to anyone."
    )
    after = before.replace(" Name the order number.", "")

    assert [line for line in diff_lines(before, after) if line[0] in "+-"] == ["-Name the order number."]


def test_lines_that_look_like_the_head_of_a_diff_are_shown() -> None:
    assert "--- x" in diff_lines("-- x\na", "a")


def test_equal_texts_have_no_diff() -> None:
    assert diff_lines("a", "a") == []
